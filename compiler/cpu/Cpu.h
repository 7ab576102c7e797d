// The target cpu (compiler/lower/Target.h).
#pragma once
#include "compiler/lower/Target.h"

namespace encdec::cpu {

const Target &target();

/// Where groups are selected in another way: from more rows than every worker repeats on;
/// from so many for each worker that it takes its own through all of a group.
inline constexpr int64_t kRepeatedRows = 4, kRowsOfAWorker = 16;
llvm::SmallVector<kernel::RowsFromAttr> rangesOf(mlir::func::FuncOp entry);

/// Replaces the ops of one entry by kernel calls (Select.cpp).
mlir::LogicalResult selectKernels(mlir::func::FuncOp entry);

} // namespace encdec::cpu
