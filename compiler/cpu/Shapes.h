// What CPU kernels are specialised on: weights, products, attention.
#pragma once
#include "dialect/Ops.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace encdec::cpu {

/// The formats of weights (dialect/WeightFormat.h) that there are kernels for.
enum class WeightKind {
  f32,
  bf16,        // widened in registers
  int8,        // widened in registers, f32 activations
  int8Dynamic, // int8 activations with a scale per row; sums of whole numbers
};
/// As in kernel names: f32, bf16, i8, i8d.
llvm::StringRef nameOf(WeightKind kind);
const WeightFormat &formatOf(WeightKind kind);
/// The kind for a format's name; nothing where there is no kernel for it.
std::optional<WeightKind> findWeightKind(llvm::StringRef format);

/// Bytes of `count` weights, and how many along K lie beside each other.
inline int64_t bytesOf(WeightKind kind, int64_t count) {
  return formatOf(kind).bytes(count);
}
inline int64_t groupOf(WeightKind kind) { return formatOf(kind).group; }
inline bool hasScales(WeightKind kind) { return formatOf(kind).hasScales(); }
inline bool hasDynamic(llvm::ArrayRef<WeightKind> kinds) {
  return llvm::any_of(kinds,
                      [](WeightKind kind) { return formatOf(kind).roundsActivations; });
}

/// x [R, inputs] times several weights [outputs[i], inputs], each perhaps
/// followed by an activation.
struct LinearShape {
  int64_t inputs;
  llvm::SmallVector<int64_t> outputs;
  llvm::SmallVector<WeightKind> kinds; // one per output
  std::optional<ActivationKind> activation;
};

/// x [R, inputs] times a vocabulary's weight [columns, inputs].
struct VocabularyShape {
  int64_t inputs;
  int64_t columns;
  WeightKind kind;
  std::optional<WeightKind> sketch = std::nullopt; // int8
  /// `kernel` for this shape.
  std::string name(llvm::StringRef kernel) const;
};

/// How keys and values are stored between calls; to bf16 they are rounded when written.
enum class KeyKind { f32, bf16 };
/// As in kernel names: nothing for f32, _bf16.
llvm::StringRef nameOf(KeyKind kind);

struct AttentionShape {
  int64_t heads;
  int64_t headSize;
  KeyKind keys = KeyKind::f32; // of the cache or memory; encode's own are f32
  int64_t width() const { return heads * headSize; }
  int64_t paddedHeadSize() const { return (headSize + 15) / 16 * 16; }
  /// Bytes of one layer's keys, and keys and values, of one position.
  int64_t elementBytes() const { return keys == KeyKind::f32 ? 4 : 2; }
  int64_t keyBytes() const { return width() * elementBytes(); }
  int64_t bytesPerKey() const {
    return keyBytes() + heads * paddedHeadSize() * elementBytes();
  }
};

/// What a memory or cache holds.
template <typename Handle> AttentionShape shapeOf(Handle type) {
  return {type.getHeads(), type.getHeadSize(),
          type.getElement().isBF16() ? KeyKind::bf16 : KeyKind::f32};
}

} // namespace encdec::cpu
