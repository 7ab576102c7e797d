// Evaluates origins of weights, for interpreter and weight store alike, so that both
// agree on every bit.
#include "dialect/Origin.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;
using namespace encdec;

float encdec::roundTo(Type type, double value) {
  APFloat number(static_cast<float>(value)); // logical values are f32
  if (type.isF32())
    return number.convertToFloat();
  bool losesInfo = false;
  number.convert(cast<FloatType>(type).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.convertToFloat();
}

// SplitMix64 (public domain, Steele, Lea and Flood, OOPSLA 2014): element i of
// a seed by itself, so that a part of a weight needs no other part.
static uint64_t splitMix(uint64_t seed, uint64_t i) {
  uint64_t z = seed * 0x9e3779b97f4a7c15u + (i + 1) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// In (-scale, scale), at least 1e-3 * scale away from zero.
double encdec::seededValue(uint64_t seed, uint64_t i, double scale) {
  uint64_t bits = splitMix(seed, i);
  double size = 1e-3 + 0.998 * double(bits >> 12) * 0x1p-52;
  return (bits & 1 ? -scale : scale) * size;
}

// The paper's table: angle p / 10000^(2 floor(j/2) / d) of column j of d; the
// sines of even columns fill the first ceil(d/2) columns, the cosines of odd
// ones the rest.
static double paperValue(int64_t position, int64_t column, int64_t width) {
  int64_t sines = (width + 1) / 2;
  int64_t pair = column < sines ? column : column - sines;
  double angle = position / std::pow(10000.0, 2.0 * pair / width);
  return column < sines ? std::sin(angle) : std::cos(angle);
}

// tensor2tensor's table: frequencies from 1 down to 1/10000, both included. Models were
// trained with angles that are products of floats: at position 1000 the angles of exact
// frequencies are others by 1e-4.
static double tensor2tensorValue(int64_t position, int64_t column, int64_t width) {
  int64_t half = width / 2;
  if (column >= 2 * half)
    return 0; // the last column of an odd width
  double step = half > 1 ? std::log(10000.0) / double(half - 1) : 0;
  float frequency = std::exp(float(column % half) * float(-step));
  float angle = float(position) * frequency;
  return column < half ? std::sin(double(angle)) : std::cos(double(angle));
}

static double sinusoidalValue(SinusoidalAttr origin, int64_t row, int64_t column,
                              RankedTensorType type) {
  if (row >= type.getDimSize(0) - origin.getBlank())
    return 0;
  auto formula =
      origin.getFormula() == Sinusoids::paper ? paperValue : tensor2tensorValue;
  return formula(origin.getFirst() + row, column, type.getDimSize(1));
}

FailureOr<std::vector<float>> encdec::originValues(WeightOp weight) {
  RankedTensorType type = weight.getTensorType();
  Type element = type.getElementType();
  std::vector<float> values(type.getNumElements());
  Attribute origin = weight.getOrigin();
  if (auto dense = dyn_cast<DenseFPElementsAttr>(origin)) {
    for (auto [i, value] : llvm::enumerate(dense.getValues<APFloat>())) {
      bool losesInfo = false;
      APFloat wide = value;
      wide.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                   &losesInfo);
      values[i] = wide.convertToFloat();
    }
    return values;
  }
  if (auto seeded = dyn_cast<SeededAttr>(origin)) {
    double scale = seeded.getScale().convertToDouble();
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = roundTo(element, seededValue(seeded.getSeed(), i, scale));
    return values;
  }
  if (auto sinusoidal = dyn_cast<SinusoidalAttr>(origin)) {
    int64_t width = type.getDimSize(1);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] =
          roundTo(element, sinusoidalValue(sinusoidal, i / width, i % width, type));
    return values;
  }
  return failure();
}

Encoded encdec::encodeRows(const WeightFormat &format, ArrayRef<float> values, int64_t rows) {
  Encoded encoded{std::vector<uint32_t>(values.size()), {}};
  int64_t width = int64_t(values.size()) / rows, span = format.spanOf(width);
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t k = 0; k < width; k += span) {
      ArrayRef<float> part = values.slice(n * width + k, std::min(span, width - k));
      float scale = format.scaleOf(part);
      if (format.hasScales())
        encoded.scales.push_back(scale);
      format.encode(part, scale,
                    MutableArrayRef(encoded.codes).slice(n * width + k, part.size()));
    }
  return encoded;
}

std::vector<float> encdec::decodeRows(const WeightFormat &format, const Encoded &encoded,
                                      int64_t rows) {
  std::vector<float> values(encoded.codes.size());
  int64_t width = int64_t(values.size()) / rows, span = format.spanOf(width);
  int64_t scales = format.scalesOf(width);
  for (int64_t i = 0; i < int64_t(values.size()); ++i) {
    int64_t k = i % width;
    float scale = scales ? encoded.scales[i / width * scales + k / span] : 1;
    values[i] = format.decode(encoded.codes[i], scale, k);
  }
  return values;
}

std::vector<float> encdec::logicalValues(WeightOp weight,
                                         std::vector<float> stored) {
  const WeightFormat &format = weight.getStored();
  if (&format == &weightFormats().front())
    return stored;
  int64_t rows = weight.getTensorType().getDimSize(0);
  return decodeRows(format, encodeRows(format, stored, rows), rows);
}
