// encdec-lower: placed form to calls of kernels.
//
//   func.func @step(…) attributes {encdec.entry = "step"} { … encdec.linear … }
// becomes
//   func.func @encdec_step(ctx, worker, workers) {
//     frame = {ctx, worker, workers, units}
//     call @linear_512_f32x512(frame, table of this linear)
//     call @barrier(frame)
//     …
// What differs from layer to layer (places, weight offsets) stands in constant
// tables; a further layer costs a table and a call of two pointers for each op.
// Pre-form: placed (encdec.place on every op that makes activations, offsets on
// every weight).
#include "compiler/Passes.h"
#include "compiler/lower/Barriers.h"
#include "compiler/lower/CpuKernels.h"
#include "compiler/lower/Emitter.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Arena.h"
#include "compiler/place/Layout.h"
#include "dialect/Ops.h"
#include "encdec/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace encdec {
#define GEN_PASS_DEF_LOWERPASS
#include "compiler/Passes.h.inc"

namespace lower {
namespace {

/// One kernel call or two for each op.
class OpLowering {
public:
  OpLowering(Emitter &emit, KernelLibrary &kernels)
      : emit(emit), kernels(kernels) {}

  LogicalResult lower(Operation *op) {
    return TypeSwitch<Operation *, LogicalResult>(op)
        .Case<EmbedOp, LinearOp, AddOp, NormOp, ActivationOp, TopTokensOp,
              CacheAppendOp, MemoryProjectOp, SelfAttentionOp, CrossAttentionOp,
              FfnOp, AddNormOp, VocabularyOp>(
            [&](auto o) { return lowerOp(o); })
        // Views: the attention that uses one reads the handle itself.
        .Case<MemoryReadOp, CacheReadOp>([](auto) { return success(); })
        .Case<func::ReturnOp>([&](auto o) { return lowerOp(o); })
        .Case<ScoresOp, MaskOp, SoftmaxOp, ContextOp>([](Operation *op) {
          return op->emitOpError(
              "not lowerable [decomposed-attention]: kernels exist "
              "for whole attentions only; run "
              "encdec-fuse-attention before placing");
        })
        .Default([](Operation *op) {
          return op->emitOpError(
              "not lowerable [unknown-op]: expected an op of the "
              "placed form");
        });
  }

private:
  LogicalResult lowerOp(EmbedOp op);
  LogicalResult addInput(Table &table, Operation *op, Value rows);
  LogicalResult lowerOp(LinearOp op);
  LogicalResult lowerOp(AddOp op);
  LogicalResult lowerOp(NormOp op);
  LogicalResult lowerOp(ActivationOp op);
  LogicalResult lowerOp(TopTokensOp op);
  LogicalResult lowerOp(CacheAppendOp op);
  LogicalResult lowerOp(MemoryProjectOp op);
  LogicalResult lowerOp(SelfAttentionOp op);
  LogicalResult lowerOp(CrossAttentionOp op);
  LogicalResult lowerOp(FfnOp op);
  LogicalResult lowerOp(AddNormOp op);
  LogicalResult lowerOp(VocabularyOp op);
  LogicalResult lowerOp(func::ReturnOp op);
  /// The rest of a norm whose operands are in the table.
  template <typename Op>
  LogicalResult lowerNorm(Table &table, Op op, bool residual) {
    table.addVector(op.getGammaAttr());
    table.addVector(op.getBetaAttr());
    table.addPlace(op.getOutput());
    return emit.call(table, kernels.norm(widthOf(op.getOutput()),
                                         op.getEps().convertToFloat(), residual));
  }

