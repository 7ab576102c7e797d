// The trait RowWise: for every op that carries it, permuting the rows of the operands
// permutes the rows of the results, and a change in one row changes no other row.
#include "tests/dialect/TestModule.h"

using namespace encdec;
using namespace encdec::reference;

// At least one function per op; an op with the trait and no entry here fails the test.
static const std::multimap<std::string, std::string> kSnippets = {
    {"encdec.embed", R"mlir(func.func @f(%x: !ids, %p: !i) -> !d {
       %y = encdec.embed %x at %p, @table, @places {scale = 2.0} : !ids -> !d
       return %y : !d })mlir"},
    {"encdec.linear", R"mlir(func.func @f(%x: !d) -> (!d, !d) {
       %y, %z = encdec.linear %x, [@w, @w2], [@b, @b] : !d -> !d, !d
       return %y, %z : !d, !d })mlir"},
    {"encdec.add", R"mlir(func.func @f(%x: !d, %y: !d) -> !d {
       %z = encdec.add %x, %y : !d, !d
       return %z : !d })mlir"},
    {"encdec.norm", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.norm %x, @g, @b {eps = 1.0e-5} : !d
       return %y : !d })mlir"},
    {"encdec.norm", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.norm %x, @g {eps = 1.0e-5, kind = rms} : !d
       return %y : !d })mlir"},
    {"encdec.activation", R"mlir(func.func @f(%x: !d, %g: !d) -> !d {
       %y = encdec.activation %x gated %g {kind = gelu} : !d
       return %y : !d })mlir"},
    {"encdec.activation", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.activation %x {kind = gelu} : !d
       return %y : !d })mlir"},
    {"encdec.top_tokens",
     R"mlir(func.func @f(%x: !l, %bias: tensor<?x11xf32>, %i: !i, %n: i64) -> (!top, tensor<?x?xf32>) {
       %t, %p = encdec.top_tokens %x biased %bias by %i keep %n : !l, tensor<?x11xf32>
       return %t, %p : !top, tensor<?x?xf32> })mlir"},
    {"encdec.ffn", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.ffn %x, up @up @up.b, down @down @b {kind = silu} : !d
       return %y : !d })mlir"},
    {"encdec.ffn", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.ffn %x, up @up, gate @gate, down @down @b {kind = silu} : !d
       return %y : !d })mlir"},
    {"encdec.add_norm", R"mlir(func.func @f(%x: !d, %y: !d) -> (!d, !d) {
       %z, %s = encdec.add_norm %x, %y, @g {eps = 1.0e-5, kind = rms, sum} : !d, !d
       return %z, %s : !d, !d })mlir"},
    {"encdec.add_norm", R"mlir(func.func @f(%x: !d, %y: !d) -> !d {
       %z = encdec.add_norm %x, %y, @g, @b {eps = 1.0e-5} : !d, !d
       return %z : !d })mlir"},
    {"encdec.fused", R"mlir(func.func @f(%x: !d, %y: !d) -> (!d, !d) {
       %z, %s = encdec.fused(%a = %x, %b = %y) : (!d, !d) -> (!d, !d) {
         %h = encdec.linear %a, @w, @b : !d -> !d
         %n, %sum = encdec.add_norm %h, %b, @g {eps = 1.0e-5, kind = rms, sum} : !d, !d
         encdec.yield %n, %sum : !d, !d
       }
       return %z, %s : !d, !d })mlir"},
    {"encdec.vocabulary",
     R"mlir(func.func @f(%x: !d, %bias: tensor<?x11xf32>, %i: !i, %n: i64) -> (!top, tensor<?x?xf32>) {
       %t, %p = encdec.vocabulary %x, @table, @logits.b biased %bias by %i keep %n : !d, tensor<?x11xf32>
       return %t, %p : !top, tensor<?x?xf32> })mlir"},
};

static constexpr int64_t kRows = 5;

// As RowWise.h says: a tensor with a side, or an index tensor.
static bool hasRows(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor && (sideOf(type) || tensor.getElementType().isInteger(32));
}

// Seeded, with index arguments that tell the rows apart: row_bias is 0, 1, 2, …
static std::vector<Value> argumentsOf(mlir::func::FuncOp function) {
  std::vector<Value> values = *seededArguments(function, kRows, 7);
  for (mlir::BlockArgument argument : function.getArguments())
    if (auto type = mlir::dyn_cast<mlir::RankedTensorType>(argument.getType());
        type && type.getElementType().isInteger(32))
      for (int64_t r = 0; r < kRows; ++r)
        std::get<Tensor>(values[argument.getArgNumber()]).values[r] = double(r);
  return values;
}

// Row r of the result is row order[r] of `tensor`.
static Tensor reordered(const Tensor &tensor,
                        const std::vector<int64_t> &order) {
  Tensor result = tensor;
  int64_t width = int64_t(tensor.values.size()) / tensor.rows();
  for (int64_t r = 0; r < tensor.rows(); ++r)
    std::copy_n(tensor.values.begin() + order[r] * width, width,
                result.values.begin() + r * width);
  return result;
}

static bool rowsNeverMix(
    const std::string &snippet,
    llvm::function_ref<std::vector<Value>(mlir::func::FuncOp)> arguments =
        argumentsOf) {
  TestModule test(snippet);
  auto function = test.function();
  std::vector<Value> values = arguments(function);
  std::vector<Tensor> plain = test.run(values);
  bool held = !plain.empty();

  // Permuted bit by bit: the same sums in the same order.
  std::vector<int64_t> order = {3, 0, 4, 1, 2};
  std::vector<Value> permuted = values, changed = values;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!hasRows(function.getArgument(i).getType()) ||
        std::get<Tensor>(values[i]).rows() != kRows)
      continue;
    permuted[i] = reordered(std::get<Tensor>(values[i]), order);
    // Row 2 becomes a copy of row 0.
    changed[i] = reordered(std::get<Tensor>(values[i]), {0, 1, 0, 3, 4});
  }
  std::vector<Tensor> results = test.run(permuted);
  for (size_t i = 0; i < plain.size(); ++i)
    held &= results[i].values == reordered(plain[i], order).values;
  results = test.run(changed);
  for (size_t i = 0; i < plain.size(); ++i)
    held &= results[i].values == reordered(plain[i], {0, 1, 0, 3, 4}).values;
  return held;
}

TEST(RowWise, EveryOpWithTheTraitKeepsRowsApart) {
  TestModule test("");
  int seen = 0;
  for (mlir::RegisteredOperationName op :
       test.context.getRegisteredOperationsByDialect("encdec")) {
    if (!op.hasTrait<RowWise>())
      continue;
    std::string name = op.getStringRef().str();
    auto [first, end] = kSnippets.equal_range(name);
    ASSERT_NE(first, end) << name << " has no snippet above";
    for (; first != end; ++first, ++seen)
      EXPECT_TRUE(rowsNeverMix(first->second)) << name;
  }
  EXPECT_EQ(seen, int(kSnippets.size()));
}

TEST(RowWise, AttentionMixesRowsAndIsCaught) {
  EXPECT_FALSE(rowsNeverMix(
      R"mlir(func.func @f(%x: !d, %r: !i, %o: !i) -> !d {
    %y = encdec.self_attention %x, %x, %x of %r in %o {heads = 2, scale = 0.5} : !d, !d, !d
    return %y : !d })mlir",
      [](mlir::func::FuncOp function) {
        return *seededArguments(function, kRows, 7); // one segment
      }));
}
