// The values behind a weight whose origin needs no file, and int8 storage.
#pragma once
#include "dialect/Ops.h"
#include <vector>

namespace encdec {

/// Stored values of a dense, seeded or sinusoidal weight, row-major, rounded to
/// the weight's type and widened to f32; before any storage = i8. Fails for a
/// file origin, which the caller reads.
mlir::FailureOr<std::vector<float>> originValues(WeightOp weight);

/// Element `i` of a seeded weight before rounding: in (-scale, scale), never 0.
double seededValue(uint64_t seed, uint64_t i, double scale);

/// Rounds `value` to f16, bf16 or f32 (`type`), widened to f32 again.
float roundTo(mlir::Type type, double value);

/// An i8 weight as stored: q[n][k] and scale[n], n output channels.
struct Quantized {
  std::vector<int8_t> values;
  std::vector<float> scales;
};
/// Symmetric per output channel (row): scale = max|w| / 127 in f32, q = w /
/// scale in f32, rounded to nearest, ties to even. A row of zeros has scale 0.
Quantized quantizeRows(llvm::ArrayRef<float> values, int64_t rows);
/// The logical values of quantized rows: q * scale in f32.
std::vector<float> dequantizeRows(const Quantized &quantized);

/// Logical values of `weight` given its stored ones: the same, or through the
/// smaller type that it is stored in.
std::vector<float> logicalValues(WeightOp weight, std::vector<float> stored);

} // namespace encdec
