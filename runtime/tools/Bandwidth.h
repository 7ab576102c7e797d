//===- Bandwidth.h - how fast these threads read RAM ----------------------===//

#pragma once

#include "runtime/tools/Support.h"

#include <cstdint>
#include <vector>

namespace encdec::tools {

/// Measures the read bandwidth of the workers of a state on a buffer far larger
/// than the caches. It is the limit of a step, which reads all its weights.
class BandwidthMeter {
public:
  /// Bytes read by one pass.
  static constexpr uint64_t bufferBytes = uint64_t(512) << 20;

  explicit BandwidthMeter(encdec_state *state);
  ~BandwidthMeter();
  BandwidthMeter(const BandwidthMeter &) = delete;

  /// One pass over the whole buffer; bytes a second.
  double pass();

private:
  encdec_state *state;
  uint8_t *buffer;
};

} // namespace encdec::tools
