//===- Selection.h - the best of V scores without sorting all of them -----===//

#pragma once

#include "runtime/search/processors/Rule.h"

#include <algorithm>
#include <functional>

namespace encdec::runtime {

/// Finds the k-th greatest of many scores (k >= 1), -inf where there are fewer. It reads
/// them once and keeps those above the k-th greatest so far; whenever 2k are kept, a
/// selection halves them. Most scores of a long row fail the first comparison.
class KthGreatest {
public:
  KthGreatest(size_t k, size_t vocabulary) : k(k), most(vocabulary) {
    if (k < most)
      kept.reserve(2 * k);
  }

  float operator()(std::span<const float> scores) {
    if (k >= most)
      return never;
    kept.clear();
    float bound = never;
    for (float score : scores) {
      if (!(score > bound))
        continue;
      kept.push_back(score);
      if (kept.size() == 2 * k)
        bound = shorten();
    }
    return kept.size() < k ? never : shorten();
  }

private:
  float shorten() {
    std::nth_element(kept.begin(), kept.begin() + int64_t(k - 1), kept.end(),
                     std::greater<>());
    kept.resize(k);
    return kept.back();
  }

  size_t k, most;
  std::vector<float> kept;
};

/// A token on its way through a selection.
struct Candidate {
  float key;  ///< What the order depends on.
  float mass; ///< Its probability.
  int32_t token;
};

/// Puts those of `items` first that an ordered walk keeps, and returns their number. The
/// walk takes items in the order `less`, a total one, as long as wanted(mass of those
/// before) says so, which is true first and false from some mass on. Items are halved, not
/// sorted: time is linear in their number.
template <typename Less, typename Wanted>
size_t selectByMass(std::span<Candidate> items, Less less, Wanted wanted) {
  size_t low = 0, high = items.size(); // items before low are kept, those from high on not
  double before = 0;                   // the mass of items before low
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const auto at = [&](size_t i) { return items.begin() + int64_t(i); };
    std::nth_element(at(low), at(middle), at(high), less);
    double mass = before;
    for (size_t i = low; i < middle; ++i)
      mass += items[i].mass;
    if (wanted(mass)) {
      before = mass + items[middle].mass;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

} // namespace encdec::runtime
