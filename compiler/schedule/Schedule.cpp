// Accesses, formulas, handles and the memory plan of entries in scheduled form.
#include "compiler/schedule/Schedule.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace encdec::kernel {

SmallVector<Access> accessesOf(CallOp call) {
  SmallVector<Access> all;
  for (auto [i, value] : llvm::enumerate(call.getOperands()))
    all.push_back({call, value, call.operandAccess(i)});
  for (auto [i, value] : llvm::enumerate(call.getValues()))
    all.push_back({call, value, call.resultAccess(i)});
  return all;
}

SmallVector<WeightAttr> weightsOf(CallOp call) {
  SmallVector<WeightAttr> weights;
  for (Attribute slot : call.getWeights())
    if (auto weight = dyn_cast<WeightAttr>(slot))
      weights.push_back(weight);
  return weights;
}

bool isExclusive(const Access &access) {
  CallOp call = access.call;
  Part part = access.how.getPart();
  if (part == Part::own || part == Part::one)
    return true;
  return part == call.getSplit().getKind() && part != Part::data;
}

// Units of which a row has one, whatever they are called, are rows; but of a single head's
// (head, row) one worker has them all where rows share slots.
static std::pair<Part, int64_t> unitsOf(SplitAttr split) {
  Part kind = split.getKind();
  bool isRow =
      split.getCount() == 1 && (kind == Part::row_panels || kind == Part::source_heads);
  return {isRow ? Part::rows : kind, split.getCount()};
}

bool haveSameOwner(const Access &a, const Access &b) {
  Part part = a.how.getPart(), other = b.how.getPart();
  if (!isExclusive(a) || !isExclusive(b) || a.how.getFrom() != b.how.getFrom())
    return false;
  if (part == Part::own || part == Part::one || other == Part::own || other == Part::one)
    return part == other;
  CallOp first = a.call, second = b.call;
  return unitsOf(first.getSplit()) == unitsOf(second.getSplit());
}

BufferAttr bufferOf(Value value) {
  auto call = value.getDefiningOp<CallOp>();
  return call ? call.buffer(cast<OpResult>(value).getResultNumber()) : BufferAttr();
}

StringAttr outputOf(Value value) {
  BufferAttr buffer = bufferOf(value);
  return buffer ? buffer.getOutput() : StringAttr();
}

const void *identityOf(Value value) {
  StringAttr output = outputOf(value);
  return output ? output.getAsOpaquePointer() : value.getAsOpaquePointer();
}

HandleAttr handleOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  return function ? function.getArgAttrOfType<HandleAttr>(argument.getArgNumber(),
                                                          kHandleAttr)
                  : HandleAttr();
}

StringRef entryName(func::FuncOp function) {
  auto entry = function->getAttrOfType<StringAttr>("encdec.entry");
  return entry ? entry.getValue() : StringRef();
}

int64_t shortlistOf(func::FuncOp entry) {
  auto number = entry->getAttrOfType<IntegerAttr>("encdec.shortlist");
  return number ? number.getInt() : 0;
}

RowsFromAttr rowsFrom(func::FuncOp entry) {
  return entry->getAttrOfType<RowsFromAttr>(kRowsFromAttr);
}

SmallVector<func::FuncOp> entriesOf(ModuleOp module) {
  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (!entryName(function).empty())
      entries.push_back(function);
  return entries;
}

SmallVector<func::FuncOp> entriesFor(ModuleOp module, function_ref<int64_t(StringRef)> rowsOf,
                                     int64_t workers) {
  llvm::MapVector<StringRef, func::FuncOp> chosen; // variants follow each other, from few rows on
  for (func::FuncOp entry : entriesOf(module)) {
    if (shortlistOf(entry))
      continue;
    RowsFromAttr from = rowsFrom(entry);
    StringRef name = entryName(entry);
    if (!from || std::max(from.getLeast(), from.getPerWorker() * workers) <= rowsOf(name))
      chosen[name] = entry;
  }
  return llvm::to_vector(llvm::make_second_range(chosen));
}

