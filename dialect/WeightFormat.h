// The formats of weights: how values are stored, and how products with them round. The
// interpreter, the packer and the kernels ask this one description. CONTRIBUTING.md lists
// the edits for a further format.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace encdec {

struct WeightFormat {
  llvm::StringLiteral name; // in the IR, in --weights, in the manifest
  int64_t bits;             // of one stored value, its code: a power of two
  /// Values along K that share a scale, or noScale or wholeRow.
  int64_t scaleSpan;
  static constexpr int64_t noScale = 0, wholeRow = -1;
  /// Values along K that lie beside each other in a panel, [N/16][K/group][16][group].
  int64_t group;
  /// Whether products round each row of their input to int8, scale = max|x| / 127, and so
  /// sum whole numbers; otherwise they multiply f32 activations.
  bool roundsActivations;

  /// The scale of values that share one.
  float (*scaleOf)(llvm::ArrayRef<float> values);
  /// Codes, in the lowest `bits` bits, of values that share a scale; values[0] stands at
  /// an even column.
  void (*encode)(llvm::ArrayRef<float> values, float scale,
                 llvm::MutableArrayRef<uint32_t> codes);
  /// The value of a code at column `k`.
  float (*decode)(uint32_t code, float scale, int64_t k);

  bool hasScales() const { return scaleSpan != noScale; }
  /// Bytes of `count` codes.
  int64_t bytes(int64_t count) const { return (count * bits + 7) / 8; }
  /// Scales of one row of `columns` values, and the values that share each.
  int64_t scalesOf(int64_t columns) const;
  int64_t spanOf(int64_t columns) const {
    return scaleSpan > 0 ? scaleSpan : columns;
  }
};

/// All formats, f32 first.
llvm::ArrayRef<WeightFormat> weightFormats();
/// The format called `name`, or null.
const WeightFormat *findWeightFormat(llvm::StringRef name);
/// "f32, bf16, …", for messages.
std::string weightFormatNames();

} // namespace encdec
