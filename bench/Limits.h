// What this machine can do at most: the figures that kernels are compared with.
#pragma once
#include <cstddef>
#include <cstdint>

namespace encdec::bench {

/// Zeroed bytes, 64-byte aligned, in huge pages where the system gives them: both
/// limits and kernels then measure RAM, not address translation. Where RAM does not
/// suffice, the program ends.
class Allocation {
public:
  explicit Allocation(size_t bytes);
  ~Allocation();
  Allocation(const Allocation &) = delete;
  uint8_t *bytes() const { return start; }
  float *floats() const { return reinterpret_cast<float *>(start); }
  size_t size() const { return length; }

private:
  uint8_t *start;
  size_t length;
};

/// Sizes of the caches, as the system tells them. level: 1, 2 or 3.
size_t cacheBytes(int level);

/// "L1", "L2", "L3" or "memory": the nearest that holds twice `bytes`.
const char *placeOf(size_t bytes);

// All limits are of one thread, and the best of several passes: other programs can only
// slow a pass down.

/// Bytes a second of reading the same `bytes` again and again, by a plain loop.
/// Measured in each call, some 10 ms; the best for this size so far.
double nearBandwidth(size_t bytes);

/// The same for a buffer far larger than the caches. Measured in each call,
/// some 30 ms: it changes with what else the machine does.
double ramBandwidth();

/// f32 multiply-adds a second in registers. Measured once.
double multiplyAdds();

/// The same of whole numbers with i32 sums, by the fastest instruction that the machine
/// has (vpdpbusd, or vpmaddwd and vpaddd); the figure of f32 where it has none.
double wholeMultiplyAdds();

/// Seconds of processor time that this thread has used.
double threadSeconds();

/// Numbers in [-1, 1) that nothing changes, several times larger than the caches: limits
/// read the pool, kernels take their weights from it. Its bytes serve as random int8.
const Allocation &pool();

} // namespace encdec::bench
