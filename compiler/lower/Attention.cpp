// Attention of one query row and one head, and what feeds it.
//
//   s[j] = scale * Σ_d q[d] k[j][d]                              j < count
//   e[j] = exp(s[j] - max s),   y[d] = (Σ_j e[j] v[j][d]) / Σ_j e[j]
//
// Keys lie in blocks of 16, [C/16][D][16], so that a block's scores are one
// vector and need no sums across lanes; values row after row, [C][Dp]. Blocks
// start at key 0 and are walked in order; lanes beyond `count` count as -inf.
#include "compiler/lower/CpuKernels.h"
#include "compiler/lower/Math.h"
#include <limits>

using namespace mlir;

namespace encdec::lower {
namespace {

std::string shaped(StringRef name, const AttentionShape &s) {
  return (name + "_" + std::to_string(s.heads) + "x" +
          std::to_string(s.headSize))
      .str();
}

Val roundUp16(Val count) { return (count + 15) / 16 * 16; }

Val index(KernelBuilder &k, Val array, Val i) {
  return k.signExtend(k.load(k.i32(), array + i * 4), k.i64());
}

/// Scores of `blocks` key blocks from `block` on into scores; returns their
/// running maximum, in 16 lanes.
Val scoreBlocks(KernelBuilder &k, int64_t headSize, float scale, int64_t blocks,
                Val q, Val keys, Val block, Val count, Val scores, Val best) {
  VectorType vector = k.vector(k.f32(), 16);
  int64_t blockBytes = headSize * 64;
  Val at = keys + block * blockBytes;
  Vals sums(blocks, k.constantOf(vector, 0.0));
  sums =
      k.loop(k.constant(int64_t(0)), k.constant(headSize),
             k.constant(int64_t(1)), sums, [&](Val d, ArrayRef<Val> sum) {
               Val x = k.splat(k.load(k.f32(), q + d * 4), 16);
               Vals next;
               for (int64_t b = 0; b < blocks; ++b)
                 next.push_back(fma(
                     x, k.load(vector, at + d * 64 + b * blockBytes), sum[b]));
               return next;
             });
  for (int64_t b = 0; b < blocks; ++b) {
    Val left = k.splat(k.truncate(count - (block + b) * 16, k.i32()), 16);
    Val s =
        select(k.iota(16) < left, sums[b] * k.constantOf(vector, scale),
               k.constantOf(vector, -std::numeric_limits<double>::infinity()));
    k.store(s, scores + (block + b) * 64);
    best = max(best, s);
  }
  return best;
}

/// Scores of all keys into scores; returns the greatest, in every lane.
Val emitScores(KernelBuilder &k, int64_t headSize, float scale, Val q, Val keys,
               Val count, Val scores) {
  Val zero = k.constant(int64_t(0)), blocks = (count + 15) / 16,
      pairs = blocks / 2 * 2;
  Vals best{k.constantOf(k.vector(k.f32(), 16),
                         -std::numeric_limits<double>::infinity())};
  auto pass = [&](Val from, Val to, int64_t width) {
    best = k.loop(from, to, k.constant(width), best,
                  [&](Val block, ArrayRef<Val> best) {
                    return Vals{scoreBlocks(k, headSize, scale, width, q, keys,
                                            block, count, scores, best[0])};
                  });
  };
  // Two blocks at a time: each alone would wait for its own sums.
  pass(zero, pairs, 2);
  pass(pairs, blocks, 1);
  return k.splat(k.max16(best[0]), 16);
}

/// scores becomes exp(scores - most); returns the sum.
Val emitExponentials(KernelBuilder &k, Val count, Val scores, Val most) {
  Val zeros = k.constantOf(k.vector(k.f32(), 16), 0.0);
  Vals sum =
      k.loop(k.constant(int64_t(0)), (count + 15) / 16, k.constant(int64_t(1)),
             {zeros}, [&](Val block, ArrayRef<Val> sum) {
               Val at = scores + block * 64;
               Val e = exp(k.load(zeros.type(), at) - most);
               k.store(e, at);
               return Vals{sum[0] + e};
             });
  return k.sum16(sum[0]);
}

/// y[d] = (Σ_j e[j] v[j][d]) * factor, 64 elements at a time: 8 registers of
/// AVX2.
void emitContext(KernelBuilder &k, int64_t headSize, Val exponentials,
                 Val values, Val count, Val factor, Val y) {
  int64_t padded = (headSize + 15) / 16 * 16;
  Val zeros = k.constantOf(k.vector(k.f32(), 16), 0.0);
  Val factors = k.splat(factor, 16);
  for (int64_t from = 0; from < headSize; from += 64) {
    int64_t panels = (std::min(headSize - from, int64_t(64)) + 15) / 16;
    Vals acc(panels, zeros);
    acc = k.loop(k.constant(int64_t(0)), count, k.constant(int64_t(1)), acc,
                 [&](Val j, ArrayRef<Val> acc) {
                   Val e = k.splat(k.load(k.f32(), exponentials + j * 4), 16);
                   Val row = values + j * (padded * 4) + from * 4;
                   Vals next;
                   for (int64_t p = 0; p < panels; ++p)
                     next.push_back(
                         fma(e, k.load(zeros.type(), row + p * 64), acc[p]));
                   return next;
                 });
    for (int64_t p = 0; p < panels; ++p) // the next head's columns stay
      k.storeFirst(acc[p] * factors, headSize - from - p * 16,
                   y + (from + p * 16) * 4);
  }
}

} // namespace

func::FuncOp CpuKernels::attend(int64_t headSize, float scale) {
  std::string name = "attend_" + std::to_string(headSize) + "_" + bitsOf(scale);
  // (q, keys, values, count, scores, y, probs or null)
  SmallVector<Type> types{ptr, ptr, ptr, i64, ptr, ptr, ptr};
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val q = a[0], keys = a[1], values = a[2], count = a[3], scores = a[4],
        y = a[5], probs = a[6];
    Val most = emitScores(k, headSize, scale, q, keys, count, scores);
    Val sum = emitExponentials(k, count, scores, most);
    Val inverse = k.constant(1.0f) / sum;
    emitContext(k, headSize, scores, values, count, inverse, y);
    k.unless(k.isNull(probs), [&] {
      k.loop(k.constant(int64_t(0)), count, [&](Val j) {
        k.store(k.load(k.f32(), scores + j * 4) * inverse, probs + j * 4);
      });
    });
  });
}

