// The encdec_kernel dialect: assembly and verifiers.
#include "compiler/schedule/Schedule.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::kernel;

//===-- Assembly -----------------------------------------------------------===//

static FailureOr<StringAttr> parseName(AsmParser &parser) {
  std::string name;
  if (parser.parseString(&name))
    return failure();
  return StringAttr::get(parser.getContext(), name);
}

// Printed even where it is the default, all.
static void printPart(AsmPrinter &printer, Part part) { printer << stringifyPart(part); }
static ParseResult parsePart(AsmParser &parser, Part &part) {
  FailureOr<Part> found = FieldParser<Part>::parse(parser);
  part = found.value_or(part);
  return failure(failed(found));
}

static FailureOr<int64_t> parseOptionalCount(AsmParser &parser) {
  auto count = FieldParser<std::optional<int64_t>>::parse(parser);
  return failed(count) ? FailureOr<int64_t>(failure()) : count->value_or(1);
}

// (%x : read all, %y : read rows) to arena <per_row = 64> : write rows, output "z" : write one
static void printValues(OpAsmPrinter &printer, CallOp call, OperandRange, ArrayAttr,
                        ArrayAttr) {
  printer << "(";
  llvm::interleaveComma(llvm::enumerate(call.getOperands()), printer, [&](auto at) {
    printer << at.value() << " :";
    printer.printStrippedAttrOrType(call.operandAccess(at.index()));
  });
  printer << ")";
  for (unsigned i = 0; i < call.getNumResults(); ++i) {
    printer << (i ? "," : " to");
    printer.printStrippedAttrOrType(call.buffer(i));
    printer << " :";
    printer.printStrippedAttrOrType(call.resultAccess(i));
  }
}

static ParseResult parseValues(OpAsmParser &parser,
                               SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
                               ArrayAttr &accesses, ArrayAttr &buffers) {
  SmallVector<Attribute> how, where;
  auto access = [&]() -> ParseResult {
    AccessAttr access;
    if (parser.parseColon() || parser.parseCustomAttributeWithFallback(access))
      return failure();
    how.push_back(access);
    return success();
  };
  auto operand = [&]() -> ParseResult {
    return failure(parser.parseOperand(operands.emplace_back()) || access());
  };
  auto result = [&]() -> ParseResult {
    BufferAttr buffer;
    if (parser.parseCustomAttributeWithFallback(buffer))
      return failure();
    where.push_back(buffer);
    return access();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, operand) ||
      (succeeded(parser.parseOptionalKeyword("to")) && parser.parseCommaSeparatedList(result)))
    return failure();
  accesses = parser.getBuilder().getArrayAttr(how);
  buffers = parser.getBuilder().getArrayAttr(where);
  return success();
}

#include "compiler/schedule/KernelDialect.cpp.inc"
#include "compiler/schedule/KernelEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/schedule/KernelAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "compiler/schedule/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/schedule/KernelAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/schedule/KernelOps.cpp.inc"
      >();
}

void CallOp::getAsmResultNames(OpAsmSetValueNameFn name) {
  auto loc = getLoc()->findInstanceOf<NameLoc>();
  for (Value value : getValues())
    name(value, loc ? loc.getName().strref() : getKernel());
}

//===-- Verifiers ----------------------------------------------------------===//

LogicalResult SplitAttr::verify(function_ref<InFlightDiagnostic()> error, Part kind,
                                int64_t count) {
  if (kind > Part::data)
    return error() << "expected units that work can be split into, but got "
                   << stringifyPart(kind);
  if (count < 1)
    return error() << "expected a positive count of units, but got " << count;
  if (count > 1 && (kind == Part::rows || kind == Part::data))
    return error() << "expected no count of units that are " << stringifyPart(kind)
                   << ", but got " << count;
  return success();
}

LogicalResult SizeAttr::verify(function_ref<InFlightDiagnostic()> error, int64_t fixed,
                               int64_t perKey, int64_t perRow) {
  // K is a multiple of 16: 4 bytes a key are a cache line.
  if (fixed < 0 || perKey < 0 || perRow < 0 || fixed % 64 || perKey % 4 || perRow % 64)
    return error() << "expected a formula that is never negative and always a multiple "
                      "of 64, but got "
                   << fixed << " + " << perKey << " * keys + " << perRow << " * rows";
  return success();
}

