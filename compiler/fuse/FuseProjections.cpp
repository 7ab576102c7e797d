// The three linears of a self-attention → one linear with three outputs: the
// input row is read once, and the three weights are walked as one longer
// matrix.
//
// Only of self-attention: the two linears of a cross-attention read the
// encoder's output and leave the step altogether (encdec-hoist-encoder).
#include "compiler/fuse/Fusion.h"
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DEF_FUSEPROJECTIONSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

static constexpr llvm::StringLiteral kPass = "fuse-projections";

/// Key and value as they were before the cache: what the one cache_append to
/// the cache that `read` reads was given.
static std::variant<CacheAppendOp, Refusal> appendBehind(CacheReadOp read) {
  CacheAppendOp found;
  for (Operation *user : read.getCache().getUsers()) {
    auto append = dyn_cast<CacheAppendOp>(user);
    if (!append)
      continue;
    // This pass does not find out which of two writes a row sees.
    if (found)
      return Refusal{"several-appends",
                     "expected one encdec.cache_append to the cache, but there "
                     "are more",
                     "append once a step", append};
    found = append;
  }
  // Only another function fills the cache.
  if (!found)
    return Refusal{"no-append",
                   "expected an encdec.cache_append to the cache in this "
                   "function",
                   "none: keys and values are not made here", read};
  return found;
}

/// Query, key and value as three plain linears of one input, or the reason why they are
/// none. No candidate where they are the outputs of one linear already.
static std::variant<NoCandidate, Refusal, SmallVector<LinearOp, 3>>
match(SelfAttentionOp attention) {
  Value key = attention.getKey(), value = attention.getValue();
  auto keyRead = key.getDefiningOp<CacheReadOp>();
  if (keyRead && keyRead == value.getDefiningOp<CacheReadOp>()) {
    auto append = appendBehind(keyRead);
    if (auto *refusal = std::get_if<Refusal>(&append))
      return *refusal;
    key = std::get<CacheAppendOp>(append).getKey();
    value = std::get<CacheAppendOp>(append).getValue();
  }
  const std::pair<const char *, Value> roles[] = {
      {"query", attention.getQuery()}, {"key", key}, {"value", value}};
  auto joined = attention.getQuery().getDefiningOp<LinearOp>();
  if (joined && joined.getOutputs().size() == 3 &&
      llvm::all_of(roles, [&](auto &role) {
        return role.second.getDefiningOp() == joined;
      }))
    return NoCandidate();

  SmallVector<LinearOp, 3> linears;
  for (auto [name, projected] : roles) {
    auto linear = projected.getDefiningOp<LinearOp>();
    if (!linear)
      return Refusal{
          "no-linear",
          std::string("expected the ") + name + " from encdec.linear",
          "none: there is no projection to join", projected.getDefiningOp()};
    // The linear is joined with others, which would have to be taken apart first.
    if (linear.getOutputs().size() != 1)
      return Refusal{"variadic-linear",
                     std::string("expected the ") + name +
                         " from a linear with one output, but it has " +
                         std::to_string(linear.getOutputs().size()),
                     "run encdec-decompose first", linear};
    linears.push_back(linear);
  }
  return linears;
}

static std::optional<Refusal> disagreement(ArrayRef<LinearOp> linears) {
  LinearOp query = linears[0];
  for (LinearOp other : linears.drop_front()) {
    // One op for two results of one and the same linear has no meaning.
    if (llvm::count(linears, other) > 1)
      return Refusal{"shared-linear",
                     "expected three linears, but two of query, key and value "
                     "are the same one",
                     "none: it is computed once already", other};
    if (other.getInput() != query.getInput())
      return Refusal{"different-input",
                     "expected the linears of query, key and value to read one "
                     "value",
                     "none: the rows differ", other};
    // Joined, all three would be computed on a path that needs only one of them.
    if (other->getBlock() != query->getBlock())
      return Refusal{
          "different-blocks",
          "expected the linears of query, key and value in one block",
          "move them where the first of them stands", other};
    // The variadic form has a bias for all or for none.
    if (other.getBiases().size() != query.getBiases().size())
      return Refusal{"bias-mismatch",
                     "expected a bias on all three linears or on none",
                     "give the one without a bias of zeros", other};
  }
  return std::nullopt;
}

static Outcome fuseProjections(SelfAttentionOp attention,
                               RewriterBase &rewriter) {
  auto matched = match(attention);
  if (std::holds_alternative<NoCandidate>(matched))
    return NoCandidate();
  if (auto *refusal = std::get_if<Refusal>(&matched))
    return *refusal;
  auto linears = std::get<SmallVector<LinearOp, 3>>(matched);
  if (auto refusal = disagreement(linears))
    return *refusal;

  // At the first of the three: the input is defined there, and every reader is below.
  LinearOp first = *llvm::min_element(
      linears, [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b); });
  rewriter.setInsertionPoint(first);
  SmallVector<Type> types;
  SmallVector<Attribute> weights, biases;
  SmallVector<Location> locations;
  for (LinearOp linear : linears) {
    types.push_back(linear.getType(0));
    weights.push_back(linear.getWeight());
    if (linear.getBias())
      biases.push_back(linear.getBias());
    locations.push_back(linear.getLoc());
  }
  auto joined = LinearOp::create(
      rewriter, rewriter.getFusedLoc(locations), types, first.getInput(),
      rewriter.getArrayAttr(weights), rewriter.getArrayAttr(biases));
  for (auto [i, linear] : llvm::enumerate(linears))
    rewriter.replaceOp(linear, joined.getOutput(i));
  return Gain{joined, "projections",
              "3 ops became 1; the input is read once instead of 3 times"};
}

namespace {
struct FuseProjectionsPass
    : encdec::impl::FuseProjectionsPassBase<FuseProjectionsPass> {
  void runOnOperation() override {
    fuseEach<SelfAttentionOp>(getOperation(), kPass, fuseProjections);
    // In plain form nothing says which linears belong together but the
    // attention.
    getOperation().walk([](ScoresOp scores) {
      if (sideOf(scores.getQuery()) == sideOf(scores.getKey()))
        reportMissed(
            kPass, scores,
            {"attention-not-fused",
             "expected encdec.self_attention, but its plain ops stand "
             "here",
             "run encdec-fuse-attention first; its remarks say why not",
             nullptr});
    });
  }
};
} // namespace
