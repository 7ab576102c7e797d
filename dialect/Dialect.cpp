// Registration, and how sides, handles and origins are parsed and checked.
#include "dialect/Dialect.h"
#include "dialect/Schema.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;

// Both handles read !encdec.name<heads x head size>, with `, bf16` where not f32.
static ParseResult parseHandle(AsmParser &parser, int64_t &heads, int64_t &headSize,
                               Type &element) {
  SmallVector<int64_t, 2> sizes;
  SMLoc at = parser.getCurrentLocation();
  element = Float32Type::get(parser.getContext());
  if (parser.parseDimensionList(sizes, /*allowDynamic=*/false,
                                /*withTrailingX=*/false) ||
      (succeeded(parser.parseOptionalComma()) && parser.parseType(element)))
    return failure();
  if (sizes.size() != 2)
    return parser.emitError(at) << "expected heads x head size, but got "
                                << sizes.size() << " sizes";
  heads = sizes[0];
  headSize = sizes[1];
  return success();
}
static void printHandle(AsmPrinter &printer, int64_t heads, int64_t headSize,
                        Type element) {
  printer << heads << "x" << headSize;
  if (!element.isF32())
    printer << ", " << element;
}

// The constant of a scaled weight, as an APFloat of f64.
static ParseResult parseFactor(AsmParser &parser, FailureOr<APFloat> &factor) {
  double value = 0;
  if (parser.parseFloat(value))
    return failure();
  factor = APFloat(value);
  return success();
}
static void printFactor(AsmPrinter &printer, const APFloat &factor) {
  printer.printFloat(factor);
}

#include "dialect/Dialect.cpp.inc"
#include "dialect/Enums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/Attributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/Types.cpp.inc"

#include "dialect/Interfaces.cpp.inc"

namespace {
/// Sides print as #encoder and #decoder, so that an op's line fits on a screen.
struct SideAliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    auto side = dyn_cast<SideAttr>(attribute);
    if (!side)
      return AliasResult::NoAlias;
    os << stringifySide(side.getValue());
    return AliasResult::FinalAlias;
  }
};
} // namespace

void EncDecDialect::initialize() {
  addInterfaces<SideAliases>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Attributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/Types.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/Ops.cpp.inc"
      >();
}

std::optional<Side> encdec::sideOf(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    if (auto side = dyn_cast_or_null<SideAttr>(tensor.getEncoding()))
      return side.getValue();
  return std::nullopt;
}

std::optional<Side> encdec::sideOf(Value value) {
  return sideOf(value.getType());
}

RankedTensorType encdec::rowsType(MLIRContext *context, int64_t width,
                                  Side side) {
  return RankedTensorType::get({ShapedType::kDynamic, width},
                               Float32Type::get(context),
                               SideAttr::get(context, side));
}

RankedTensorType encdec::scoresType(MLIRContext *context, int64_t heads,
                                    Side side) {
  return RankedTensorType::get(
      {heads, ShapedType::kDynamic, ShapedType::kDynamic},
      Float32Type::get(context), SideAttr::get(context, side));
}

RankedTensorType encdec::relativeBiasType(MLIRContext *context, int64_t heads, Side side) {
  return RankedTensorType::get({heads, ShapedType::kDynamic}, Float32Type::get(context),
                               SideAttr::get(context, side));
}

RankedTensorType encdec::idsType(MLIRContext *context, Side side) {
  return RankedTensorType::get({ShapedType::kDynamic},
                               IntegerType::get(context, 32),
                               SideAttr::get(context, side));
}

RankedTensorType encdec::indexType(MLIRContext *context) {
  return RankedTensorType::get({ShapedType::kDynamic},
                               IntegerType::get(context, 32));
}

RankedTensorType encdec::ancestorsType(MLIRContext *context) {
  return RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic},
                               IntegerType::get(context, 32));
}

std::pair<RankedTensorType, RankedTensorType>
encdec::topTypes(MLIRContext *context, Side side) {
  SmallVector<int64_t> shape(2, ShapedType::kDynamic);
  return {RankedTensorType::get(shape, IntegerType::get(context, 32),
                                SideAttr::get(context, side)),
          RankedTensorType::get(shape, Float32Type::get(context))};
}

LogicalResult encdec::verifySizes(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<int64_t> sizes) {
  // Padding and bytes multiply the elements by at most 2^11.
  int64_t room = int64_t(1) << 48;
  for (int64_t size : sizes)
    if (size > 0) // dynamic sizes are negative
      room /= size;
  if (room > 0)
    return success();
  InFlightDiagnostic error = emitError();
  error << "expected at most 2^48 elements, but got sizes ";
  auto print = [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      error << "?";
    else
      error << size;
  };
  llvm::interleave(sizes, error, print, "x");
  return failure();
}

