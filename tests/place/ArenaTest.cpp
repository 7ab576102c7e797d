// The memory plan on random models: no two live buffers overlap, every op has
// its place. Read back from the IR alone, so that the pass's own bookkeeping is
// not its own judge.
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/place/Arena.h"
#include "compiler/place/Layout.h"
#include "tests/support/RandomModel.h"
#include <gtest/gtest.h>
#include <map>

using namespace mlir;
using namespace encdec;

namespace {

/// One buffer as the IR tells it.
struct Region {
  std::string name;
  int64_t begin, end;
  unsigned first, last; // ops that may touch it
};

int64_t rowBytes(int64_t width) { return rowStride(width) * 4; }

int64_t widthOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getDimSize(1);
}

/// A buffer's bytes a row, and the op that it lives from: the one it belongs to, or for
/// quantized rows the one that makes the rows, since the same worker may quantize them.
struct Entry {
  int64_t bytes;
  Operation *from;
};

/// What each op keeps in the arena, as the seam to lowering lists it.
std::vector<Entry> expectedEntries(Operation *op) {
  std::vector<Entry> entries;
  auto add = [&](int64_t bytes) { entries.push_back({bytes, op}); };
  auto isDynamic = [&](FlatSymbolRefAttr name) {
    return lookupWeight(op, name).isDynamic();
  };
  if (isa<MemoryReadOp, CacheReadOp, CacheAppendOp, func::ReturnOp>(op))
    return entries;
  if (isa<VocabularyOp, TopTokensOp>(op)) {
    int64_t vocabulary = widthOf(op->getOperand(1));
    add(8 * roundUp((vocabulary + 127) / 128, 16));
  } else if (auto project = dyn_cast<MemoryProjectOp>(op)) {
    for (int i = 0; i < 2; ++i)
      add(rowBytes(project.getMemory().getType().getWidth()));
  } else {
    for (Value result : op->getResults())
      add(rowBytes(widthOf(result)));
  }
  if (auto ffn = dyn_cast<FfnOp>(op)) {
    int64_t hidden =
        lookupWeight(ffn, ffn.getUpWeightAttr()).getTensorType().getDimSize(0);
    add(rowBytes(hidden));
    if (isDynamic(ffn.getDownWeightAttr()))
      add(quantizedRowBytes(hidden));
  }
  auto self = dyn_cast<SelfAttentionOp>(op);
  if (self && entryOf(op) == "encode") {
    int64_t width = widthOf(self.getKey()), heads = self.getHeads();
    add(rowBytes(width));
    add(heads * rowBytes(width / heads));
  }
  if (Value rows = quantizedInput(op); rows && firstToQuantize(rows) == op)
    entries.push_back({quantizedRowBytes(widthOf(rows)), rows.getDefiningOp()});
  return entries;
}

std::vector<Region> regionsOf(func::FuncOp function) {
  std::map<Operation *, unsigned> number;
  for (Operation &op : function.getBody().front())
    number.emplace(&op, unsigned(number.size()));
  auto lastUse = [&](Value value, unsigned last) {
    for (Operation *user : value.getUsers())
      last = std::max(last, number[user]);
    return last;
  };
  std::vector<Region> regions;
  for (Operation &op : function.getBody().front()) {
    auto places = op.getAttrOfType<DenseI64ArrayAttr>("encdec.place");
    std::vector<Entry> expected = expectedEntries(&op);
    EXPECT_EQ(places ? places.size() : 0, int64_t(expected.size()))
        << op.getName().getStringRef().str();
    for (int64_t i = 0; places && i < places.size(); ++i) {
      const Entry &entry = expected[i];
      unsigned last = number[&op];
      if (i < int64_t(op.getNumResults()))
        last = lastUse(op.getResult(i), last);
      else if (entry.from != &op)
        last = lastUse(quantizedInput(&op), last);
      EXPECT_EQ(places[i] % 64, 0);
      regions.push_back({op.getName().getStringRef().str(), places[i],
                         places[i] + entry.bytes, number[entry.from], last});
    }
  }
  return regions;
}

void checkFunction(func::FuncOp function) {
  int64_t arena =
      function->getAttrOfType<IntegerAttr>("encdec.arena_per_row").getInt();
  std::vector<Region> regions = regionsOf(function);
  ASSERT_FALSE(regions.empty());
  for (size_t i = 0; i < regions.size(); ++i) {
    const Region &a = regions[i];
    EXPECT_LE(a.end, arena) << a.name;
    for (size_t j = 0; j < i; ++j) {
      const Region &b = regions[j];
      bool together = a.first <= b.last && b.first <= a.last;
      EXPECT_FALSE(together && a.begin < b.end && b.begin < a.end)
          << b.name << " (op " << b.first << ") and " << a.name << " (op "
          << a.first << ") share bytes from " << std::max(a.begin, b.begin);
    }
  }
}

class Arena : public testing::TestWithParam<test::ModelSizes> {};

TEST_P(Arena, LiveBuffersDoNotOverlapAndEveryOpHasItsPlace) {
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  for (WeightType type : {WeightType::f32, WeightType::int8Dynamic}) {
    SCOPED_TRACE(nameOf(type).str());
    OwningOpRef<ModuleOp> module = test::randomModel(context, GetParam());
    ASSERT_TRUE(module);
    PassManager pm(&context);
    PipelineOptions options;
    options.weights = type;
    buildFusePipeline(pm, options);
    buildPlacePipeline(pm, options);
    ASSERT_TRUE(succeeded(pm.run(*module)));
    Entries entries = findEntries(*module);
    checkFunction(entries.encode);
    checkFunction(entries.step);
  }
}
INSTANTIATE_TEST_SUITE_P(Random, Arena,
                         testing::ValuesIn(test::randomSizes(40, 11)));

// Reuse is what the arena is for: its size must not grow with depth.
TEST(Arena, SizeDoesNotGrowWithLayers) {
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  auto sizeWith = [&](int layers) {
    test::ModelSizes sizes;
    sizes.encoderLayers = sizes.decoderLayers = layers;
    OwningOpRef<ModuleOp> module = test::randomModel(context, sizes);
    PassManager pm(&context);
    buildFusePipeline(pm);
    buildPlacePipeline(pm);
    EXPECT_TRUE(succeeded(pm.run(*module)));
    Entries entries = findEntries(*module);
    auto arena = [](func::FuncOp f) {
      return f->getAttrOfType<IntegerAttr>("encdec.arena_per_row").getInt();
    };
    return std::pair(arena(entries.encode), arena(entries.step));
  };
  EXPECT_EQ(sizeWith(2), sizeWith(9));
}

} // namespace
