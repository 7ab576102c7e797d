//===- Penalty.h - a penalty on the tokens of a text ----------------------===//

#pragma once

#include "runtime/search/processors/Rule.h"

#include <algorithm>

namespace encdec::runtime {

/// Divides positive scores and multiplies negative ones by the penalty, so that a penalty
/// above 1 makes a token rarer either way: s_t = s_t < 0 ? s_t * p : s_t / p for each token
/// t of a text, once however often the text has it (Keskar et al. 2019, CTRL,
/// arXiv 1909.05858, section 4.1, for negative scores too).
class Penalty {
public:
  Penalty(double penalty, uint64_t vocabulary) : penalty(float(penalty)), seen(vocabulary) {}

  /// Ids outside the vocabulary, as a source may hold, have no score.
  void operator()(std::span<const int32_t> text, std::span<float> values) {
    if (++call == 0) { // numbers of calls begin again
      std::ranges::fill(seen, 0);
      call = 1;
    }
    for (int32_t token : text) {
      if (token < 0 || size_t(token) >= seen.size() || seen[size_t(token)] == call)
        continue;
      seen[size_t(token)] = call;
      float &score = values[size_t(token)];
      score = score < 0 ? score * penalty : score / penalty;
    }
  }

private:
  float penalty;
  std::vector<uint32_t> seen; ///< [V] The last call that met the token.
  uint32_t call = 0;
};

} // namespace encdec::runtime
