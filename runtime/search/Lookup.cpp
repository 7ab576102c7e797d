//===- Lookup.cpp - what may come next, by what came before ---------------===//

#include "runtime/search/Lookup.h"

#include <algorithm>

namespace encdec::runtime {

void lookUp(std::span<const int32_t> row, std::span<const int32_t> source, size_t ngram,
            size_t most, std::vector<int32_t> &guess) {
  guess.clear();
  for (size_t length = std::min(ngram, row.size()); length > 0 && guess.empty(); --length) {
    const auto last = row.last(length);
    auto found = std::search(source.begin(), source.end(), last.begin(), last.end());
    auto end = source.end();
    if (source.end() - found <= int64_t(length)) { // not there, or at its very end
      const auto before = row.first(row.size() - 1);
      found = std::find_end(before.begin(), before.end(), last.begin(), last.end());
      if (found == before.end())
        continue;
      end = row.end();
    }
    found += int64_t(length);
    guess.assign(found, found + std::min(end - found, int64_t(most)));
  }
}

} // namespace encdec::runtime
