// Segments: what an entry does between two barriers, with the bytes it reads and its
// multiply-adds. A profile measures segments.
#pragma once
#include "compiler/schedule/Schedule.h"

namespace encdec::lower {

/// The segments of a scheduled entry; Lowering.h has their form. Weights count once, in
/// the first segment that reads them whole, or else looks rows of them up: the sum over a
/// step is stepWeightBytes.
mlir::ArrayAttr segmentsOf(mlir::func::FuncOp entry);

} // namespace encdec::lower
