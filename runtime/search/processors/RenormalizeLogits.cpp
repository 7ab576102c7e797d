//===- RenormalizeLogits.cpp - scores become log-probabilities again ------===//

#include "runtime/search/processors/Sampling.h"

namespace encdec::runtime {

/// s = log_softmax(s) (Transformers' LogitNormalization), with or without sampling. A row in
/// which nothing may be chosen stays as it is, where Transformers has NaN.
std::unique_ptr<Processor> makeRenormalizeLogits(const ProcessorContext &context) {
  if (!context.options.renormalize_logits.value_or(false))
    return nullptr;
  return makeRule([](const LiveRow &, std::span<float> values) {
    const Softmax softmax(values);
    if (!softmax.exists())
      return;
    const float logSum = float(std::log(softmax.sum));
    for (float &value : values)
      value = value - softmax.max - logSum;
  });
}

} // namespace encdec::runtime
