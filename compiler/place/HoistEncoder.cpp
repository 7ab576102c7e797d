// hoist-encoder: what a decoder step computes from the encoder's output alone
// is computed once per source, at the end of encode.
//
//   encode: … return %out                 encode: … memory_project %m0, %out, …
//   step:   %k = linear %memory, @k   =>          return
//           %v = linear %memory, @v       step:   %k, %v, %o = memory_read %m0
//           … scores %q, %k …                     … scores %q, %k …
//
// Works on decomposed and on fused attention. Fails, naming the op, when
// something in step still depends on the encoder's output alone.
#include "compiler/Passes.h"
#include "compiler/Remarks.h"
#include "compiler/place/Layout.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace encdec {
#define GEN_PASS_DEF_HOISTENCODERPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using llvm::formatv;

namespace encdec {
namespace {

constexpr llvm::StringLiteral passName = "hoist-encoder";

/// One projection of the encoder's output: output `index` of `linear`.
struct Projection {
  LinearOp linear;
  unsigned index = 0;
};

/// Keys and values that one cross-attention reads.
struct Pair {
  Projection key, value;
  int64_t heads;
};

class Hoister {
public:
  Hoister(Entries entries, BlockArgument memory)
      : encode(entries.encode), step(entries.step), memory(memory) {}

  LogicalResult run() {
    if (failed(checkEncode()))
      return failure();
    collectDependents();
    collectPairs();
    if (failed(checkAllPaired()))
      return failure();
    moveIntermediates();
    for (auto [index, entry] : llvm::enumerate(pairs))
      movePair(index, entry.second);
    finish();
    return success();
  }

private:
  LogicalResult checkEncode();
  void collectDependents();
  void collectPairs();
  void addPair(Value key, Value value, int64_t heads);
  LogicalResult checkAllPaired();
  void moveIntermediates();
  void movePair(unsigned layer, Pair pair);
  void finish();

