//===- Suggest.cpp - the nearest name -------------------------------------===//

#include "runtime/base/Suggest.h"

#include "runtime/base/Utf8.h"

#include <algorithm>

namespace encdec {
namespace {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a`
/// into `b` (Damerau's distance in its optimal string alignment form).
size_t distance(std::string_view a, std::string_view b) {
  size_t width = b.size() + 1;
  std::vector<size_t> table((a.size() + 1) * width); // [a + 1][b + 1]
  auto at = [&](size_t i, size_t j) -> size_t & {
    return table[i * width + j];
  };
  for (size_t i = 0; i <= a.size(); ++i)
    at(i, 0) = i;
  for (size_t j = 0; j <= b.size(); ++j)
    at(0, j) = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1,
                           at(i - 1, j - 1) + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  return at(a.size(), b.size());
}

} // namespace

std::string didYouMean(std::string_view word,
                       const std::vector<std::string> &candidates,
                       const std::string &otherwise) {
  const std::string *best = nullptr;
  // The dashes of an option do not count as letters. More than three slips make
  // another word, however long it is.
  size_t letters =
      word.size() - std::min(word.find_first_not_of('-'), word.size());
  size_t least = std::clamp<size_t>(letters / 3, 1, 3) + 1;
  for (const std::string &candidate : candidates) {
    size_t edits = distance(word, candidate);
    // A candidate that begins with the word ("--max-new") is near, however much
    // longer it is.
    bool prefix = word.size() >= 3 && candidate.starts_with(word);
    if (prefix)
      edits = std::min<size_t>(edits, 1);
    if (edits < least) {
      least = edits;
      best = &candidate;
    }
  }
  if (best)
    return "; did you mean " + quote(*best, 100, '\'') + "?"; // names may be a file's
  return otherwise.empty() ? "" : "; " + otherwise;
}

} // namespace encdec
