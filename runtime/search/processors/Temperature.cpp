//===- Temperature.cpp - flatter or sharper distributions -----------------===//

#include "runtime/search/processors/Sampling.h"

namespace encdec::runtime {

/// s /= temperature (Transformers' TemperatureLogitsWarper).
std::unique_ptr<Processor> makeTemperature(const ProcessorContext &context) {
  const double temperature = context.options.temperature.value_or(1);
  if (!sampling(context) || temperature == 1)
    return nullptr;
  return makeRule([temperature = float(temperature)](const LiveRow &, std::span<float> values) {
    for (float &value : values)
      value /= temperature;
  });
}

} // namespace encdec::runtime
