// Attention of one query row and one head, or of a few rows and one head.
//
//   s[j] = scale * (Σ_even d q[d] k[j][d] + Σ_odd d q[d] k[j][d]) [+ b[j]]   j < count
//   e[j] = exp(s[j] - max s),   y[d] = (Σ_j e[j] v[j][d]) / Σ_j e[j]
//
// Keys lie in blocks of 16, [C/16][D][16], so that a block's scores are one
// vector and need no sums across lanes; values row after row, [C][Dp]. Blocks
// start at key 0 and are walked in order; lanes beyond `count` count as -inf. A sum has
// two chains of additions, of even and of odd d: in one chain each addition would wait
// for the one before. Keys and values are f32 or bf16, sums f32.
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/Math.h"
#include <limits>

using namespace mlir;

namespace encdec::cpu {
namespace {

/// One head's keys and values as they are stored.
struct Stored {
  KernelBuilder &k;
  int64_t headSize;
  KeyKind kind;

  int64_t laneBytes() const { return kind == KeyKind::f32 ? 64 : 32; } // of 16
  int64_t blockBytes() const { return headSize * laneBytes(); }
  int64_t valueBytes() const { return (headSize + 15) / 16 * laneBytes(); }
  /// 16 elements.
  Val load(Val at) const {
    if (kind == KeyKind::f32)
      return k.load(k.vector(k.f32(), 16), at);
    return k.fromBf16(k.load(k.vector(k.getI16Type(), 16), at));
  }
};

/// The sums of the keys in `blocks` blocks that lie one after the other at `keys`.
Vals dotBlocks(KernelBuilder &k, const Stored &stored, int64_t blocks, Val q, Val keys) {
  Vals zeros(2 * blocks, k.constantOf(k.vector(k.f32(), 16), 0.0));
  auto add = [&](ArrayRef<Val> so, Val d, int64_t parity) {
    Vals next(so);
    Val x = k.splat(k.load(k.f32(), q + d * 4 + parity * 4), 16);
    Val at = keys + d * stored.laneBytes() + parity * stored.laneBytes();
    for (int64_t b = 0; b < blocks; ++b) {
      Val &sum = next[2 * b + parity];
      sum = fma(x, stored.load(at + b * stored.blockBytes()), sum);
    }
    return next;
  };
  Val even = k.constant(stored.headSize / 2 * 2);
  Vals sums = k.loop(k.constant(int64_t(0)), even, k.constant(int64_t(2)), zeros,
                     [&](Val d, ArrayRef<Val> so) { return add(add(so, d, 0), d, 1); });
  if (stored.headSize % 2)
    sums = add(sums, even, 0);
  Vals total;
  for (int64_t b = 0; b < blocks; ++b)
    total.push_back(sums[2 * b] + sums[2 * b + 1]);
  return total;
}

/// How sums become scores: times a scale, plus the bias of each key, if there is one.
struct Scoring {
  float scale;
  Val bias = {}; // b[0]; readable up to the end of the last block

