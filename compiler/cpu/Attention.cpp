// Attention over all rows and heads of a call, each by Attend.cpp, and the kernels that
// write keys and values. Layouts: abi.h.
//
// Rows of one source follow each other and heads are the outer loop, so that the
// hypotheses of a sentence read a head's keys and values while these are in the cache.
//
// One row's keys and values of one head are a few KB of the cache; the next row's lie at another
// place of it. In bf16 such a block is too short a stream for the hardware prefetcher to follow.
// So while a worker attends for one row and head, it prefetches the keys and values of the row and
// head that it attends for next (AVX-512, 64 rows of 32 keys: 17 -> 21 GB/s).
#include "compiler/cpu/Layer.h"
#include "compiler/cpu/Math.h"

using namespace mlir;

namespace encdec::cpu {
namespace {

std::string shaped(StringRef name, const AttentionShape &s) {
  return (name + "_" + std::to_string(s.heads) + "x" +
          std::to_string(s.headSize) + nameOf(s.keys))
      .str();
}

/// Writes `count` elements of one row's key and value where the layout has them, 16 at a
/// time: values side by side, keys each to every 16th element.
void emitPlace(KernelBuilder &k, KeyKind kind, int64_t count, Val key, Val value,
               Val toKey, Val toValue) {
  int64_t whole = count / 16 * 16, bytes = kind == KeyKind::f32 ? 4 : 2;
  auto stored = [&](Val real) {
    return kind == KeyKind::f32 ? real : k.toBf16(real);
  };
  k.loop(k.constant(int64_t(0)), k.constant(whole), k.constant(int64_t(16)),
         [&](Val d) {
           VectorType vector = k.vector(k.f32(), 16);
           Val keys, to = toKey + d * (16 * bytes);
           if (kind != KeyKind::f32) // converted together
             keys = stored(k.load(vector, key + d * 4));
           for (int64_t more = 0; more < 16; ++more)
             k.store(keys.value ? k.lane(keys, more)
                                : k.load(k.f32(), key + d * 4 + more * 4),
                     to + more * (16 * bytes));
           k.store(stored(k.load(vector, value + d * 4)), toValue + d * bytes);
         });
  k.loop(k.constant(whole), k.constant(count), [&](Val d) {
    k.store(stored(k.load(k.f32(), key + d * 4)), toKey + d * (16 * bytes));
    k.store(stored(k.load(k.f32(), value + d * 4)), toValue + d * bytes);
  });
}

/// The padding of an activation row must be zero; the worker with the last head writes
/// it.
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

/// Where a row's scores find their bias. Construct outside of loops.
struct BiasRows {
  BiasRows(KernelBuilder &k, Frame &f, Bias kind, int64_t entry) : kind(kind) {
    if (kind == Bias::none)
      return;
    Val keys = f.context("keys");
    ld = kind == Bias::bidirectional ? keys * 8 : keys * 4;
    zero = f.placeOfKeys(entry) + (keys * 4 - 4); // of head 0, distance 0
  }
  bool exists() const { return kind != Bias::none; }
  /// Behind `arguments`, that of the score of key 0 for a query at `position`.
  Vals behind(Vals arguments, Val head, Val position) const {
    if (exists())
      arguments.push_back(zero + (head * ld - position * 4));
    return arguments;
  }

  Bias kind;
  Val ld, zero; // bytes from head to head; address
};

/// Walks the (row, head) units of this worker, source by source, heads outer
/// within a source: runs of rows of one head. Calls body(first row, its place within
/// the source, how many, head, keys of the sources before, length of the source).
void forEachEncoderRun(
    KernelBuilder &k, Frame &f, int64_t heads,
    llvm::function_ref<void(Val row, Val at, Val rows, Val head, Val before,
                            Val length)>
        body) {
  Val offsets = f.contextPointer("source_offset");
  auto [first, last] = f.share(f.context("rows") * heads);
  Val zero = k.constant(int64_t(0));
  k.loop(zero, f.context("sources"), k.constant(int64_t(1)), {zero},
         [&, first = first, last = last](Val source, ArrayRef<Val> before) {
           Val start = k.loadIndex(offsets, source);
           Val length = k.loadIndex(offsets, source + 1) - start;
           Val unit = start * heads;
           k.loop(zero, k.constant(heads), [&](Val head) {
             Val begin = unit + head * length;
             Val from = max(first, begin), to = min(last, begin + length);
             k.when(from < to, [&] {
               Val at = from - begin;
               body(start + at, at, to - from, head, before[0], length);
             });
           });
           return Vals{before[0] + roundUp16(length)};
         });
}

/// One layer of the cache, and the slots that hold each row's past. Construct outside of
/// loops: it loads fields of the context.
struct CacheLayer {
  CacheLayer(KernelBuilder &k, Frame &f, const AttentionShape &shape,
             Val layerBytes)
      : k(k), shape(shape), ancestors(f.contextPointer("ancestors")),
        stride(f.context("cache_stride")),
        capacity(f.context("cache_capacity")),
        base(f.contextPointer("cache") + layerBytes * capacity) {}

