// What a file of patterns must be before any is tried. MLIR's own machinery ends the process, or
// reads beyond its arrays, where a pattern calls a function that is not there or with other
// arguments: such a file is refused here.
#include "compiler/fuse/PatternFile.h"
#include "compiler/fuse/NativePatterns.h"
#include "dialect/Dialect.h"
#include "mlir/Dialect/PDL/IR/PDL.h"
#include "mlir/Dialect/PDL/IR/PDLOps.h"
#include "mlir/Dialect/PDL/IR/PDLTypes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "runtime/base/Suggest.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace encdec {
namespace {

InFlightDiagnostic at(Operation *op) { return emitError(op->getLoc()) << "apply-patterns "; }

/// One op of a pattern as the pattern names it.
LogicalResult checkOperation(pdl::OperationOp op) {
  std::optional<StringRef> name = op.getOpName();
  if (!name)
    return success(); // any op
  op.getContext()->getOrLoadDialect(name->split('.').first); // if the program has it
  OperationName known(*name, op.getContext());
  StringRef prefix = EncDecDialect::getDialectNamespace();
  if (!known.isRegistered()) {
    std::vector<std::string> names;
    for (RegisteredOperationName each : op.getContext()->getRegisteredOperations())
      if (each.getDialectNamespace() == prefix)
        names.push_back(each.getStringRef().str());
    return at(op) << "[unknown-op]: no op is called " << *name << didYouMean(name->str(), names);
  }
  if (known.getDialectNamespace() != prefix)
    return success();
  // A misspelt one would never match, or say nothing in the op that is made.
  std::vector<std::string> names;
  for (StringAttr each : known.getAttributeNames())
    names.push_back(each.str());
  for (Attribute attribute : op.getAttributeValueNames())
    if (std::string each = cast<StringAttr>(attribute).str(); !llvm::is_contained(names, each))
      return at(op) << "[unknown-attribute]: " << *name << " has no attribute '" << each << "'"
                    << didYouMean(each, names, "it has " + llvm::join(names, ", "));
  return success();
}

char letterOf(Type type) {
  auto range = dyn_cast<pdl::RangeType>(type);
  if (range)
    return llvm::toUpper(letterOf(range.getElementType()));
  return isa<pdl::ValueType>(type)       ? 'v'
         : isa<pdl::AttributeType>(type) ? 'a'
         : isa<pdl::TypeType>(type)      ? 't'
         : isa<pdl::OperationType>(type) ? 'o'
                                         : '?';
}

StringRef wordOf(char letter) {
  switch (letter) {
  case 'v':
    return "Value";
  case 'V':
    return "ValueRange";
  case 'a':
    return "Attr";
  case 't':
    return "Type";
  case 'T':
    return "TypeRange";
  case 'o':
    return "Op";
  }
  return "something else";
}

std::string wordsOf(StringRef letters) {
  return "(" + llvm::join(llvm::map_range(letters, wordOf), ", ") + ")";
}

std::string lettersOf(TypeRange types) {
  std::string letters;
  for (Type type : types)
    letters += letterOf(type);
  return letters;
}

/// A call of the native library: its name, and what goes in and out.
LogicalResult checkCall(Operation *call, StringRef name, NativePattern::Kind kind) {
  const NativePattern *known = nullptr;
  std::vector<std::string> names;
  for (const NativePattern &each : nativePatterns()) {
    if (each.kind == kind)
      names.push_back(each.name.str());
    if (each.kind == kind && each.name == name)
      known = &each;
  }
  if (!known)
    return at(call) << "[unknown-native]: the library has no "
                    << (kind == NativePattern::constraint ? "constraint" : "rewrite") << " '"
                    << name << "'"
                    << didYouMean(name.str(), names,
                                  "encdec/fusion.pdll declares what it has; a body in C++ is not "
                                  "compiled");
  std::string given = lettersOf(call->getOperandTypes()), back = lettersOf(call->getResultTypes());
  llvm::replace(given, 'V', 'v'); // a range of one stands for its value
  if (given != known->arguments || back != known->results)
    return at(call) << "[native-arguments]: expected " << name << wordsOf(known->arguments)
                    << (known->results.empty() ? "" : " -> " + wordsOf(known->results))
                    << " but got " << wordsOf(given)
                    << (back.empty() ? "" : " -> " + wordsOf(back))
                    << "; include encdec/fusion.pdll, which declares it";
  if (!llvm::is_contained(llvm::map_range(nativeTexts(), [](auto &each) { return each.name; }),
                          name))
    return success();
  // The text is there already: a wrong one need not wait for a match.
  auto text = call->getOperands().back().getDefiningOp<pdl::AttributeOp>();
  bool isType = name.ends_with("Type");
  Attribute value = text ? text.getValueAttr() : Attribute();
  if (value && (isType ? bool(parsePatternType(value)) : bool(parsePatternAttribute(value))))
    return success();
  return at(text ? text.getOperation() : call)
         << "[bad-text]: expected "
         << (isType ? "a type as a text in quotes, as in "
                      "attr<\"\\\"tensor<?x8xf32, #encdec.side<encoder>>\\\"\">, for "
                    : "an attribute as a text in quotes, as in "
                      "attr<\"\\\"#encdec.norm_kind<rms>\\\"\">, for ")
         << name;
}

LogicalResult checkPattern(pdl::PatternOp pattern) {
  WalkResult result = pattern.walk([&](Operation *op) -> WalkResult {
    if (auto operation = dyn_cast<pdl::OperationOp>(op))
      return checkOperation(operation);
    if (auto call = dyn_cast<pdl::ApplyNativeConstraintOp>(op))
      return checkCall(call, call.getName(), NativePattern::constraint);
    if (auto call = dyn_cast<pdl::ApplyNativeRewriteOp>(op))
      return checkCall(call, call.getName(), NativePattern::rewrite);
    if (auto rewrite = dyn_cast<pdl::RewriteOp>(op); rewrite && rewrite.getName())
      return at(op) << "[unknown-native]: expected a rewrite with a body but got the external one '"
                    << *rewrite.getName() << "'";
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// How many operands every op of this name has; nothing where that differs.
std::optional<unsigned> operandsOf(OperationName name) {
  auto has = [&]<unsigned n>() {
    return name.hasTrait<OpTrait::NOperands<n>::template Impl>() ? std::optional<unsigned>(n)
                                                                 : std::nullopt;
  };
  if (name.hasTrait<OpTrait::OneOperand>())
    return 1;
  for (std::optional<unsigned> found :
       {has.operator()<2>(), has.operator()<3>(), has.operator()<4>(), has.operator()<5>(),
        has.operator()<6>(), has.operator()<7>()})
    if (found)
      return found;
  return std::nullopt;
}

/// PDLL takes a result of an op that may have several, as linear.0, for a range. As an operand
/// beside others PDL then never matches it, since a range takes all operands that are left.
/// Where every operand is one value, the range is its one result.
void takeOneResult(pdl::PatternOp pattern) {
  OpBuilder builder(pattern.getContext());
  for (auto op : llvm::to_vector(pattern.getBodyRegion().front().getOps<pdl::OperationOp>())) {
    std::optional<StringRef> name = op.getOpName();
    if (!name || operandsOf(OperationName(*name, op.getContext())) != op.getOperandValues().size())
      continue;
    for (OpOperand &operand : op.getOperandValuesMutable()) {
      auto range = operand.get().getDefiningOp<pdl::ResultsOp>();
      if (!range || !range.getIndex())
        continue;
      builder.setInsertionPoint(op);
      // Results before one that may be missing or several are one each.
      operand.set(pdl::ResultOp::create(builder, range.getLoc(),
                                        pdl::ValueType::get(op.getContext()), range.getParent(),
                                        *range.getIndex()));
    }
  }
}

ReadPattern compile(pdl::PatternOp pattern) {
  MLIRContext *context = pattern.getContext();
  std::string name = pattern.getSymName().value_or("").str();
  auto place = pattern.getLoc()->findInstanceOf<FileLineColLoc>();
  if (name.empty())
    name = "line " + std::to_string(place ? place.getLine() : 0);
  std::string root;
  if (Value matched = pattern.getRewriter().getRoot())
    root = cast<pdl::OperationOp>(matched.getDefiningOp()).getOpName().value_or("").str();
  std::vector<std::string> named;
  for (auto op : pattern.getBodyRegion().front().getOps<pdl::OperationOp>())
    if (std::optional<StringRef> each = op.getOpName())
      named.push_back(each->str());
  // One set for each, so that it is known which one fires.
  OwningOpRef<ModuleOp> module = ModuleOp::create(pattern.getLoc());
  module->push_back(pattern->clone());
  PDLPatternModule library(std::move(module));
  for (const NativePattern &native : nativePatterns())
    if (native.kind == NativePattern::constraint)
      library.registerConstraintFunction(native.name, PDLConstraintFunction(native.call));
    else
      library.registerRewriteFunction(native.name, PDLRewriteFunction(native.call));
  RewritePatternSet set(context);
  set.add(std::move(library));
  return {name, pattern.getLoc(), pattern.getBenefit(), root, named,
          FrozenRewritePatternSet(std::move(set))};
}

FailureOr<OwningOpRef<ModuleOp>> parse(StringRef file, MLIRContext *context) {
  Location top = FileLineColLoc::get(context, file, 1, 1);
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (file.empty() || !buffer)
    return emitError(UnknownLoc::get(context))
           << "apply-patterns [no-file]: expected a file of patterns but "
           << (file.empty() ? "got no name"
                            : "'" + file + "' cannot be read: " + buffer.getError().message());
  std::string text;
  if (file.ends_with(".pdll")) {
    FailureOr<std::string> translated = translatePdll(file, context);
    if (failed(translated))
      return failure();
    text = std::move(*translated);
  } else if (file.ends_with(".mlir")) {
    text = (*buffer)->getBuffer().str();
  } else {
    return emitError(top) << "apply-patterns [file-kind]: expected a file of PDLL (.pdll) or of "
                             "the pdl dialect (.mlir) but got '"
                          << file << "'";
  }
  // Here the parser's messages get our code.
  std::optional<std::pair<Location, std::string>> first;
  OwningOpRef<ModuleOp> module;
  {
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error && !first)
        first.emplace(diagnostic.getLocation(), diagnostic.str());
      return success();
    });
    module = parseSourceString<ModuleOp>(text, ParserConfig(context), file);
  }
  if (!module && first)
    return emitError(first->first) << "apply-patterns [bad-pdl]: " << first->second
                                   << explanationOfPdl(first->second);
  if (!module)
    return emitError(top) << "apply-patterns [bad-pdl]: expected a module of pdl";
  return module;
}

} // namespace

FailureOr<PatternFile> readPatternFile(StringRef file, MLIRContext *context) {
  FailureOr<OwningOpRef<ModuleOp>> module = parse(file, context);
  if (failed(module))
    return failure();
  PatternFile result;
  for (Operation &op : *(*module)->getBody()) {
    auto pattern = dyn_cast<pdl::PatternOp>(op);
    if (!pattern)
      return at(&op) << "[bad-pdl]: expected only pdl.pattern but got " << op.getName();
    if (failed(checkPattern(pattern)))
      return failure();
    takeOneResult(pattern);
    auto behind = llvm::find_if(result.patterns, [&](const ReadPattern &other) {
      return other.benefit < pattern.getBenefit();
    });
    result.patterns.insert(behind, compile(pattern));
  }
  if (result.patterns.empty())
    return emitError(FileLineColLoc::get(context, file, 1, 1))
           << "apply-patterns [empty]: expected at least one Pattern but the file has none";
  llvm::raw_string_ostream out(result.text);
  (*module)->print(out);
  return result;
}

} // namespace encdec
