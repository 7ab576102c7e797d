// What ops share: kinds of tensors, pieces of assembly, result types, look-ups.
#include "dialect/Ops.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace encdec;

//===-- Kinds of tensors (named in Ops.td) --------------------------------===//

// `sizes` says which of the sizes are dynamic.
static bool isTensor(Type type, ArrayRef<bool> sizes, bool integer, bool sided) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && (sided ? bool(sideOf(type)) : !tensor.getEncoding()) &&
         (integer ? tensor.getElementType().isInteger(32)
                  : tensor.getElementType().isF32()) &&
         llvm::equal(llvm::map_range(tensor.getShape(), ShapedType::isDynamic), sizes);
}
bool encdec::isRowsTensor(Type t) {
  return isTensor(t, {true, false}, /*integer=*/false, /*sided=*/true);
}
bool encdec::isIdsTensor(Type t) {
  return isTensor(t, {true}, /*integer=*/true, /*sided=*/true);
}
bool encdec::isScoresTensor(Type t) {
  return isTensor(t, {false, true, true}, /*integer=*/false, /*sided=*/true);
}
bool encdec::isRelativeBiasTensor(Type t) {
  return isTensor(t, {false, true}, /*integer=*/false, /*sided=*/true);
}
bool encdec::isLogitBiasTensor(Type t) {
  return isTensor(t, {true, false}, /*integer=*/false, /*sided=*/false);
}
bool encdec::isIndexTensor(Type t) {
  return isTensor(t, {true}, /*integer=*/true, /*sided=*/false);
}
bool encdec::isAncestorsTensor(Type t) {
  return isTensor(t, {true, true}, /*integer=*/true, /*sided=*/false);
}
bool encdec::isTopIdsTensor(Type t) {
  return isTensor(t, {true, true}, /*integer=*/true, /*sided=*/true);
}
bool encdec::isTopValuesTensor(Type t) {
  return isTensor(t, {true, true}, /*integer=*/false, /*sided=*/false);
}

//===-- Pieces of assembly ------------------------------------------------===//

// An optional symbol: a bias beside its weight, "@w @b".
static OptionalParseResult parseSymbol(OpAsmParser &parser,
                                       FlatSymbolRefAttr &symbol) {
  StringAttr name;
  if (failed(parser.parseOptionalSymbolName(name)))
    return std::nullopt;
  symbol = FlatSymbolRefAttr::get(name);
  return success();
}
static void printSymbol(OpAsmPrinter &printer, Operation *,
                        FlatSymbolRefAttr symbol) {
  printer << symbol;
}

// One symbol, or several in brackets.
static ParseResult parseSymbols(OpAsmParser &parser, ArrayAttr &symbols) {
  SmallVector<Attribute> names;
  auto one = [&]() -> ParseResult {
    StringAttr name;
    if (parser.parseSymbolName(name))
      return failure();
    names.push_back(FlatSymbolRefAttr::get(name));
    return success();
  };
  StringAttr single;
  if (succeeded(parser.parseOptionalSymbolName(single)))
    names.push_back(FlatSymbolRefAttr::get(single));
  else if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, one))
    return failure();
  symbols = parser.getBuilder().getArrayAttr(names);
  return success();
}
static void printSymbols(OpAsmPrinter &printer, ArrayAttr symbols) {
  if (symbols.size() == 1)
    printer << symbols[0];
  else
    printer << symbols;
}

// "@w", "@w, @b", "[@w, …], [@b, …]"
static ParseResult parseWeightsAndBiases(OpAsmParser &parser,
                                         ArrayAttr &weights,
                                         ArrayAttr &biases) {
  biases = parser.getBuilder().getArrayAttr({});
  if (parseSymbols(parser, weights))
    return failure();
  if (succeeded(parser.parseOptionalComma()))
    return parseSymbols(parser, biases);
  return success();
}
static void printWeightsAndBiases(OpAsmPrinter &printer, Operation *,
                                  ArrayAttr weights, ArrayAttr biases) {
  printSymbols(printer, weights);
  if (biases.empty())
    return;
  printer << ", ";
  printSymbols(printer, biases);
}

