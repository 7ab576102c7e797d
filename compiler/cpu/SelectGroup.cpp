// A group's kernel calls, by the number of rows:
//
//   few rows    calls split by panels; norms and roundings before a product are repeated by
//               every worker, which is cheaper than a barrier
//   some rows   the same, but norms and roundings are calls split by rows
//   many rows   one call split by rows: each worker takes its rows through all steps
//
// Elementwise ops behind a product run on the panels that a worker has just made. Products
// that stand beside each other are one call. A group that none of this saves a call is
// selected op by op, as if its ops stood alone.
#include "compiler/Remarks.h"
#include "compiler/cpu/RowProgram.h"
#include "compiler/cpu/Selector.h"
#include "dialect/Group.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace encdec::kernel;

namespace encdec::cpu {
namespace {

constexpr StringLiteral passName = "group";

/// Some ops of a group, in their order, that become one call.
struct Piece {
  SmallVector<Operation *> whole, panels; // RowProgram: steps of whole rows, of panels
  bool makes(Value value, ArrayRef<Operation *> ops) const {
    return llvm::is_contained(ops, value.getDefiningOp());
  }
  bool isEmpty() const { return whole.empty() && panels.empty(); }
};

/// Cuts the ops of a group into pieces for few rows or for some.
class Cutter {
public:
  explicit Cutter(bool repeats) : repeats(repeats) {}

  SmallVector<Piece> cut(ArrayRef<Operation *> ops) {
    // Embeddings read no rows, so they come first, each with its own kernel: it shares panels of
    // columns out, which keeps all workers busy with one row.
    for (Operation *op : ops)
      if (isa<EmbedOp>(op))
        pieces.push_back({{op}, {}});
    for (Operation *op : ops)
      if (isa<LinearOp>(op))
        product(op);
      else if (isa<NormOp>(op))
        norm(op);
      else if (!isa<EmbedOp>(op))
        elementwise(op);
    close();
    return std::move(pieces);
  }

private:
  bool readsPanels(Operation *op) const {
    return llvm::any_of(op->getOperands(), [&](Value v) { return piece.makes(v, piece.panels); });
  }
  void close() {
    if (!piece.isEmpty())
      pieces.push_back(std::exchange(piece, {}));
  }
  // A product reads whole rows: those from before, or those that each worker makes itself.
  void product(Operation *op) {
    if (readsPanels(op) || (!repeats && !piece.whole.empty()))
      close();
    piece.panels.push_back(op);
  }
  void norm(Operation *op) {
    if (!piece.panels.empty())
      close();
    piece.whole.push_back(op);
  }
  void elementwise(Operation *op) {
    if (readsPanels(op)) {
      piece.panels.push_back(op);
      return;
    }
    if (!piece.panels.empty())
      close();
    piece.whole.push_back(op);
  }

  bool repeats;
  Piece piece;
  SmallVector<Piece> pieces;
};

/// Calls that an op of a group costs when it stands alone.
int64_t callsOf(Operation *op) { return isa<FfnOp>(op) ? 2 : 1; }

/// Fused ops inside of a copy of the group, taken apart.
void decomposeBody(FusedOp group) {
  IRRewriter rewriter(group.getContext());
  SmallVector<DecomposableOpInterface> fused;
  for (Operation &op : group.getBody().front())
    if (auto decomposable = dyn_cast<DecomposableOpInterface>(op))
      fused.push_back(decomposable);
  for (DecomposableOpInterface op : fused) {
    rewriter.setInsertionPoint(op);
    if (FailureOr<SmallVector<Value>> values = op.decompose(rewriter); succeeded(values))
      rewriter.replaceOp(op, *values);
  }
}

} // namespace

/// One piece of a group as a call.
class PieceCall {
public:
  PieceCall(Selector &selector, const Piece &piece, IRMapping &outside, bool repeatsRounding)
      : selector(selector), piece(piece), outside(outside), repeatsRounding(repeatsRounding) {}

