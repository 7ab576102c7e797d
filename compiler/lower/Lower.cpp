// encdec-lower: scheduled form to entry functions and the kernels that they call.
//
//   func.func @step(…) attributes {encdec.entry = "step"} {
//     %y = encdec_kernel.call "linear" (%x : read all) to arena … at … : write panels …
//     encdec_kernel.barrier
// becomes
//   func.func @encdec_step(ctx, worker, workers) {
//     frame = {ctx, worker, workers, rows of the arena}
//     call @linear_512_f32x512(frame, table of this call)
//     call @barrier(frame)
//     …
// What differs from layer to layer (places, weight offsets) stands in constant tables; a
// further layer costs a table and a call of two pointers for each kernel call.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/lower/Frame.h"
#include "compiler/lower/Lowering.h"
#include "compiler/lower/Segments.h"
#include "compiler/lower/Target.h"
#include "encdec/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include <limits>

using namespace mlir;
using namespace encdec::kernel;

namespace encdec {
#define GEN_PASS_DEF_LOWERPASS
#include "compiler/Passes.h.inc"

namespace lower {
namespace {

/// The int32 entries of one call (Target.h); the first error is reported at the call.
class CallTable {
public:
  CallTable(CallOp call, const HandleOffsets &handles) : call(call) {
    for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
      if (call.operandAccess(i).getMode() == Mode::input)
        continue;
      if (handleOf(operand))
        addNumber(handles.lookup(operand));
      else
        addPlace(operand);
    }
    for (unsigned i = 0; i < call.getWeights().size(); ++i) {
      WeightAttr weight = call.weight(i);
      if (!weight)
        addNumber(-1);
      else
        for (int64_t offset : weight.getOffsets())
          offset < 0 ? addNumber(-1) : addOffset(offset);
    }
    for (Value result : call.getValues())
      addPlace(result);
    for (int64_t number : call.getNumbers())
      addNumber(number);
  }

  SmallVector<int32_t> entries;
  bool failed = false;

private:
  void addPlace(Value value) {
    BufferAttr buffer = bufferOf(value);
    if (buffer.getSpace() == Space::output)
      return;
    SizeAttr place = buffer.getPlace();
    if (!place) {
      if (!failed)
        value.getDefiningOp()->emitOpError("not lowerable [not-placed]: result #")
            << cast<OpResult>(value).getResultNumber()
            << " has no place; run encdec-plan-memory";
      failed = true;
      return;
    }
    if (buffer.getSpace() == Space::arena) {
      addOffset(place.getPerRow());
      if (buffer.getSize().getPerKey())
        addNumber(place.getPerKey());
      return;
    }
    addOffset(place.getFixed());
    addNumber(place.getPerKey());
    addNumber(place.getPerRow());
  }
  void addOffset(int64_t bytes) {
    if (!failed && (bytes < 0 || bytes % 64)) {
      call.emitOpError("not lowerable [offset]: expected a non-negative multiple of 64, "
                       "but got ")
          << bytes;
      failed = true;
    }
    addNumber(bytes / 64);
  }
  void addNumber(int64_t number) {
    if (!failed && number > std::numeric_limits<int32_t>::max()) {
      call.emitOpError("not lowerable [too-large]: a table entry is ")
          << number << ", expected less than 2^31";
      failed = true;
    }
    entries.push_back(int32_t(number));
  }

  CallOp call;
};

/// Writes one entry function, of all entries of one name.
class Emitter {
public:
  Emitter(ArrayRef<func::FuncOp> variants, StringRef symbol, KernelBodies &bodies,
          function_ref<bool(CallOp)> has)
      : variants(variants), function(variants.front()), bodies(bodies), has(has),
        k(function.getLoc(), function.getContext()) {
    k.setInsertionPointToEnd(function->getParentOfType<ModuleOp>().getBody());
    auto type = FunctionType::get(k.getContext(), {k.ptr(), k.i64(), k.i64()}, {});
    entry = func::FuncOp::create(k, symbol, type);
    entry->setAttr("passthrough", k.getStrArrayAttr({"no-builtins"}));
    k.setInsertionPointToStart(entry.addEntryBlock());
  }

