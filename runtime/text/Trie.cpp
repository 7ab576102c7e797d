//===- Trie.cpp - checks a mapped trie ------------------------------------===//

#include "runtime/text/Trie.h"

#include <algorithm>

namespace encdec {

const uint64_t Trie::nothing[256] = {};

Result<Trie> Trie::open(std::span<const uint64_t> units, uint64_t values) {
  Trie trie;
  if (units.empty())
    return trie;
  const auto wrong = [](size_t unit, const char *what) {
    return badModel("unit " + std::to_string(unit) + " of a trie " + what);
  };
  if (units.size() % 256 != 0)
    return badModel("a trie has " + std::to_string(units.size()) +
                    " units, expected a multiple of 256");
  if (ENCDEC_TOKENIZER_TRIE_LABEL(units[0]) != 0 ||
      ENCDEC_TOKENIZER_TRIE_VALUE(units[0]) >= 0)
    return wrong(0, "is no root");
  // Free units of the first block end every walk.
  for (size_t i = 1; i < 256; ++i)
    if (units[i] != 0)
      return wrong(i, "is in use, but lies beside the root");
  // A base below the multiple of 256 has all its children below it.
  const auto leadsOutside = [&](uint64_t unit) {
    return ENCDEC_TOKENIZER_TRIE_BASE(unit) >= units.size();
  };
  const auto isTooLarge = [&](uint64_t unit) {
    return ENCDEC_TOKENIZER_TRIE_VALUE(unit) >= static_cast<int64_t>(values);
  };
  // Counted, not searched: a loop without exits takes a third of the time.
  if (std::ranges::count_if(units, leadsOutside))
    return wrong(std::ranges::find_if(units, leadsOutside) - units.begin(),
                 "has its children outside");
  if (std::ranges::count_if(units, isTooLarge))
    return wrong(std::ranges::find_if(units, isTooLarge) - units.begin(),
                 "has a value that is too large");
  trie.units = units.data();
  return trie;
}

} // namespace encdec