  Val of(KernelBuilder &k, Val sums, Val block) const {
    Val scales = k.constantOf(sums.type(), scale);
    if (!bias.value)
      return sums * scales;
    Val added = k.load(sums.type(), bias + block * 64);
    // The same bits without a register for the scale.
    return scale == 1.0f ? sums + added : fma(sums, scales, added);
  }
  /// Of the row `rows` further: its distance from each key is one less.
  Scoring after(int64_t rows) const {
    return {scale, bias.value ? bias + bias.builder->constant(-4 * rows) : Val()};
  }
};

/// One block's sums to scores, -inf beyond `count`; returns the greater of them
/// and `best`.
Val storeScores(KernelBuilder &k, const Scoring &scoring, Val sums, Val block, Val count,
                Val scores, Val best) {
  Val left = k.splat(k.truncate(count - block * 16, k.i32()), 16);
  Val s = select(k.iota(16) < left, scoring.of(k, sums, block),
                 k.constantOf(sums.type(), -std::numeric_limits<double>::infinity()));
  k.store(s, scores + block * 64);
  return max(best, s);
}

Val lowest16(KernelBuilder &k) {
  return k.constantOf(k.vector(k.f32(), 16), -std::numeric_limits<double>::infinity());
}

/// Scores of all keys into scores; returns the greatest, in every lane.
Val emitScores(KernelBuilder &k, const Stored &stored, const Scoring &scoring, Val q,
               Val keys, Val count, Val scores) {
  Val zero = k.constant(int64_t(0)), blocks = (count + 15) / 16, pairs = blocks / 2 * 2;
  Vals best{lowest16(k)};
  auto pass = [&](Val from, Val to, int64_t width) {
    best =
        k.loop(from, to, k.constant(width), best, [&](Val block, ArrayRef<Val> before) {
          Vals sums = dotBlocks(k, stored, width, q, keys + block * stored.blockBytes());
          Val best = before[0];
          for (int64_t b = 0; b < width; ++b)
            best = storeScores(k, scoring, sums[b], block + b, count, scores, best);
          return Vals{best};
        });
  };
  // Two blocks at a time: one block's additions would wait for each other.
  pass(zero, pairs, 2);
  pass(pairs, blocks, 1);
  return k.splat(k.max16(best[0]), 16);
}

/// Scores where key j lies in slot ancestors[j], with `stride` bytes from slot to slot. A
/// block of keys is read once from each slot that holds some of its keys, and each lane
/// takes the sum from its own slot, so that the sum is that of a single slot. The
/// hardware does not prefetch pieces this small and far apart, so each block prefetches
/// the keys of the next block and its own values, which are read later.
Val emitScattered(KernelBuilder &k, const Stored &stored, const Scoring &scoring, Val q,
                  Val keys, Val values, Val stride, Val ancestors, Val count, Val scores) {
  Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1));
  Val blocks = (count + 15) / 16;
  VectorType numbers = k.vector(k.i32(), 16);
  auto slotOf = [&](Val j) { return k.loadIndex(ancestors, j) * stride; };
  // body(so far, that slot's part of the block, the lanes it holds), once for each slot.
  auto forEachSlot = [&](Val block, Val init,
                         llvm::function_ref<Val(Val, Val, Val)> body) {
    Val left = k.splat(k.truncate(count - block * 16, k.i32()), 16);
    Val all = k.load(numbers, ancestors + block * 64);
    return k.repeat(
        {k.bitsOf(k.iota(16) < left), init},
        [&](ArrayRef<Val> so) { return zero < so[0]; },
        [&](ArrayRef<Val> so) {
          Val j = block * 16 + k.lowestBit(so[0]);
          Val slot = k.load(k.i32(), ancestors + j * 4);
          Val mine = all == k.splat(slot, 16);
          Val at = keys + block * stored.blockBytes() + slotOf(j);
          return Vals{so[0] & (k.bitsOf(mine) ^ k.constant(int64_t(0xffff))),
                      body(so[1], at, mine)};
        })[1];
  };
  Val best = k.loop(zero, blocks, one, {lowest16(k)}, [&](Val block, ArrayRef<Val> best) {
    k.when(block + 1 < blocks, [&] {
      forEachSlot(block + 1, zero, [&](Val so, Val at, Val) {
        for (int64_t line = 0; line < stored.blockBytes(); line += 64)
          k.prefetch(at + line);
        return so;
      });
    });
    k.loop(block * 16, min(block * 16 + 16, count), [&](Val j) {
      for (int64_t line = 0; line < stored.valueBytes(); line += 64)
        k.prefetch(values + slotOf(j) + j * stored.valueBytes() + line);
    });
    Val sums = forEachSlot(block, k.constantOf(lowest16(k).type(), 0.0),
                           [&](Val so, Val at, Val mine) {
                             return select(mine, dotBlocks(k, stored, 1, q, at)[0], so);
                           });
    return Vals{storeScores(k, scoring, sums, block, count, scores, best[0])};
  })[0];
  return k.splat(k.max16(best), 16);
}

/// scores becomes exp(scores - most); returns the sum.
Val emitExponentials(KernelBuilder &k, Val count, Val scores, Val most) {
  Val zeros = k.constantOf(k.vector(k.f32(), 16), 0.0);
  Vals sum = k.loop(k.constant(int64_t(0)), (count + 15) / 16, k.constant(int64_t(1)),
                    {zeros}, [&](Val block, ArrayRef<Val> sum) {
                      Val at = scores + block * 64;
                      Val e = exp(k.load(zeros.type(), at) - most);
                      k.store(e, at);
                      return Vals{sum[0] + e};
                    });
  return k.sum16(sum[0]);
}

