// Attributes and types that patterns give as texts, since PDLL reads MLIR's own alone.
#include "compiler/fuse/NativePatterns.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace encdec {

Attribute parsePatternAttribute(Attribute attribute) {
  auto text = dyn_cast_if_present<StringAttr>(attribute);
  if (!text)
    return {};
  ScopedDiagnosticHandler quiet(text.getContext(), [](Diagnostic &) { return success(); });
  return parseAttribute(text.getValue(), text.getContext());
}

Type parsePatternType(Attribute attribute) {
  // PDLL makes this attribute of a type of MLIR's own without quotes.
  if (auto type = dyn_cast_if_present<TypeAttr>(attribute))
    return type.getValue();
  auto text = dyn_cast_if_present<StringAttr>(attribute);
  if (!text)
    return {};
  ScopedDiagnosticHandler quiet(text.getContext(), [](Diagnostic &) { return success(); });
  return parseType(text.getValue(), text.getContext());
}

namespace {

using Arguments = ArrayRef<PDLValue>;

LogicalResult refuse(PatternRewriter &rewriter, const char *reason) {
  return rewriter.notifyMatchFailure(rewriter.getUnknownLoc(), reason);
}

LogicalResult equals(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  Attribute text = arguments[1].cast<Attribute>();
  if (arguments[0].cast<Attribute>() == parsePatternAttribute(text))
    return success();
  return refuse(rewriter, "Equals: the attribute is another one");
}

LogicalResult isType(PatternRewriter &rewriter, PDLResultList &, Arguments arguments) {
  if (arguments[0].cast<Type>() == parsePatternType(arguments[1].cast<Attribute>()))
    return success();
  return refuse(rewriter, "IsType: the type is another one");
}

LogicalResult parsed(PatternRewriter &rewriter, PDLResultList &results, Arguments arguments) {
  Attribute attribute = parsePatternAttribute(arguments[0].cast<Attribute>());
  if (!attribute)
    return refuse(rewriter, "Parsed: the text is no attribute");
  results.push_back(attribute);
  return success();
}

LogicalResult parsedType(PatternRewriter &rewriter, PDLResultList &results, Arguments arguments) {
  Type type = parsePatternType(arguments[0].cast<Attribute>());
  if (!type)
    return refuse(rewriter, "ParsedType: the text is no type");
  results.push_back(type);
  return success();
}

} // namespace

ArrayRef<NativePattern> nativeTexts() {
  constexpr auto constraint = NativePattern::constraint, rewrite = NativePattern::rewrite;
  static constexpr NativePattern all[] = {
      {"Equals", constraint, "aa", "", equals},
      {"IsType", constraint, "ta", "", isType},
      {"Parsed", rewrite, "a", "a", parsed},
      {"ParsedType", rewrite, "a", "t", parsedType},
  };
  return all;
}

} // namespace encdec
