// Schedules of kernels that no target has: parts and splits in all combinations.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <cstdint>

namespace encdec::test {

/// An entry of a few random calls, before insert-barriers.
mlir::OwningOpRef<mlir::ModuleOp> randomCalls(mlir::MLIRContext &context, uint64_t seed);

} // namespace encdec::test
