// What may be tuned of this target; the table with defaults is in Cpu.cpp.
#pragma once
#include "mlir/IR/BuiltinOps.h"

namespace encdec::cpu {

/// The choices of a module (compiler/lower/Target.h). They change no bit of a result.
struct Choices {
  explicit Choices(mlir::ModuleOp module);
  int64_t repeatedRows, workerRows, nearBytes, shortDistance;
};

} // namespace encdec::cpu
