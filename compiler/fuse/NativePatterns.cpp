// Constraints only look, and say why they do not hold. Rewrites make groups (dialect/Group.h)
// and derived weights (dialect/Derived.h) and name results; whatever can fail in one has a
// constraint that asks for it first, since a pattern cannot go back once it rewrites.
#include "compiler/fuse/NativePatterns.h"
#include "dialect/Derived.h"
#include "dialect/Group.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace encdec {

namespace {

using Arguments = ArrayRef<PDLValue>;

/// The function that the pattern works on: the rewriter stands in it. (The root of the match
/// may be erased already.)
Operation *functionOf(PatternRewriter &rewriter) {
  return rewriter.getInsertionBlock()->getParentOp();
}

/// Why a constraint does not hold.
LogicalResult refuse(PatternRewriter &rewriter, const Twine &reason) {
  return rewriter.notifyMatchFailure(functionOf(rewriter)->getLoc(), reason);
}

//===-- Values and ops ----------------------------------------------------===//

/// One value, given as such or as the range of results that an op like linear has; null for a
/// range of another size.
Value valueOf(PDLValue given) {
  if (auto value = given.dyn_cast<Value>())
    return value;
  ValueRange values = given.cast<ValueRange>();
  return values.size() == 1 ? values.front() : Value();
}

LogicalResult hasOneUse(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  Value value = valueOf(arguments[0]);
  if (value && value.hasOneUse())
    return success();
  return refuse(rewriter, "HasOneUse: expected one value with one reader");
}

LogicalResult sameSide(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  Value a = valueOf(arguments[0]), b = valueOf(arguments[1]);
  if (a && b && sideOf(a) == sideOf(b))
    return success();
  return refuse(rewriter, "SameSide: one value is of the encoder, the other of the decoder");
}

LogicalResult sameWidth(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  Value a = valueOf(arguments[0]), b = valueOf(arguments[1]);
  if (a && b && widthOf(a) == widthOf(b))
    return success();
  return refuse(rewriter, "SameWidth: the values have different widths");
}

LogicalResult sameBlock(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  if (arguments[0].cast<Operation *>()->getBlock() ==
      arguments[1].cast<Operation *>()->getBlock())
    return success();
  return refuse(rewriter, "SameBlock: the ops stand in different blocks");
}

/// The side of the op's results or, where they are of none, of its operands.
template <Side side>
LogicalResult ofSide(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  Operation *op = arguments[0].cast<Operation *>();
  std::optional<Side> own;
  for (ValueRange values : {ValueRange(op->getResults()), ValueRange(op->getOperands())})
    for (Value value : values)
      own = own ? own : sideOf(value);
  if (own == side)
    return success();
  return refuse(rewriter, "OfEncoder, OfDecoder: the op is of the other side, or of none");
}

LogicalResult output(PatternRewriter &rewriter, PDLResultList &results, Arguments arguments) {
  Operation *op = arguments[0].cast<Operation *>();
  auto number = dyn_cast<IntegerAttr>(arguments[1].cast<Attribute>());
  if (!number || number.getValue().uge(op->getNumResults()))
    return refuse(rewriter, "Output: expected a number below " + Twine(op->getNumResults()) +
                                ", the number of results of " + op->getName().getStringRef());
  results.push_back(Value(op->getResult(number.getValue().getZExtValue())));
  return success();
}

LogicalResult listOfTypes(PatternRewriter &, PDLResultList &results, Arguments arguments) {
  SmallVector<Type> types;
  for (PDLValue argument : arguments)
    types.push_back(argument.cast<Type>());
  results.push_back(TypeRange(types));
  return success();
}

/// What an op of attention takes for its rows and offsets; null for any other op.
std::pair<Value, Value> raggedRowsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::pair<Value, Value>>(op)
      .Case<ScoresOp, ContextOp, SelfAttentionOp, CrossAttentionOp>(
          [](auto attention) { return std::pair(attention.getRows(), attention.getOffsets()); })
      .Default(std::pair<Value, Value>());
}

LogicalResult sameRows(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  auto rows = raggedRowsOf(arguments[0].cast<Operation *>());
  if (rows.first && rows == raggedRowsOf(arguments[1].cast<Operation *>()))
    return success();
  return refuse(rewriter, "SameRows: the ops read other rows or offsets");
}

