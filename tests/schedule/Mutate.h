// Random changes of a schedule, one of which a compiler with a fault might have made.
#pragma once
#include "compiler/schedule/Schedule.h"
#include <random>
#include <string>

namespace encdec::test {

enum class Mutation { Barrier, Split, Place, Read, Write };
inline constexpr Mutation kMutations[] = {Mutation::Barrier, Mutation::Split, Mutation::Place,
                                          Mutation::Read, Mutation::Write};
llvm::StringRef nameOf(Mutation mutation);

/// Changes one call or barrier of `entry`; says what it did, or nothing where the entry
/// has nothing of the kind.
std::string mutate(mlir::func::FuncOp entry, Mutation mutation, std::mt19937_64 &random);

} // namespace encdec::test
