// What the attributes say that the dialect adds to functions and their
// arguments: one table, by which verifiers check and by which others feed and
// lower.
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
  top,
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

/// The role that `name` stands for, "tokens" or "cache.3"; nothing if it is
/// none.
std::optional<NumberedRole> parseRole(llvm::StringRef name);

/// The role that an argument of a function has by its encdec.arg; nothing if
/// the argument has no such attribute.
std::optional<NumberedRole> roleOf(mlir::func::FuncOp function,
                                   unsigned argument);

/// Whether an argument of this role may have this type.
bool acceptsType(Role role, mlir::Type type);

} // namespace encdec