// An activation by its bare word.
static ParseResult parseKind(OpAsmParser &parser, ActivationKindAttr &kind) {
  StringRef word;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  auto known = symbolizeActivationKind(word);
  if (!known)
    return parser.emitError(at)
           << "expected relu, gelu, gelu_tanh or silu, but got " << word;
  kind = ActivationKindAttr::get(parser.getContext(), *known);
  return success();
}
static void printKind(OpAsmPrinter &printer, Operation *,
                      ActivationKindAttr kind) {
  printer << stringifyActivationKind(kind.getValue());
}

// What follows a norm's eps: ", kind = rms", elided where it is layer, and ", sum" where
// there may be one.
static ParseResult parseNormOptions(OpAsmParser &parser, NormKindAttr &kind,
                                    UnitAttr *keepsSum) {
  NormKind norm = NormKind::layer;
  while (succeeded(parser.parseOptionalComma())) {
    if (keepsSum && succeeded(parser.parseOptionalKeyword("sum"))) {
      *keepsSum = parser.getBuilder().getUnitAttr();
      break;
    }
    StringRef word;
    if (parser.parseKeyword("kind") || parser.parseEqual())
      return failure();
    SMLoc at = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return failure();
    auto known = symbolizeNormKind(word);
    if (!known)
      return parser.emitError(at) << "expected layer or rms, but got " << word;
    norm = *known;
  }
  kind = NormKindAttr::get(parser.getContext(), norm);
  return success();
}
static ParseResult parseNormOptions(OpAsmParser &parser, NormKindAttr &kind) {
  return parseNormOptions(parser, kind, /*keepsSum=*/nullptr);
}
static ParseResult parseNormOptions(OpAsmParser &parser, NormKindAttr &kind,
                                    UnitAttr &keepsSum) {
  return parseNormOptions(parser, kind, &keepsSum);
}
static void printNormOptions(OpAsmPrinter &printer, Operation *, NormKindAttr kind,
                             UnitAttr keepsSum = {}) {
  if (kind.getValue() != NormKind::layer)
    printer << ", kind = " << stringifyNormKind(kind.getValue());
  if (keepsSum)
    printer << ", sum";
}

// "gate @w @b, ", or nothing.
static ParseResult parseGate(OpAsmParser &parser, FlatSymbolRefAttr &weight,
                             FlatSymbolRefAttr &bias) {
  StringAttr name;
  if (failed(parser.parseOptionalKeyword("gate")))
    return success();
  if (parser.parseSymbolName(name))
    return failure();
  weight = FlatSymbolRefAttr::get(name);
  parseSymbol(parser, bias);
  return parser.parseComma();
}
static void printGate(OpAsmPrinter &printer, Operation *, FlatSymbolRefAttr weight,
                      FlatSymbolRefAttr bias) {
  if (!weight)
    return;
  printer << "gate " << weight;
  if (bias)
    printer << " " << bias;
  printer << ", ";
}

#define GET_OP_CLASSES
#include "dialect/Ops.cpp.inc"

//===-- Names of results --------------------------------------------------===//

// A result is named after the plain op that makes it ("l0.self.q"): a fused op's location
// begins with those of the ops that its results stand for. Where there are fewer, as with
// an op that makes several results by itself, names are those of Ops.td.
static void nameResults(Operation *op, ArrayRef<StringRef> names,
                        OpAsmSetValueNameFn name) {
  SmallVector<Location> locations{op->getLoc()};
  if (auto fused = dyn_cast<FusedLoc>(op->getLoc()))
    locations.assign(fused.getLocations().begin(), fused.getLocations().end());
  bool own = locations.size() >= op->getNumResults();
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    auto named = own ? locations[i]->findInstanceOf<NameLoc>() : NameLoc();
    name(result, named ? named.getName().getValue()
                       : names[std::min(i, names.size() - 1)]);
  }
}
#define RESULT_NAMES(Op, ...)                                                  \
  void Op::getAsmResultNames(OpAsmSetValueNameFn name) {                       \
    nameResults(*this, {__VA_ARGS__}, name);                                   \
  }