//===-- Attributes --------------------------------------------------------===//

std::optional<double> numberOf(Attribute attribute) {
  auto number = dyn_cast<FloatAttr>(attribute);
  if (!number || !number.getValue().isFinite())
    return std::nullopt;
  return number.getValueAsDouble();
}

LogicalResult timesNumber(PatternRewriter &rewriter, PDLResultList &results,
                          Arguments arguments) {
  auto left = dyn_cast<FloatAttr>(arguments[0].cast<Attribute>());
  std::optional<double> right = numberOf(arguments[1].cast<Attribute>());
  if (!left || !right)
    return refuse(rewriter, "Times: expected two numbers");
  results.push_back(Attribute(
      FloatAttr::get(left.getType(), left.getValueAsDouble() * *right)));
  return success();
}

//===-- Weights -----------------------------------------------------------===//

// A weight is a symbol, or the list of one symbol that encdec.linear has.
FlatSymbolRefAttr symbolOf(Attribute attribute) {
  auto list = dyn_cast<ArrayAttr>(attribute);
  if (list && list.size() == 1)
    attribute = list[0];
  return dyn_cast<FlatSymbolRefAttr>(attribute);
}

LogicalResult isConstantWeight(PatternRewriter &rewriter, PDLResultList &,
                               Arguments arguments) {
  WeightOp weight = lookupWeight(functionOf(rewriter), symbolOf(arguments[0].cast<Attribute>()));
  if (!weight)
    return refuse(rewriter, "IsConstantWeight: expected one weight of the module");
  // A format or a place belongs to the weight as it is stored: an expression over its
  // numbers comes too late.
  if (weight.getFormat() || weight.getLayout() || weight.getOffset() || weight.getBans())
    return refuse(rewriter, "IsConstantWeight: the weight has a format or a place already, "
                            "or bans tokens");
  return success();
}

LogicalResult hasNoWeights(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  auto list = dyn_cast<ArrayAttr>(arguments[0].cast<Attribute>());
  if (list && list.empty())
    return success();
  return refuse(rewriter, "HasNoWeights: the list has weights");
}

LogicalResult weightOfList(PatternRewriter &rewriter, PDLResultList &results,
                           Arguments arguments) {
  FlatSymbolRefAttr weight = symbolOf(arguments[0].cast<Attribute>());
  if (!weight)
    return refuse(rewriter, "WeightOf: expected a list of one weight");
  results.push_back(Attribute(weight));
  return success();
}

LogicalResult listOfWeights(PatternRewriter &rewriter, PDLResultList &results,
                            Arguments arguments) {
  SmallVector<Attribute> weights;
  for (PDLValue argument : arguments) {
    weights.push_back(symbolOf(argument.cast<Attribute>()));
    if (!weights.back())
      return refuse(rewriter, "WeightList: expected weights");
  }
  results.push_back(Attribute(rewriter.getArrayAttr(weights)));
  return success();
}

/// A new weight: its expression and, without what makes it unique, its name.
struct Expression {
  Attribute origin; // null where the arguments make none
  std::string name;
};

Expression scaled(Arguments arguments) {
  FlatSymbolRefAttr weight = symbolOf(arguments[0].cast<Attribute>());
  std::optional<double> factor = numberOf(arguments[1].cast<Attribute>());
  if (!weight || !factor)
    return {};
  return {ScaledAttr::get(weight.getContext(), weight, APFloat(*factor)),
          (weight.getValue() + ".scaled").str()};
}

template <typename Origin> Expression ofTwo(Arguments arguments, StringRef word) {
  FlatSymbolRefAttr left = symbolOf(arguments[0].cast<Attribute>()),
                    right = symbolOf(arguments[1].cast<Attribute>());
  if (!left || !right)
    return {};
  return {Origin::get(left.getContext(), left, right), (left.getValue() + "." + word).str()};
}
Expression product(Arguments arguments) { return ofTwo<ProductAttr>(arguments, "product"); }
Expression sum(Arguments arguments) { return ofTwo<SumAttr>(arguments, "sum"); }