  LogicalResult emit(const HandleOffsets &handles) {
    emitFrame();
    LogicalResult emitted = emit(variants, handles);
    func::ReturnOp::create(k);
    return emitted;
  }

private:
  /// Emits a choice: of the variants whose shortlist the call names, the last one whose range
  /// has the call's rows. Variants of one shortlist stand together, in the order of ranges.
  LogicalResult emit(ArrayRef<func::FuncOp> variants, const HandleOffsets &handles) {
    Frame f(k, frame);
    func::FuncOp last = variants.back();
    auto either = [&](Val condition, ArrayRef<func::FuncOp> some,
                      ArrayRef<func::FuncOp> others) {
      LogicalResult emitted = success();
      k.choose(
          condition,
          [&] {
            emitted = emit(some, handles);
            return Vals{};
          },
          [&] {
            if (succeeded(emitted))
              emitted = emit(others, handles);
            return Vals{};
          });
      return emitted;
    };
    auto others = variants.take_while(
        [&](func::FuncOp each) { return shortlistOf(each) != shortlistOf(last); });
    if (!others.empty())
      return either(f.context("shortlist") == k.constant(shortlistOf(last)),
                    variants.drop_front(others.size()), others);
    RowsFromAttr from = rowsFrom(last);
    if (variants.size() == 1 || !from)
      return emitCalls(last, handles);
    Val least = max(k.constant(from.getLeast()), f.workers() * from.getPerWorker());
    return either(f.context("rows") < least, variants.drop_back(), variants.take_back());
  }

  LogicalResult emitCalls(func::FuncOp function, const HandleOffsets &handles) {
    bool first = true, waits = false;
    for (Operation &op : function.getBody().front()) {
      if (isa<BarrierOp>(op)) {
        waits = true;
      } else if (auto call = dyn_cast<CallOp>(op)) {
        if (!has(call))
          continue;
        if (waits && !first)
          k.call(barrier(), {frame});
        first = waits = false;
        if (failed(emitCall(call, handles)))
          return failure();
      } else if (!isa<func::ReturnOp>(op)) {
        return op.emitOpError("not lowerable [not-selected]: expected kernel calls and "
                              "barriers; run encdec-select-kernels");
      }
    }
    return success();
  }

  void emitFrame() {
    Val count = k.constant(int64_t(FrameField::count));
    frame = k.wrap(LLVM::AllocaOp::create(k, k.ptr(), k.i64(), count.value));
    auto set = [&](FrameField field, Val value) { k.store(value, frame + 8 * int64_t(field)); };
    set(FrameField::context, k.wrap(entry.getArgument(0)));
    set(FrameField::worker, k.wrap(entry.getArgument(1)));
    set(FrameField::workers, k.wrap(entry.getArgument(2)));
    Frame f(k, frame);
    set(FrameField::arenaRows,
        entryName(function) == "encode" ? encoderRows(f) : f.context("rows"));
  }

  // Σ round_up(length, 16): blocked keys need whole blocks for each source.
  Val encoderRows(Frame &f) {
    Val offsets = f.contextPointer("source_offset"), zero = k.constant(int64_t(0));
    return k.loop(zero, f.context("sources"), k.constant(int64_t(1)), {zero},
                  [&](Val source, ArrayRef<Val> sum) {
                    Val length = k.loadIndex(offsets, source + 1) - k.loadIndex(offsets, source);
                    return Vals{sum[0] + (length + 15) / 16 * 16};
                  })[0];
  }

  LogicalResult emitCall(CallOp call, const HandleOffsets &handles) {
    CallTable table(call, handles);
    FailureOr<func::FuncOp> body = bodies.bodyOf(call);
    if (table.failed || failed(body))
      return failure();
    std::string name =
        (entry.getName() + "." + Twine(calls++) + "." + call.getName()).str();
    auto type = RankedTensorType::get({int64_t(table.entries.size())}, k.i32());
    {
      OpBuilder::InsertionGuard guard(k);
      k.setInsertionPoint(entry);
      LLVM::GlobalOp::create(k, LLVM::LLVMArrayType::get(k.i32(), table.entries.size()),
                             /*isConstant=*/true, LLVM::Linkage::Internal, name,
                             DenseElementsAttr::get(type, ArrayRef(table.entries)),
                             /*alignment=*/4);
    }
    k.call(*body, {frame, k.wrap(LLVM::AddressOfOp::create(k, k.ptr(), name))});
    return success();
  }

  // Waits for all workers; with one worker the context has no barrier function.
  func::FuncOp barrier() {
    auto module = function->getParentOfType<ModuleOp>();
    if (auto made = module.lookupSymbol<func::FuncOp>("barrier"))
      return made;
    KernelBuilder b(function.getLoc(), k.getContext());
    b.setInsertionPointToEnd(module.getBody());
    auto made = func::FuncOp::create(b, "barrier",
                                     FunctionType::get(k.getContext(), {b.ptr()}, {}));
    makePrivateKernel(made);
    b.setInsertionPointToStart(made.addEntryBlock());
    Frame f(b, b.wrap(made.getArgument(0)));
    Val wait = f.contextPointer("barrier");
    b.unless(b.isNull(wait), [&] {
      auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                              {b.ptr(), b.i64()});
      LLVM::CallOp::create(b, type,
                           ValueRange{wait.value, f.contextPointer("barrier_data").value,
                                      f.worker().value});
    });
    func::ReturnOp::create(b);
    return made;
  }