/// y[d] = (Σ_j e[j] v[j][d]) * factor, 64 elements at a time: 8 registers of
/// AVX2. valueOf(j) is the address of v[j].
void emitContext(KernelBuilder &k, const Stored &stored, Val exponentials,
                 llvm::function_ref<Val(Val)> valueOf, Val count, Val factor, Val y) {
  int64_t headSize = stored.headSize;
  Val zeros = k.constantOf(k.vector(k.f32(), 16), 0.0);
  Val factors = k.splat(factor, 16);
  for (int64_t from = 0; from < headSize; from += 64) {
    int64_t panels = (std::min(headSize - from, int64_t(64)) + 15) / 16;
    Vals acc(panels, zeros);
    acc = k.loop(k.constant(int64_t(0)), count, k.constant(int64_t(1)), acc,
                 [&](Val j, ArrayRef<Val> acc) {
                   Val e = k.splat(k.load(k.f32(), exponentials + j * 4), 16);
                   Val row = valueOf(j) + from / 16 * stored.laneBytes();
                   Vals next;
                   for (int64_t p = 0; p < panels; ++p)
                     next.push_back(
                         fma(e, stored.load(row + p * stored.laneBytes()), acc[p]));
                   return next;
                 });
    for (int64_t p = 0; p < panels; ++p) // the next head's columns stay
      k.storeFirst(acc[p] * factors, headSize - from - p * 16, y + (from + p * 16) * 4);
  }
}

std::string named(StringRef name, int64_t headSize, KeyKind kind, float scale,
                  bool biased) {
  return (name + "_" + std::to_string(headSize) + nameOf(kind) + "_" + bitsOf(scale) +
          (biased ? "_biased" : ""))
      .str();
}

/// `types`, and a bias behind them.
SmallVector<Type> withBias(SmallVector<Type> types, bool biased, Type ptr) {
  if (biased)
    types.push_back(ptr);
  return types;
}

/// kAttendRows rows of one head that attend together: the sums of attend in the same
/// order, row for row, but each key and value is loaded once for all rows.
class RowTile {
public:
  /// `wide`: vectors of keys or of value columns that go side by side.
  RowTile(Stored stored, int64_t wide, Val q, Val ldq, Val count, Val scores)
      : k(stored.k), stored(stored), wide(wide), count(count), scores(scores),
        zero(k.constant(int64_t(0))), one(k.constant(int64_t(1))),
        blocks((count + 15) / 16), lds(blocks * 64), queries(rowsFrom(q, ldq)),
        scoreRows(rowsFrom(scores, lds)) {}

  /// s[r][j] of all keys.
  void emitScores(const Scoring &scoring, Val keys) {
    Val whole = blocks / wide * wide;
    for (int64_t r = 0; r < kAttendRows; ++r)
      scorings.push_back(scoring.after(r));
    scoreBlocks(keys, zero, whole, wide);
    if (wide > 1)
      scoreBlocks(keys, whole, blocks, 1);
  }

  /// Scores become e[r][j]; the inverse of each row's sum comes after them.
  void emitSoftmax() {
    inverses = scores + lds * kAttendRows;
    k.loop(zero, k.constant(kAttendRows), [&](Val r) {
      Val row = scores + r * lds;
      Val most =
          k.loop(zero, blocks, one, {lowest16(k)}, [&](Val block, ArrayRef<Val> most) {
            return Vals{max(most[0], k.load(vector(), row + block * 64))};
          })[0];
      Val sum = emitExponentials(k, count, row, k.splat(k.max16(most), 16));
      k.store(k.constant(1.0f) / sum, inverses + r * 4);
    });
  }

