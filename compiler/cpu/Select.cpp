// Which kernels an op needs, in which order, and what each of them reads and writes.
// README.md has the table. Attention stands in SelectAttention.cpp, the vocabulary in
// SelectTokens.cpp.
#include "compiler/cpu/Choices.h"
#include "compiler/cpu/Cpu.h"
#include "compiler/cpu/Selector.h"
#include "compiler/lower/KernelPlugin.h"
#include "dialect/Group.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec::kernel;

namespace encdec::cpu {
namespace {

int64_t panelsOf(Value rows) { return (widthOf(rows) + 15) / 16; }

} // namespace

LogicalResult selectKernels(func::FuncOp entry) {
  kernel::RowsFromAttr from = kernel::rowsFrom(entry);
  // A source of few tokens is rare: encode has no code for it.
  bool isFew = !from && entryOf(entry) == "step";
  Rows range = isFew ? Rows::few : from && from.getPerWorker() ? Rows::many : Rows::some;
  return Selector(entry, range).run();
}

SmallVector<kernel::RowsFromAttr> rangesOf(func::FuncOp entry) {
  if (entry.getOps<FusedOp>().empty())
    return {};
  MLIRContext *context = entry.getContext();
  Choices choices(entry->getParentOfType<ModuleOp>());
  auto many = kernel::RowsFromAttr::get(context, 0, choices.workerRows);
  if (entryOf(entry) != "step")
    return {many};
  return {kernel::RowsFromAttr::get(context, choices.repeatedRows + 1, 0), many};
}

Selector::Selector(func::FuncOp entry, Rows range)
    : entry(entry), range(range), builder(entry.getContext()) {}

LogicalResult Selector::run() {
  current = entry;
  if (!entry.getBody().hasOneBlock())
    return error("blocks") << "expected one block, but got "
                           << llvm::range_size(entry.getBody());
  if (mlir::failed(handles()))
    return failure();
  SmallVector<Operation *> ops;
  for (Operation &op : entry.getBody().front())
    ops.push_back(&op);
  for (Operation *op : ops) {
    builder.setInsertionPoint(op);
    current = op;
    if (mlir::failed(select(op)))
      return failure();
  }
  // Last used first: views of handles stand before the attentions that use them.
  for (Operation *op : llvm::reverse(ops)) {
    if (isa<func::ReturnOp>(op))
      continue;
    current = op;
    if (!op->use_empty())
      return error("result") << "a result that no kernel hands out is used";
    op->erase();
  }
  return success();
}

LogicalResult Selector::select(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<EmbedOp, LinearOp, RelativeBiasOp, AddOp, NormOp, ActivationOp, TopTokensOp, CacheAppendOp,
            MemoryProjectOp, SelfAttentionOp, CrossAttentionOp, FfnOp, AddNormOp,
            FusedOp, VocabularyOp, func::ReturnOp>([&](auto o) { return select(o); })
      // Views: the attention that uses one reads the handle itself.
      .Case<MemoryReadOp, CacheReadOp>([](auto) { return success(); })
      .Case<ScoresOp, MaskOp, SoftmaxOp, ContextOp>([&](Operation *) {
        return error("decomposed-attention")
               << "kernels exist for whole attentions only; run encdec-fuse-attention "
                  "before placing";
      })
      .Default([&](Operation *other) { return selectForeign(other); });
}

// An op of a plugin's dialect: by the kernel that it brings, or by what it stands for.
LogicalResult Selector::selectForeign(Operation *op) {
  if (const KernelPlugin *plugin = findKernelOf("cpu", op)) {
    CallBuilder own = call(plugin->kernel, op->getName().getStringRef());
    if (mlir::failed(plugin->declare(op, own)))
      return failure();
    return replace(op, own);
  }
  if (!standsForOthers(op))
    return error("unknown-op") << "expected an op of the fused form";
  IRRewriter rewriter(op->getContext());
  rewriter.setInsertionPoint(op);
  SmallVector<Operation *> made;
  Operation *before = op->getPrevNode();
  FailureOr<SmallVector<Value>> values = cast<DecomposableOpInterface>(op).decompose(rewriter);
  if (mlir::failed(values) || values->size() != op->getNumResults())
    return error("unknown-op") << "expected an op that has a kernel, or that stands for others";
  for (Operation *other = before ? before->getNextNode() : &op->getBlock()->front(); other != op;
       other = other->getNextNode())
    made.push_back(other);
  op->replaceAllUsesWith(*values);
  for (Operation *other : made) {
    builder.setInsertionPoint(other);
    current = other;
    if (mlir::failed(select(other)))
      return failure();
  }
  for (Operation *other : llvm::reverse(made))
    other->erase();
  current = op;
  return success();
}

//===-- Pieces of a call ---------------------------------------------------===//

InFlightDiagnostic Selector::error(StringRef code) {
  failed = true;
  return current->emitOpError("not lowerable [") << code << "]: ";
}

CallBuilder Selector::call(StringRef kernel, StringRef serves) {
  return CallBuilder(builder, current->getLoc(), kernel,
                     serves.empty() ? current->getName().stripDialect() : serves);
}

LogicalResult Selector::replace(Operation *op, CallBuilder &call) {
  for (auto [result, value] : llvm::zip(op->getResults(), call.create().getValues()))
    result.replaceAllUsesWith(value);
  return success(!failed);
}

void Selector::input(CallBuilder &call, Value value, StringRef name) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto role = argument ? entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kArgAttr)
                       : StringAttr();
  if (failed)
    return;
  // All that the context of an encode call holds.
  constexpr StringLiteral ofEncode[] = {"tokens", "positions", "rows", "offsets"};
  if (entryOf(entry) == "encode" && !llvm::is_contained(ofEncode, name))
    error("input") << "the kernel reads " << name << ", which encode is not given";
  else if (!role || role != name)
    error("input") << "expected the entry's own " << name << " (encdec.arg), which is all that "
                << "the kernel reads, but got "
                << (role ? "'" + role.getValue().str() + "'" : "another value");
  else
    call.input(value, name);
}

