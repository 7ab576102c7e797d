// Where keys and values of one layer and one sequence lie. Private to cpu; layouts: abi.h.
#pragma once
#include "compiler/cpu/CpuKernels.h"

namespace encdec::cpu {

inline Val roundUp16(Val count) { return (count + 15) / 16 * 16; }

/// Addresses within one layer's keys and values of one sequence with room for
/// `capacity` keys: keys [H][C/16][D][16], then values [H][C][Dp].
struct Layer {
  KernelBuilder &k;
  const AttentionShape &shape;
  Val base, capacity;

  int64_t keyBytes() const { return shape.headSize * shape.elementBytes(); }
  int64_t valueBytes() const {
    return shape.paddedHeadSize() * shape.elementBytes();
  }
  Val keys(Val head) const { return base + head * capacity * keyBytes(); }
  Val values(Val head) const {
    return base + capacity * shape.keyBytes() + head * capacity * valueBytes();
  }
  /// Element d = 0 of key `j`; the next ones follow 16 elements apart.
  Val key(Val head, Val j) const {
    return keys(head) +
           (j / 16 * (keyBytes() * 16) + j % 16 * shape.elementBytes());
  }
  Val value(Val head, Val j) const { return values(head) + j * valueBytes(); }

  /// Emits prefetches for the next (row, head) of a step of `rows` rows where they gain: with
  /// more than 16 rows, whose keys and values do not stay in the second-level cache from step to
  /// step, and of bf16. The streams of f32 are twice as long, and prefetching them loses 2 %.
  static void prefetchNext(KernelBuilder &k, const AttentionShape &shape, Val rows,
                           llvm::function_ref<void()> emit) {
    if (shape.keys != KeyKind::f32)
      k.when(k.constant(int64_t(16)) < rows, emit);
  }
  /// Prefetches what the attention of a head to `count` keys reads first.
  void prefetch(Val head, Val count) const {
    prefetchFrom(keys(head), roundUp16(count) * keyBytes());
    prefetchFrom(values(head), count * valueBytes());
  }
  /// Prefetches the lines that key and value `j` of a head are written to.
  void prefetchPlace(Val head, Val j) const {
    prefetchFrom(key(head, j / 16 * 16), k.constant(keyBytes() * 16));
    prefetchFrom(value(head, j), k.constant(valueBytes()));
  }

private:
  /// The hardware prefetches no further than to the end of a page of 4 KB.
  void prefetchFrom(Val start, Val bytes) const {
    k.loop(k.constant(int64_t(0)), min(bytes, k.constant(int64_t(4096))),
           k.constant(int64_t(64)), [&](Val line) { k.prefetch(start + line); });
  }
};

} // namespace encdec::cpu