namespace {

/// Addresses within one layer's keys and values of one sequence with room for
/// `capacity` keys: keys [H][C/16][D][16], then values [H][C][Dp].
struct Layer {
  KernelBuilder &k;
  const AttentionShape &shape;
  Val base, capacity;

  Val keys(Val head) const {
    return base + head * capacity * (shape.headSize * 4);
  }
  Val values(Val head) const {
    return base + capacity * shape.keyBytes() +
           head * capacity * (shape.paddedHeadSize() * 4);
  }
  /// Element d = 0 of key `j`; the next ones follow at 64 bytes.
  Val key(Val head, Val j) const {
    return keys(head) + (j / 16 * (shape.headSize * 64) + j % 16 * 4);
  }
  Val value(Val head, Val j) const {
    return values(head) + j * (shape.paddedHeadSize() * 4);
  }
};

/// One head of one row's key and value into place.
void emitPlace(KernelBuilder &k, int64_t headSize, Val key, Val value,
               Val toKey, Val toValue) {
  k.loop(k.constant(int64_t(0)), k.constant(headSize), [&](Val d) {
    k.store(k.load(k.f32(), key + d * 4), toKey + d * 64);
    k.store(k.load(k.f32(), value + d * 4), toValue + d * 4);
  });
}

/// Padding of an activation row of `width` columns must be zero; the worker
/// with the last head writes it.
void emitPadding(KernelBuilder &k, const AttentionShape &shape, Val head,
                 Val row) {
  int64_t pad = (16 - shape.width() % 16) % 16;
  if (!pad)
    return;
  k.when(head == k.constant(shape.heads - 1), [&] {
    k.storeFirst(k.constantOf(k.vector(k.f32(), 16), 0.0), pad,
                 row + shape.width() * 4);
  });
}

int64_t rowBytes(const AttentionShape &shape) {
  return (shape.width() + 15) / 16 * 64;
}

/// Walks the (row, head) units of this worker, source by source, heads outer
/// within a source. Calls body(row, row within source, head, layer offset in
/// keys, length of the source).
void forEachEncoderUnit(
    KernelBuilder &k, Frame &f, int64_t heads,
    llvm::function_ref<void(Val row, Val at, Val head, Val before, Val length)>
        body) {
  Val offsets = f.contextPointer("source_offset");
  auto [first, last] = f.share(f.context("rows") * heads);
  Val zero = k.constant(int64_t(0));
  k.loop(zero, f.context("sources"), k.constant(int64_t(1)), {zero},
         [&, first = first, last = last](Val source, ArrayRef<Val> before) {
           Val start = index(k, offsets, source);
           Val length = index(k, offsets, source + 1) - start;
           Val unit = start * heads;
           Val from = max(first, unit), to = min(last, unit + length * heads);
           k.loop(from, to, [&](Val u) {
             Val at = (u - unit) % length, head = (u - unit) / length;
             body(start + at, at, head, before[0], length);
           });
           return Vals{before[0] + roundUp16(length)};
         });
}

/// One layer of each row's cache slot. Made outside of loops: it loads the fields
/// it needs.
struct CacheLayer {
  CacheLayer(KernelBuilder &k, Frame &f, const AttentionShape &shape,
             Val layerFloats)
      : k(k), shape(shape), layerFloats(layerFloats),
        slots(f.contextPointer("row_slot")), cache(f.contextPointer("cache")),
        stride(f.context("cache_stride")),
        capacity(f.context("cache_capacity")) {}

