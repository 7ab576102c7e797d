// What this machine can do at most: the figures kernels are held against.
#pragma once
#include <cstddef>
#include <cstdint>

namespace encdec::bench {

/// Zeroed bytes, 64-byte aligned, in huge pages where the system gives them: both
/// limits and kernels then measure RAM, not address translation. Where there is not
/// enough of it, the program ends.
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

/// "L1", "L2", "L3" or "memory": the nearest that holds `bytes`, and as much
/// again.
const char *placeOf(size_t bytes);

// All limits are of one thread, and the best of several passes: other programs
// can only slow one down.

/// Bytes a second of reading the same `bytes` again and again, by a plain loop.
/// Measured in each call, some 10 ms; the best for this size so far.
double nearBandwidth(size_t bytes);

/// The same for a buffer far larger than the caches. Measured in each call,
/// some 30 ms: it changes with what else the machine does.
double ramBandwidth();

/// f32 multiply-adds a second in registers. Measured once.
double multiplyAdds();

/// The same of whole numbers with i32 sums: the fastest instruction that the machine
/// has (vpdpbusd, or vpmaddwd and vpaddd); that of f32 where it has none.
double wholeMultiplyAdds();

/// Seconds of processor time that this thread has used.
double threadSeconds();

/// Numbers in [-1, 1) that nothing changes, many times larger than the caches:
/// limits read it, kernels take their weights from it. As int8, its bytes are
/// as good as random.
const Allocation &pool();

} // namespace encdec::bench