  Emitter &emit;
  KernelLibrary &kernels;
  int64_t crossAttentions = 0; // so far
};

LogicalResult OpLowering::lowerOp(EmbedOp op) {
  Table table(emit, op);
  WeightKind kind = table.addWeight(op.getTableAttr());
  table.addVector(op.getPositionTableAttr());
  table.addPlace(op.getOutput());
  WeightOp weight = emit.weight(op, op.getTableAttr());
  if (!weight)
    return failure();
  return emit.call(table,
                   kernels.embed(widthOf(op.getOutput()),
                                 weight.getTensorType().getDimSize(0),
                                 kind, op.getScale().convertToFloat()));
}

/// The rows that `op` multiplies, and where some of its weights are int8-dynamic
/// also their quantized form, which the first op to need it makes for all.
LogicalResult OpLowering::addInput(Table &table, Operation *op, Value rows) {
  table.addPlace(rows);
  if (quantizedInput(op) != rows)
    return success();
  Operation *owner = firstToQuantize(rows);
  size_t count = placeCount(owner), last = count ? count - 1 : 0;
  if (owner == op) {
    Table quantize(emit, op, "quantize");
    quantize.addPlace(rows);
    quantize.addExtraPlace(last);
    if (failed(emit.call(quantize, kernels.quantize(widthOf(rows)),
                         beforeQuantize(emit.last(), rows, placeOf(op, last)))))
      return failure();
  }
  table.addExtraPlace(last, owner);
  return success();
}

LogicalResult OpLowering::lowerOp(LinearOp op) {
  Table table(emit, op);
  LinearShape shape;
  shape.inputs = widthOf(op.getInput());
  if (failed(addInput(table, op, op.getInput())))
    return failure();
  for (auto [i, output] : llvm::enumerate(op.getOutputs())) {
    shape.outputs.push_back(widthOf(output));
    shape.kinds.push_back(table.addWeight(op.getWeight(i)));
    table.addVector(op.getBias(i));
    table.addPlace(output);
  }
  return emit.call(table, kernels.linear(shape));
}

LogicalResult OpLowering::lowerOp(AddOp op) {
  Table table(emit, op);
  table.addPlace(op.getX());
  table.addPlace(op.getY());
  table.addPlace(op.getSum());
  return emit.call(table, kernels.add(widthOf(op.getSum())));
}

LogicalResult OpLowering::lowerOp(NormOp op) {
  Table table(emit, op);
  table.addPlace(op.getInput());
  return lowerNorm(table, op, /*residual=*/false);
}

LogicalResult OpLowering::lowerOp(AddNormOp op) {
  Table table(emit, op);
  table.addPlace(op.getInput());
  table.addPlace(op.getResidual());
  return lowerNorm(table, op, /*residual=*/true);
}

LogicalResult OpLowering::lowerOp(ActivationOp op) {
  Table table(emit, op);
  table.addPlace(op.getInput());
  table.addPlace(op.getOutput());
  return emit.call(table,
                   kernels.activation(widthOf(op.getOutput()), op.getKind()));
}

LogicalResult OpLowering::lowerOp(FfnOp op) {
  int64_t width = widthOf(op.getInput());
  WeightOp up = emit.weight(op, op.getUpWeightAttr());
  WeightOp down = emit.weight(op, op.getDownWeightAttr());
  if (!up || !down)
    return failure();
  int64_t hidden = up.getTensorType().getDimSize(0);
  Table first(emit, op), quantize(emit, op, "quantize"), second(emit, op);
  if (failed(addInput(first, op, op.getInput())))
    return failure();
  WeightKind kind = first.addWeight(op.getUpWeightAttr());
  first.addVector(op.getUpBiasAttr());
  first.addExtraPlace(1);
  if (failed(emit.call(
          first, kernels.linear({width, {hidden}, {kind}, op.getKind()}))))
    return failure();
  second.addExtraPlace(1);
  if (down.isDynamic()) {
    quantize.addExtraPlace(1);
    quantize.addExtraPlace(2);
    if (failed(emit.call(quantize, kernels.quantize(hidden))))
      return failure();
    second.addExtraPlace(2);
  }
  kind = second.addWeight(op.getDownWeightAttr());
  second.addVector(op.getDownBiasAttr());
  second.addPlace(op.getOutput());
  return emit.call(second, kernels.linear({hidden, {width}, {kind}, {}}));
}

LogicalResult OpLowering::lowerOp(CacheAppendOp op) {
  CacheType type = op.getCache().getType();
  Table table(emit, op);
  table.addPlace(op.getKey());
  table.addPlace(op.getValue());
  table.addLayer(op.getCache());
  return emit.call(table,
                   kernels.cacheAppend(shapeOf(type)));
}

LogicalResult OpLowering::lowerOp(SelfAttentionOp op) {
  if (op.getProbs())
    return op.emitOpError("not lowerable [self-attention-probs]: only "
                          "cross-attention hands its probabilities out");
  int64_t heads = op.getHeads();
  AttentionShape shape{heads, widthOf(op.getQuery()) / heads};
  float scale = op.getScale().convertToFloat();
  if (auto read = op.getKey().getDefiningOp<CacheReadOp>()) {
    shape.keys = shapeOf(read.getCache().getType()).keys;
    Table table(emit, op);
    table.addPlace(op.getQuery());
    table.addLayer(read.getCache());
    table.addPlace(op.getContext());
    table.readsKeys("cache", shape);
    return emit.call(table, kernels.selfAttention(shape, scale),
                     beforeAttention(emit.last(), op));
  }
  if (entryOf(op) != "encode")
    return op.emitOpError(
        "not lowerable [self-attention-keys]: in a step, keys and "
        "values come from encdec.cache_read");
  Table block(emit, op), attend(emit, op);
  block.addPlace(op.getKey());
  block.addPlace(op.getValue());
  block.addExtraPlace(1);
  block.addExtraPlace(2);
  if (failed(emit.call(block, kernels.blockKeys(shape))))
    return failure();
  attend.addPlace(op.getQuery());
  attend.addExtraPlace(1);
  attend.addExtraPlace(2);
  attend.addPlace(op.getContext());
  attend.readsKeys("source", shape);
  return emit.call(attend, kernels.encoderAttention(shape, scale));
}

LogicalResult OpLowering::lowerOp(CrossAttentionOp op) {
  auto read = op.getKey().getDefiningOp<MemoryReadOp>();
  if (!read)
    return op.emitOpError(
        "not lowerable [keys-not-hoisted]: keys and values come "
        "from encdec.memory_read; run encdec-hoist-encoder");
  int64_t heads = op.getHeads();
  AttentionShape shape{heads, widthOf(op.getQuery()) / heads,
                       shapeOf(read.getMemory().getType()).keys};
  Table table(emit, op);
  table.addPlace(op.getQuery());
  table.addLayer(read.getMemory());
  table.addPlace(op.getContext());
  table.addNumber(crossAttentions++);
  table.readsKeys("memory", shape);
  return emit.call(table, kernels.crossAttention(
                              shape, op.getScale().convertToFloat()));
}

LogicalResult OpLowering::lowerOp(MemoryProjectOp op) {
  MemoryType type = op.getMemory().getType();
  LinearShape linear{
      widthOf(op.getInput()), {type.getWidth(), type.getWidth()}, {}, {}};
  Table table(emit, op);
  if (failed(addInput(table, op, op.getInput())))
    return failure();
  linear.kinds.push_back(table.addWeight(op.getKeyWeightAttr()));
  table.addVector(op.getKeyBiasAttr());
  linear.kinds.push_back(table.addWeight(op.getValueWeightAttr()));
  table.addVector(op.getValueBiasAttr());
  table.addExtraPlace(0);
  table.addExtraPlace(1);
  table.addLayer(op.getMemory());
  func::FuncOp kernel =
      kernels.memoryProject(shapeOf(type), linear);
  return emit.call(table, kernel, beforeProject(emit, kernel, op));
}

LogicalResult OpLowering::lowerOp(VocabularyOp op) {
  int64_t columns =
      cast<RankedTensorType>(op.getLogitBias().getType()).getDimSize(1);
  Table table(emit, op), choose(emit, op, "choose"), merge(emit, op);
  VocabularyShape shape{widthOf(op.getInput()), columns, WeightKind::f32};
  if (failed(addInput(table, op, op.getInput())))
    return failure();
  shape.kind = table.addWeight(op.getWeightAttr());
  table.addVector(op.getBiasAttr());
  table.addExtraPlace(0);
  if (op.getSketch())
    shape.sketch = table.addUncounted(op.getSketchAttr());
  if (failed(emit.call(table, kernels.vocabulary(shape))))
    return failure();
  if (op.getSketch()) {
    choose.addPlace(op.getInput());
    choose.addUncounted(op.getWeightAttr());
    choose.addVector(op.getBiasAttr());
    choose.addExtraPlace(0);
    choose.addUncounted(op.getSketchAttr());
    if (failed(emit.call(choose, kernels.chooseVocabulary(shape))))
      return failure();
  }
  merge.addExtraPlace(0);
  return emit.call(merge, kernels.mergeVocabulary(columns));
}

LogicalResult OpLowering::lowerOp(TopTokensOp op) {
  int64_t columns = widthOf(op.getLogits());
  Table table(emit, op), merge(emit, op);
  table.addPlace(op.getLogits());
  table.addExtraPlace(0);
  if (failed(emit.call(table, kernels.topTokens(columns))))
    return failure();
  merge.addExtraPlace(0);
  return emit.call(merge, kernels.mergeVocabulary(columns));
}

LogicalResult OpLowering::lowerOp(func::ReturnOp op) {
  for (Value value : op.getOperands())
    if (!isa_and_present<VocabularyOp, TopTokensOp>(value.getDefiningOp()))
      return op.emitOpError(
          "not lowerable [result]: expected nothing but tokens "
          "and their log-probabilities; the encoder's output goes "
          "into memories: run encdec-hoist-encoder");
  return success();
}

/// The function's segments.
FailureOr<ArrayAttr> lowerFunction(func::FuncOp function, StringRef symbol,
                                   KernelLibrary &kernels) {
  Emitter emit(function, symbol, kernels);
  if (failed(emit.begin()))
    return failure();
  OpLowering lowering(emit, kernels);
  for (Operation &op : function.getBody().front())
    if (failed(lowering.lower(&op)))
      return failure();
  return emit.end();
}

struct LowerPass : impl::LowerPassBase<LowerPass> {
  using LowerPassBase::LowerPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    const CpuLevel *level = findCpuLevel(cpu);
    if (!level) {
      InFlightDiagnostic error = module.emitError("unknown CPU level '")
                                 << cpu << "' [unknown-level]: known are";
      for (const CpuLevel &known : cpuLevels())
        error << " " << known.name;
      return signalPassFailure();
    }
    CpuKernels kernels(module, *level);
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    NamedAttrList segments;
    for (func::FuncOp function : functions) {
      StringRef entry;
      if (auto attr = function->getAttrOfType<StringAttr>(kEntryAttr))
        entry = attr.getValue();
      StringRef symbol =
          entry == "encode" ? ENCDEC_ABI_ENCODE_SYMBOL : ENCDEC_ABI_STEP_SYMBOL;
      if (entry != "encode" && entry != "step") {
        function.emitOpError(
            "not lowerable [no-entry]: expected encdec.entry = "
            "\"encode\" or \"step\"");
        return signalPassFailure();
      }
      FailureOr<ArrayAttr> parts = lowerFunction(function, symbol, kernels);
      if (failed(parts))
        return signalPassFailure();
      segments.set(entry, *parts);
    }
    for (func::FuncOp function : functions)
      function.erase();
    for (WeightOp weight :
         llvm::make_early_inc_range(module.getOps<WeightOp>()))
      weight.erase();
    // What the dialect said about the module is in the code now.
    for (NamedAttribute attr : llvm::to_vector(module->getDiscardableAttrs()))
      if (attr.getName().getValue().starts_with("encdec."))
        module->removeDiscardableAttr(attr.getName());
    module->setAttr(kSegmentsAttr, segments.getDictionary(&getContext()));
  }
};

} // namespace
} // namespace lower

LogicalResult lowerToLLVMDialect(ModuleOp module, StringRef level) {
  PassManager pm(module.getContext());
  pm.addPass(createLowerPass({level.str()}));
  buildKernelsToLLVM(pm);
  return pm.run(module);
}

} // namespace encdec