  Layer slot(Val number) const {
    return {k, shape, base + number * stride, capacity};
  }
  /// The slot that holds a row's key at `position`.
  Layer slotOf(Val row, Val position) const {
    return slot(k.loadIndex(ancestorsOf(row), position));
  }
  Val ancestorsOf(Val row) const { return ancestors + row * capacity * 4; }

  KernelBuilder &k;
  const AttentionShape &shape;
  Val ancestors, stride, capacity, base;
};

} // namespace

func::FuncOp CpuKernels::cacheAppend(const AttentionShape &shape) {
  return defineKernel(shaped("cache_append", shape), [&](KernelBuilder &k,
                                                         Frame &f) {
    Val key = f.place(0), value = f.place(1);
    CacheLayer cache(k, f, shape, f.number(2));
    Val positions = f.contextPointer("positions");
    Val rows = f.context("rows");
    auto [first, last] = f.shareRowHeads(shape.heads);
    k.loop(first, last, [&, last = last](Val unit) {
      Val row = unit % rows, head = unit / rows;
      Val j = k.loadIndex(positions, row);
      Layer layer = cache.slotOf(row, j);
      Layer::prefetchNext(k, shape, rows, [&] {
        Val next = min(unit + 1, last - 1), nextRow = next % rows;
        Val nextPlace = k.loadIndex(positions, nextRow);
        cache.slotOf(nextRow, nextPlace).prefetchPlace(next / rows, nextPlace);
      });
      Val at = row * rowBytes(shape) + head * (shape.headSize * 4);
      emitPlace(k, shape.keys, shape.headSize, key + at, value + at,
                layer.key(head, j), layer.value(head, j));
    });
  });
}

func::FuncOp CpuKernels::selfAttention(const AttentionShape &shape, float scale,
                                       Bias kind) {
  bool biased = kind != Bias::none;
  func::FuncOp body = attendPast(shape.headSize, shape.keys, scale, biased);
  std::string name = shaped("self_attention", shape) + "_" + bitsOf(scale) + nameOf(kind).str();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t result = biased ? 4 : 2;
    Val q = f.place(0), y = f.place(result);
    CacheLayer cache(k, f, shape, f.number(1));
    BiasRows bias(k, f, kind, 2);
    Val positions = f.contextPointer("positions"), scratch = f.scratch(result + 1);
    Layer layer = cache.slot(k.constant(int64_t(0)));
    Val rows = f.context("rows");
    auto [first, last] = f.shareRowHeads(shape.heads);
    k.loop(first, last, [&, last = last](Val unit) {
      Val row = unit % rows, head = unit / rows;
      Layer::prefetchNext(k, shape, rows, [&] {
        Val next = min(unit + 1, last - 1), nextRow = next % rows;
        Val nextPosition = k.loadIndex(positions, nextRow);
        cache.slotOf(nextRow, nextPosition).prefetch(next / rows, nextPosition + 1);
      });
      Val at = row * rowBytes(shape), column = at + head * (shape.headSize * 4);
      emitPadding(k, shape, head, y + at);
      Val position = k.loadIndex(positions, row);
      k.call(body, bias.behind({q + column, layer.keys(head), layer.values(head),
                                cache.stride, cache.ancestorsOf(row), position + 1, scratch,
                                y + column},
                               head, position));
    });
  });
}

