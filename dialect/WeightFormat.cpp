// The table of formats.
//
//   f32, bf16      the value, rounded to nearest, ties to even
//   int8           q = round(w / scale), scale = max|w| / 127 of a row; w' = q * scale
//   int8-dynamic   the same q; codes at even columns hold q + 128, a zero point that lets
//                  two codes be multiplied as one 16-bit number (compiler/cpu/Linear.cpp)
#include "dialect/WeightFormat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace encdec;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

static float noScaleOf(ArrayRef<float>) { return 1; }

static float scaleOfInt8(ArrayRef<float> values) {
  float most = 0;
  for (float value : values)
    most = std::max(most, std::fabs(value));
  return most / 127.0f;
}

static void encodeF32(ArrayRef<float> values, float, MutableArrayRef<uint32_t> codes) {
  for (auto [value, code] : llvm::zip_equal(values, codes))
    code = llvm::bit_cast<uint32_t>(value);
}
static float decodeF32(uint32_t code, float, int64_t) {
  return llvm::bit_cast<float>(code);
}

// The upper half of an f32, rounded, is its bf16; a NaN stays a NaN.
static void encodeBf16(ArrayRef<float> values, float, MutableArrayRef<uint32_t> codes) {
  for (auto [value, code] : llvm::zip_equal(values, codes)) {
    uint32_t bits = llvm::bit_cast<uint32_t>(value);
    code = std::isnan(value) ? bits >> 16 | 0x40
                             : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  }
}
static float decodeBf16(uint32_t code, float, int64_t) {
  return llvm::bit_cast<float>(code << 16);
}

static int quantize(float value, float scale) {
  if (!(scale > 0))
    return 0;
  float q = std::fmin(127.0f, std::fmax(-127.0f, value / scale));
  return int(std::nearbyint(q)); // ties to even
}
static void encodeInt8(ArrayRef<float> values, float scale,
                       MutableArrayRef<uint32_t> codes) {
  for (auto [value, code] : llvm::zip_equal(values, codes))
    code = uint8_t(quantize(value, scale));
}
static float decodeInt8(uint32_t code, float scale, int64_t) {
  return float(int8_t(code)) * scale;
}

static constexpr uint8_t zeroPointAt(int64_t k) { return k % 2 ? 0 : 128; }
static void encodeInt8Dynamic(ArrayRef<float> values, float scale,
                              MutableArrayRef<uint32_t> codes) {
  for (auto [k, value] : llvm::enumerate(values))
    codes[k] = uint8_t(quantize(value, scale) + zeroPointAt(k));
}
static float decodeInt8Dynamic(uint32_t code, float scale, int64_t k) {
  return float(int8_t(code - zeroPointAt(k))) * scale;
}

ArrayRef<WeightFormat> encdec::weightFormats() {
  using F = WeightFormat;
  static constexpr WeightFormat all[] = {
      {"f32", 32, F::noScale, 1, false, noScaleOf, encodeF32, decodeF32},
      {"bf16", 16, F::noScale, 1, false, noScaleOf, encodeBf16, decodeBf16},
      {"int8", 8, F::wholeRow, 1, false, scaleOfInt8, encodeInt8, decodeInt8},
      {"int8-dynamic", 8, F::wholeRow, 4, true, scaleOfInt8, encodeInt8Dynamic,
       decodeInt8Dynamic}};
  return all;
}

const WeightFormat *encdec::findWeightFormat(llvm::StringRef name) {
  const WeightFormat *found =
      llvm::find_if(weightFormats(), [&](const WeightFormat &f) { return f.name == name; });
  return found == weightFormats().end() ? nullptr : found;
}

std::string encdec::weightFormatNames() {
  return llvm::join(llvm::map_range(weightFormats(),
                                    [](const WeightFormat &f) { return f.name; }),
                    ", ");
}

int64_t WeightFormat::scalesOf(int64_t columns) const {
  return hasScales() ? (columns + spanOf(columns) - 1) / spanOf(columns) : 0;
}