Expression concat(Arguments arguments) {
  SmallVector<FlatSymbolRefAttr> parts;
  for (PDLValue argument : arguments)
    parts.push_back(symbolOf(argument.cast<Attribute>()));
  if (!llvm::all_of(parts, [](Attribute part) { return bool(part); }))
    return {};
  return {ConcatAttr::get(parts[0].getContext(), parts), (parts[0].getValue() + ".concat").str()};
}

template <typename Origin> Expression range(Arguments arguments, StringRef word) {
  FlatSymbolRefAttr weight = symbolOf(arguments[0].cast<Attribute>());
  auto from = dyn_cast<IntegerAttr>(arguments[1].cast<Attribute>()),
       to = dyn_cast<IntegerAttr>(arguments[2].cast<Attribute>());
  if (!weight || !from || !to || !from.getType().isInteger(64) || !to.getType().isInteger(64))
    return {};
  return {Origin::get(weight.getContext(), weight, from.getInt(), to.getInt()),
          (weight.getValue() + "." + word).str()};
}
Expression rows(Arguments arguments) { return range<RowsAttr>(arguments, "rows"); }
Expression columns(Arguments arguments) { return range<ColumnsAttr>(arguments, "columns"); }

using Express = Expression (*)(Arguments);

/// The type of the new weight; a refusal where dialect/README.md's rules forbid it.
FailureOr<RankedTensorType> typeOf(PatternRewriter &rewriter, const Expression &expression) {
  if (!expression.origin) {
    (void)refuse(rewriter, "expected one weight each and numbers of the declared kinds");
    return failure();
  }
  Operation *function = functionOf(rewriter);
  std::string why;
  ScopedDiagnosticHandler quiet(function->getContext(), [&](Diagnostic &diagnostic) {
    why = diagnostic.str();
    return success();
  });
  SymbolTableCollection symbols;
  auto shape = derivedShape(function, expression.origin, symbols);
  if (failed(shape)) {
    (void)refuse(rewriter, StringRef(why).split(" op ").second); // says of which op
    return failure();
  }
  return RankedTensorType::get(*shape, rewriter.getF32Type());
}

template <Express express>
LogicalResult canDerive(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  return success(succeeded(typeOf(rewriter, express(arguments))));
}

/// The weight of this expression, made behind those that it names unless the module has it. So
/// a pattern that fires again finds what it made before.
template <Express express>
LogicalResult derive(PatternRewriter &rewriter, PDLResultList &results, Arguments arguments) {
  Expression expression = express(arguments);
  FailureOr<RankedTensorType> type = typeOf(rewriter, expression);
  if (failed(type))
    return failure();
  auto module = functionOf(rewriter)->getParentOfType<ModuleOp>();
  WeightOp known, last;
  llvm::StringSet<> names;
  SmallVector<FlatSymbolRefAttr> parts = derivedFrom(expression.origin);
  for (WeightOp weight : module.getOps<WeightOp>()) {
    if (weight.getOrigin() == expression.origin && !weight.getFormat() && !weight.getOffset())
      known = weight;
    if (llvm::is_contained(parts, FlatSymbolRefAttr::get(weight.getSymNameAttr())))
      last = weight;
  }
  for (Operation &op : *module.getBody())
    if (auto name = SymbolTable::getSymbolName(&op))
      names.insert(name.getValue());
  if (!known) {
    std::string name = expression.name;
    for (unsigned i = 2; names.contains(name); ++i)
      name = expression.name + "." + std::to_string(i);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointAfter(last);
    known = WeightOp::create(rewriter, last.getLoc(), name, *type, expression.origin);
  }
  Attribute result = FlatSymbolRefAttr::get(known.getSymNameAttr());
  // A list of one weight stays one, so that a linear's attribute can be given at once.
  if (isa<ArrayAttr>(arguments[0].cast<Attribute>()))
    result = rewriter.getArrayAttr(result);
  results.push_back(result);
  return success();
}

//===-- Groups ------------------------------------------------------------===//

SmallVector<Operation *> opsOf(Arguments arguments) {
  return llvm::map_to_vector(arguments, [](PDLValue op) { return op.cast<Operation *>(); });
}

LogicalResult canGroup(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  std::optional<GroupRefusal> refusal = whyNoGroup(opsOf(arguments));
  if (!refusal)
    return success();
  return refuse(rewriter, "CanGroup [" + refusal->code + "]: " + refusal->why);
}

