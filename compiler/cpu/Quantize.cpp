// The rows of int8Dynamic products (Linear.cpp), made once for all ops that multiply
// them.
//
//   q[k] = round(x[k] * (127 / max|x|)), ties to even; a row of zeros is zeros
//
// The rows of a tile are interleaved, [tile][K/4][row of tile][four of q], in the tiles
// that linearBlock splits the rows into; the records of all rows follow.
#include "compiler/cpu/CpuKernels.h"

using namespace mlir;

namespace encdec::cpu {

func::FuncOp CpuKernels::quantize(int64_t inputs) {
  return defineKernel("quantize_" + std::to_string(inputs), [&](KernelBuilder &k, Frame &f) {
    Val rows = f.context("rows");
    auto [first, last] = f.share(rows);
    k.call(quantizeRows(inputs), {f.place(0), f.place(1), rows, first, last});
  });
}

func::FuncOp CpuKernels::quantizeRows(int64_t inputs) {
  std::string name = "quantize_" + std::to_string(inputs) + "_rows";
  // (x, values, rows, first, last)
  return define(name, {ptr, ptr, i64, i64, i64}, [&](KernelBuilder &k, ArrayRef<Val> a) {
    VectorType vector = k.vector(k.f32(), 16), whole = k.vector(k.i32(), 16);
    Val zero = k.constant(int64_t(0)), step = k.constant(int64_t(16)),
        width = k.constant(rowStride(inputs)), rows = a[2];
    Val x = a[0], values = a[1], first = a[3], last = a[4];
    Val ldq = k.constant(quantizedStride(inputs)), records = values + rows * ldq;
    k.loop(first, last, [&](Val r) {
      Val block = r / kRowBlock * kRowBlock;
      auto [least, larger, tiles] =
          splitRows(min(rows - block, k.constant(kRowBlock)),
               level.tiles(WeightKind::int8Dynamic));
      Val inLarger = larger * (least + 1); // rows in the larger tiles
      Val isLarger = r - block < inLarger;
      Val base = block + select(isLarger, zero, inLarger);
      Val tall = select(isLarger, least + 1, least); // rows of this tile
      Val place = (r - base) % tall;
      Val stride = tall * level.quadBytes();
      Val row = x + r * (rowStride(inputs) * 4);
      Val q = values + (r - place) * ldq + place * level.quadBytes();
      // Four chains of maxima: in one chain each maximum would wait for the one before.
      constexpr int64_t chains = 4;
      Vals parts(chains, k.constantOf(vector, 0.0));
      auto sweep = [&](Val from, Val to, int64_t chains) {
        parts = k.loop(from, to, step * chains, parts,
                       [&](Val i, ArrayRef<Val> so) {
                         Vals next(so);
                         for (int64_t c = 0; c < chains; ++c)
                           next[c] = max(absolute(k.load(vector,
                                                         row + i * 4 + c * 64)),
                                         so[c]);
                         return next;
                       });
      };
      Val even = k.constant(rowStride(inputs) / (16 * chains) * (16 * chains));
      sweep(zero, even, chains);
      sweep(even, width, 1);
      Val most = k.max16(max(max(parts[0], parts[1]), max(parts[2], parts[3])));
      Val none = k.constant(0.0f);
      Val inverse = select(most > none, k.constant(127.0f) / most, none);
      Val factor = k.splat(inverse, 16);
      Val sum = k.loop(zero, width, step, {k.constantOf(whole, 0.0)},
                       [&](Val i, ArrayRef<Val> sum) {
                         Val rounded = k.toInteger(
                             k.roundEven(k.load(vector, row + i * 4) * factor));
                         return Vals{sum[0] + storeQuads(k, rounded,
                                                         q + i / 4 * stride,
                                                         stride)};
                       })[0];
      Val record = records + r * kRowRecord;
      k.store(most / k.constant(127.0f), record);
      k.store(k.sum16(sum) << 7, record + 4);
    });
  });
}

/// Bytes of one quantized row of `inputs`.
int64_t CpuKernels::quantizedStride(int64_t inputs) const {
  return rowStride(inputs) / 4 * level.quadBytes();
}

/// Stores 16 quantized values as four quads, `stride` bytes apart, and returns the values
/// that the zero-point correction counts.
Val CpuKernels::storeQuads(KernelBuilder &k, Val values, Val to, Val stride) {
  Val counted = values, stored;
  if (level.dot == Dot::Quads) {
    stored = k.bitcast(k.truncate(values, k.vector(k.getI8Type(), 16)),
                       k.vector(k.i32(), 4));
  } else { // a b a b to a a b' b', b' = b - 256 a
    SmallVector<int32_t> odd, even;
    SmallVector<int64_t> before, order;
    for (int64_t i = 0; i < 16; ++i) {
      odd.push_back(i % 2 ? -1 : 0);
      even.push_back(i % 2 ? 0 : -1);
      before.push_back(i / 2 * 2);
      order.push_back(i / 4 * 4 + i % 2 * 2 + i / 2 % 2);
    }
    Type whole = values.type();
    counted = values & k.constantOf(whole, ArrayRef<int32_t>(even));
    Val left = k.shuffle(values, before) << 8;
    Val pairs = values - (left & k.constantOf(whole, ArrayRef<int32_t>(odd)));
    stored = k.bitcast(
        k.shuffle(k.truncate(pairs, k.vector(k.getI16Type(), 16)), order),
        k.vector(k.i64(), 4));
  }
  for (int64_t quad = 0; quad < 4; ++quad, to = to + stride)
    k.store(k.lane(stored, quad), to);
  return counted;
}

} // namespace encdec::cpu
