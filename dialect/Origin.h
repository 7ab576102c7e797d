// The values behind a weight whose origin needs no file, and what its format keeps of
// them.
#pragma once
#include "dialect/Ops.h"
#include <vector>

namespace encdec {

/// Stored values of a dense, seeded or sinusoidal weight, row-major, rounded to
/// the weight's type and to f32; before its format takes them. Fails for a file origin,
/// which the caller reads, and for a derived one (Derived.h).
mlir::FailureOr<std::vector<float>> originValues(WeightOp weight);

/// Element `i` of a seeded weight before rounding: in (-scale, scale), never 0.
double seededValue(uint64_t seed, uint64_t i, double scale);

/// Rounds `value` to f32, then to f16 or bf16 where that is `type`, as an f32 again.
float roundTo(mlir::Type type, double value);

/// Rows of a weight in a format: a code for each value, and the scales of each row.
struct Encoded {
  std::vector<uint32_t> codes;
  std::vector<float> scales;
};
Encoded encodeRows(const WeightFormat &format, llvm::ArrayRef<float> values, int64_t rows);
/// Values that the codes stand for.
std::vector<float> decodeRows(const WeightFormat &format, const Encoded &encoded,
                              int64_t rows);

/// Logical values of `weight`: what its format keeps of `stored`, the checkpoint's
/// values.
std::vector<float> logicalValues(WeightOp weight, std::vector<float> stored);

} // namespace encdec
