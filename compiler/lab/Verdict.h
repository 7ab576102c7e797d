// Verdict.h: whether an idea makes a model faster, from pairs of times. Free of MLIR.
//
// A round times both models twice, in the order ABBA, where which one is A is drawn. The less of
// a model's two times counts: a process in some ten is several times slower than its
// neighbours, but both of two seldom are. This gives x = ln(base / idea). Write the noise of A's
// and of B's time in a round as u and v, whatever their distribution and however rounds
// depend on each other (drift, two clock rates, outliers).
// Then x = θ + s (u − v) with s = ±1 drawn by us, so given the noise the x − θ are
// independent and symmetric about 0, and each is above θ with a chance of one half. The
// sign test needs no more: its interval, between two of the sorted x, is exact for θ. How
// far outliers lie does not matter to it, only how many there are, and of short programs on
// a machine with few CPUs there are many: with them the interval of signed ranks, which is
// narrower for normal noise, is several times as wide.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace encdec::lab {

/// How often the idea is as fast: low <= middle <= high, around 1.
struct Ratio {
  double low, middle, high;
};

/// The median and the interval that misses θ with a probability of at most `error`, both as
/// ratios e^x. With too few values for `error` the interval is (0, ∞). At least one value.
Ratio signInterval(std::span<const double> logRatios, double error);

enum class Finding { Faster, Slower, NoDifference, NotDecided };

struct VerdictOptions {
  double error = 0.05;  ///< Chance that equal models are called faster or slower.
  double margin = 0.01; ///< A difference below is none.
};

/// One comparison that is looked at now and then while it goes on. Each look may be wrong,
/// so the looks are planned beforehand and share `error` (Bonferroni).
class Comparison {
public:
  /// At most `rounds` rounds are to come.
  Comparison(unsigned rounds, const VerdictOptions &options);

  void add(double baseTime, double ideaTime);
  /// Whether nothing is left to measure: a look has settled it, or all rounds are done.
  bool done() const { return over; }
  /// Ends it before its time is over; the last planned look is taken.
  void finish();

  unsigned rounds() const { return unsigned(values.size()); }
  Finding finding() const { return found; }
  /// By the last look; at that level, not at `error`.
  const Ratio &ratio() const { return seen; }

  /// The numbers of rounds after which it looks.
  const std::vector<unsigned> &looks() const { return plan; }

private:
  void look(bool last);
  std::vector<unsigned> plan;
  std::vector<double> values;
  VerdictOptions options;
  Ratio seen;
  Finding found = Finding::NotDecided;
  bool over = false;
};

/// The fewest rounds after which a comparison can say anything: with fewer, no interval has
/// ends. Whether they are enough depends on the noise.
unsigned fewestRounds(const VerdictOptions &options);

/// "1.08 × faster (1.06–1.10)", "no difference beyond 1 %", "not decided (0.97–1.04)".
std::string describe(Finding finding, const Ratio &ratio, double margin);
/// For JSON: "faster", "slower", "no-difference", "not-decided".
const char *nameOf(Finding finding);

} // namespace encdec::lab
