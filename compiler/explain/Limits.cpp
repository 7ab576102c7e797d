#include "compiler/explain/Limits.h"
#include <algorithm>

namespace encdec::explain {

double bytesOf(const Work &work, llvm::StringRef entry, const Sizes &sizes) {
  double bytes = double(work.weightBytes);
  for (const auto &[name, keys] : work.keys)
    bytes += double(keys.bytes) * sizes.keys(name) * double(sizes.rows(entry));
  return bytes;
}

static double keyMadds(const Work &work, llvm::StringRef entry, const Sizes &sizes) {
  double madds = 0;
  for (const auto &[name, keys] : work.keys)
    madds += double(keys.madds) * sizes.keys(name) * double(sizes.rows(entry));
  return madds;
}

double maddsOf(const Work &work, llvm::StringRef entry, const Sizes &sizes) {
  return double(work.rowMadds) * double(sizes.rows(entry)) + keyMadds(work, entry, sizes);
}

// max(bytes / bandwidth, MACs with weights / their peak + MACs with keys / peak of f32)
std::optional<double> leastTime(const Work &work, llvm::StringRef entry, const Sizes &sizes,
                                const Limits &limits, bool wholes) {
  double peak = wholes ? limits.wholes : limits.floats;
  if (limits.bandwidth <= 0 || limits.floats <= 0 || peak <= 0)
    return std::nullopt;
  double reading = bytesOf(work, entry, sizes) / limits.bandwidth;
  double multiplying = double(work.rowMadds) * double(sizes.rows(entry)) / peak +
                       keyMadds(work, entry, sizes) / limits.floats;
  return std::max(reading, multiplying);
}

} // namespace encdec::explain