RESULT_NAMES(WeightOp, "")
RESULT_NAMES(EmbedOp, "x")
RESULT_NAMES(LinearOp, "y")
RESULT_NAMES(RelativeBiasOp, "bias")
RESULT_NAMES(ScoresOp, "scores")
RESULT_NAMES(MaskOp, "masked")
RESULT_NAMES(SoftmaxOp, "probs")
RESULT_NAMES(ContextOp, "context")
RESULT_NAMES(AddOp, "sum")
RESULT_NAMES(NormOp, "normed")
RESULT_NAMES(ActivationOp, "hidden")
RESULT_NAMES(TopTokensOp, "tokens", "log_probs")
RESULT_NAMES(MemoryReadOp, "key", "value", "offsets")
RESULT_NAMES(CacheReadOp, "key", "value", "offsets", "rows")
RESULT_NAMES(CacheAppendOp, "")
RESULT_NAMES(MemoryProjectOp, "")
RESULT_NAMES(SelfAttentionOp, "context", "probs")
RESULT_NAMES(CrossAttentionOp, "context", "probs")
RESULT_NAMES(FfnOp, "ffn")
RESULT_NAMES(AddNormOp, "normed", "sum")
// One plain op makes both, as of top_tokens.
void VocabularyOp::getAsmResultNames(OpAsmSetValueNameFn name) {
  name(getTokens(), "tokens");
  name(getLogProbs(), "log_probs");
}

//===-- Builders and accessors --------------------------------------------===//

void WeightOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                     RankedTensorType type, Attribute origin) {
  build(
      builder, state, builder.getStringAttr(name), TypeAttr::get(type), origin,
      /*format=*/StringAttr(), /*layout=*/PackedAttr(), /*offset=*/IntegerAttr(),
      /*scale_offset=*/IntegerAttr(), /*bans=*/UnitAttr());
}

RankedTensorType WeightOp::getTensorType() {
  return cast<RankedTensorType>(getType());
}

const WeightFormat &WeightOp::getStored() {
  const WeightFormat *format = getFormat() ? findWeightFormat(*getFormat()) : nullptr;
  return format ? *format : weightFormats().front();
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Type output,
                     Value input, FlatSymbolRefAttr weight,
                     FlatSymbolRefAttr bias) {
  SmallVector<Attribute> biases;
  if (bias)
    biases.push_back(bias);
  build(builder, state, TypeRange(output), input, builder.getArrayAttr(weight),
        builder.getArrayAttr(biases));
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Type output,
                     Value input, StringRef weight, StringRef bias) {
  MLIRContext *context = builder.getContext();
  build(builder, state, output, input, FlatSymbolRefAttr::get(context, weight),
        bias.empty() ? FlatSymbolRefAttr()
                     : FlatSymbolRefAttr::get(context, bias));
}

FlatSymbolRefAttr LinearOp::getWeight(unsigned i) {
  return cast<FlatSymbolRefAttr>(getWeights()[i]);
}
FlatSymbolRefAttr LinearOp::getBias(unsigned i) {
  return getBiases().empty() ? FlatSymbolRefAttr()
                             : cast<FlatSymbolRefAttr>(getBiases()[i]);
}

//===-- Result types ------------------------------------------------------===//

// Types are inferred before operands and attributes are verified, so a side, or anything
// else, may be missing; the verifier reports it then.
static Side sideOr(Value value, Side other) {
  return sideOf(value).value_or(other);
}
int64_t encdec::widthOf(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && tensor.getRank() ? tensor.getShape().back() : 1;
}

// A rewrite pattern makes ops with a dictionary of attributes, and maybe without one that
// its verifier will ask for: null then.
template <typename Kind, typename Adaptor>
static Kind attributeOf(Adaptor op, StringRef name, Kind property) {
  if (property || !op.getAttributes())
    return property;
  return op.getAttributes().template getAs<Kind>(name);
}

// Operands are counted from the first, since the sizes of optional ones may be missing too.
LogicalResult ScoresOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location>, Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  auto heads = attributeOf(op, "heads", op.getHeadsAttr());
  types.push_back(scoresType(context, heads ? heads.getInt() : 1,
                             sideOr(op.getOperands().front(), Side::decoder)));
  return success();
}

LogicalResult ContextOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location>, Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  types.push_back(rowsType(context, widthOf(op.getValue()),
                           sideOr(op.getProbs(), Side::decoder)));
  return success();
}

