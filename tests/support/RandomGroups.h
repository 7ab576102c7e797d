// Groups made at random: row-wise ops that hand each other rows, as many as chance takes.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include <random>

namespace encdec::test {

/// Tries `tries` times to group an op of `module` with ops that it reads and that read it;
/// returns how many groups were made. Those that are refused stay as they are.
int groupAtRandom(mlir::ModuleOp module, int tries, std::mt19937_64 &random);

} // namespace encdec::test