  ArrayRef<func::FuncOp> variants;
  func::FuncOp function, entry;
  KernelBodies &bodies;
  function_ref<bool(CallOp)> has; // whether a call is emitted
  KernelBuilder k;
  Val frame;
  int64_t calls = 0;
};

struct LowerPass : impl::LowerPassBase<LowerPass> {
  using LowerPassBase::LowerPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::unique_ptr<KernelBodies> bodies = findBodies(module);
    FailureOr<HandleOffsets> handles = handleOffsets(module);
    if (!bodies || failed(handles))
      return signalPassFailure();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    llvm::MapVector<StringRef, SmallVector<func::FuncOp>> variantsOf; // by the entry's name
    for (func::FuncOp function : functions)
      variantsOf[entryName(function)].push_back(function);
    FailureOr<DenseSet<Operation *>> calls = chooseCalls(functions, *bodies);
    if (failed(calls))
      return signalPassFailure();
    auto has = [&](CallOp call) { return kernel.empty() || calls->contains(call); };
    NamedAttrList segments;
    for (const auto &[entry, variants] : variantsOf) {
      func::FuncOp function = variants.front();
      if (entry != "encode" && entry != "step") {
        function.emitOpError("not lowerable [no-entry]: expected encdec.entry = \"encode\" or "
                             "\"step\"");
        return signalPassFailure();
      }
      StringRef symbol = entry == "encode" ? ENCDEC_ABI_ENCODE_SYMBOL : ENCDEC_ABI_STEP_SYMBOL;
      if (failed(Emitter(variants, symbol, *bodies, has).emit(*handles)))
        return signalPassFailure();
      segments.set(entry, segmentsOf(variants, has));
    }
    eraseSource(module, functions);
    module->setAttr(kSegmentsAttr, segments.getDictionary(&getContext()));
  }

private:
  /// With the option `kernel`: its calls, of which there is one at least.
  FailureOr<DenseSet<Operation *>> chooseCalls(ArrayRef<func::FuncOp> entries,
                                               KernelBodies &bodies) {
    DenseSet<Operation *> chosen;
    llvm::SetVector<StringRef> known;
    if (kernel.empty())
      return chosen;
    for (func::FuncOp entry : entries)
      for (CallOp call : entry.getOps<CallOp>()) {
        FailureOr<func::FuncOp> body = bodies.bodyOf(call);
        if (failed(body))
          return failure();
        known.insert(body->getName());
        if (isKernelOf(body->getName(), kernel))
          chosen.insert(call);
      }
    if (chosen.empty())
      return emitError(getOperation().getLoc(),
                       "not lowerable [not-called]: the entries call no kernel '")
             << kernel << "'; they call " << llvm::join(known, ", ");
    return chosen;
  }

  std::unique_ptr<KernelBodies> findBodies(ModuleOp module) {
    auto name = module->getAttrOfType<StringAttr>(kTargetAttr);
    const Target *target = name ? findTarget(name) : nullptr;
    if (!target) {
      emitError(module.getLoc(), "not lowerable [not-selected]: expected ")
          << kTargetAttr << " to name a target; run encdec-select-kernels";
      return nullptr;
    }
    std::unique_ptr<KernelBodies> bodies =
        target->bodies(module, level.empty() ? target->levels().front() : StringRef(level));
    if (!bodies) {
      InFlightDiagnostic error = emitError(module.getLoc(), "unknown level '")
                                 << level << "' [unknown-level]: target " << target->name()
                                 << " has";
      for (StringRef known : target->levels())
        error << " " << known;
    }
    return bodies;
  }

  // The code holds all that the source said, so the source goes: entries, weights (the
  // ops that are symbols and no functions), attributes of our dialects.
  static void eraseSource(ModuleOp module, ArrayRef<func::FuncOp> entries) {
    for (func::FuncOp entry : entries)
      entry.erase();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (op.getName().getDialectNamespace() == "encdec")
        op.erase();
    for (NamedAttribute attr : llvm::to_vector(module->getDiscardableAttrs()))
      if (attr.getName().getValue().starts_with("encdec"))
        module->removeDiscardableAttr(attr.getName());
  }
};

} // namespace
} // namespace lower

LogicalResult lowerToLLVMDialect(ModuleOp module, StringRef level) {
  PassManager pm(module.getContext());
  buildLowerPipeline(pm, {.level = level.str()});
  return pm.run(module);
}

bool isKernelOf(StringRef kernel, StringRef asked) {
  return kernel.consume_front(asked) && (kernel.empty() || kernel.front() == '_');
}

} // namespace encdec
