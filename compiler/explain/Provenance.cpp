// Numbers as metadata of fused locations: a FusedLoc with metadata is kept whole where
// locations are fused with others.
#include "compiler/explain/Provenance.h"
#include "dialect/Ops.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace encdec::explain {

SmallVector<Operation *> workOf(ModuleOp module) {
  SmallVector<Operation *> ops;
  for (auto function : module.getOps<func::FuncOp>())
    for (Block &block : function.getBody())
      for (Operation &op : block)
        if (auto group = dyn_cast<FusedOp>(op)) // its ops, each for itself
          for (Operation &inner : group.getBody().front().without_terminator())
            ops.push_back(&inner);
        else
          ops.push_back(&op);
  return ops;
}

void numberOps(ModuleOp module) {
  Builder builder(module.getContext());
  for (auto [i, op] : llvm::enumerate(workOf(module)))
    op->setLoc(FusedLoc::get({op->getLoc()}, builder.getI64IntegerAttr(i), builder.getContext()));
}

SmallVector<int64_t> numbersIn(Location location) {
  SmallVector<int64_t> numbers;
  location->walk([&](Location part) {
    if (auto fused = dyn_cast<FusedLoc>(part))
      if (auto number = dyn_cast_or_null<IntegerAttr>(fused.getMetadata()))
        numbers.push_back(number.getInt());
    return WalkResult::advance();
  });
  llvm::sort(numbers);
  numbers.erase(llvm::unique(numbers), numbers.end());
  return numbers;
}

std::string placeOf(Location location) {
  auto place = location->findInstanceOf<FileLineColLoc>();
  if (!place)
    return "";
  return (place.getFilename().getValue() + ":" + Twine(place.getLine()) + ":" +
          Twine(place.getColumn()))
      .str();
}

} // namespace encdec::explain