void Selector::rows(CallBuilder &call, Value value, Part part) {
  if (!failed && !value.getDefiningOp<CallOp>())
    error("argument") << "an operand is an argument of the function or a view of a handle, "
                         "expected an activation made by an op";
  call.read(value, part);
}

void Selector::handle(CallBuilder &call, Value value, bool writes, Part part) {
  writes ? call.write(value, part) : call.read(value, part);
}

WeightAttr Selector::slot(FlatSymbolRefAttr name, Reads reads, bool isPacked) {
  WeightOp weight = lookupWeight(tables, current, name);
  if (failed)
    return {};
  std::optional<uint64_t> offset = weight.getOffset(), scales = weight.getScaleOffset();
  StringRef missing = !offset                                           ? "offset"
                      : isPacked && !weight.getLayout()                 ? "packed layout"
                      : isPacked && weight.getStored().hasScales() && !scales ? "scale_offset"
                                                                        : "";
  if (!missing.empty()) {
    error("not-packed").append("weight ", name, " has no ", missing, "; run encdec-pack-weights")
            .attachNote(weight.getLoc())
        << "the weight is here";
    return {};
  }
  SmallVector<int64_t> offsets{int64_t(*offset)};
  if (isPacked)
    offsets.push_back(scales ? int64_t(*scales) : -1);
  if (!findWeightKind(weight.getStored().name)) {
    error("format") << "there is no kernel for weights in " << weight.getStored().name;
    return {};
  }
  return WeightAttr::get(builder.getContext(), name,
                         builder.getStringAttr(weight.getStored().name), offsets,
                         bytesRead(weight, reads != Reads::row), reads);
}

WeightKind Selector::matrix(CallBuilder &call, FlatSymbolRefAttr name, Reads reads) {
  WeightAttr weight = slot(name, reads, /*isPacked=*/true);
  if (!weight)
    return WeightKind::f32;
  call.weight(weight);
  return *findWeightKind(weight.getFormat());
}

