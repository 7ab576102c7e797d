// hoist-encoder: what a decoder step computes from the encoder's output alone
// is computed once per source, at the end of encode.
//
//   encode: … return %out                 encode: … memory_project %m0, %out, …
//   step:   %k = linear %memory, @k   =>          return %out
//           %v = linear %memory, @v       step:   %k, %v, %o = memory_read %m0
//           … scores %q, %k …                     … scores %q, %k …
//
// Works on decomposed and on fused attention. Each cross-attention gets a
// memory of its own, with its own heads, even where two share a projection:
// kernels and runtime know a memory as the keys and values of one layer. Fails,
// naming the op, when something in step still depends on the encoder's output
// alone.
#include "compiler/Passes.h"
#include "compiler/Remarks.h"
#include "compiler/place/Layout.h"
#include "dialect/Group.h"
#include "mlir/IR/IRMapping.h"
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

/// One cross-attention: the operands through which it reads the encoder. Keys
/// and values are outputs of linears once they are checked.
struct Attention {
  OpOperand *key, *value; // of scores and context, or of the fused op
  SmallVector<OpOperand *, 2> offsets;
  int64_t heads;
};

std::optional<Attention> attentionOf(Operation *op) {
  if (auto fused = dyn_cast<CrossAttentionOp>(op))
    return Attention{&fused.getKeyMutable(),
                     &fused.getValueMutable(),
                     {&fused.getOffsetsMutable()},
                     int64_t(fused.getHeads())};
  auto context = dyn_cast<ContextOp>(op);
  ScoresOp scores = context ? scoresBehind(context.getProbs()) : ScoresOp();
  if (!scores)
    return std::nullopt;
  return Attention{&scores.getKeyMutable(),
                   &context.getValueMutable(),
                   {&scores.getOffsetsMutable(), &context.getOffsetsMutable()},
                   int64_t(context.getHeads())};
}

/// Where the linear's output `projected` comes from.
Location locationOf(Value projected) {
  auto linear = projected.getDefiningOp<LinearOp>();
  return plainLocation(linear, cast<OpResult>(projected).getResultNumber(),
                       linear.getOutputs().size());
}

int64_t widthOf(Value rows) {
  return cast<RankedTensorType>(rows.getType()).getDimSize(1);
}

class Hoister {
public:
  Hoister(Entries entries, BlockArgument memory)
      : encode(entries.encode), step(entries.step), memory(memory) {}

  LogicalResult run() {
    if (failed(checkEncode()))
      return failure();
    collectDependents();
    if (failed(collectAttentions()) || failed(checkUses()))
      return failure();
    moveIntermediates();
    SmallVector<Value> handles;
    for (const Attention &attention : attentions)
      handles.push_back(project(attention, handles.size()));
    for (auto [attention, handle] : llvm::zip(attentions, handles))
      read(attention, handle);
    finish();
    return success();
  }

private:
  LogicalResult checkEncode();
  void collectDependents();
  LogicalResult collectAttentions();
  LogicalResult check(const Attention &attention);
  LogicalResult checkUses();
  LogicalResult refuseUse(OpOperand &use);
  void moveIntermediates();
  std::string freeName();
  Value project(const Attention &attention, unsigned layer);
  void read(const Attention &attention, Value handle);
  void finish();

  func::FuncOp encode, step;
  BlockArgument memory; // [S, E] of step, the encoder's output
  func::ReturnOp encodeReturn;
  SetVector<Operation *>
      dependents;              // ops of step on the encoder's output alone
  llvm::DenseSet<Value> known; // that output, and the results of dependents
  SmallVector<Attention> attentions; // in the order of layers
  llvm::DenseSet<OpOperand *> freed; // their keys and values
  llvm::DenseSet<Value> projected;   // linears' outputs that encode projects
  IRMapping toEncode;                // values of step → values of encode
};

/// Checks that step's `memory` is encode's one result.
LogicalResult Hoister::checkEncode() {
  if (!encode)
    return step.emitError(
        "not hoistable [no-encode]: expected a function with "
        "encdec.entry = \"encode\" to move to, but found none");
  if (encode.getBody().hasOneBlock())
    encodeReturn =
        dyn_cast<func::ReturnOp>(encode.getBody().front().getTerminator());
  if (!encodeReturn || encodeReturn.getNumOperands() != 1 ||
      encodeReturn.getOperand(0).getType() != memory.getType())
    return encode.emitError("not hoistable [encode-result]: expected encode to "
                            "be one block that returns the one tensor that "
                            "step takes as \"memory\", ")
           << memory.getType();
  if (!argumentNamed(encode, "offsets"))
    return encode.emitError("not hoistable [no-offsets]: expected an argument "
                            "with encdec.arg = \"offsets\", the sources' "
                            "starts");
  toEncode.map(memory, encodeReturn.getOperand(0));
  return success();
}

