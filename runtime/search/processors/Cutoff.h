//===- Cutoff.h - no token below a probability ----------------------------===//

#pragma once

#include "runtime/search/processors/Sampling.h"
#include "runtime/search/processors/Selection.h"

namespace encdec::runtime {

/// Bans tokens with p_i < bound(softmax), except the few best, which stay in any case, with
/// all that equal the last of them.
template <typename Bound>
std::unique_ptr<Processor> makeCutoff(const ProcessorContext &context, Bound bound) {
  return makeRule([bound, kth = KthGreatest(tokensToKeep(context), context.vocabulary)](
                      const LiveRow &, std::span<float> values) mutable {
    const Softmax softmax(values);
    if (!softmax.exists())
      return;
    const float least = softmax.logOf(bound(softmax)), stays = kth(values);
    for (float &value : values)
      if (value - softmax.max < least && value < stays)
        value = never;
  });
}

} // namespace encdec::runtime