void Selector::vector(CallBuilder &call, FlatSymbolRefAttr name, Reads reads) {
  if (!name)
    call.weight({});
  else if (WeightAttr weight = slot(name, reads, /*isPacked=*/false))
    call.weight(weight);
}

bool Selector::isDynamic(FlatSymbolRefAttr name) {
  WeightOp weight = lookupWeight(tables, current, name);
  return weight && weight.getStored().roundsActivations;
}

void Selector::product(CallBuilder &call, Value rows, ArrayRef<FlatSymbolRefAttr> weights) {
  this->rows(call, rows, Part::all);
  if (llvm::any_of(weights, [&](FlatSymbolRefAttr name) { return isDynamic(name); }) && !failed)
    call.read(quantized(rows));
}

Value Selector::quantized(Value rows) {
  Value &made = quantizedRows[rows];
  if (made) { // the call serves this op too
    Operation *quantize = made.getDefiningOp();
    quantize->setLoc(builder.getFusedLoc({quantize->getLoc(), current->getLoc()}));
    return made;
  }
  int64_t width = widthOf(rows);
  auto type = RankedTensorType::get({ShapedType::kDynamic, quantizedRowBytes(width)},
                                    builder.getI8Type());
  CallBuilder quantize = call("quantize", "quantize");
  quantize.read(rows, Part::rows)
      .arena(type, quantizedRowBytes(width), Mode::write, Part::rows)
      .split(Part::rows)
      .config("inputs", width);
  return made = quantize.create().getValues()[0];
}

//===-- Ops that never mix rows --------------------------------------------===//

LogicalResult Selector::select(EmbedOp op) {
  CallBuilder embed = embedCall(op, op.getIds(), op.getPositions());
  return replace(op, embed);
}

CallBuilder Selector::embedCall(EmbedOp op, Value ids, Value positions) {
  CallBuilder embed = call("embed");
  input(embed, ids, "tokens");
  input(embed, positions, "positions");
  matrix(embed, op.getTableAttr(), Reads::row);
  vector(embed, op.getPositionTableAttr(), Reads::row);
  Value y = op.getOutput();
  embed.arena(y.getType(), rowBytes(widthOf(y)), Mode::write, Part::row_panels)
      .split(Part::row_panels, panelsOf(y))
      .config("width", widthOf(y))
      .config("scale", op.getScaleAttr());
  return embed;
}

LogicalResult Selector::select(LinearOp op) {
  CallBuilder linear = call("linear");
  SmallVector<FlatSymbolRefAttr> weights;
  for (unsigned i = 0; i < op.getWeights().size(); ++i)
    weights.push_back(op.getWeight(i));
  product(linear, op.getInput(), weights);
  SmallVector<int64_t> outputs;
  int64_t panels = 0, inputs = widthOf(op.getInput());
  for (auto [i, y] : llvm::enumerate(op.getOutputs())) {
    matrix(linear, op.getWeight(i));
    vector(linear, op.getBias(i));
    outputs.push_back(widthOf(y));
    linear.arena(y.getType(), rowBytes(widthOf(y)), Mode::write, Part::panels, panels)
        .madds(inputs * widthOf(y));
    panels += panelsOf(y);
  }
  linear.split(Part::panels, panels)
      .config("inputs", inputs)
      .config("outputs", builder.getDenseI64ArrayAttr(outputs));
  return replace(op, linear);
}

CallBuilder Selector::rowWise(Mode mode, Part part) {
  CallBuilder made = call(current->getName().stripDialect());
  for (Value operand : current->getOperands())
    rows(made, operand, part);
  Value y = current->getResult(0);
  made.arena(y.getType(), rowBytes(widthOf(y)), mode, part)
      .split(part, part == Part::rows ? 1 : panelsOf(y))
      .config("width", widthOf(y));
  return made;
}

LogicalResult Selector::select(AddOp op) {
  CallBuilder add = rowWise(Mode::write, Part::row_panels);
  return replace(op, add);
}

