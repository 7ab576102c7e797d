// groupOps: what may form a group does, and computes the same; what may not is refused with
// its code, and nothing changes.
#include "dialect/Group.h"
#include "tests/dialect/TestModule.h"

using namespace encdec;
using namespace encdec::reference;

namespace {

struct GroupCase : TestModule {
  using TestModule::TestModule;

  /// The ops of @f whose names, as in the text, are listed.
  llvm::SmallVector<mlir::Operation *> named(llvm::ArrayRef<llvm::StringRef> names) {
    llvm::SmallVector<mlir::Operation *> ops;
    for (llvm::StringRef name : names)
      function().walk([&](mlir::Operation *op) {
        if (auto at = mlir::dyn_cast<mlir::NameLoc>(op->getLoc()); at && at.getName() == name)
          ops.push_back(op);
      });
    EXPECT_EQ(ops.size(), names.size());
    return ops;
  }
  std::variant<FusedOp, GroupRefusal> group(llvm::ArrayRef<llvm::StringRef> names) {
    mlir::IRRewriter rewriter(&context);
    return groupOps(rewriter, named(names));
  }
  std::string text() {
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os);
    return text;
  }
};

const char *const kLayer = R"mlir(
func.func @f(%x: !d, %z: !d, %r: !i, %o: !i) -> (!d, !d) {
  %q = encdec.linear %x, @w, @b : !d -> !d loc("q")
  %k = encdec.linear %x, @w2, @b : !d -> !d loc("k")
  %c = encdec.self_attention %q, %k, %k of %r in %o {heads = 2, scale = 0.5} : !d, !d, !d loc("c")
  %h = encdec.linear %c, @w : !d -> !d loc("h")
  %s = encdec.add %h, %z : !d, !d loc("s")
  %t = encdec.add %s, %x : !d, !d loc("t")
  %n = encdec.norm %s, @g {eps = 1.0e-5} : !d loc("n")
  %f = encdec.ffn %n, up @up @up.b, down @down {kind = gelu} : !d loc("f")
  return %f, %t : !d, !d
})mlir";

TEST(Group, KeepsNumbersAndMakesWay) {
  GroupCase test(kLayer);
  std::vector<Value> arguments = *seededArguments(test.function(), 4, 5);
  std::vector<Tensor> before = test.run(arguments);
  // %t stands between and reads %s: it goes behind the group.
  auto made = test.group({"n", "h", "s", "f"});
  ASSERT_TRUE(std::holds_alternative<FusedOp>(made)) << std::get<GroupRefusal>(made).code.str();
  auto group = std::get<FusedOp>(made);
  EXPECT_EQ(group.getInputs().size(), 2u);
  EXPECT_EQ(group.getOutputs().size(), 2u); // %s for %t, and %f
  EXPECT_EQ(group.getBody().front().getOperations().size(), 5u);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*test.module))) << test.messages;
  std::vector<Tensor> after = test.run(arguments);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(after[i].values, before[i].values);
  // Taken apart, and grouped with others again.
  auto larger = test.group({"t"});
  ASSERT_TRUE(std::holds_alternative<FusedOp>(larger));
  ASSERT_TRUE(mlir::succeeded(expandAll(*test.module)));
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*test.module))) << test.messages;
  EXPECT_FALSE(test.first<FusedOp>());
  after = test.run(arguments);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(after[i].values, before[i].values);
}

TEST(Group, OfGroupsIsOneGroup) {
  GroupCase test(kLayer);
  auto inner = std::get<FusedOp>(test.group({"h", "s"}));
  mlir::IRRewriter rewriter(&test.context);
  auto ops = test.named({"n"});
  ops.push_back(inner);
  auto made = groupOps(rewriter, ops);
  ASSERT_TRUE(std::holds_alternative<FusedOp>(made));
  EXPECT_EQ(std::get<FusedOp>(made).getBody().front().getOperations().size(), 4u);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*test.module))) << test.messages;
}

TEST(Group, OfAnOpGivenTwiceHasItOnce) {
  GroupCase test(kLayer);
  auto made = test.group({"h", "s", "h"});
  ASSERT_TRUE(std::holds_alternative<FusedOp>(made));
  EXPECT_EQ(std::get<FusedOp>(made).getBody().front().getOperations().size(), 3u);
}

// Effects that stand between its ops and read it go behind the group, in their order.
TEST(Group, EffectsOfOneDirectionKeepTheirOrder) {
  GroupCase test(R"mlir(
func.func @f(%x: !d, %c: !encdec.cache<2x4>, %a: tensor<?x?xi32>, %p: !i) -> !d attributes {encdec.entry = "step"} {
  %k = encdec.linear %x, @w : !d -> !d loc("k")
  encdec.cache_append %c, %k, %x of %a at %p : !encdec.cache<2x4>, !d, !d loc("first")
  encdec.cache_append %c, %x, %k of %a at %p : !encdec.cache<2x4>, !d, !d loc("second")
  %h = encdec.linear %x, @w2 : !d -> !d loc("h")
  return %h : !d
})mlir");
  auto made = test.group({"k", "h"});
  ASSERT_TRUE(std::holds_alternative<FusedOp>(made)) << std::get<GroupRefusal>(made).code.str();
  auto appends = test.named({"first", "second"});
  EXPECT_EQ(std::get<FusedOp>(made)->getNextNode(), appends[0]);
  EXPECT_EQ(appends[0]->getNextNode(), appends[1]);
}

struct Refused {
  const char *text;
  std::vector<llvm::StringRef> names;
  llvm::StringRef code;
};

TEST(Group, RefusesWithACode) {
  const char *handles = R"mlir(
func.func @f(%x: !d, %c: !encdec.cache<2x4>, %a: tensor<?x?xi32>, %p: !i) -> !d attributes {encdec.entry = "step"} {
  %k = encdec.linear %x, @w : !d -> !d loc("k")
  encdec.cache_append %c, %k, %k of %a at %p : !encdec.cache<2x4>, !d, !d
  %rk, %rv, %ro, %rr = encdec.cache_read %c of %a to %p : !encdec.cache<2x4>
  %h = encdec.linear %x, @w2 : !d -> !d loc("h")
  return %h : !d
})mlir";
  const Refused cases[] = {{kLayer, {}, "empty"},
                           {kLayer, {"c", "h"}, "row-wise"},
                           {kLayer, {"q", "h"}, "not-convex"},
                           {handles, {"k", "h"}, "effects"}};
  for (const Refused &one : cases) {
    SCOPED_TRACE(one.code.str());
    GroupCase test(one.text);
    std::string before = test.text();
    auto made = test.group(one.names);
    ASSERT_TRUE(std::holds_alternative<GroupRefusal>(made));
    EXPECT_EQ(std::get<GroupRefusal>(made).code, one.code);
    EXPECT_EQ(test.text(), before);
  }
  GroupCase sides(R"mlir(
func.func @f(%x: !d, %m: !e) {
  %y = encdec.linear %x, @w : !d -> !d loc("y")
  %k = encdec.linear %m, @w : !e -> !e loc("k")
  return
})mlir");
  EXPECT_EQ(std::get<GroupRefusal>(sides.group({"y", "k"})).code, "sides");
  GroupCase test(kLayer);
  auto group = std::get<FusedOp>(test.group({"h", "s"}));
  llvm::SmallVector<mlir::Operation *> ops{&group.getBody().front().front()};
  ops.push_back(test.named({"n"})[0]);
  mlir::IRRewriter rewriter(&test.context);
  EXPECT_EQ(std::get<GroupRefusal>(groupOps(rewriter, ops)).code, "block");
}

} // namespace
