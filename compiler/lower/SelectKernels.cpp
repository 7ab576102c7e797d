// select-kernels: a target's kernels for the ops of every entry.
//
//   %y = encdec.norm %x, @g, @b {eps = 1.0e-5} : …
//     => %y = encdec_kernel.call "norm" (%x : read rows) to arena <per_row = 2048> : update
//        rows split rows weights […] cost <> {eps = 1.0e-5, width = 512} : …
//
// The calls still stand on values. Later passes decide where values lie and where workers
// wait, from what the calls declare. The module must be fused, hoisted and packed.
#include "compiler/Passes.h"
#include "compiler/lower/Target.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace encdec {
#define GEN_PASS_DEF_SELECTKERNELSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

/// The encdec.arg of the memory that `access` touches; null where it touches no memory.
StringAttr memoryOf(const kernel::Access &access) {
  kernel::HandleAttr handle = kernel::handleOf(access.value);
  if (!handle || handle.getName() != "memory")
    return {};
  auto entry = access.call->getParentOfType<func::FuncOp>();
  return entry.getArgAttrOfType<StringAttr>(
      cast<BlockArgument>(access.value).getArgNumber(), "encdec.arg");
}

/// Checks that encode writes the memories that step reads, if the module has both.
LogicalResult checkMemories(func::FuncOp encode, func::FuncOp step) {
  if (!encode || !step)
    return success();
  llvm::StringSet<> written;
  for (kernel::CallOp call : encode.getOps<kernel::CallOp>())
    for (const kernel::Access &access : kernel::accessesOf(call))
      if (StringAttr name = memoryOf(access); name && access.how.writes())
        written.insert(name);
  for (kernel::CallOp call : step.getOps<kernel::CallOp>())
    for (const kernel::Access &access : kernel::accessesOf(call))
      if (StringAttr name = memoryOf(access); name && !written.contains(name))
        return call.emitOpError("not lowerable [unwritten-memory]: expected encode to write ")
               << name << ", which this call reads, but no op there does";
  return success();
}

/// `entry`, and behind it a copy for each range of rows that the target selects in another
/// way.
SmallVector<func::FuncOp> variantsOf(func::FuncOp entry, const Target &target) {
  SmallVector<func::FuncOp> variants{entry};
  for (kernel::RowsFromAttr from : target.ranges(entry)) {
    func::FuncOp copy = entry.clone();
    copy->setAttr(kernel::kRowsFromAttr, from);
    entry->getBlock()->getOperations().insertAfter(variants.back()->getIterator(), copy);
    copy.setName(entry.getName().str() + ".from." + std::to_string(variants.size()));
    variants.push_back(copy);
  }
  return variants;
}

/// States the choices of `tuning`, "name=number", on the module.
LogicalResult setTuning(ModuleOp module, const Target &target, ArrayRef<std::string> tuning) {
  Builder builder(module.getContext());
  NamedAttrList chosen;
  for (StringRef text : tuning) {
    auto [name, number] = text.split('=');
    const Choice *choice = llvm::find_if(
        target.choices(), [&, name = name](const Choice &c) { return c.name == name; });
    if (choice == target.choices().end()) {
      InFlightDiagnostic error = emitError(module.getLoc(), "unknown choice '")
                                 << name << "' [unknown-choice]: target " << target.name()
                                 << " has";
      for (const Choice &known : target.choices())
        error << " " << known.name;
      return error;
    }
    int64_t value;
    if (number.getAsInteger(10, value) || value < choice->least || value > choice->most)
      return emitError(module.getLoc(), "choice [choice-range]: expected ")
             << name << " to be a number from " << choice->least << " to " << choice->most
             << ", but got '" << number << "'";
    if (value != choice->value)
      chosen.set(name, builder.getI64IntegerAttr(value));
    else
      chosen.erase(name); // the last one counts, a default too
  }
  if (!chosen.empty())
    module->setAttr(kernel::kTuningAttr, chosen.getDictionary(module.getContext()));
  return success();
}

struct SelectKernels : impl::SelectKernelsPassBase<SelectKernels> {
  using SelectKernelsPassBase::SelectKernelsPassBase;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    const Target *target = findTarget(this->target);
    if (!target) {
      InFlightDiagnostic error = emitError(module.getLoc(), "unknown target '")
                                 << this->target << "' [unknown-target]: known are";
      for (const Target *known : targets())
        error << " " << known->name();
      return signalPassFailure();
    }
    if (failed(setTuning(module, *target, tuning)))
      return signalPassFailure();
    using Name = std::pair<StringRef, int64_t>; // with the number of its shortlist
    llvm::MapVector<Name, func::FuncOp> entries;
    for (func::FuncOp entry : kernel::entriesOf(module)) {
      Name name(kernel::entryName(entry), kernel::shortlistOf(entry));
      auto [first, isNew] = entries.insert({name, entry});
      if (!isNew) {
        InFlightDiagnostic error = entry.emitOpError("not lowerable [entry-twice]: expected "
                                                     "one function with encdec.entry = \"")
                                   << name.first << "\", but got two";
        error.attachNote(first->second.getLoc()) << "the other one is here";
        return signalPassFailure();
      }
    }
    func::FuncOp encode = entries.lookup({"encode", 0});
    for (const auto &[name, entry] : entries) {
      func::FuncOp last; // that differs from the one before it
      for (func::FuncOp variant : variantsOf(entry, *target)) {
        if (failed(target->select(variant)))
          return signalPassFailure();
        if (last && OperationEquivalence::isRegionEquivalentTo(
                        &last.getBody(), &variant.getBody(),
                        OperationEquivalence::IgnoreLocations))
          variant.erase();
        else
          last = variant;
      }
    }
    for (const auto &[name, entry] : entries)
      if (name.first == "step" && failed(checkMemories(encode, entry)))
        return signalPassFailure();
    module->setAttr(kernel::kTargetAttr, Builder(&getContext()).getStringAttr(target->name()));
  }
};

} // namespace

int64_t chosen(ModuleOp module, const Target &target, StringRef name) {
  const Choice *choice =
      llvm::find_if(target.choices(), [&](const Choice &c) { return c.name == name; });
  assert(choice != target.choices().end() && "no such choice");
  auto tuning = module->getAttrOfType<DictionaryAttr>(kernel::kTuningAttr);
  auto value = tuning ? tuning.getAs<IntegerAttr>(name) : IntegerAttr();
  // A module from elsewhere may say anything.
  bool isInRange = value && value.getInt() >= choice->least && value.getInt() <= choice->most;
  return isInRange ? value.getInt() : choice->value;
}

} // namespace encdec
