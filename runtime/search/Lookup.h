//===- Lookup.h - what may come next, by what came before -----------------===//
//
// Translations repeat their sources' names and numbers, corrections and summaries whole
// phrases. Where the last tokens of a row stand in the source or earlier in the row, the tokens
// behind them there are a guess of the row's next ones ("prompt lookup", Saxena 2023). An
// engine feeds the guess along with the row's next token and keeps as much of it as its search
// would have chosen, so that only the number of steps depends on it.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace encdec::runtime {

/// Sets `guess` to at most `most` tokens that followed the row's last `ngram` tokens, or fewer
/// of them, down to one: in the source, or else where they stood last in the row.
void lookUp(std::span<const int32_t> row, std::span<const int32_t> source, size_t ngram,
            size_t most, std::vector<int32_t> &guess);

} // namespace encdec::runtime
