// The encdec_kernel dialect: assembly and verifiers.
#include "compiler/schedule/Schedule.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "compiler/schedule/KernelDialect.cpp.inc"
#include "compiler/schedule/KernelEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/schedule/KernelAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "compiler/schedule/KernelOps.cpp.inc"

using namespace mlir;
using namespace encdec;
using namespace encdec::kernel;

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

//===-- Attributes ---------------------------------------------------------===//

// One word of an enumeration.
template <typename Enum>
static FailureOr<Enum> parseWord(AsmParser &parser, StringRef what,
                                 std::optional<Enum> (*symbolize)(StringRef)) {
  StringRef word;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  if (std::optional<Enum> value = symbolize(word))
    return *value;
  return parser.emitError(at) << "unknown " << what << " '" << word << "'";
}

// A string, as an attribute would take the colon behind it for that of a type.
static FailureOr<StringAttr> parseName(AsmParser &parser) {
  std::string name;
  if (parser.parseString(&name))
    return failure();
  return StringAttr::get(parser.getContext(), name);
}

// read all · write panels from 32 · input "positions"
static void printAccess(AsmPrinter &printer, AccessAttr access) {
  printer << stringifyMode(access.getMode()) << ' ';
  if (access.getMode() == Mode::input) {
    printer << access.getInput();
    return;
  }
  printer << stringifyPart(access.getPart());
  if (access.getFrom())
    printer << " from " << access.getFrom();
}
static FailureOr<AccessAttr> parseAccess(AsmParser &parser) {
  MLIRContext *context = parser.getContext();
  auto mode = parseWord<Mode>(parser, "mode", symbolizeMode);
  if (failed(mode))
    return failure();
  if (*mode == Mode::input) {
    FailureOr<StringAttr> name = parseName(parser);
    if (failed(name))
      return failure();
    return AccessAttr::get(context, *mode, Part::all, 0, *name);
  }
  auto part = parseWord<Part>(parser, "part", symbolizePart);
  int64_t from = 0;
  if (failed(part) ||
      (succeeded(parser.parseOptionalKeyword("from")) && parser.parseInteger(from)))
    return failure();
  return AccessAttr::get(context, *mode, *part, from, StringAttr());
}

void AccessAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printAccess(printer, *this);
  printer << '>';
}
Attribute AccessAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<AccessAttr> access = parseAccess(parser);
  if (failed(access) || parser.parseGreater())
    return {};
  return *access;
}

// rows · panels 32
static void printSplit(AsmPrinter &printer, SplitAttr split) {
  printer << stringifyPart(split.getKind());
  if (split.getCount() != 1)
    printer << ' ' << split.getCount();
}
static SplitAttr parseSplit(AsmParser &parser) {
  auto kind = parseWord<Part>(parser, "split", symbolizePart);
  int64_t count = 1;
  if (failed(kind))
    return {};
  OptionalParseResult counted = parser.parseOptionalInteger(count);
  if (counted.has_value() && failed(*counted))
    return {};
  return parser.getChecked<SplitAttr>(parser.getContext(), *kind, count);
}
void SplitAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printSplit(printer, *this);
  printer << '>';
}
Attribute SplitAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  SplitAttr split = parseSplit(parser);
  if (!split || parser.parseGreater())
    return {};
  return split;
}
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

// arena <per_row = 64> · output "tokens"
static void printBuffer(AsmPrinter &printer, BufferAttr buffer) {
  printer << stringifySpace(buffer.getSpace()) << ' ';
  if (buffer.getSpace() == Space::output)
    printer << buffer.getOutput();
  else
    printer.printStrippedAttrOrType(buffer.getSize());
}
static BufferAttr parseBuffer(AsmParser &parser) {
  MLIRContext *context = parser.getContext();
  auto space = parseWord<Space>(parser, "space", symbolizeSpace);
  if (failed(space))
    return {};
  if (*space == Space::output) {
    FailureOr<StringAttr> name = parseName(parser);
    if (failed(name))
      return {};
    return BufferAttr::get(context, *space, SizeAttr(), *name);
  }
  auto size = FieldParser<SizeAttr>::parse(parser);
  if (failed(size))
    return {};
  return BufferAttr::get(context, *space, *size, StringAttr());
}
void BufferAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printBuffer(printer, *this);
  printer << '>';
}
Attribute BufferAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  BufferAttr buffer = parseBuffer(parser);
  if (!buffer || parser.parseGreater())
    return {};
  return buffer;
}

//===-- Assembly of a call -------------------------------------------------===//

void CallOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getKernelAttr();
  if (getServes() != getKernel())
    printer << " for " << getServesAttr();
  printer << " (";
  llvm::interleaveComma(llvm::enumerate(getOperands()), printer, [&](auto at) {
    printer << at.value() << " : ";
    printAccess(printer, operandAccess(at.index()));
  });
  printer << ") to (";
  llvm::interleaveComma(llvm::seq(getNumResults()), printer, [&](unsigned i) {
    printBuffer(printer, buffer(i));
    if (SizeAttr at = place(i)) {
      printer << " at ";
      printer.printStrippedAttrOrType(at);
    }
    printer << " : ";
    printAccess(printer, resultAccess(i));
  });
  printer << ") split ";
  printSplit(printer, getSplit());
  printer << " weights " << getWeights() << " cost ";
  printer.printStrippedAttrOrType(getCost());
  if (!getNumbers().empty())
    printer << " numbers " << ArrayAttr::get(getContext(), [&] {
      SmallVector<Attribute> numbers;
      for (int64_t number : getNumbers())
        numbers.push_back(Builder(getContext()).getI64IntegerAttr(number));
      return numbers;
    }());
  printer << ' ' << getConfig();
  printer << " : ";
  printer.printFunctionalType(*this);
}

ParseResult CallOp::parse(OpAsmParser &parser, OperationState &state) {
  Builder &builder = parser.getBuilder();
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Attribute> accesses, buffers, places;
  StringAttr kernel, serves;
  if (parser.parseAttribute(kernel))
    return failure();
  serves = kernel;
  if (succeeded(parser.parseOptionalKeyword("for")) && parser.parseAttribute(serves))
    return failure();
  auto access = [&]() -> ParseResult {
    FailureOr<AccessAttr> access = parser.parseColon() ? FailureOr<AccessAttr>(failure())
                                                       : parseAccess(parser);
    if (succeeded(access))
      accesses.push_back(*access);
    return failure(failed(access));
  };
  auto operand = [&]() -> ParseResult {
    return failure(parser.parseOperand(operands.emplace_back()) || access());
  };
  bool placed = false;
  auto result = [&]() -> ParseResult {
    buffers.push_back(parseBuffer(parser));
    places.push_back(builder.getUnitAttr());
    if (!buffers.back())
      return failure();
    if (succeeded(parser.parseOptionalKeyword("at"))) {
      auto at = FieldParser<SizeAttr>::parse(parser);
      if (failed(at))
        return failure();
      places.back() = *at;
      placed = true;
    }
    return access();
  };
  ArrayAttr weights;
  DictionaryAttr config;
  SmallVector<int64_t> numbers;
  FunctionType type;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, operand) ||
      parser.parseKeyword("to") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, result) ||
      parser.parseKeyword("split"))
    return failure();
  SplitAttr split = parseSplit(parser);
  if (!split || parser.parseKeyword("weights") || parser.parseAttribute(weights) ||
      parser.parseKeyword("cost"))
    return failure();
  auto cost = FieldParser<CostAttr>::parse(parser);
  if (failed(cost))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("numbers")) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
        // Printed as attributes, hence with their type.
        IntegerAttr number;
        if (parser.parseAttribute(number))
          return failure();
        numbers.push_back(number.getInt());
        return success();
      }))
    return failure();
  if (parser.parseAttribute(config) || parser.parseColonType(type) ||
      parser.resolveOperands(operands, type.getInputs(), at, state.operands))
    return failure();
  state.addTypes(type.getResults());
  OperationName name = state.name;
  auto set = [&](StringAttr key, Attribute value) { state.addAttribute(key, value); };
  set(getKernelAttrName(name), kernel);
  set(getServesAttrName(name), serves);
  set(getAccessesAttrName(name), builder.getArrayAttr(accesses));
  set(getBuffersAttrName(name), builder.getArrayAttr(buffers));
  set(getSplitAttrName(name), split);
  set(getWeightsAttrName(name), weights);
  set(getCostAttrName(name), *cost);
  set(getConfigAttrName(name), config);
  set(getNumbersAttrName(name), builder.getDenseI64ArrayAttr(numbers));
  if (placed)
    set(getPlacesAttrName(name), builder.getArrayAttr(places));
  return success();
}

void CallOp::getAsmResultNames(OpAsmSetValueNameFn name) {
  auto loc = dyn_cast<NameLoc>(getLoc());
  for (Value value : getValues())
    name(value, loc ? loc.getName().strref() : getKernel());
}

//===-- Verifier -----------------------------------------------------------===//

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
  auto space = [&](Value value) -> std::optional<Space> {
    auto result = dyn_cast<OpResult>(value);
    auto maker = result ? dyn_cast<CallOp>(result.getOwner()) : CallOp();
    if (!maker)
      return std::nullopt;
    return maker.buffer(result.getResultNumber()).getSpace();
  };
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
  if (how.getPart() == Part::own && space(access.value) != Space::scratch) // C4
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

LogicalResult CallOp::verify() {
  if (getAccesses().size() != getNumOperands() + getNumResults() ||
      getBuffers().size() != getNumResults() ||
      (getPlaces() && getPlaces()->size() != getNumResults()) ||
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
  return success();
}