template <typename Adaptor>
static LogicalResult inferAttention(MLIRContext *context, Adaptor op,
                                    SmallVectorImpl<Type> &types) {
  Side side = sideOr(op.getOperands()[0], Side::decoder); // query, key, value
  types.push_back(rowsType(context, widthOf(op.getOperands()[2]), side));
  if (auto heads = attributeOf(op, "probs_heads", op.getProbsHeadsAttr()))
    types.push_back(scoresType(context, heads.size(), side));
  return success();
}
LogicalResult SelfAttentionOp::inferReturnTypes(MLIRContext *context,
                                                std::optional<Location>,
                                                Adaptor op,
                                                SmallVectorImpl<Type> &types) {
  return inferAttention(context, op, types);
}
LogicalResult CrossAttentionOp::inferReturnTypes(MLIRContext *context,
                                                 std::optional<Location>,
                                                 Adaptor op,
                                                 SmallVectorImpl<Type> &types) {
  return inferAttention(context, op, types);
}

LogicalResult AddNormOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                          Adaptor op, SmallVectorImpl<Type> &types) {
  bool keepsSum = bool(attributeOf(op, "keeps_sum", op.getKeepsSumAttr()));
  types.append(keepsSum ? 2 : 1, op.getInput().getType());
  return success();
}

static void inferTokens(MLIRContext *context, Value rows,
                        SmallVectorImpl<Type> &types) {
  auto [ids, values] = topTypes(context, sideOr(rows, Side::decoder));
  types.append({ids, values});
}
LogicalResult TopTokensOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location>, Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  inferTokens(context, op.getLogits(), types);
  return success();
}
LogicalResult VocabularyOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location>,
                                             Adaptor op,
                                             SmallVectorImpl<Type> &types) {
  inferTokens(context, op.getInput(), types);
  return success();
}

LogicalResult MemoryReadOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location>,
                                             Adaptor op,
                                             SmallVectorImpl<Type> &types) {
  auto memory = dyn_cast<MemoryType>(op.getMemory().getType());
  Type rows = rowsType(context, memory ? memory.getWidth() : 1, Side::encoder);
  types.append({rows, rows, indexType(context)});
  return success();
}

LogicalResult CacheReadOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location>, Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  auto cache = dyn_cast<CacheType>(op.getCache().getType());
  Type rows = rowsType(context, cache ? cache.getWidth() : 1, Side::decoder);
  types.append({rows, rows, indexType(context), indexType(context)});
  return success();
}

//===-- Look-ups ----------------------------------------------------------===//

WeightOp encdec::lookupWeight(Operation *from, FlatSymbolRefAttr name) {
  if (!name)
    return {};
  return SymbolTable::lookupNearestSymbolFrom<WeightOp>(from, name);
}

WeightOp encdec::lookupWeight(SymbolTableCollection &symbols, Operation *from,
                              FlatSymbolRefAttr name) {
  if (!name)
    return {};
  return symbols.lookupNearestSymbolFrom<WeightOp>(from, name);
}

StringRef encdec::entryOf(Operation *op) {
  auto function = isa<func::FuncOp>(op) ? cast<func::FuncOp>(op)
                                        : op->getParentOfType<func::FuncOp>();
  if (!function)
    return {};
  auto entry = function->getAttrOfType<StringAttr>(kEntryAttr);
  return entry ? entry.getValue() : StringRef();
}

Operation *encdec::originOf(Value probs) {
  // In code that is never reached, ops may feed each other in a circle.
  llvm::SmallPtrSet<Operation *, 4> seen;
  Operation *op = probs.getDefiningOp();
  while (isa_and_present<MaskOp, SoftmaxOp>(op)) {
    if (!seen.insert(op).second)
      return nullptr;
    op = op->getOperand(0).getDefiningOp();
  }
  return op;
}

ScoresOp encdec::scoresBehind(Value probs) {
  return dyn_cast_if_present<ScoresOp>(originOf(probs));
}

BlockArgument encdec::argumentNamed(func::FuncOp function, StringRef name) {
  for (BlockArgument argument : function.getArguments()) {
    auto attribute = function.getArgAttrOfType<StringAttr>(
        argument.getArgNumber(), kArgAttr);
    if (attribute && attribute.getValue() == name)
      return argument;
  }
  return {};
}
