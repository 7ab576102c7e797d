//===- Biases.cpp - tokens that a step must not choose --------------------===//

#include "runtime/search/Biases.h"

#include <algorithm>
#include <limits>

namespace encdec::runtime {

namespace {

/// FNV-1a over the ids.
uint64_t hashOf(std::span<const int32_t> ids) {
  uint64_t hash = 0xcbf29ce484222325;
  for (int32_t id : ids)
    hash = (hash ^ uint32_t(id)) * 0x100000001b3;
  return hash;
}

} // namespace

Biases::Biases(std::span<float> theBiases, uint64_t theStride)
    : biases(theBiases), stride(theStride), rowsOfBiases(theBiases.size() / theStride) {}

Biases::~Biases() {
  for (size_t row = 0; row < rowsOfBiases.size(); ++row)
    fill(row, 0);
}

void Biases::fill(size_t row, float value) {
  for (int32_t token : rowsOfBiases[row].banned)
    if (token >= 0 && uint64_t(token) < stride)
      biases[row * stride + size_t(token)] = value;
}

int32_t Biases::rowFor(std::span<const int32_t> banned) {
  if (banned.empty())
    return 0;
  const uint64_t hash = hashOf(banned);
  size_t oldest = 1;
  for (size_t i = 1; i < rowsOfBiases.size(); ++i) {
    Row &row = rowsOfBiases[i];
    if (row.hash == hash && std::ranges::equal(row.banned, banned)) {
      row.used = step;
      return int32_t(i);
    }
    if (row.used < rowsOfBiases[oldest].used)
      oldest = i;
  }
  Row &row = rowsOfBiases[oldest];
  fill(oldest, 0);
  row.banned.assign(banned.begin(), banned.end());
  row.hash = hash;
  row.used = step;
  fill(oldest, -std::numeric_limits<float>::infinity());
  return int32_t(oldest);
}

} // namespace encdec::runtime
