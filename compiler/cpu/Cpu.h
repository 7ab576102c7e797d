// The target cpu (compiler/lower/Target.h).
#pragma once
#include "compiler/lower/Target.h"

namespace encdec::cpu {

const Target &target();

/// Where groups are selected in another way.
llvm::SmallVector<kernel::RowsFromAttr> rangesOf(mlir::func::FuncOp entry);

/// Replaces the ops of one entry by kernel calls (Select.cpp).
mlir::LogicalResult selectKernels(mlir::func::FuncOp entry);

} // namespace encdec::cpu
