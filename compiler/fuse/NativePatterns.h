// The native library of rewrite patterns: constraints and rewrites in C++ that a pattern calls
// by name. compiler/fuse/Fusion.pdll declares them for PDLL and says what each does.
#pragma once
#include "mlir/IR/PatternMatch.h"

namespace encdec {

struct NativePattern {
  enum Kind { constraint, rewrite };

  llvm::StringLiteral name;
  Kind kind;
  /// A letter each: v a value (of an argument, or a range of one), a an attribute, t a type, T
  /// a range of types, o an op.
  llvm::StringLiteral arguments, results;
  /// A constraint that does not hold fails, with its reason in notifyMatchFailure. A rewrite
  /// fails only where a pattern did not ask the constraint beside it in Fusion.pdll.
  mlir::LogicalResult (*call)(mlir::PatternRewriter &rewriter, mlir::PDLResultList &results,
                              llvm::ArrayRef<mlir::PDLValue> arguments);
};

/// All of them.
llvm::ArrayRef<NativePattern> nativePatterns();

/// The native patterns whose last argument is the text of an attribute or of a type; nativePatterns
/// has them too.
llvm::ArrayRef<NativePattern> nativeTexts();

/// The text in `attribute` as an attribute of the context, which knows encdec's; null, saying
/// nothing, where it is none. PDLL itself reads only attributes of MLIR's own.
mlir::Attribute parsePatternAttribute(mlir::Attribute attribute);

/// The same of a type.
mlir::Type parsePatternType(mlir::Attribute attribute);

} // namespace encdec
