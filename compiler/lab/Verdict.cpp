// Verdict.cpp: signs, looks, and the words of a verdict.
#include "compiler/lab/Verdict.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace encdec::lab {

/// The largest c with P(B < c) <= tail, where B counts the heads of n fair coins. 0: there is
/// none above it.
static size_t criticalCount(size_t n, double tail) {
  // P(B = c), by logarithms: 2^-n is no double for large n.
  auto chance = [n](size_t c) {
    return std::exp(std::lgamma(n + 1.0) - std::lgamma(c + 1.0) - std::lgamma(n - c + 1.0) -
                    double(n) * std::log(2.0));
  };
  size_t c = 0;
  for (double below = chance(0); below <= tail; below += chance(c))
    ++c;
  return c;
}

Ratio signInterval(std::span<const double> logRatios, double error) {
  std::vector<double> sorted(logRatios.begin(), logRatios.end());
  std::ranges::sort(sorted);
  const size_t count = sorted.size(), c = criticalCount(count, error / 2);
  const double middle = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
  if (c == 0)
    return {0, std::exp(middle), std::numeric_limits<double>::infinity()};
  return {std::exp(sorted[c - 1]), std::exp(middle), std::exp(sorted[count - c])};
}

/// 10 rounds, then half as many again each time, and all of them.
static std::vector<unsigned> planLooks(unsigned rounds) {
  std::vector<unsigned> plan;
  for (double at = 10; at * 1.2 < rounds; at *= 1.5)
    plan.push_back(unsigned(at));
  plan.push_back(rounds);
  return plan;
}

unsigned fewestRounds(const VerdictOptions &options) {
  unsigned rounds = 1; // all of them at the last look
  while (!criticalCount(rounds, options.error / double(planLooks(rounds).size()) / 2))
    ++rounds;
  return rounds;
}

Comparison::Comparison(unsigned rounds, const VerdictOptions &options)
    : plan(planLooks(std::max(rounds, 1u))), options(options),
      seen{0, 1, std::numeric_limits<double>::infinity()} {}

void Comparison::add(double baseTime, double ideaTime) {
  values.push_back(std::log(baseTime / ideaTime));
  if (std::ranges::binary_search(plan, rounds()))
    look(rounds() == plan.back());
}

void Comparison::finish() {
  if (!over && !values.empty())
    look(true);
  over = true;
}

void Comparison::look(bool last) {
  seen = signInterval(values, options.error / double(plan.size()));
  const double most = 1 + options.margin;
  // Worth stopping for: known to the margin, or to a quarter of the difference.
  const double width = std::log(seen.high / seen.low) / 2;
  const bool tight = width <= std::max(std::log(most), std::abs(std::log(seen.middle)) / 4);
  if (seen.low >= 1 / most && seen.high <= most)
    found = Finding::NoDifference;
  else if (seen.low > 1 && (tight || last))
    found = Finding::Faster;
  else if (seen.high < 1 && (tight || last))
    found = Finding::Slower;
  over = last || found != Finding::NotDecided;
}

const char *nameOf(Finding finding) {
  switch (finding) {
  case Finding::Faster:
    return "faster";
  case Finding::Slower:
    return "slower";
  case Finding::NoDifference:
    return "no-difference";
  case Finding::NotDecided:
    break;
  }
  return "not-decided";
}

std::string describe(Finding finding, const Ratio &ratio, double margin) {
  const int digits = std::abs(std::log(ratio.middle)) < 0.03 ? 3 : 2;
  switch (finding) {
  case Finding::Faster:
    return fmt::format("{1:.{0}f} × faster ({2:.{0}f}–{3:.{0}f})", digits, ratio.middle,
                       ratio.low, ratio.high);
  case Finding::Slower:
    return fmt::format("{1:.{0}f} × slower ({2:.{0}f}–{3:.{0}f})", digits, 1 / ratio.middle,
                       1 / ratio.high, 1 / ratio.low);
  case Finding::NoDifference:
    return fmt::format("no difference beyond {:g} %", 100 * margin);
  case Finding::NotDecided:
    break;
  }
  return ratio.low > 0 ? fmt::format("not decided ({:.2f}–{:.2f})", ratio.low, ratio.high)
                       : "not decided (too few rounds)";
}

} // namespace encdec::lab