  /// y[r][d] from the values.
  void emitContext(Val values, Val y, Val ldy) {
    const int64_t headSize = stored.headSize;
    for (int64_t from = 0, width; from < headSize; from += width * 16) {
      width = std::min(wide, (headSize - from + 15) / 16);
      Vals sums = k.loop(zero, count, one, zeros(width), [&](Val j, ArrayRef<Val> sums) {
        Vals exponentials, vectors;
        for (Val row : scoreRows)
          exponentials.push_back(row + j * 4);
        for (int64_t w = 0; w < width; ++w)
          vectors.push_back(stored.load(values + j * stored.valueBytes() +
                                        (from / 16 + w) * stored.laneBytes()));
        return accumulate(sums, exponentials, vectors);
      });
      Vals out = rowsFrom(y, ldy);
      for (auto [i, sum] : llvm::enumerate(sums)) { // the next head's columns stay
        int64_t r = i / width, column = from + i % width * 16;
        k.storeFirst(sum * k.splat(k.load(k.f32(), inverses + r * 4), 16),
                     headSize - column, out[r] + column * 4);
      }
    }
  }

private:
  VectorType vector() const { return k.vector(k.f32(), 16); }
  Vals zeros(int64_t width) const {
    return Vals(kAttendRows * width, k.constantOf(vector(), 0.0));
  }
  static Vals rowsFrom(Val first, Val stride) {
    Vals rows{first};
    while (int64_t(rows.size()) < kAttendRows)
      rows.push_back(rows.back() + stride);
    return rows;
  }
  /// sums[r][w] + scalars[r] * vectors[w]
  Vals accumulate(ArrayRef<Val> sums, ArrayRef<Val> scalars,
                  ArrayRef<Val> vectors) const {
    Vals next(sums);
    for (auto [r, scalar] : llvm::enumerate(scalars)) {
      Val x = k.splat(k.load(k.f32(), scalar), 16);
      for (auto [w, v] : llvm::enumerate(vectors)) {
        Val &sum = next[r * vectors.size() + w];
        sum = fma(x, v, sum);
      }
    }
    return next;
  }
  /// Scores of the blocks [from, to), `width` at a time.
  void scoreBlocks(Val keys, Val from, Val to, int64_t width) {
    k.loop(from, to, k.constant(width), [&](Val block) {
      Val at = keys + block * stored.blockBytes();
      auto half = [&](int64_t first) { // every other d from there
        return k.loop(k.constant(first), k.constant(stored.headSize),
                      k.constant(int64_t(2)), zeros(width),
                      [&](Val d, ArrayRef<Val> sums) {
                        Vals elements, vectors;
                        for (Val query : queries)
                          elements.push_back(query + d * 4);
                        for (int64_t w = 0; w < width; ++w)
                          vectors.push_back(stored.load(at + d * stored.laneBytes() +
                                                        w * stored.blockBytes()));
                        return accumulate(sums, elements, vectors);
                      });
      };
      Vals even = half(0), odd = half(1);
      for (int64_t i = 0; i < int64_t(even.size()); ++i)
        storeScores(k, scorings[i / width], even[i] + odd[i], block + i % width, count,
                    scoreRows[i / width], lowest16(k));
    });
  }

  KernelBuilder &k;
  Stored stored;
  int64_t wide;
  Val count, scores, zero, one;
  Val blocks, lds; // scores [rows][blocks][16], lds bytes from row to row
  Vals queries, scoreRows;
  SmallVector<Scoring> scorings; // of each row
  Val inverses; // [rows]
};

/// Whether the first `count` of `slots` are all the same slot; the entries up to a whole
/// block must be too.
Val isOneSlot(KernelBuilder &k, Val slots, Val count) {
  VectorType numbers = k.vector(k.i32(), 16);
  Val zeros = k.constantOf(numbers, 0), ones = k.constantOf(numbers, 1);
  Val first = k.splat(k.load(k.i32(), slots), 16);
  Val others = k.loop(k.constant(int64_t(0)), (count + 15) / 16, k.constant(int64_t(1)),
                      {zeros}, [&](Val block, ArrayRef<Val> others) {
                        Val same = k.load(numbers, slots + block * 64) == first;
                        return Vals{others[0] | select(same, zeros, ones)};
                      })[0];
  return k.reduce16(others, [](Val a, Val b) { return a | b; }) == k.constantI32(0);
}

} // namespace

