//===- Bans.cpp - tokens that a step must not choose ----------------------===//

#include "runtime/search/Bans.h"

#include <limits>

namespace encdec::runtime {

namespace {
constexpr float never = -std::numeric_limits<float>::infinity();
} // namespace

Bans::Bans(std::span<float> theBiases, uint64_t theStride,
           const SearchOptions &theOptions, uint64_t rows, uint64_t most)
    : biases(theBiases), stride(theStride), options(theOptions) {
  fillShared(never);
  places.reserve(rows);
  written.reserve(rows * (most + options.badTokens.size() + options.eos.size()));
}

Bans::~Bans() {
  begin(0, false);
  fillShared(0);
}

void Bans::fillShared(float value) {
  for (int32_t row : {badTokens, badTokensAndEos})
    for (int32_t token : options.badTokens)
      at(row, token) = value;
  for (int32_t token : options.eos)
    at(badTokensAndEos, token) = value;
}

void Bans::begin(size_t rows, bool eos) {
  for (float *bias : written)
    *bias = 0;
  written.clear();
  shared = eos ? badTokensAndEos : badTokens;
  places.assign(rows, shared);
}

void Bans::ban(size_t row, int32_t token) {
  if (token < 0 || uint64_t(token) >= stride || at(places[row], token) != 0)
    return;
  if (places[row] == shared) {
    places[row] = ownRows + int32_t(row);
    for (int32_t bad : options.badTokens)
      ban(row, bad);
    if (shared == badTokensAndEos)
      for (int32_t end : options.eos)
        ban(row, end);
  }
  written.push_back(&at(places[row], token));
  *written.back() = never;
}

} // namespace encdec::runtime
