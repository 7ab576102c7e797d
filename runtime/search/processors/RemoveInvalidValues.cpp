//===- RemoveInvalidValues.cpp - scores become finite numbers -------------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// NaN becomes 0, infinities the greatest and least finite numbers (Transformers'
/// InfNanRemoveLogitsProcessor). What was banned before it may be chosen again, where
/// nothing better is left.
std::unique_ptr<Processor> makeRemoveInvalidValues(const ProcessorContext &context) {
  if (!context.options.remove_invalid_values.value_or(false))
    return nullptr;
  return makeRule([](const LiveRow &, std::span<float> values) {
    constexpr float most = std::numeric_limits<float>::max();
    for (float &value : values)
      value = value != value ? 0 : value > most ? most : value < -most ? -most : value;
  });
}

} // namespace encdec::runtime
