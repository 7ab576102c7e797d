// The target cpu (compiler/lower/Target.h).
#pragma once
#include "compiler/lower/Target.h"

namespace encdec::cpu {

const Target &target();

/// Replaces the ops of one entry by kernel calls (Select.cpp).
mlir::LogicalResult selectKernels(mlir::func::FuncOp entry);

} // namespace encdec::cpu
