// Segments: what an entry does between two barriers, with the bytes it reads and its
// multiply-adds. A profile measures segments.
#pragma once
#include "compiler/schedule/Schedule.h"

namespace encdec::lower {

/// The segments that the calls for which `has` is true make of the scheduled entries of one name,
/// one entry's after the other's;
/// Lowering.h has their form. Weights count once in an entry, in the first segment that
/// reads them whole, or else looks rows of them up: the sum over a step is stepWeightBytes.
mlir::ArrayAttr segmentsOf(llvm::ArrayRef<mlir::func::FuncOp> variants,
                           llvm::function_ref<bool(kernel::CallOp)> has =
                               [](kernel::CallOp) { return true; });

} // namespace encdec::lower