  func::FuncOp encode, step;
  BlockArgument memory; // [S, E] of step, the encoder's output
  func::ReturnOp encodeReturn;
  SetVector<Operation *>
      dependents; // ops of step on the encoder's output alone
  llvm::MapVector<std::pair<Value, Value>, Pair> pairs; // in order of layers
  SetVector<Operation *> projections; // linears that pairs stand for
  IRMapping toEncode;                 // values of step → values of encode
};

/// step's `memory` is encode's one result.
LogicalResult Hoister::checkEncode() {
  if (!encode)
    return step.emitError(
        "expected a function with encdec.entry = \"encode\" to "
        "move to, but found none");
  encodeReturn =
      dyn_cast<func::ReturnOp>(encode.getBody().back().getTerminator());
  if (!encodeReturn || encodeReturn.getNumOperands() != 1 ||
      encodeReturn.getOperand(0).getType() != memory.getType())
    return encode.emitError(
               "expected encode to return the one tensor that step "
               "takes as \"memory\", ")
           << memory.getType();
  if (!argumentNamed(encode, "offsets"))
    return encode.emitError(
        "expected an argument with encdec.arg = \"offsets\", "
        "the sources' starts");
  toEncode.map(memory, encodeReturn.getOperand(0));
  return success();
}

/// All operands from the encoder: the op can run where the encoder runs. (Ops
/// with index operands, attention among them, see rows of the step.)
void Hoister::collectDependents() {
  llvm::DenseSet<Value> known = {memory};
  for (Operation &op : step.getBody().front()) {
    if (op.getNumOperands() == 0 || !isPure(&op) ||
        !llvm::all_of(op.getOperands(),
                      [&](Value v) { return known.contains(v); }))
      continue;
    dependents.insert(&op);
    known.insert(op.result_begin(), op.result_end());
  }
}

void Hoister::collectPairs() {
  step.walk([&](Operation *op) {
    if (auto fused = dyn_cast<CrossAttentionOp>(op))
      addPair(fused.getKey(), fused.getValue(), fused.getHeads());
    if (auto context = dyn_cast<ContextOp>(op))
      if (ScoresOp scores = scoresBehind(context.getProbs()))
        addPair(scores.getKey(), context.getValue(), context.getHeads());
  });
}

void Hoister::addPair(Value key, Value value, int64_t heads) {
  auto projection = [&](Value v) {
    auto linear = v.getDefiningOp<LinearOp>();
    if (!linear || !dependents.contains(linear))
      return Projection();
    return Projection{linear, cast<OpResult>(v).getResultNumber()};
  };
  Pair pair = {projection(key), projection(value), heads};
  // Anything else that comes from the encoder is found by checkAllPaired.
  if (!pair.key.linear || !pair.value.linear)
    return;
  pairs.insert({{key, value}, pair});
  projections.insert(pair.key.linear);
  projections.insert(pair.value.linear);
}

/// Every use of a dependent value is another dependent op or an attention whose
/// keys and values were found.
LogicalResult Hoister::checkAllPaired() {
  auto pairedUse = [&](OpOperand &use, bool isKey) {
    return llvm::any_of(pairs, [&](auto &entry) {
      return (isKey ? entry.first.first : entry.first.second) == use.get();
    });
  };
  auto allowed = [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (dependents.contains(user))
      return true;
    if (auto fused = dyn_cast<CrossAttentionOp>(user))
      return pairedUse(use, use.get() == fused.getKey());
    if (auto scores = dyn_cast<ScoresOp>(user))
      return pairedUse(use, /*isKey=*/true);
    return isa<ContextOp>(user) && pairedUse(use, /*isKey=*/false);
  };
  auto check = [&](Value value) -> LogicalResult {
    // Uses are listed last first; the first offence in the text is named.
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : value.getUses())
      uses.push_back(&use);
    for (OpOperand *each : llvm::reverse(uses))
      if (OpOperand &use = *each; !allowed(use)) {
        InFlightDiagnostic error =
            use.getOwner()->emitOpError(
                "cannot be freed from the encoder's output: "
                "expected operand ")
            << use.getOperandNumber()
            << " to be a linear's keys or values of a cross-attention, which "
               "encode can compute once";
        if (Operation *source = value.getDefiningOp())
          error.attachNote(source->getLoc()) << "depends on the encoder alone";
        return error;
      }
    return success();
  };
  if (failed(check(memory)))
    return failure();
  for (Operation *op : dependents)
    for (Value result : op->getResults())
      if (failed(check(result)))
        return failure();
  return success();
}

/// What stands between the encoder's output and the projections moves as it is.
void Hoister::moveIntermediates() {
  OpBuilder builder(encodeReturn);
  for (Operation *op : dependents) {
    bool used =
        llvm::any_of(op->getResults(), [](Value r) { return !r.use_empty(); });
    if (projections.contains(op) || !used)
      continue;
    builder.clone(*op, toEncode);
    reportPassed(passName, "moved", op,
                 formatv("{0} moved to encode, out of every step",
                         op->getName().getStringRef()));
  }
}

void Hoister::movePair(unsigned layer, Pair pair) {
  MLIRContext *context = step.getContext();
  auto type = cast<RankedTensorType>(
      pair.key.linear.getOutput(pair.key.index).getType());
  auto handle =
      MemoryType::get(context, pair.heads, type.getDimSize(1) / pair.heads);
  auto append = [&](func::FuncOp function) {
    NamedAttribute name(
        StringAttr::get(context, kArgAttr),
        StringAttr::get(context, formatv("memory.{0}", layer).str()));
    unsigned at = function.getNumArguments();
    (void)function.insertArgument(at, handle,
                                  DictionaryAttr::get(context, {name}),
                                  pair.key.linear.getLoc());
    return function.getArgument(at);
  };
  Location loc = FusedLoc::get(
      context, {pair.key.linear.getLoc(), pair.value.linear.getLoc()});
  OpBuilder builder(encodeReturn);
  auto &[keyLinear, k] = pair.key;
  auto &[valueLinear, v] = pair.value;
  MemoryProjectOp::create(
      builder, loc, append(encode), toEncode.lookup(keyLinear.getInput()),
      argumentNamed(encode, "offsets"), keyLinear.getWeight(k),
      keyLinear.getBias(k), valueLinear.getWeight(v), valueLinear.getBias(v));

  Value stepHandle = append(step);
  Value key = keyLinear.getOutput(k), value = valueLinear.getOutput(v);
  // The read stands where its first user is, so that the step still reads as
  // the textbook does, layer by layer.
  Operation *first = nullptr;
  for (Value projected : {key, value})
    for (Operation *user : projected.getUsers())
      if (!first || user->isBeforeInBlock(first))
        first = user;
  builder.setInsertionPoint(first);
  auto read = MemoryReadOp::create(builder, loc, stepHandle);
  for (Value projected : {key, value})
    for (Operation *user : llvm::make_early_inc_range(projected.getUsers())) {
      if (auto attention = dyn_cast<CrossAttentionOp>(user))
        attention.getOffsetsMutable().assign(read.getOffsets());
      if (auto scores = dyn_cast<ScoresOp>(user))
        scores.getOffsetsMutable().assign(read.getOffsets());
      if (auto weighted = dyn_cast<ContextOp>(user))
        weighted.getOffsetsMutable().assign(read.getOffsets());
    }
  key.replaceAllUsesWith(read.getKey());
  value.replaceAllUsesWith(read.getValue());

  int64_t in =
      cast<RankedTensorType>(keyLinear.getInput().getType()).getDimSize(1);
  int64_t out = type.getDimSize(1);
  reportPassed(
      passName, "projected-once", read,
      formatv("layer {0}: 2 linears of the encoder's output moved to "
              "encode; each step saves 2 * 2 * {1} * {2} * S = {3} * S "
              "FLOPs for S source tokens",
              layer, in, out, 4 * in * out));
}

void Hoister::finish() {
  for (Operation *op : llvm::reverse(dependents))
    op->erase();
  (void)step.eraseArgument(memory.getArgNumber());
  encodeReturn->eraseOperand(0);
  (void)encode.eraseResult(0);
}

/// The proof: whatever still depends on the encoder's output alone is named.
LogicalResult verifyHoisted(func::FuncOp step) {
  llvm::DenseSet<Value> fromEncoder;
  for (BlockArgument argument : step.getArguments())
    if (sideOf(argument) == Side::encoder)
      return step.emitError("expected no tensor of the encoder among step's "
                            "arguments, but argument ")
             << argument.getArgNumber() << " is " << argument.getType();
  WalkResult result = step.walk([&](Operation *op) {
    if (isa<MemoryReadOp>(op)) {
      fromEncoder.insert(op->result_begin(), op->result_end());
      return WalkResult::advance();
    }
    if (op->getNumOperands() == 0 ||
        !llvm::all_of(op->getOperands(),
                      [&](Value v) { return fromEncoder.contains(v); }))
      return WalkResult::advance();
    op->emitOpError(
        "depends on the encoder's output alone, but stands in step; "
        "project what it computes in encode");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

struct HoistEncoder : impl::HoistEncoderPassBase<HoistEncoder> {
  using HoistEncoderPassBase::HoistEncoderPassBase;
  void runOnOperation() override {
    Entries entries = findEntries(getOperation());
    // A module without a step has nothing to hoist from.
    if (!entries.step)
      return;
    if (BlockArgument memory = argumentNamed(entries.step, "memory"))
      if (failed(Hoister(entries, memory).run()))
        return signalPassFailure();
    if (failed(verifyHoisted(entries.step)))
      signalPassFailure();
  }
};

} // namespace
} // namespace encdec
