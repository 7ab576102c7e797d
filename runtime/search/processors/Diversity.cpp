//===- Diversity.cpp - groups of beams that keep apart --------------------===//

#include "runtime/search/processors/Rule.h"

#include <algorithm>

namespace encdec::runtime {

/// s_t -= diversity_penalty * n_t, where n_t beams of the source's earlier groups take t at
/// this position (Hamming diversity: Vijayakumar et al. 2018, arXiv 1610.02424; Transformers
/// 4's HammingDiversityLogitsProcessor).
std::unique_ptr<Processor> makeDiversity(const ProcessorContext &context) {
  const double penalty = context.options.diversity_penalty.value_or(0);
  if (penalty <= 0)
    return nullptr;
  return makeRule([penalty = float(penalty)](const LiveRow &row, std::span<float> values) {
    for (size_t i = 0; i < row.taken.size(); ++i) {
      const int32_t token = row.taken[i];
      if (std::ranges::count(row.taken.first(i), token) == 0)
        values[size_t(token)] -= penalty * float(std::ranges::count(row.taken, token));
    }
  });
}

} // namespace encdec::runtime