  Layer of(Val row) {
    return {k, shape,
            cache + index(k, slots, row) * stride + layerFloats * capacity * 4,
            capacity};
  }

  KernelBuilder &k;
  const AttentionShape &shape;
  Val layerFloats, slots, cache, stride, capacity;
};

} // namespace

func::FuncOp CpuKernels::cacheAppend(const AttentionShape &shape) {
  return defineKernel(shaped("cache_append", shape), [&](KernelBuilder &k,
                                                         Frame &f) {
    Val key = f.place(0), value = f.place(1);
    CacheLayer cache(k, f, shape, f.number(2));
    Val positions = f.contextPointer("positions");
    auto [first, last] = f.share(f.context("rows") * shape.heads);
    k.loop(first, last, [&](Val unit) {
      Val row = unit / shape.heads, head = unit % shape.heads;
      Layer layer = cache.of(row);
      Val j = index(k, positions, row);
      Val at = row * rowBytes(shape) + head * (shape.headSize * 4);
      emitPlace(k, shape.headSize, key + at, value + at, layer.key(head, j),
                layer.value(head, j));
    });
  });
}

func::FuncOp CpuKernels::selfAttention(const AttentionShape &shape,
                                       float scale) {
  func::FuncOp body = attend(shape.headSize, scale);
  std::string name = shaped("self_attention", shape) + "_" + bitsOf(scale);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Val q = f.place(0), y = f.place(2);
    CacheLayer cache(k, f, shape, f.number(1));
    Val positions = f.contextPointer("positions"), scratch = f.scratch();
    auto [first, last] = f.share(f.context("rows") * shape.heads);
    k.loop(first, last, [&](Val unit) {
      Val row = unit / shape.heads, head = unit % shape.heads;
      Layer layer = cache.of(row);
      Val at = row * rowBytes(shape), column = at + head * (shape.headSize * 4);
      emitPadding(k, shape, head, y + at);
      k.call(body,
             {q + column, layer.keys(head), layer.values(head),
              index(k, positions, row) + 1, scratch, y + column, k.null()});
    });
  });
}

func::FuncOp CpuKernels::crossAttention(const AttentionShape &shape,
                                        float scale) {
  func::FuncOp body = attend(shape.headSize, scale);
  std::string name = shaped("cross_attention", shape) + "_" + bitsOf(scale);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Val q = f.place(0), layerFloats = f.number(1), y = f.place(2);
    Val sources = f.contextPointer("row_source");
    Val offsets = f.contextPointer("source_offset");
    Val memory = f.contextPointer("memory");
    Val starts = f.contextPointer("memory_offset"), scratch = f.scratch();
    Val rows = f.context("rows");
    Val probs = f.contextPointer("out_probs"),
        stride = f.context("probs_stride");
    Val none = k.isNull(probs), firstProbs = f.number(3) * shape.heads;
    auto [first, last] = f.share(rows * shape.heads);
    k.loop(first, last, [&](Val unit) {
      Val row = unit / shape.heads, head = unit % shape.heads;
      Val source = index(k, sources, row);
      Val count = index(k, offsets, source + 1) - index(k, offsets, source);
      Val capacity = roundUp16(count);
      Layer layer{k, shape,
                  memory + k.load(k.i64(), starts + source * 8) +
                      layerFloats * capacity * 4,
                  capacity};
      Val at = row * rowBytes(shape), column = at + head * (shape.headSize * 4);
      Val out = probs + ((firstProbs + head) * rows + row) * stride * 4;
      emitPadding(k, shape, head, y + at);
      k.call(body, {q + column, layer.keys(head), layer.values(head), count,
                    scratch, y + column, select(none, probs, out)});
    });
  });
}