  LogicalResult create() {
    if (piece.panels.empty() && piece.whole.size() == 1)
      if (auto embed = dyn_cast<EmbedOp>(piece.whole.front()))
        return createAlone(embed);
    // Operands come first in the numbers of registers, hence before any step.
    for (Operation *op : ops())
      for (Value input : op->getOperands())
        if (!madeHere(input) && !isa<EmbedOp>(op))
          read(op, input);
    program.operands = int64_t(operands.size());
    for (Operation *op : piece.whole)
      add(op);
    bool byRows = piece.panels.empty();
    for (Operation *op : piece.panels)
      if (auto linear = dyn_cast<LinearOp>(op); linear && rounds(linear))
        (void)rounded(linear); // whole rows, before any panels
    program.wholeRows = int64_t(program.steps.size());
    for (Operation *op : piece.panels)
      add(op);
    for (Operation *op : ops())
      if (isReadOutside(op->getResult(0)))
        program.results.push_back(registers.lookup(op->getResult(0)));
    return build(byRows);
  }

private:
  LogicalResult createAlone(EmbedOp op) {
    CallBuilder call = selector.embedCall(op, outside.lookup(op.getIds()),
                                          outside.lookup(op.getPositions()));
    if (selector.failed)
      return failure();
    outside.map(op.getOutput(), call.create().getResult(0));
    return success();
  }
  SmallVector<Operation *> ops() const {
    return llvm::to_vector(llvm::concat<Operation *const>(piece.whole, piece.panels));
  }
  bool madeHere(Value value) const {
    return piece.makes(value, piece.whole) || piece.makes(value, piece.panels);
  }
  bool isReadOutside(Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !llvm::is_contained(piece.whole, user) && !llvm::is_contained(piece.panels, user);
    });
  }
  bool rounds(LinearOp op) { return selector.isDynamic(op.getWeight(0)); }

  /// What is made once for all workers and read here: rows, or their rounded form.
  void read(Operation *op, Value input) {
    Value value = outside.lookup(input);
    auto linear = dyn_cast<LinearOp>(op);
    if (linear && rounds(linear) && !repeatsRounding)
      value = selector.quantized(value);
    if (!llvm::is_contained(operands, value))
      operands.push_back(value);
  }
  int64_t operandOf(Value value) { return llvm::find(operands, value) - operands.begin(); }
  int64_t registerOf(Value value) {
    return madeHere(value) ? registers.lookup(value) : operandOf(outside.lookup(value));
  }
  int64_t push(RowStep step) {
    program.steps.push_back(step);
    return program.operands + int64_t(program.steps.size()) - 1;
  }
  /// The rounded form of a product's input, rounded by every worker where none is read.
  int64_t rounded(LinearOp op) {
    Value input = op.getInput();
    if (!madeHere(input) && !repeatsRounding)
      return operandOf(selector.quantized(outside.lookup(input)));
    auto [at, isNew] = roundings.try_emplace(input, 0);
    if (isNew)
      at->second = push({RowStep::Kind::quantize, {registerOf(input)}, widthOf(input)});
    return at->second;
  }
  void add(Operation *op) {
    Value y = op->getResult(0);
    RowStep step{RowStep::Kind::elementwise, {}, widthOf(y)};
    if (auto linear = dyn_cast<LinearOp>(op)) {
      step.kind = RowStep::Kind::linear;
      step.depth = widthOf(linear.getInput());
      step.inputs.push_back(rounds(linear) ? rounded(linear) : registerOf(linear.getInput()));
      WeightOp weight = lookupWeight(selector.tables, op, linear.getWeight(0));
      step.weights = findWeightKind(weight.getStored().name).value_or(WeightKind::f32);
      madds += step.depth * step.width;
    } else if (auto embed = dyn_cast<EmbedOp>(op)) {
      step.kind = RowStep::Kind::embed;
      step.scale = embed.getScale().convertToFloat();
      WeightOp table = lookupWeight(selector.tables, op, embed.getTableAttr());
      step.weights = findWeightKind(table.getStored().name).value_or(WeightKind::f32);
    } else {
      for (Value input : op->getOperands())
        step.inputs.push_back(registerOf(input));
    }
    if (auto norm = dyn_cast<NormOp>(op)) {
      step.kind = RowStep::Kind::norm;
      step.norm = {step.width, norm.getEps().convertToFloat(), norm.getKind(),
                   bool(norm.getBetaAttr())};
    } else if (step.kind == RowStep::Kind::elementwise) {
      step.elementwise.hasOther = op->getNumOperands() > 1;
      if (auto activation = dyn_cast<ActivationOp>(op))
        step.elementwise.activation = activation.getKind();
    }
    registers[y] = push(step);
    makers.push_back(op);
  }

  LogicalResult build(bool byRows) {
    Location loc = FusedLoc::get(selector.builder.getContext(),
                                 llvm::map_to_vector(ops(), [](Operation *op) {
                                   return Location(op->getLoc());
                                 }));
    SmallVector<StringRef> names; // what profiles call it
    for (Operation *op : ops())
      if (StringRef name = op->getName().stripDialect(); !llvm::is_contained(names, name))
        names.push_back(name);
    CallBuilder call(selector.builder, loc, "fused", llvm::join(names, "+"));
    RowLayout layout(program);
    for (auto [i, value] : llvm::enumerate(operands))
      if (std::optional<int64_t> first = byRows ? std::nullopt : panelsReadOf(i, layout))
        call.read(value, Part::panels, *first);
      else
        selector.rows(call, value, byRows ? Part::rows : Part::all);
    for (Operation *op : makers)
      if (auto embed = dyn_cast<EmbedOp>(op)) {
        selector.input(call, outside.lookup(embed.getIds()), "tokens");
        selector.input(call, outside.lookup(embed.getPositions()), "positions");
        break; // an entry has one of each
      }
    for (Operation *op : makers) {
      if (auto linear = dyn_cast<LinearOp>(op)) {
        selector.matrix(call, linear.getWeight(0));
        selector.vector(call, linear.getBias(0));
      } else if (auto embed = dyn_cast<EmbedOp>(op)) {
        selector.matrix(call, embed.getTableAttr(), Reads::row);
        selector.vector(call, embed.getPositionTableAttr(), Reads::row);
      } else if (auto norm = dyn_cast<NormOp>(op)) {
        selector.vector(call, norm.getGammaAttr());
        selector.vector(call, norm.getBetaAttr());
      }
    }
    for (int64_t reg : program.results) {
      Type type = makers[indexOf(reg)]->getResult(0).getType();
      int64_t bytes = rowBytes(program.maker(reg)->width);
      if (byRows)
        call.arena(type, bytes, Mode::update, Part::rows);
      else if (program.isOfPanels(reg))
        call.arena(type, bytes, Mode::update, Part::panels, layout.firstPanel[reg]);
      else
        call.arena(type, bytes, Mode::write, Part::one);
    }
    if (layout.scratchBytes) {
      auto size = SizeAttr::get(selector.builder.getContext(), layout.scratchBytes, 0, 0);
      call.scratch(RankedTensorType::get({layout.scratchBytes}, selector.builder.getI8Type()), size,
                   Mode::update, Part::own);
    }
    call.madds(madds).split(byRows ? Part::rows : Part::panels, byRows ? 1 : layout.panels);
    for (NamedAttribute setting : program.toAttr(selector.builder.getContext()))
      call.config(setting.getName(), setting.getValue());
    if (selector.failed)
      return failure();
    CallOp made = call.create();
    for (auto [i, reg] : llvm::enumerate(program.results))
      outside.map(makers[indexOf(reg)]->getResult(0), made.getResult(i));
    return success();
  }
  /// The first unit of the split that reads operand `reg`, where each worker reads no more
  /// than the panels that it makes.
  std::optional<int64_t> panelsReadOf(int64_t reg, const RowLayout &layout) {
    std::optional<int64_t> first;
    for (auto [number, step] : llvm::enumerate(program.steps)) {
      if (!llvm::is_contained(step.inputs, reg))
        continue;
      int64_t made = program.operands + int64_t(number), at = layout.firstPanel[made];
      if (!program.isOfPanels(made) || step.kind == RowStep::Kind::linear ||
          first.value_or(at) != at)
        return std::nullopt;
      first = at;
    }
    return first;
  }
  /// Of the op that made a register, among makers.
  size_t indexOf(int64_t reg) {
    size_t index = 0;
    for (int64_t i = program.operands; i < reg; ++i)
      index += program.maker(i)->kind != RowStep::Kind::quantize;
    return index;
  }

  Selector &selector;
  const Piece &piece;
  IRMapping &outside; // values of the group to values of the entry
  bool repeatsRounding;
  RowProgram program;
  SmallVector<Value> operands;
  SmallVector<Operation *> makers; // of the steps that ops are
  DenseMap<Value, int64_t> registers, roundings;
  int64_t madds = 0;
};