func::FuncOp CpuKernels::crossAttention(const AttentionShape &shape,
                                        float scale) {
  func::FuncOp one = attend(shape.headSize, shape.keys, scale),
               tile = attendTile(shape.headSize, shape.keys, scale);
  std::string name = shaped("cross_attention", shape) + "_" + bitsOf(scale);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Val q = f.place(0), layerBytes = f.number(1), y = f.place(2);
    Val sources = f.contextPointer("row_source");
    Val offsets = f.contextPointer("source_offset");
    Val memory = f.contextPointer("memory");
    Val starts = f.contextPointer("memory_offset"), scratch = f.scratch(3);
    Val rows = f.context("rows");
    Val probs = f.contextPointer("out_probs"),
        stride = f.context("probs_stride");
    Val none = k.isNull(probs), firstProbs = f.number(6) * shape.heads;
    auto [first, last] = f.shareRowHeads(shape.heads);
    Val ld = k.constant(rowBytes(shape)), zero = k.constant(int64_t(0));
    Val several = k.constant(kAttendRows), single = k.constant(int64_t(1));
    auto lengthOf = [&](Val source) {
      return k.loadIndex(offsets, source + 1) - k.loadIndex(offsets, source);
    };
    auto layerOf = [&](Val source, Val count) {
      Val capacity = roundUp16(count);
      Val start = k.load(k.i64(), starts + source * 8);
      return Layer{k, shape, memory + start + layerBytes * capacity, capacity};
    };
    k.repeat({first}, [&, last = last](ArrayRef<Val> so) { return so[0] < last; },
             [&, last = last](ArrayRef<Val> so) {
      Val unit = so[0], row = unit % rows, head = unit / rows;
      Val source = k.loadIndex(sources, row), count = lengthOf(source);
      Layer layer = layerOf(source, count);
      Val at = row * ld, column = at + head * (shape.headSize * 4);
      // Hypotheses of one sentence, where they follow each other.
      Val together = none;
      for (int64_t r = 1; r < kAttendRows; ++r) {
        Val next = row + r;
        Val mine = k.loadIndex(sources, min(next, rows - 1)) == source;
        together = together & mine & (next < rows) & (unit + r < last);
      }
      Val taken = select(together, several, single);
      Layer::prefetchNext(k, shape, rows, [&] {
        Val next = min(unit + taken, last - 1), nextSource = k.loadIndex(sources, next % rows);
        Val nextCount = lengthOf(nextSource);
        layerOf(nextSource, nextCount).prefetch(next / rows, nextCount);
      });
      k.loop(zero, taken, [&](Val r) {
        emitPadding(k, shape, head, y + at + r * ld);
      });
      k.when(together, [&] {
        k.call(tile, {q + column, ld, layer.keys(head), layer.values(head), count,
                      scratch, y + column, ld});
      });
      k.unless(together, [&] {
        Val out = probs + ((firstProbs + head) * rows + row) * stride * 4;
        k.call(one, {q + column, layer.keys(head), layer.values(head), count,
                     scratch, y + column, select(none, probs, out)});
      });
      return Vals{unit + taken};
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
    forEachEncoderRun(
        k, f, shape.heads,
        [&](Val row, Val first, Val rows, Val head, Val before, Val length) {
          Val capacity = roundUp16(length);
          Layer blockedKeys{k, shape, keys + before * keyBytes, capacity};
          k.loop(k.constant(int64_t(0)), rows, [&](Val r) {
            Val at = (row + r) * rowBytes(shape) + head * (shape.headSize * 4);
            Val j = first + r;
            Val toValue = values + before * valueBytes +
                          (head * capacity + j) * (shape.paddedHeadSize() * 4);
            emitPlace(k, shape.keys, shape.headSize, key + at, value + at,
                      blockedKeys.key(head, j), toValue);
          });
        });
  });
}

