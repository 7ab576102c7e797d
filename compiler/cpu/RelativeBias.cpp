// What each distance from query to key adds to the scores of a head:
//
//   bias[h][i] = table[bucket(i)][h],  i = key position - query position + K - 1
//
// for each distance i - (K - 1) that the call has, with K the context's keys; BiasShape has
// the layout. Buckets (Raffel et al., arXiv:1910.10683; dialect/ReferenceMath.h) grow with
// the logarithm of the distance, but no kernel takes a logarithm: the number of a distance's
// bucket is how many thresholds the distance reaches, and the thresholds, whole numbers,
// stand in the code.
//
// One worker makes all of it. H floats a distance are a small part of what the other work
// between the same barriers takes.
#include "compiler/cpu/CpuKernels.h"
#include "dialect/ReferenceMath.h"
#include <limits>

using namespace mlir;

namespace encdec::cpu {
namespace {

/// The distances from which the next bucket of one direction is taken; one that skips
/// buckets stands there once for each.
SmallVector<int32_t> thresholdsOf(const BiasShape &shape) {
  auto bucket = [&](int64_t distance) { // of a key that far before the query
    return reference::relativeBucket(-distance, shape.buckets, shape.maxDistance,
                                     shape.bidirectional);
  };
  SmallVector<int32_t> thresholds;
  int64_t last = bucket(shape.maxDistance);
  for (int64_t from = 0; bucket(from) < last;) {
    int64_t low = from, high = shape.maxDistance; // bucket(low) < bucket(high)
    while (high - low > 1) {
      int64_t middle = low + (high - low) / 2;
      (bucket(middle) > bucket(from) ? high : low) = middle;
    }
    thresholds.append(bucket(high) - bucket(from), int32_t(high));
    from = high;
  }
  return thresholds;
}

/// How many thresholds `distance` reaches.
Val countReached(KernelBuilder &k, ArrayRef<int32_t> thresholds, Val distance) {
  VectorType numbers = k.vector(k.i32(), 16);
  Val far = k.splat(k.truncate(distance, k.i32()), 16);
  Val count = k.constantOf(numbers, 0), one = k.constantOf(numbers, 1), zero = count;
  for (size_t i = 0; i < thresholds.size(); i += 16) {
    SmallVector<int32_t> lanes(thresholds.slice(i, std::min<size_t>(16, thresholds.size() - i)));
    lanes.resize(16, std::numeric_limits<int32_t>::max());
    count = count + select(far < k.constantOf(numbers, lanes), zero, one);
  }
  return k.signExtend(k.reduce16(count, [](Val a, Val b) { return a + b; }), k.i64());
}

} // namespace

func::FuncOp CpuKernels::relativeBias(const BiasShape &shape) {
  std::string name = "relative_bias_" + std::to_string(shape.heads) + "_" +
                     std::to_string(shape.buckets) + "_" + std::to_string(shape.maxDistance) +
                     nameOf(shape.kind()).str();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Val table = f.weight(0), bias = f.placeOfKeys(1), keys = f.context("keys");
    Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1));
    SmallVector<int32_t> thresholds = thresholdsOf(shape);
    k.when(f.worker() == zero, [&] {
      // One more than the greatest distance of the call.
      Val numbers = f.contextPointer(shape.bidirectional ? "source_offset" : "positions");
      Val count = f.context(shape.bidirectional ? "sources" : "rows");
      Val distances = k.loop(zero, count, one, {zero}, [&](Val i, ArrayRef<Val> most) {
        Val n = shape.bidirectional ? k.loadIndex(numbers, i + 1) - k.loadIndex(numbers, i)
                                    : k.loadIndex(numbers, i) + 1;
        return Vals{max(most[0], n)};
      })[0];
      Val ld = keys * (shape.bidirectional ? 8 : 4);
      // To the place of distance 0 plus `offset`, from the buckets after the first `skipped`.
      auto write = [&](Val distance, Val offset, int64_t skipped) {
        Val row = table + (countReached(k, thresholds, distance) + skipped) *
                              (rowStride(shape.heads) * 4);
        Val to = bias + ((keys + offset) * 4 - 4);
        k.loop(zero, k.constant(shape.heads), [&](Val head) {
          k.store(k.load(k.f32(), row + head * 4), to + head * ld);
        });
      };
      k.loop(zero, distances, [&](Val distance) {
        write(distance, zero - distance, 0);
      });
      if (shape.bidirectional)
        k.loop(one, distances, [&](Val distance) {
          write(distance, distance, shape.buckets / 2);
        });
    });
  });
}

} // namespace encdec::cpu
