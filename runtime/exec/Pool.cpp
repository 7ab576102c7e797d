//===- Pool.cpp - one vector of the states of a source's tokens -----------===//

#include "runtime/exec/Pool.h"

#include <algorithm>

namespace encdec::runtime {

void poolMean(const State &state, float *vectors) {
  constexpr uint64_t lanes = ENCDEC_ABI_LANES; // columns that are summed together
  const uint64_t width = state.model->manifest.model.dModel;
  for (size_t source = 0; source < state.encodedSources(); ++source, vectors += width) {
    const int32_t *offsets = state.encodedOffsets() + source;
    const auto count = uint64_t(offsets[1] - offsets[0]);
    const float *first =
        state.encoderStates() + uint64_t(offsets[0]) * state.statesStride();
    for (uint64_t column = 0; column < width; column += lanes) {
      double sums[lanes] = {};
      for (uint64_t row = 0; row < count; ++row)
        for (uint64_t lane = 0; lane < lanes; ++lane) // rows are padded to whole lanes
          sums[lane] += first[row * state.statesStride() + column + lane];
      for (uint64_t lane = 0; lane < std::min(lanes, width - column); ++lane)
        vectors[column + lane] = float(sums[lane] / double(count));
    }
  }
}

void poolFirst(const State &state, float *vectors) {
  const uint64_t width = state.model->manifest.model.dModel;
  for (size_t source = 0; source < state.encodedSources(); ++source)
    std::copy_n(state.encoderStates() +
                    uint64_t(state.encodedOffsets()[source]) * state.statesStride(),
                width, vectors + source * width);
}

} // namespace encdec::runtime