template <typename... Attr> static bool areAll(ArrayAttr list) {
  return llvm::all_of(list, [](Attribute a) { return isa<Attr...>(a); });
}

// The function around `call`, if an argument of it is `value`.
static std::optional<unsigned> argumentNumber(CallOp call, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner()->getParentOp() != call->getParentOp())
    return std::nullopt;
  return argument.getArgNumber();
}

static LogicalResult verifyAccess(CallOp call, const Access &access, bool isResult,
                                  unsigned i) {
  auto error = [&]() -> InFlightDiagnostic {
    return call.emitOpError(isResult ? "result #" : "operand #") << i << ": ";
  };
  AccessAttr how = access.how;
  BufferAttr buffer = bufferOf(access.value);
  if (isResult && !how.writes()) // C2
    return error() << "expected it to be written or updated, but got "
                   << stringifyMode(how.getMode());
  if (how.writes() && !isExclusive(access)) { // C3
    Part units = call.getSplit().getKind();
    return error() << "expected a written part that no other worker has (own"
                   << (units == Part::data ? " or one" : ", one or ")
                   << (units == Part::data ? "" : stringifyPart(units)) << "), but got "
                   << stringifyPart(how.getPart());
  }
  if (how.getPart() == Part::own && (!buffer || buffer.getSpace() != Space::scratch)) // C4
    return error() << "expected a value in scratch, of which workers have their own";
  if (how.getFrom() && (how.getPart() != Part::panels || how.getFrom() < 0 ||
                        how.getFrom() >= call.getSplit().getCount())) // C5
    return error() << "expected panels from less than " << call.getSplit().getCount()
                   << " on, but got " << stringifyPart(how.getPart()) << " from "
                   << how.getFrom();
  std::optional<unsigned> argument = argumentNumber(call, access.value);
  auto function = call->getParentOfType<func::FuncOp>();
  if (how.getMode() == Mode::input &&
      (!argument || function.getArgAttr(*argument, "encdec.arg") != how.getInput())) // C6
    return error() << "expected the entry's argument " << how.getInput();
  if (how.getMode() == Mode::input && handleOf(access.value)) // C6
    return error() << "expected a handle to be read, written or updated, but got input";
  if (how.getMode() != Mode::input && argument && !handleOf(access.value)) // C6
    return error() << "expected an input or a handle of the entry";
  if (!argument && !access.value.getDefiningOp<CallOp>()) // C7
    return error() << "expected an argument of the entry or the result of a call";
  return success();
}

// C8: bytes of the elements at one index of the dynamic dimension, rows or keys.
static LogicalResult verifyRoom(CallOp call, unsigned i) {
  BufferAttr buffer = call.buffer(i);
  auto type = dyn_cast<RankedTensorType>(call.getResult(i).getType());
  if (buffer.getSpace() == Space::output || !type || !type.getElementType().isIntOrFloat())
    return success();
  uint64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      bytes = llvm::SaturatingMultiply(bytes, uint64_t(size));
  SizeAttr size = buffer.getSize();
  int64_t room = type.hasStaticShape() ? size.getFixed()
                                       : std::max(size.getPerRow(), size.getPerKey());
  if (type.getNumDynamicDims() < 2 && bytes <= uint64_t(room))
    return success();
  return call.emitOpError("result #")
         << i << ": expected a buffer with room for " << type << ", " << bytes << " bytes"
         << (type.hasStaticShape() ? "" : " a row or key") << ", but got " << size;
}

LogicalResult CallOp::verify() {
  if (getAccesses().size() != getNumOperands() + getNumResults() ||
      getBuffers().size() != getNumResults() ||
      !areAll<AccessAttr>(getAccesses()) || !areAll<BufferAttr>(getBuffers()) ||
      !areAll<WeightAttr, UnitAttr>(getWeights())) // C1
    return emitOpError("expected an access for each operand and result and a buffer for "
                       "each result, but got ")
           << getAccesses().size() << " accesses and " << getBuffers().size()
           << " buffers of " << getNumOperands() << " operands and " << getNumResults()
           << " results";
  for (auto [i, access] : llvm::enumerate(accessesOf(*this))) {
    bool isResult = i >= getNumOperands();
    if (failed(verifyAccess(*this, access, isResult,
                            unsigned(isResult ? i - getNumOperands() : i))))
      return failure();
  }
  for (unsigned i = 0; i < getNumResults(); ++i)
    if (failed(verifyRoom(*this, i)))
      return failure();
  return success();
}
