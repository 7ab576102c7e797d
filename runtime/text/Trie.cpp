//===- Trie.cpp - checks a mapped trie ------------------------------------===//

#include "runtime/text/Trie.h"

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
  for (size_t i = 0; i < units.size(); ++i) {
    // A base below the multiple of 256 has all its children below it.
    if (ENCDEC_TOKENIZER_TRIE_BASE(units[i]) >= units.size())
      return wrong(i, "has its children outside");
    // Free units of the first block end every walk.
    if (i > 0 && i < 256 && units[i] != 0)
      return wrong(i, "is in use, but lies beside the root");
    const int32_t value = ENCDEC_TOKENIZER_TRIE_VALUE(units[i]);
    if (value >= 0 && static_cast<uint64_t>(value) >= values)
      return wrong(i, "has a value that is too large");
  }
  trie.units = units.data();
  return trie;
}

} // namespace encdec