func::FuncOp CpuKernels::blockKeys(const AttentionShape &shape) {
  return defineKernel(shaped("block_keys", shape), [&](KernelBuilder &k,
                                                       Frame &f) {
    Val key = f.place(0), value = f.place(1), keys = f.place(2),
        values = f.place(3);
    int64_t keyBytes = shape.keyBytes(),
            valueBytes = shape.heads * shape.paddedHeadSize() * 4;
    forEachEncoderUnit(
        k, f, shape.heads,
        [&](Val row, Val j, Val head, Val before, Val length) {
          Val capacity = roundUp16(length);
          Val at = row * rowBytes(shape) + head * (shape.headSize * 4);
          Layer blockedKeys{k, shape, keys + before * keyBytes, capacity};
          Val toValue = values + before * valueBytes +
                        (head * capacity + j) * (shape.paddedHeadSize() * 4);
          emitPlace(k, shape.headSize, key + at, value + at,
                    blockedKeys.key(head, j), toValue);
        });
  });
}

func::FuncOp CpuKernels::encoderAttention(const AttentionShape &shape,
                                          float scale) {
  func::FuncOp body = attend(shape.headSize, scale);
  std::string name = shaped("encoder_attention", shape) + "_" + bitsOf(scale);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Val q = f.place(0), keys = f.place(1), values = f.place(2), y = f.place(3);
    Val scratch = f.scratch();
    int64_t keyBytes = shape.keyBytes(),
            valueBytes = shape.heads * shape.paddedHeadSize() * 4;
    forEachEncoderUnit(
        k, f, shape.heads, [&](Val row, Val, Val head, Val before, Val length) {
          Val capacity = roundUp16(length);
          Val at = row * rowBytes(shape),
              column = at + head * (shape.headSize * 4);
          emitPadding(k, shape, head, y + at);
          k.call(body, {q + column,
                        keys + before * keyBytes +
                            head * capacity * (shape.headSize * 4),
                        values + before * valueBytes +
                            head * capacity * (shape.paddedHeadSize() * 4),
                        length, scratch, y + column, k.null()});
        });
  });
}

// Columns are shared out as the linear's panels are, so a worker moves only
// what it has just computed and no barrier is needed; nor between one layer and
// the next.
func::FuncOp CpuKernels::memoryProject(const AttentionShape &shape,
                                       const LinearShape &linear) {
  std::string name = shaped("memory_project", shape) + "_" +
                     std::to_string(linear.inputs) +
                     (linear.quantized[0] ? "_i8" : "_f32") +
                     (linear.quantized[1] ? "_i8" : "_f32");
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t panels = (shape.width() + 15) / 16, size = shape.headSize;
    LinearOperands o;
    o.x = f.place(0);
    o.ldx = k.constant((linear.inputs + 15) / 16 * 64);
    o.rows = f.context("rows");
    o.ldy = k.constant(rowBytes(shape));
    auto [first, last] = f.share(k.constant(panels));
    Val key = f.place(7), value = f.place(8), layerFloats = f.number(9);
    for (int64_t i = 0; i < 2; ++i) {
      o.weight = f.weight(1 + 3 * i);
      o.scales = f.optionalWeight(2 + 3 * i);
      o.bias = f.optionalWeight(3 + 3 * i);
      o.y = i ? value : key;
      emitLinear(k, o, linear.inputs, linear.quantized[i], std::nullopt, first,
                 last);
    }
    Val offsets = f.contextPointer("source_offset");
    Val memory = f.contextPointer("memory");
    Val starts = f.contextPointer("memory_offset");
    Val from = first * 16, to = min(last * 16, k.constant(shape.width()));
    k.loop(k.constant(int64_t(0)), f.context("sources"), [&](Val source) {
      Val start = index(k, offsets, source);
      Val length = index(k, offsets, source + 1) - start;
      Val capacity = roundUp16(length);
      Layer layer{k, shape,
                  memory + k.load(k.i64(), starts + source * 8) +
                      layerFloats * capacity * 4,
                  capacity};
      k.loop(k.constant(int64_t(0)), length, [&](Val j) {
        Val row = (start + j) * rowBytes(shape);
        k.loop(from, to, [&](Val column) {
          Val head = column / size, d = column % size;
          k.store(k.load(k.f32(), key + row + column * 4),
                  layer.key(head, j) + d * 64);
          k.store(k.load(k.f32(), value + row + column * 4),
                  layer.value(head, j) + d * 4);
        });
      });
    });
  });
}

} // namespace encdec::lower
