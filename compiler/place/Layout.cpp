// Sizes, roles and order of weights.
#include "compiler/place/Layout.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace encdec {

Entries findEntries(ModuleOp module) {
  Entries entries;
  for (auto function : module.getOps<func::FuncOp>()) {
    auto entry = function->getAttrOfType<StringAttr>(kEntryAttr);
    if (entry && entry == "encode")
      entries.encode = function;
    if (entry && entry == "step")
      (function->hasAttr(kShortlistAttr) ? entries.shortSteps.emplace_back() : entries.step) =
          function;
  }
  return entries;
}

Type keyElementOf(Type type) {
  if (auto memory = dyn_cast<MemoryType>(type))
    return memory.getElement();
  auto cache = dyn_cast<CacheType>(type);
  return cache ? cache.getElement() : Type();
}

StringRef keyTypeOf(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (Type element = keyElementOf(type))
        return element.isBF16() ? "bf16" : "f32";
  return "f32";
}

WeightBytes weightBytes(WeightOp weight) {
  constexpr int64_t floatBytes = 4;
  RankedTensorType type = weight.getTensorType();
  if (type.getRank() == 1)
    return {rowStride(type.getDimSize(0)) * floatBytes, 0};
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  if (!weight.getLayout()) // row after row
    return {rows * rowStride(columns) * floatBytes, 0};
  const WeightFormat &format = weight.getStored();
  int64_t packed = rowStride(rows) * roundUp(columns, format.group);
  return {format.bytes(packed), rowStride(rows) * format.scalesOf(columns) * floatBytes};
}

int64_t bytesRead(WeightOp weight, bool whole) {
  WeightBytes bytes = weightBytes(weight);
  int64_t all = bytes.values + bytes.scales;
  return whole ? all : all / weight.getTensorType().getDimSize(0);
}

SmallVector<const WeightFormat *> formatsOf(ModuleOp module) {
  SymbolTableCollection symbols;
  llvm::SmallDenseSet<const WeightFormat *> found;
  module.walk([&](WeightUserOpInterface op) {
    op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
      if (role == WeightRole::Matrix || role == WeightRole::TokenTable)
        if (WeightOp weight = lookupWeight(symbols, op, name))
          found.insert(&weight.getStored());
    });
  });
  SmallVector<const WeightFormat *> formats;
  for (const WeightFormat &format : weightFormats())
    if (found.contains(&format))
      formats.push_back(&format);
  return formats;
}

SmallVector<WeightOp> placedWeights(ModuleOp module) {
  SmallVector<WeightOp> weights;
  for (WeightOp weight : module.getOps<WeightOp>())
    if (weight.getOffset())
      weights.push_back(weight);
  llvm::sort(weights, [](WeightOp a, WeightOp b) {
    return *a.getOffset() < *b.getOffset();
  });
  return weights;
}

int64_t weightsSectionBytes(ModuleOp module) {
  int64_t end = 0;
  for (WeightOp weight : placedWeights(module)) {
    WeightBytes bytes = weightBytes(weight);
    end = bytes.scales ? int64_t(*weight.getScaleOffset()) + bytes.scales
                       : int64_t(*weight.getOffset()) + bytes.values;
  }
  return end;
}

int64_t stepWeightBytes(func::FuncOp step) {
  if (!step)
    return 0;
  SymbolTableCollection symbols;
  llvm::SmallMapVector<WeightOp, bool, 64> readWhole;
  step.walk([&](WeightUserOpInterface op) {
    op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
      WeightOp weight = lookupWeight(symbols, op, name);
      if (weight && role != WeightRole::Sketch)
        readWhole[weight] |=
            role != WeightRole::TokenTable && role != WeightRole::Positions;
    });
  });
  int64_t sum = 0;
  for (auto [weight, whole] : readWhole)
    sum += bytesRead(weight, whole);
  return sum;
}

SmallVector<ShortStep> shortSteps(ModuleOp module) {
  Entries entries = findEntries(module);
  SmallVector<ShortStep> steps(entries.shortSteps.size());
  for (func::FuncOp step : entries.shortSteps) {
    int64_t number = step->getAttrOfType<IntegerAttr>(kShortlistAttr).getInt();
    step.walk([&](VocabularyOp op) {
      steps[number - 1] = {stepWeightBytes(step), lookupWeight(op, op.getWeightAttr())};
    });
  }
  return steps;
}

SketchBytes sketchBytes(ModuleOp module) {
  SketchBytes sum;
  if (func::FuncOp step = findEntries(module).step)
    step.walk([&](VocabularyOp op) {
      if (!op.getSketch())
        return;
      if (WeightOp sketch = lookupWeight(op, op.getSketchAttr()))
        sum.sketch += bytesRead(sketch, /*whole=*/true);
      if (WeightOp weight = lookupWeight(op, op.getWeightAttr()))
        sum.sketched += bytesRead(weight, /*whole=*/true);
    });
  return sum;
}

std::vector<IndexedTable> indexedTables(ModuleOp module) {
  std::vector<IndexedTable> found;
  SymbolTableCollection symbols;
  auto add = [&](Operation *user, FlatSymbolRefAttr name, std::string role) {
    WeightOp weight = lookupWeight(symbols, user, name);
    if (weight && llvm::none_of(found, [&](const IndexedTable &other) {
          return other.role == role && other.weight == weight;
        }))
      found.push_back({std::move(role), weight});
  };
  Entries entries = findEntries(module);
  for (auto [function, side] : {std::pair(entries.encode, "source"),
                                std::pair(entries.step, "target")}) {
    if (!function)
      continue;
    function.walk([&](WeightUserOpInterface op) {
      op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
        if (role == WeightRole::TokenTable)
          add(op, name, std::string(side) + "_tokens");
        if (role == WeightRole::Positions)
          add(op, name, std::string(side) + "_positions");
      });
    });
    function.walk(
        [&](VocabularyOp op) { add(op, op.getWeightAttr(), "vocabulary"); });
  }
  return found;
}

} // namespace encdec