func::FuncOp CpuKernels::attend(int64_t headSize, KeyKind kind, float scale, bool biased) {
  std::string name = named("attend", headSize, kind, scale, biased);
  // (q, keys, values, count, scores, y, probs or null)
  auto types = withBias({ptr, ptr, ptr, i64, ptr, ptr, ptr}, biased, ptr);
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val q = a[0], keys = a[1], values = a[2], count = a[3], scores = a[4], y = a[5],
        probs = a[6];
    Stored stored{k, headSize, kind};
    Scoring scoring{scale, biased ? a.back() : Val()};
    Val most = emitScores(k, stored, scoring, q, keys, count, scores);
    Val sum = emitExponentials(k, count, scores, most);
    Val inverse = k.constant(1.0f) / sum;
    auto valueOf = [&](Val j) { return values + j * stored.valueBytes(); };
    emitContext(k, stored, scores, valueOf, count, inverse, y);
    k.unless(k.isNull(probs), [&] {
      k.loop(k.constant(int64_t(0)), count, [&](Val j) {
        k.store(k.load(k.f32(), scores + j * 4) * inverse, probs + j * 4);
      });
    });
  });
}

func::FuncOp CpuKernels::attendTile(int64_t headSize, KeyKind kind, float scale,
                                    bool biased) {
  std::string name = named("attend_tile", headSize, kind, scale, biased);
  // (q, ldq, keys, values, count, scores, y, ldy)
  auto types = withBias({ptr, i64, ptr, ptr, i64, ptr, ptr, i64}, biased, ptr);
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val q = a[0], ldq = a[1], keys = a[2], values = a[3], count = a[4], scores = a[5],
        y = a[6], ldy = a[7];
    // As many chains of sums as hide the latency of adding, and no more than there
    // are registers.
    int64_t wide = std::max<int64_t>(level.lanes / 8, 1);
    RowTile tile({k, headSize, kind}, wide, q, ldq, count, scores);
    tile.emitScores({scale, biased ? a.back() : Val()}, keys);
    tile.emitSoftmax();
    tile.emitContext(values, y, ldy);
  });
}

func::FuncOp CpuKernels::attendScattered(int64_t headSize, KeyKind kind, float scale,
                                         bool biased) {
  std::string name = named("attend_scattered", headSize, kind, scale, biased);
  // (q, keys, values, stride, ancestors, count, scores, y)
  auto types = withBias({ptr, ptr, ptr, i64, ptr, i64, ptr, ptr}, biased, ptr);
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val q = a[0], keys = a[1], values = a[2], stride = a[3], ancestors = a[4],
        count = a[5], scores = a[6], y = a[7];
    Stored stored{k, headSize, kind};
    Scoring scoring{scale, biased ? a.back() : Val()};
    Val most = emitScattered(k, stored, scoring, q, keys, values, stride, ancestors, count,
                             scores);
    Val sum = emitExponentials(k, count, scores, most);
    auto valueOf = [&](Val j) {
      return values + k.loadIndex(ancestors, j) * stride + j * stored.valueBytes();
    };
    emitContext(k, stored, scores, valueOf, count, k.constant(1.0f) / sum, y);
  });
}

func::FuncOp CpuKernels::attendPast(int64_t headSize, KeyKind kind, float scale,
                                    bool biased) {
  std::string name = named("attend_past", headSize, kind, scale, biased);
  func::FuncOp one = attend(headSize, kind, scale, biased),
               scattered = attendScattered(headSize, kind, scale, biased);
  // (q, keys, values, stride, ancestors, count, scores, y)
  auto types = withBias({ptr, ptr, ptr, i64, ptr, i64, ptr, ptr}, biased, ptr);
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val q = a[0], keys = a[1], values = a[2], stride = a[3], ancestors = a[4],
        count = a[5], scores = a[6], y = a[7];
    Val oneSlot = isOneSlot(k, ancestors, count);
    k.when(oneSlot, [&] {
      Val slot = k.loadIndex(ancestors, k.constant(int64_t(0))) * stride;
      Vals arguments{q, keys + slot, values + slot, count, scores, y, k.null()};
      if (biased)
        arguments.push_back(a.back());
      k.call(one, arguments);
    });
    k.unless(oneSlot, [&] { k.call(scattered, a); });
  });
}

} // namespace encdec::cpu
