// A fused op and the plain ops it decomposes to compute the same numbers.
#include "tests/dialect/TestModule.h"

using namespace encdec;
using namespace encdec::reference;

static const std::vector<std::pair<std::string, std::string>> kSnippets = {
    {"encdec.linear", R"mlir(func.func @f(%x: !d) -> (!d, !f) {
       %y, %z = encdec.linear %x, [@w, @up], [@b, @up.b] : !d -> !d, !f
       return %y, %z : !d, !f })mlir"},
    {"encdec.self_attention",
     R"mlir(func.func @f(%q: !d, %k: !d, %v: !d, %r: !i, %o: !i, %p: !i) -> (!d, !s) {
       %y, %a = encdec.self_attention %q, %k, %v of %r in %o causal at %p {heads = 2, scale = 0.5, probs = [0, 1]} : !d, !d, !d
       return %y, %a : !d, !s })mlir"},
    {"encdec.self_attention",
     R"mlir(func.func @f(%q: !e, %k: !e, %v: !e, %r: !i, %o: !i) -> !e {
       %y = encdec.self_attention %q, %k, %v of %r in %o {heads = 4, scale = 0.7} : !e, !e, !e
       return %y : !e })mlir"},
    {"encdec.self_attention",
     R"mlir(func.func @f(%q: !d, %k: !d, %v: !d, %r: !i, %o: !i, %p: !i) -> (!d, !s) {
       %b = encdec.relative_bias @buckets to %p {max_distance = 5} : tensor<2x?xf32, #encdec.side<decoder>>
       %y, %a = encdec.self_attention %q, %k, %v of %r in %o bias %b at %p causal at %p {heads = 2, scale = 0.5, probs = [0, 1]} : !d, !d, !d, tensor<2x?xf32, #encdec.side<decoder>>
       return %y, %a : !d, !s })mlir"},
    {"encdec.self_attention",
     R"mlir(func.func @f(%q: !e, %r: !i, %o: !i, %p: !i, %b: tensor<2x?xf32, #encdec.side<encoder>>) -> !e {
       %y = encdec.self_attention %q, %q, %q of %r in %o bias %b at %p {heads = 2, scale = 0.7} : !e, !e, !e, tensor<2x?xf32, #encdec.side<encoder>>
       return %y : !e })mlir"},
    {"encdec.cross_attention",
     R"mlir(func.func @f(%q: !d, %k: !e, %v: !e, %r: !i, %o: !i) -> !d {
       %y = encdec.cross_attention %q, %k, %v of %r in %o {heads = 2, scale = 0.5} : !d, !e, !e
       return %y : !d })mlir"},
    {"encdec.ffn", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.ffn %x, up @up @up.b, down @down {kind = gelu_tanh} : !d
       return %y : !d })mlir"},
    {"encdec.ffn", R"mlir(func.func @f(%x: !d) -> !d {
       %y = encdec.ffn %x, up @up @up.b, gate @gate @up.b, down @down {kind = silu} : !d
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
         %n, %sum = encdec.add_norm %h, %b, @g {eps = 1.0e-5, sum} : !d, !d
         encdec.yield %n, %sum : !d, !d
       }
       return %z, %s : !d, !d })mlir"},
    {"encdec.vocabulary",
     R"mlir(func.func @f(%x: !d, %bias: tensor<?x11xf32>, %i: !i, %n: i64) -> (!top, tensor<?x?xf32>) {
       %t, %p = encdec.vocabulary %x, @table, @logits.b biased %bias by %i keep %n : !d, tensor<?x11xf32>
       return %t, %p : !top, tensor<?x?xf32> })mlir"},
};

TEST(Decompose, FusedAndPlainComputeTheSame) {
  for (auto &[name, snippet] : kSnippets) {
    SCOPED_TRACE(name);
    TestModule test(snippet);
    std::vector<Value> arguments = *seededArguments(test.function(), 4, 5);
    std::vector<Tensor> fused = test.run(arguments);

    DecomposableOpInterface op;
    test.function().walk([&, &name = name](DecomposableOpInterface found) {
      if (found->getName().getStringRef() == name)
        op = found;
    });
    ASSERT_TRUE(op);
    mlir::OpBuilder builder(op);
    auto values = op.decompose(builder);
    ASSERT_TRUE(mlir::succeeded(values));
    op->replaceAllUsesWith(*values);
    op->erase();
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*test.module))) << test.messages;

    std::vector<Tensor> plain = test.run(arguments);
    ASSERT_EQ(plain.size(), fused.size());
    for (size_t i = 0; i < plain.size(); ++i)
      expectNear(plain[i], fused[i], 1e-12);
  }
}

TEST(Decompose, EveryDecomposableOpHasASnippet) {
  TestModule test("");
  for (mlir::RegisteredOperationName op :
       test.context.getRegisteredOperationsByDialect("encdec"))
    if (op.hasInterface<DecomposableOpInterface>())
      EXPECT_TRUE(llvm::any_of(kSnippets, [&](auto &snippet) {
        return snippet.first == op.getStringRef();
      })) << op.getStringRef().str();
}

TEST(Decompose, SomeHeadsHaveNoPlainForm) {
  TestModule test(R"mlir(func.func @f(%q: !d, %k: !e, %r: !i, %o: !i) -> !d {
    %y, %p = encdec.cross_attention %q, %k, %k of %r in %o {heads = 2, scale = 0.5, probs = [1]} : !d, !e, !e
    return %y : !d })mlir");
  auto op = test.first<CrossAttentionOp>();
  mlir::OpBuilder builder(op);
  EXPECT_TRUE(mlir::failed(op.decompose(builder)));
  EXPECT_FALSE(test.first<ScoresOp>()) << "built something all the same";
}

TEST(Decompose, ProbsOfChosenHeadsAreTheirHeadsProbs) {
  auto text = [](const char *probs, const char *type) {
    return std::string("func.func @f(%q: !d, %k: !e, %r: !i, %o: !i) -> ") +
           type +
           " {\n %y, %p = encdec.cross_attention %q, %k, %k of %r in %o "
           "{heads = 2, scale = 0.5, probs = " +
           probs + "} : !d, !e, !e\n return %p : " + type + " }";
  };
  TestModule all(text("[0, 1]", "!s"));
  TestModule second(text("[1]", "tensor<1x?x?xf32, #encdec.side<decoder>>"));
  Tensor both = all.run(*seededArguments(all.function(), 3, 1)).front();
  Tensor one = second.run(*seededArguments(second.function(), 3, 1)).front();
  ASSERT_EQ(one.shape, (std::vector<int64_t>{1, 3, 3}));
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_EQ(one.at(0, r, j), both.at(1, r, j));
}