LogicalResult Selector::select(ActivationOp op) {
  CallBuilder activation = rowWise(Mode::write, Part::row_panels);
  activation.config("activation", op.getKindAttr());
  return replace(op, activation);
}

template <typename Norm> LogicalResult Selector::norm(Norm op) {
  CallBuilder norm = rowWise(Mode::update, Part::rows);
  vector(norm, op.getGammaAttr());
  vector(norm, op.getBetaAttr());
  norm.config("eps", op.getEpsAttr()).config("kind", op.getKindAttr());
  for (Value sum : op->getResults().drop_front())
    norm.arena(sum.getType(), rowBytes(widthOf(sum)), Mode::update, Part::rows);
  return replace(op, norm);
}
LogicalResult Selector::select(NormOp op) { return norm(op); }
LogicalResult Selector::select(AddNormOp op) { return norm(op); }

LogicalResult Selector::select(FfnOp op) {
  // Two products. The activation of the first, and a gate's product with it, follow on the
  // panels that a worker has just written.
  Value x = op.getInput(), y = op.getOutput();
  WeightOp upWeight = lookupWeight(tables, op, op.getUpWeightAttr());
  int64_t hidden = upWeight ? upWeight.getTensorType().getDimSize(0) : 0;
  auto product = [&](Value x, ArrayRef<FlatSymbolRefAttr> weights,
                     ArrayRef<FlatSymbolRefAttr> biases, int64_t width, Mode mode) {
    CallBuilder linear = call("linear");
    this->product(linear, x, weights);
    auto type = RankedTensorType::get({ShapedType::kDynamic, width}, builder.getF32Type(),
                                      SideAttr::get(builder.getContext(), *sideOf(y)));
    for (auto [weight, bias] : llvm::zip(weights, biases)) {
      matrix(linear, weight);
      vector(linear, bias);
      linear.arena(type, rowBytes(width), mode, Part::panels).madds(widthOf(x) * width);
    }
    linear.split(Part::panels, (width + 15) / 16)
        .config("inputs", widthOf(x))
        .config("outputs", builder.getDenseI64ArrayAttr(
                               SmallVector<int64_t>(weights.size(), width)));
    return linear;
  };
  SmallVector<FlatSymbolRefAttr, 2> weights{op.getUpWeightAttr()}, biases{op.getUpBiasAttr()};
  if (op.getGateWeightAttr()) {
    weights.push_back(op.getGateWeightAttr());
    biases.push_back(op.getGateBiasAttr());
  }
  CallBuilder first = product(x, weights, biases, hidden, Mode::update);
  first.config("activation", op.getKindAttr());
  if (weights.size() > 1)
    first.config("gated", builder.getUnitAttr());
  CallBuilder second = product(first.create().getValues()[0], {op.getDownWeightAttr()},
                               {op.getDownBiasAttr()}, widthOf(y), Mode::write);
  return replace(op, second);
}

// What encode returns is written to the caller's output, if it asks for it: the one call
// that does so stands last, where every row has been awaited by what read it before.
LogicalResult Selector::states(func::ReturnOp op) {
  if (op.getNumOperands() == 0)
    return success();
  Value x = op.getOperand(0);
  if (op.getNumOperands() > 1 || !isRowsTensor(x.getType()))
    return error("result") << "expected encode to return the encoder's rows, or nothing";
  CallBuilder states = call("states", "states");
  rows(states, x, Part::rows);
  states.output(x.getType(), "states", Part::rows).config("width", widthOf(x));
  op.setOperand(0, states.create().getValues()[0]);
  return success(!failed);
}

LogicalResult Selector::select(func::ReturnOp op) {
  if (entryOf(entry) == "encode")
    return states(op);
  constexpr StringLiteral names[] = {"tokens", "log_probs"};
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    StringAttr output = outputOf(value);
    if (i > 1 || !output || output != names[i])
      return error("result") << "expected nothing but tokens and their log-probabilities";
  }
  return success();
}

} // namespace encdec::cpu
