//===- ForcedWords.cpp - words that hypotheses must contain ---------------===//

#include "runtime/search/ForcedWords.h"

#include <algorithm>
#include <numeric>

namespace encdec::runtime {

namespace {

/// Calls `found` with each token that continues `begun`, the beginning of some phrases.
template <typename Found>
void eachNext(const option::TokenLists &phrases, std::span<const int32_t> begun, Found found) {
  for (const option::Tokens &phrase : phrases)
    if (phrase.size() > begun.size() &&
        std::equal(begun.begin(), begun.end(), phrase.begin()))
      found(phrase[begun.size()]);
}

bool goesOn(const option::TokenLists &phrases, std::span<const int32_t> begun,
            int32_t token) {
  bool does = false;
  eachNext(phrases, begun, [&](int32_t next) { does |= next == token; });
  return does;
}

bool isWhole(const option::TokenLists &phrases, std::span<const int32_t> begun) {
  return std::ranges::any_of(phrases, [&](const option::Tokens &phrase) {
    return std::ranges::equal(phrase, begun);
  });
}

} // namespace

ForcedWords::ForcedWords(option::Words theWords) : words(std::move(theWords)) {
  for (const option::TokenLists &phrases : words) {
    longest.push_back(std::ranges::max(phrases, {}, &option::Tokens::size).size());
    most = std::max(most, longest.back());
  }
}

ForcedWords::Progress ForcedWords::after(std::span<const int32_t> row,
                                         std::optional<int32_t> token) const {
  std::vector<size_t> pending(words.size());
  std::iota(pending.begin(), pending.end(), size_t(0));
  std::optional<size_t> current; // the word in progress
  option::Tokens begun;          // what the row has of it
  auto add = [&](int32_t next) {
    if (current && !goesOn(words[*current], begun, next)) {
      pending.push_back(*current);
      current.reset();
      begun.clear();
      return; // the token that breaks a word off begins none
    }
    if (!current) {
      const auto first = std::ranges::find_if(
          pending, [&](size_t word) { return goesOn(words[word], {}, next); });
      if (first == pending.end())
        return;
      current = *first;
      pending.erase(first);
    }
    begun.push_back(next);
    if (isWhole(words[*current], begun)) {
      current.reset();
      begun.clear();
    }
  };
  for (int32_t next : row)
    add(next);
  if (token)
    add(*token);

  Progress progress;
  progress.complete = pending.empty() && !current;
  const size_t whole = words.size() - pending.size() - (current ? 1 : 0);
  progress.bank = whole * most;
  auto append = [&](int32_t next) { progress.next.push_back(next); };
  if (current) {
    progress.bank += most - (longest[*current] - begun.size());
    eachNext(words[*current], begun, append);
  } else {
    for (size_t word : pending)
      eachNext(words[word], {}, append);
  }
  return progress;
}

} // namespace encdec::runtime
