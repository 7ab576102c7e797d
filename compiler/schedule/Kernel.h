// Kernel calls in the IR: the encdec_kernel dialect.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

#include "compiler/schedule/KernelDialect.h.inc"
#include "compiler/schedule/KernelEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/schedule/KernelAttributes.h.inc"
#define GET_OP_CLASSES
#include "compiler/schedule/KernelOps.h.inc"

namespace encdec::kernel {

/// Of an entry's argument: the handle that it is (HandleAttr).
inline constexpr llvm::StringLiteral kHandleAttr = "encdec_kernel.handle";
/// Of an entry: bytes of its arena, and of a worker's scratch (SizeAttr), set by
/// plan-memory.
/// Of the module: the target's choices that differ from their defaults, by name.
inline constexpr llvm::StringLiteral kTuningAttr = "encdec_kernel.tuning";
inline constexpr llvm::StringLiteral kRowsFromAttr = "encdec_kernel.rows_from";
inline constexpr llvm::StringLiteral kArenaAttr = "encdec_kernel.arena";
inline constexpr llvm::StringLiteral kScratchAttr = "encdec_kernel.scratch";
/// Of the module: the target whose kernels the calls name.
inline constexpr llvm::StringLiteral kTargetAttr = "encdec_kernel.target";

} // namespace encdec::kernel