LogicalResult group(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  auto made = groupOps(rewriter, opsOf(arguments));
  if (auto *refusal = std::get_if<GroupRefusal>(&made))
    return refuse(rewriter, "Group [" + refusal->code + "]: " + refusal->why);
  return success();
}

//===-- Names -------------------------------------------------------------===//

LogicalResult nameAfter(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  Operation *op = arguments[0].cast<Operation *>();
  rewriter.modifyOpInPlace(
      op, [&] { op->setLoc(arguments[1].cast<Operation *>()->getLoc()); });
  return success();
}

LogicalResult named(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  auto name = dyn_cast<StringAttr>(arguments[1].cast<Attribute>());
  if (!name || name.getValue().empty())
    return refuse(rewriter, "Named: expected a name in quotes");
  Operation *op = arguments[0].cast<Operation *>();
  rewriter.modifyOpInPlace(op, [&] { op->setLoc(NameLoc::get(name, op->getLoc())); });
  return success();
}

} // namespace

ArrayRef<NativePattern> nativePatterns() {
  constexpr auto constraint = NativePattern::constraint, rewrite = NativePattern::rewrite;
  static constexpr NativePattern own[] = {
      {"CanAdd", constraint, "aa", "", canDerive<sum>},
      {"CanConcat", constraint, "aa", "", canDerive<concat>},
      {"CanConcat3", constraint, "aaa", "", canDerive<concat>},
      {"CanGroup2", constraint, "oo", "", canGroup},
      {"CanGroup3", constraint, "ooo", "", canGroup},
      {"CanGroup4", constraint, "oooo", "", canGroup},
      {"CanGroup5", constraint, "ooooo", "", canGroup},
      {"CanMultiply", constraint, "aa", "", canDerive<product>},
      {"CanScale", constraint, "aa", "", canDerive<scaled>},
      {"CanTakeColumns", constraint, "aaa", "", canDerive<columns>},
      {"CanTakeRows", constraint, "aaa", "", canDerive<rows>},
      {"ColumnsOfWeight", rewrite, "aaa", "a", derive<columns>},
      {"ConcatWeights", rewrite, "aa", "a", derive<concat>},
      {"ConcatWeights3", rewrite, "aaa", "a", derive<concat>},
      {"Group2", rewrite, "oo", "", group},
      {"Group3", rewrite, "ooo", "", group},
      {"Group4", rewrite, "oooo", "", group},
      {"Group5", rewrite, "ooooo", "", group},
      {"HasNoWeights", constraint, "a", "", hasNoWeights},
      {"HasOneUse", constraint, "v", "", hasOneUse},
      {"IsConstantWeight", constraint, "a", "", isConstantWeight},
      {"NameAfter", rewrite, "oo", "", nameAfter},
      {"Named", rewrite, "oa", "", named},
      {"OfDecoder", constraint, "o", "", ofSide<Side::decoder>},
      {"OfEncoder", constraint, "o", "", ofSide<Side::encoder>},
      {"Output", rewrite, "oa", "v", output},
      {"ProductWeight", rewrite, "aa", "a", derive<product>},
      {"RowsOfWeight", rewrite, "aaa", "a", derive<rows>},
      {"SameBlock", constraint, "oo", "", sameBlock},
      {"SameRows", constraint, "oo", "", sameRows},
      {"SameSide", constraint, "vv", "", sameSide},
      {"SameWidth", constraint, "vv", "", sameWidth},
      {"ScaledWeight", rewrite, "aa", "a", derive<scaled>},
      {"SumWeight", rewrite, "aa", "a", derive<sum>},
      {"Times", rewrite, "aa", "a", timesNumber},
      {"TypeList2", rewrite, "tt", "T", listOfTypes},
      {"TypeList3", rewrite, "ttt", "T", listOfTypes},
      {"WeightList", rewrite, "a", "a", listOfWeights},
      {"WeightList2", rewrite, "aa", "a", listOfWeights},
      {"WeightList3", rewrite, "aaa", "a", listOfWeights},
      {"WeightOf", rewrite, "a", "a", weightOfList},
  };
  static const std::vector<NativePattern> all = [] {
    std::vector<NativePattern> both(std::begin(own), std::end(own));
    llvm::append_range(both, nativeTexts());
    return both;
  }();
  return all;
}

} // namespace encdec
