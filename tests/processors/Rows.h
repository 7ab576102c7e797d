//===- Rows.h - scores and options for tests of processors ----------------===//

#pragma once

#include "runtime/search/processors/Processors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace encdec::tests {

using runtime::never;

/// Scores as numbers, as an engine has them that needs values.
class ScoreRow final : public runtime::Scores {
public:
  explicit ScoreRow(std::vector<float> given) : numbers(std::move(given)) { values = numbers; }
  void ban(int32_t token) override {
    if (token >= 0 && size_t(token) < numbers.size())
      numbers[size_t(token)] = never;
  }
  void force(std::span<const int32_t> tokens) override {
    std::ranges::fill(numbers, never);
    for (int32_t token : tokens)
      numbers[size_t(token)] = 0;
  }
  std::vector<float> numbers;
};

namespace readers {
using nlohmann::json;
inline void read(const json &from, auto &to) { from.get_to(to); }
inline void read(const json &from, std::vector<int32_t> &to) {
  to = from.is_array() ? from.get<std::vector<int32_t>>()
                       : std::vector<int32_t>{from.get<int32_t>()};
}
/// A bias of null is -inf.
inline void read(const json &from, std::vector<TokenBias> &to) {
  for (const json &one : from)
    to.push_back({one[0].get<std::vector<int32_t>>(),
                  one[1].is_null() ? double(never) : one[1].get<double>()});
}
inline void read(const json &from, LengthDecay &to) { to = {from[0], from[1]}; }
inline void read(const json &, EarlyStopping &) {}
} // namespace readers

/// The options of a JSON object, the others as the table has them where it has a number.
inline GenerationOptions readOptions(const nlohmann::json &from) {
  GenerationOptions options;
  options.top_k = 50;
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  if (from.contains(#key)) {                                                               \
    options.key.emplace();                                                                 \
    readers::read(from[#key], *options.key);                                               \
  }
#include "runtime/base/GenerationOptions.def"
  return options;
}

} // namespace encdec::tests
