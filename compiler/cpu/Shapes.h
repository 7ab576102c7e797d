// What CPU kernels are specialised on: weights, products, attention.
#pragma once
#include "dialect/Ops.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

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
/// followed by an activation. A gated one has two outputs of one width: the second
/// multiplies the activation of the first, in whose place the product stands.
struct LinearShape {
  int64_t inputs;
  llvm::SmallVector<int64_t> outputs;
  llvm::SmallVector<WeightKind> kinds; // one per output
  std::optional<ActivationKind> activation;
  bool isGated = false;
};

/// y = x + other, activation(x), or activation(x) * other, element by element.
struct Elementwise {
  std::optional<ActivationKind> activation;
  bool hasOther;
  std::string name() const;
};

/// A norm of rows [width], or of the sum of two.
struct NormShape {
  int64_t width;
  float eps;
  NormKind kind = NormKind::layer;
  bool hasBeta = true;
  bool residual = false; // x + residual is normed
  bool keepsSum = false; // and stored too
  std::string name() const;
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

/// Whether scores have a bias, and of which kind.
enum class Bias { none, bidirectional, causal };
/// As in kernel names: nothing for none, _bidirectional, _causal.
llvm::StringRef nameOf(Bias bias);

/// What a query's distance from a key adds to a score, looked up in a table [buckets, heads].
/// In memory with K = the context's keys: of each head a row of distances, 2K of both
/// directions, from 1 - K on, or K of one, from 1 - K to 0.
struct BiasShape {
  int64_t heads;
  int64_t buckets;
  int64_t maxDistance;
  bool bidirectional;
  /// Rows of K floats. There is one more, since scores are read by 16 and may be beyond the
  /// last distance of the last head.
  int64_t rowsOfKeys() const { return heads * (bidirectional ? 2 : 1) + 1; }
  Bias kind() const { return bidirectional ? Bias::bidirectional : Bias::causal; }
};

/// What a memory or cache holds.
template <typename Handle> AttentionShape shapeOf(Handle type) {
  return {type.getHeads(), type.getHeadSize(),
          type.getElement().isBF16() ? KeyKind::bf16 : KeyKind::f32};
}

} // namespace encdec::cpu