// A side makes sense on sequences: ids, activations, scores.
LogicalResult
SideAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                         function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.empty() || shape.size() > 3)
    return emitError() << "expected a tensor of 1 to 3 dimensions with a side, "
                          "but got "
                       << shape.size();
  if (!elementType.isF32() && !elementType.isInteger(32))
    return emitError()
           << "expected f32 or i32 elements in a tensor with a side, "
              "but got "
           << elementType;
  return verifySizes(emitError, shape);
}

Attribute SeededAttr::parse(AsmParser &parser, Type) {
  uint64_t seed = 0;
  double scale = 0;
  if (parser.parseLess() || parser.parseInteger(seed) || parser.parseComma() ||
      parser.parseFloat(scale) || parser.parseGreater())
    return {};
  return SeededAttr::get(parser.getContext(), seed, scale);
}

void SeededAttr::print(AsmPrinter &printer) const {
  printer << "<" << getSeed() << ", ";
  printer.printFloat(getScale());
  printer << ">";
}

LogicalResult ScaledAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 FlatSymbolRefAttr, APFloat factor) {
  if (factor.isFinite())
    return success();
  return emitError() << "expected a finite factor, but got "
                     << (factor.isNaN() ? "NaN" : "an infinite one");
}

LogicalResult ConcatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<FlatSymbolRefAttr> parts) {
  if (!parts.empty())
    return success();
  return emitError() << "expected at least one part, but got none";
}

static LogicalResult verifyHandle(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t heads, int64_t headSize,
                                  Type element) {
  if (!element.isF32() && !element.isBF16())
    return emitError() << "expected elements of f32 or bf16, but got "
                       << element;
  if (heads <= 0 || headSize <= 0)
    return emitError() << "expected positive heads and head size, but got "
                       << heads << " and " << headSize;
  return verifySizes(emitError, {heads, headSize});
}
LogicalResult MemoryType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t heads, int64_t headSize,
                                 Type element) {
  return verifyHandle(emitError, heads, headSize, element);
}
LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t heads, int64_t headSize, Type element) {
  return verifyHandle(emitError, heads, headSize, element);
}

/// Lists of ascending ids, by name.
static LogicalResult verifyShortlists(Operation *op, Attribute value) {
  auto lists = dyn_cast<DictionaryAttr>(value);
  if (!isa<ModuleOp>(op) || !lists)
    return op->emitOpError("expected encdec.shortlists to be a dictionary of a module");
  for (NamedAttribute list : lists) {
    auto ids = dyn_cast<DenseI32ArrayAttr>(list.getValue());
    if (!ids || ids.empty() || ids[0] < 0 ||
        llvm::adjacent_find(ids.asArrayRef(), std::greater_equal<>()) != ids.asArrayRef().end())
      return op->emitOpError("expected the shortlist ")
             << list.getName() << " to be an array of ascending ids";
  }
  return success();
}

/// A function's list is one of its module's.
static LogicalResult verifyShortlist(Operation *op, Attribute value) {
  auto number = dyn_cast<IntegerAttr>(value);
  auto module = op->getParentOfType<ModuleOp>();
  auto lists = module ? module->getAttrOfType<DictionaryAttr>(kShortlistsAttr) : DictionaryAttr();
  const int64_t count = lists ? lists.size() : 0;
  if (!isa<func::FuncOp>(op) || !number || number.getInt() < 1 || number.getInt() > count)
    return op->emitOpError("expected encdec.shortlist of a func.func to number one of its "
                           "module's ")
           << count << " encdec.shortlists, from 1 on, but got " << value;
  return success();
}

LogicalResult
EncDecDialect::verifyOperationAttribute(Operation *op,
                                        NamedAttribute attribute) {
  if (attribute.getName() == kModelAttr || attribute.getName() == kGenerationAttr)
    return verifyDictionary(op, attribute);
  if (attribute.getName() == kShortlistsAttr)
    return verifyShortlists(op, attribute.getValue());
  if (attribute.getName() == kShortlistAttr)
    return verifyShortlist(op, attribute.getValue());
  if (attribute.getName() != kEntryAttr)
    return success();
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function)
    return op->emitOpError("expected encdec.entry on a func.func only");
  auto entry = dyn_cast<StringAttr>(attribute.getValue());
  if (!entry || (entry != "encode" && entry != "step"))
    return op->emitOpError(
               "expected encdec.entry to be \"encode\" or \"step\", "
               "but got ")
           << attribute.getValue();
  if (function.isExternal())
    return op->emitOpError("expected encdec.entry on a function with a body, "
                           "but got a declaration");
  return success();
}
