//===- Random.h - random numbers that depend on nothing but their name ----===//
//
// A draw is a function of the seed, the generation's id, the position and its number there:
// whatever else is in a batch, whichever thread asks and whatever was drawn before, it is
// the same. Such counter-based generators need no state (Salmon et al. 2011, "Parallel
// random numbers: as easy as 1, 2, 3", doi 10.1145/2063384.2063405).

#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace encdec::runtime {

/// Philox4x32-10 of the paper (section 4.3): ten rounds, each of two 32 x 32 bit products
/// whose high halves are mixed with the other words and the key; the key grows by two
/// constants from round to round.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xD2511F53) * counter[0];
    const uint64_t b = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b),
               uint32_t(a >> 32) ^ counter[3] ^ key[1], uint32_t(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// Where a draw happens.
struct Draw {
  uint64_t seed = 0;       ///< The option.
  uint64_t generation = 0; ///< The id of the generation.
  uint32_t position = 0;   ///< Of the token in its row.

  /// The draw of that number: uniform in [0, 1), a multiple of 2^-53.
  double uniform(uint32_t number) const { return double(bits(number) >> 11) * 0x1p-53; }

  /// The same number's standard Gumbel variable, -log(-log(u)) with u in (0, 1).
  double gumbel(uint32_t number) const {
    return -std::log(-std::log((double(bits(number) >> 12) + 0.5) * 0x1p-52));
  }

private:
  uint64_t bits(uint32_t number) const {
    const auto words = philox({uint32_t(generation), uint32_t(generation >> 32), position, number},
                              {uint32_t(seed), uint32_t(seed >> 32)});
    return uint64_t(words[0]) << 32 | words[1];
  }
};

/// The token that a uniform number draws from softmax(scores): the first with which the
/// probabilities, summed in the order of tokens, exceed it. Sums are float64. Scores that are
/// not finite are not drawn; nothing where none is finite.
inline std::optional<int32_t> drawToken(std::span<const float> scores, double uniform) {
  double max = -std::numeric_limits<double>::infinity();
  for (float score : scores)
    if (std::isfinite(score) && score > max)
      max = score;
  double sum = 0;
  for (float score : scores)
    if (std::isfinite(score))
      sum += std::exp(double(score) - max);
  std::optional<int32_t> token;
  double reached = 0;
  for (size_t t = 0; t < scores.size(); ++t) {
    if (!std::isfinite(scores[t]))
      continue;
    const double mass = std::exp(double(scores[t]) - max);
    if (mass > 0) // the last one, where rounding keeps the sum from exceeding
      token = int32_t(t);
    reached += mass;
    if (reached > uniform * sum)
      break;
  }
  return token;
}

/// The key of a candidate of log-probability `score`, up to a constant that all candidates
/// share: the C candidates with the greatest keys are C draws without replacement (Kool et
/// al. 2019, "Stochastic beams and where to find them", arXiv 1903.06059, section 2.3). The
/// number is the candidate's own, such as beam * V + token. -inf where the score is.
inline double gumbelKey(const Draw &draw, uint32_t number, double score) {
  return std::isfinite(score) ? score + draw.gumbel(number)
                              : -std::numeric_limits<double>::infinity();
}

} // namespace encdec::runtime