LogicalResult Selector::select(FusedOp op) {
  SmallVector<Operation *> own;
  for (Operation &inner : op.getBody().front().without_terminator())
    own.push_back(&inner);
  int64_t alone = 0;
  for (Operation *inner : own)
    alone += callsOf(inner);
  // The plain ops that calls are made of stand in a copy: the group itself is needed where
  // they are not.
  auto copy = cast<FusedOp>(op->clone());
  op->getBlock()->getOperations().insert(op->getIterator(), copy);
  llvm::scope_exit drop([&] { copy.erase(); });
  decomposeBody(copy);
  Block &body = copy.getBody().front();
  SmallVector<Operation *> plain;
  for (Operation &inner : body.without_terminator()) {
    if (!isa<EmbedOp, LinearOp, NormOp, AddOp, ActivationOp>(inner)) {
      reportMissed(passName, op,
                   {"no-step",
                    "expected embed, linear, norm, add and activation, which calls are made of",
                    "leave the op out of the group", &inner});
      return oneByOne(op);
    }
    plain.push_back(&inner);
  }
  SmallVector<Piece> pieces;
  if (range == Rows::many)
    pieces.push_back({plain, {}});
  else
    pieces = Cutter(range == Rows::few).cut(plain);
  if (int64_t(pieces.size()) >= alone) {
    reportMissed(passName, op,
                 {"no-gain", "expected fewer calls than the ops have alone",
                  "group ops that hand each other rows: a product and what follows it",
                  nullptr});
    return oneByOne(op);
  }
  IRMapping outside;
  outside.map(body.getArguments(), op.getInputs());
  for (const Piece &piece : pieces)
    if (mlir::failed(PieceCall(*this, piece, outside, range != Rows::some).create()))
      return failure();
  for (auto [result, value] : llvm::zip(op.getOutputs(), body.getTerminator()->getOperands()))
    result.replaceAllUsesWith(outside.lookup(value));
  reportPassed(passName, "fewer-calls", op,
               std::to_string(alone) + " calls became " + std::to_string(pieces.size()) +
                   (range == Rows::few    ? " where rows are few"
                    : range == Rows::some ? " where rows are neither few nor many"
                                          : " where rows are many"));
  return success(!failed);
}

LogicalResult Selector::oneByOne(FusedOp op) {
  SmallVector<Operation *> ops;
  IRMapping map;
  map.map(op.getBody().getArguments(), op.getInputs());
  for (Operation &inner : op.getBody().front().without_terminator())
    ops.push_back(builder.clone(inner, map));
  for (auto [result, value] :
       llvm::zip(op.getOutputs(), op.getBody().front().getTerminator()->getOperands()))
    result.replaceAllUsesWith(map.lookup(value));
  for (Operation *inner : ops) {
    builder.setInsertionPoint(inner);
    current = inner;
    if (mlir::failed(select(inner)))
      return failure();
  }
  for (Operation *inner : llvm::reverse(ops))
    inner->erase();
  current = op;
  builder.setInsertionPoint(op);
  return success();
}

} // namespace encdec::cpu
