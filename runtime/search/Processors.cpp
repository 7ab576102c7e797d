//===- Processors.cpp - all processors at work on a batch -----------------===//

#include "runtime/search/Processors.h"

#include "runtime/search/EncoderNoRepeatNgram.h"
#include "runtime/search/NoRepeatNgram.h"

namespace encdec::runtime {

Processors::Processors(const SearchOptions &options, std::span<const int32_t> theIds,
                       std::span<const uint64_t> theOffsets, uint64_t rows)
    : ids(theIds), offsets(theOffsets) {
  if (options.noRepeatNgramSize)
    processors.push_back(std::make_unique<NoRepeatNgram>(options.noRepeatNgramSize));
  if (options.encoderNoRepeatNgramSize)
    processors.push_back(
        std::make_unique<EncoderNoRepeatNgram>(options.encoderNoRepeatNgramSize));
  if (processors.empty())
    return;
  room = options.maxLength;
  tokens.resize(rows * room);
  extended.resize(rows * room);
  live.reserve(rows);
}

size_t Processors::mostBans() const {
  uint64_t longest = 0;
  for (size_t b = 0; b + 1 < offsets.size(); ++b)
    longest = std::max(longest, offsets[b + 1] - offsets[b]);
  size_t most = 0;
  for (const auto &processor : processors)
    most += processor->mostBans(room, longest);
  return most;
}

void Processors::process(const NextStep &next, const Search &search, Bans &bans) {
  if (processors.empty())
    return;
  extend(next);
  live.clear();
  for (size_t row = 0; row < next.tokens.size(); ++row) {
    const size_t source = search.sourceOf(row);
    live.push_back({std::span(tokens).subspan(row * room, length),
                    ids.subspan(offsets[source], offsets[source + 1] - offsets[source])});
  }
  for (const auto &processor : processors)
    processor->process(live, bans);
}

/// Gives each new row the tokens of its parent and its own.
void Processors::extend(const NextStep &next) {
  for (size_t row = 0; row < next.tokens.size(); ++row) {
    int32_t *to = extended.data() + row * room;
    std::copy_n(tokens.data() + next.parents[row] * room, length, to);
    to[length] = next.tokens[row];
  }
  tokens.swap(extended);
  ++length;
}

} // namespace encdec::runtime