template <typename Combine>
static SizeAttr componentwise(SizeAttr a, SizeAttr b, Combine combine) {
  return SizeAttr::get(a.getContext(), combine(a.getFixed(), b.getFixed()),
                       combine(a.getPerKey(), b.getPerKey()),
                       combine(a.getPerRow(), b.getPerRow()));
}
SizeAttr sum(SizeAttr a, SizeAttr b) {
  return componentwise(a, b, std::plus<int64_t>());
}
SizeAttr greatest(SizeAttr a, SizeAttr b) {
  return componentwise(a, b, [](int64_t x, int64_t y) { return std::max(x, y); });
}
bool isAtMost(SizeAttr a, SizeAttr b) {
  // The difference grows with K and with R, and is none where both are least.
  auto least = [](SizeAttr size) {
    return size.getFixed() + 16 * size.getPerKey() + size.getPerRow();
  };
  return a.getPerKey() <= b.getPerKey() && a.getPerRow() <= b.getPerRow() &&
         least(a) <= least(b);
}

FailureOr<HandleOffsets> handleOffsets(ModuleOp module) {
  struct Known {
    BlockArgument argument;
    int64_t offset;
  };
  HandleOffsets offsets;
  llvm::StringMap<Known> known; // by encdec.arg, which entries have in common
  llvm::StringMap<int64_t> ends; // by the handles' name
  SmallVector<func::FuncOp> entries = entriesOf(module);
  llvm::stable_sort(entries, [](func::FuncOp a, func::FuncOp b) {
    return entryName(a) == "step" && entryName(b) != "step";
  });
  for (func::FuncOp entry : entries)
    for (BlockArgument argument : entry.getArguments()) {
      HandleAttr handle = handleOf(argument);
      if (!handle)
        continue;
      auto role = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "encdec.arg");
      if (!role)
        return entry.emitOpError("schedule [handles]: argument #")
               << argument.getArgNumber() << " is a " << handle.getName()
               << " without encdec.arg, the name that it has in other entries too";
      auto [at, isNew] = known.try_emplace(role, argument, ends[handle.getName()]);
      auto [first, offset] = at->second;
      if (isNew)
        ends[handle.getName()] += handle.getBytesPerKey();
      else if (first.getType() != argument.getType() || handleOf(first) != handle)
        return entry.emitOpError("schedule [handles]: argument ")
               << role << " is " << argument.getType() << " with " << handle << " here, but "
               << first.getType() << " with " << handleOf(first) << " in another entry";
      offsets[argument] = offset;
    }
  return offsets;
}

FailureOr<MemoryPlan> memoryPlanOf(ModuleOp module) {
  auto none = SizeAttr::get(module.getContext(), 0, 0, 0);
  MemoryPlan plan{none, none, none};
  for (func::FuncOp function : entriesOf(module)) {
    auto arena = function->getAttrOfType<SizeAttr>(kArenaAttr);
    auto scratch = function->getAttrOfType<SizeAttr>(kScratchAttr);
    if (!arena || !scratch)
      return function.emitOpError("expected ")
             << kArenaAttr << " and " << kScratchAttr << "; run encdec-plan-memory";
    bool isStep = entryName(function) == "step";
    if (!isStep && scratch.getPerRow())
      return function.emitOpError("schedule [encode-scratch]: expected scratch that does not "
                                  "depend on the rows of encode, but got ")
             << scratch;
    SizeAttr &ofEntry = isStep ? plan.stepArena : plan.encodeArena;
    ofEntry = greatest(ofEntry, arena);
    plan.scratch = greatest(plan.scratch, scratch);
  }
  FailureOr<HandleOffsets> offsets = handleOffsets(module);
  if (failed(offsets))
    return failure();
  for (auto [argument, offset] : *offsets) {
    HandleAttr handle = handleOf(argument);
    int64_t &total = handle.getName() == "memory" ? plan.memoryPerKey : plan.cachePerKey;
    total = std::max(total, offset + handle.getBytesPerKey());
  }
  return plan;
}

} // namespace encdec::kernel
