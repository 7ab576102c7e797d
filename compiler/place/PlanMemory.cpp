// plan-memory: gives every activation its place in one arena, reusing what is
// dead, and states all sizes as formulas.
//
//   %y = encdec.norm %x, …  =>  %y = encdec.norm %x, … {encdec.place =
//   array<i64: 1024>}
//
// A buffer of R rows starts at arena + place * R; its rows follow each other
// every round_up(width, 16) floats. Values stay tensors: the IR still says what
// is computed, the attribute where it is kept.
#include "compiler/Passes.h"
#include "compiler/Remarks.h"
#include "compiler/place/Arena.h"
#include "compiler/place/Layout.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace encdec {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

struct PlanMemory : impl::PlanMemoryPassBase<PlanMemory> {
  using PlanMemoryPassBase::PlanMemoryPassBase;

  void runOnOperation() override {
    Entries entries = findEntries(getOperation());
    FailureOr<int64_t> encode = planFunction(entries.encode);
    FailureOr<int64_t> step = planFunction(entries.step);
    FailureOr<StringRef> keys = keyType({entries.encode, entries.step});
    if (failed(encode) || failed(step) || failed(keys))
      return signalPassFailure();

    Builder builder(&getContext());
    SmallVector<NamedAttribute> plan;
    auto state = [&](StringRef name, int64_t value) {
      plan.push_back(
          builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
    };
    ScratchSizes scratch = scratchSizes();
    state("encode_arena_per_row", *encode);
    state("step_arena_fixed", 0);
    state("step_arena_per_row", *step);
    state("scratch_fixed", scratch.fixed);
    state("scratch_per_key", scratch.perKey);
    state("scratch_per_row", scratch.perRow);
    state("memory_per_key", handleBytes<MemoryType>(entries.step));
    state("cache_per_key", handleBytes<CacheType>(entries.step));
    plan.push_back(builder.getNamedAttr(
        "key_type", builder.getStringAttr(*keys)));
    getOperation()->setAttr("encdec.memory_plan",
                            builder.getDictionaryAttr(plan));
  }

  /// Bytes of the arena for each row of `function`.
  FailureOr<int64_t> planFunction(func::FuncOp function) {
    if (!function)
      return 0;
    FailureOr<SmallVector<ArenaBuffer>> buffers = collectBuffers(function);
    if (failed(buffers))
      return failure();
    int64_t size = assignOffsets(*buffers);
    llvm::MapVector<Operation *, SmallVector<int64_t>> places;
    int64_t sum = 0;
    for (const ArenaBuffer &buffer : *buffers) {
      places[buffer.op].push_back(buffer.offset); // entries come in order
      sum += buffer.bytes;
    }
    Builder builder(&getContext());
    for (auto &[op, offsets] : places)
      op->setAttr("encdec.place", builder.getDenseI64ArrayAttr(offsets));
    function->setAttr("encdec.arena_per_row", builder.getI64IntegerAttr(size));
    reportPassed("plan-memory", "arena", function,
                 llvm::formatv("{0} buffers of {1} bytes a row share {2}",
                               buffers->size(), sum, size));
    return size;
  }

  /// Bytes for each key, over all handles of one kind that the step takes.
  template <typename Handle> static int64_t handleBytes(func::FuncOp step) {
    int64_t sum = 0;
    if (step)
      for (Type type : step.getArgumentTypes())
        if (auto handle = dyn_cast<Handle>(type))
          sum += keyValueBytes(handle.getHeads(), handle.getHeadSize(),
                               handle.getElement());
    return sum;
  }

  /// How handles store keys and values: all alike, since the manifest has one word for
  /// it.
  static FailureOr<StringRef> keyType(ArrayRef<func::FuncOp> functions) {
    Type common;
    for (func::FuncOp function : functions) {
      if (!function)
        continue;
      for (Type type : function.getArgumentTypes()) {
        Type element = keyElementOf(type);
        if (!element)
          continue;
        if (common && element != common)
          return function.emitOpError("not placeable [key-types]: memories and caches "
                                      "hold both ")
                 << common << " and " << element
                 << "; run encdec-narrow-keys, which stores all alike";
        common = element;
      }
    }
    return StringRef(common && common.isBF16() ? "bf16" : "f32");
  }
};

} // namespace
} // namespace encdec