/// An op whose operands all come from the encoder can run where the encoder runs. (Ops
/// with index operands, attention among them, see rows of the step; an op with a
/// region may see anything.)
void Hoister::collectDependents() {
  known.insert(memory);
  for (Operation &op : step.getBody().front()) {
    if (op.getNumOperands() == 0 || op.getNumRegions() != 0 || !isPure(&op) ||
        !llvm::all_of(op.getOperands(),
                      [&](Value v) { return known.contains(v); }))
      continue;
    dependents.insert(&op);
    known.insert(op.result_begin(), op.result_end());
  }
}

LogicalResult Hoister::collectAttentions() {
  WalkResult result = step.walk([&](Operation *op) {
    std::optional<Attention> attention = attentionOf(op);
    if (!attention || !(known.contains(attention->key->get()) ||
                        known.contains(attention->value->get())))
      return WalkResult::advance();
    if (failed(check(*attention)))
      return WalkResult::interrupt();
    freed.insert(attention->key);
    freed.insert(attention->value);
    attentions.push_back(*attention);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Checks that memory_project can compute the keys and values: two linears of one input
/// and one width.
LogicalResult Hoister::check(const Attention &attention) {
  for (OpOperand *operand : {attention.key, attention.value})
    if (!known.contains(operand->get()) ||
        !operand->get().getDefiningOp<LinearOp>())
      return refuseUse(*operand);
  Value key = attention.key->get(), value = attention.value->get();
  Operation *op = attention.value->getOwner();
  auto inputOf = [](Value v) { return v.getDefiningOp<LinearOp>().getInput(); };
  if (inputOf(key) != inputOf(value)) {
    InFlightDiagnostic error = op->emitOpError(
        "not hoistable [different-inputs]: expected keys and values to be "
        "projected from one value, but got two");
    error.attachNote(key.getLoc()) << "keys are projected here";
    error.attachNote(value.getLoc()) << "values are projected here";
    return error;
  }
  if (widthOf(key) != widthOf(value))
    return op->emitOpError("not hoistable [width-mismatch]: expected values of "
                           "the keys' width ")
           << widthOf(key) << ", but got " << widthOf(value);
  // A memory's segments are the sources as encode was given them.
  BlockArgument sources = argumentNamed(step, "offsets");
  for (OpOperand *offsets : attention.offsets)
    if (offsets->get() != sources)
      return offsets->getOwner()->emitOpError(
                 "not hoistable [other-offsets]: expected operand #")
             << offsets->getOperandNumber()
             << " to be the argument with encdec.arg = \"offsets\"";
  return success();
}

/// Checks that every use of a dependent value is another dependent op, or keys or values
/// of an attention that was found.
LogicalResult Hoister::checkUses() {
  auto check = [&](Value value) -> LogicalResult {
    // Uses are listed last first; the error names the first offence in the text.
    OpOperand *offence = nullptr;
    for (OpOperand &use : value.getUses())
      if (!dependents.contains(use.getOwner()) && !freed.contains(&use))
        offence = &use;
    return offence ? refuseUse(*offence) : success();
  };
  if (failed(check(memory)))
    return failure();
  for (Operation *op : dependents)
    for (Value result : op->getResults())
      if (failed(check(result)))
        return failure();
  return success();
}

LogicalResult Hoister::refuseUse(OpOperand &use) {
  InFlightDiagnostic error =
      use.getOwner()->emitOpError(
          "not hoistable [not-projected]: cannot be freed from the encoder's "
          "output: expected operand #")
      << use.getOperandNumber()
      << " to be a linear's keys or values of a cross-attention, which encode "
         "can compute once";
  if (Operation *source = use.get().getDefiningOp())
    error.attachNote(source->getLoc()) << "the operand is made here";
  return error;
}

/// Moves the ops between the encoder's output and the projections as they are.
void Hoister::moveIntermediates() {
  llvm::DenseSet<Value> needed;
  for (const Attention &attention : attentions)
    needed.insert(attention.key->get().getDefiningOp<LinearOp>().getInput());
  llvm::DenseSet<Operation *> moved;
  for (Operation *op : llvm::reverse(dependents))
    if (llvm::any_of(op->getResults(),
                     [&](Value result) { return needed.contains(result); })) {
      moved.insert(op);
      needed.insert(op->operand_begin(), op->operand_end());
    }
  OpBuilder builder(encodeReturn);
  for (Operation *op : dependents) {
    if (!moved.contains(op))
      continue;
    builder.clone(*op, toEncode);
    reportPassed(passName, "moved", op,
                 formatv("{0} moved to encode, out of every step",
                         op->getName().getStringRef()));
  }
}

/// The first "memory.N" that neither function has.
std::string Hoister::freeName() {
  for (unsigned n = 0;; ++n) {
    std::string name = formatv("memory.{0}", n);
    if (!argumentNamed(encode, name) && !argumentNamed(step, name))
      return name;
  }
}

/// Projects in encode; returns the memory as step's argument.
Value Hoister::project(const Attention &attention, unsigned layer) {
  MLIRContext *context = step.getContext();
  Value key = attention.key->get(), value = attention.value->get();
  int64_t out = widthOf(key);
  auto handle =
      MemoryType::get(context, attention.heads, out / attention.heads);
  std::string name = freeName();
  auto append = [&](func::FuncOp function) {
    NamedAttribute argument(StringAttr::get(context, kArgAttr),
                            StringAttr::get(context, name));
    unsigned at = function.getNumArguments();
    (void)function.insertArgument(
        at, handle, DictionaryAttr::get(context, {argument}), key.getLoc());
    return function.getArgument(at);
  };
  auto keys = key.getDefiningOp<LinearOp>();
  auto values = value.getDefiningOp<LinearOp>();
  unsigned k = cast<OpResult>(key).getResultNumber();
  unsigned v = cast<OpResult>(value).getResultNumber();
  OpBuilder builder(encodeReturn);
  MemoryProjectOp::create(
      builder, FusedLoc::get(context, {locationOf(key), locationOf(value)}),
      append(encode), toEncode.lookup(keys.getInput()),
      argumentNamed(encode, "offsets"), keys.getWeight(k), keys.getBias(k),
      values.getWeight(v), values.getBias(v));

  int64_t in = widthOf(keys.getInput());
  // A linear that two attentions share saves its work once.
  int64_t linears =
      projected.insert(key).second + projected.insert(value).second;
  reportPassed(
      passName, "projected-once", attention.key->getOwner(),
      formatv("layer {0}: {1} linears of the encoder's output moved to "
              "encode; each step saves {1} * 2 * {2} * {3} * S = {4} "
              "* S FLOPs for S source tokens",
              layer, linears, in, out, linears * 2 * in * out));
  return append(step);
}

/// Puts the read where the attention begins, so that the step still reads layer by
/// layer.
void Hoister::read(const Attention &attention, Value handle) {
  OpBuilder builder(attention.key->getOwner());
  Location loc =
      FusedLoc::get(step.getContext(), {locationOf(attention.key->get()),
                                        locationOf(attention.value->get())});
  auto read = MemoryReadOp::create(builder, loc, handle);
  attention.key->set(read.getKey());
  attention.value->set(read.getValue());
  for (OpOperand *offsets : attention.offsets)
    offsets->set(read.getOffsets());
}

void Hoister::finish() {
  for (Operation *op : llvm::reverse(dependents))
    op->erase();
  (void)step.eraseArgument(memory.getArgNumber());
}

/// The proof: an op that still depends on the encoder's output alone is an error.
LogicalResult verifyHoisted(func::FuncOp step) {
  llvm::DenseSet<Value> fromEncoder;
  for (BlockArgument argument : step.getArguments())
    if (sideOf(argument) == Side::encoder)
      return step.emitError("not hoistable [encoder-argument]: expected no "
                            "tensor of the encoder among step's arguments, but "
                            "argument ")
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
    op->emitOpError("not hoistable [encoder-alone]: depends on the encoder's "
                    "output alone, but stands in step; project what it "
                    "computes in encode");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// What is projected once needs no group in the step, and moves op by op.
void ungroup(func::FuncOp step) {
  IRRewriter rewriter(step.getContext());
  for (FusedOp group : llvm::to_vector(step.getOps<FusedOp>()))
    if (llvm::any_of(group.getInputs(), [](Value v) { return sideOf(v) == Side::encoder; }))
      inlineGroup(rewriter, group);
}

struct HoistEncoder : impl::HoistEncoderPassBase<HoistEncoder> {
  using HoistEncoderPassBase::HoistEncoderPassBase;
  void runOnOperation() override {
    Entries entries = findEntries(getOperation());
    // A module without a step has nothing to hoist from.
    if (!entries.step)
      return;
    ungroup(entries.step);
    if (BlockArgument memory = argumentNamed(entries.step, "memory"))
      if (failed(Hoister(entries, memory).run()))
        return signalPassFailure();
    if (failed(verifyHoisted(entries.step)))
      signalPassFailure();
  }
};

} // namespace
} // namespace encdec