func::FuncOp CpuKernels::encoderAttention(const AttentionShape &shape, float scale,
                                          Bias kind) {
  bool biased = kind != Bias::none;
  func::FuncOp one = attend(shape.headSize, shape.keys, scale, biased),
               tile = attendTile(shape.headSize, shape.keys, scale, biased);
  std::string name = shaped("encoder_attention", shape) + "_" + bitsOf(scale) + nameOf(kind).str();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t result = biased ? 5 : 3;
    Val q = f.place(0), keys = f.place(1), values = f.place(2), y = f.place(result);
    BiasRows bias(k, f, kind, 3);
    Val scratch = f.scratch(result + 1), ld = k.constant(rowBytes(shape));
    int64_t keyBytes = shape.keyBytes(),
            valueBytes = shape.heads * shape.paddedHeadSize() * 4;
    forEachEncoderRun(
        k, f, shape.heads,
        [&](Val row, Val place, Val rows, Val head, Val before, Val length) {
          Val capacity = roundUp16(length);
          Val headKeys = keys + before * keyBytes +
                         head * capacity * (shape.headSize * 4);
          Val headValues = values + before * valueBytes +
                           head * capacity * (shape.paddedHeadSize() * 4);
          Val tiled = rows / kAttendRows * kAttendRows;
          Val zero = k.constant(int64_t(0));
          k.loop(zero, rows, [&](Val r) {
            emitPadding(k, shape, head, y + (row + r) * ld);
          });
          k.loop(zero, tiled, k.constant(kAttendRows), [&](Val r) {
            Val column = (row + r) * ld + head * (shape.headSize * 4);
            k.call(tile, bias.behind({q + column, ld, headKeys, headValues, length, scratch,
                                      y + column, ld},
                                     head, place + r));
          });
          k.loop(tiled, rows, [&](Val r) {
            Val column = (row + r) * ld + head * (shape.headSize * 4);
            k.call(one, bias.behind({q + column, headKeys, headValues, length, scratch,
                                     y + column, k.null()},
                                    head, place + r));
          });
        });
  });
}

// Workers share the panels of keys and values as they share a linear's panels. So a
// worker lays out only columns that it has just computed, and needs no barrier first.
func::FuncOp CpuKernels::memoryProject(const AttentionShape &shape,
                                       const LinearShape &linear) {
  std::string name = shaped("memory_project", shape) + "_" +
                     std::to_string(linear.inputs) +
                     "_" + nameOf(linear.kinds[0]).str() + "_" +
                     nameOf(linear.kinds[1]).str();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t panels = (shape.width() + 15) / 16, size = shape.headSize;
    // Elements that are written together: a panel, unless a head ends within one.
    int64_t each = size % 16 ? 1 : 16;
    LinearOperands o;
    o.ldy = k.constant(rowBytes(shape));
    int64_t entry = hasDynamic(linear.kinds) ? 2 : 1;
    auto [first, last] = f.share(k.constant(panels));
    Val layerBytes = f.number(entry++);
    Val key = f.place(entry + 6), value = f.place(entry + 7);
    for (int64_t i = 0; i < 2; ++i) {
      emitInput(k, f, o, linear.inputs, linear.kinds[i]);
      o.weight = f.weight(entry + 3 * i);
      o.scales = f.optionalWeight(entry + 1 + 3 * i);
      o.bias = f.optionalWeight(entry + 2 + 3 * i);
      o.y = i ? value : key;
      emitLinear(k, o, linear.inputs, linear.kinds[i], first, last);
    }
    Val offsets = f.contextPointer("source_offset");
    Val memory = f.contextPointer("memory");
    Val starts = f.contextPointer("memory_offset");
    Val from = first * 16, to = min(last * 16, k.constant(shape.width()));
    k.loop(k.constant(int64_t(0)), f.context("sources"), [&](Val source) {
      Val start = k.loadIndex(offsets, source);
      Val length = k.loadIndex(offsets, source + 1) - start;
      Val capacity = roundUp16(length);
      Layer layer{k, shape,
                  memory + k.load(k.i64(), starts + source * 8) +
                      layerBytes * capacity,
                  capacity};
      k.loop(k.constant(int64_t(0)), length, [&](Val j) {
        Val row = (start + j) * rowBytes(shape);
        k.loop(from, to, k.constant(each), [&](Val column) {
          Val head = column / size, d = column % size, at = row + column * 4;
          int64_t bytes = shape.elementBytes();
          emitPlace(k, shape.keys, each, key + at, value + at,
                    layer.key(head, j) + d * (16 * bytes),
                    layer.value(head, j) + d * bytes);
        });
      });
    });
  });
}

} // namespace encdec::cpu
