// What the attributes say that the dialect adds to modules, functions and their
// arguments: tables, by which verifiers check and by which others feed and
// write.
#pragma once
#include "dialect/Ops.h"

namespace encdec {

/// What an argument of an entry is: the word of its encdec.arg.
enum class Role {
  tokens,
  positions,
  rows,
  sources,
  offsets,
  ancestors,
  logitBias,
  rowBias,
  topK,
  memory,       // the encoder's output
  memoryHandle, // memory.N
  cacheHandle   // cache.N
};

/// A role and, for the two kinds of handles, which of them.
struct NumberedRole {
  Role role;
  int64_t number = 0;
  auto operator<=>(const NumberedRole &) const = default;
};

/// The role that an argument of a function has by its encdec.arg; nothing if
/// the argument has no such attribute.
std::optional<NumberedRole> roleOf(mlir::func::FuncOp function,
                                   unsigned argument);

/// Whether an argument of this role may have this type.
bool acceptsType(Role role, mlir::Type type);

/// Names of the module's dictionaries: sizes of the model, and how to decode by default.
/// The options of decoding are the runtime's: what their dictionary says goes into the
/// bundle's manifest as it is.
inline constexpr llvm::StringLiteral kModelAttr = "encdec.model";
inline constexpr llvm::StringLiteral kGenerationAttr = "encdec.generation";

/// One key of encdec.model. A count is an i64 from `least` on.
struct Key {
  enum Kind { text, count };
  llvm::StringLiteral name;
  Kind kind;
  int64_t least = 0;
  bool optional = false; // absent stands for none
};

/// The keys of encdec.model, in the order of the bundle's manifest.
llvm::ArrayRef<Key> modelKeys();

/// Holds a dictionary of `op`, encdec.model or encdec.generation, against what it may say.
/// Emits an error where they differ.
mlir::LogicalResult verifyDictionary(mlir::Operation *op,
                                     mlir::NamedAttribute attribute);

} // namespace encdec
