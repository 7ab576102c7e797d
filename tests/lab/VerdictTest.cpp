// Verdicts on made-up times: thousands of comparisons under noise that a machine makes,
// whose truth is known.
#include "compiler/lab/Conclusion.h"
#include "compiler/lab/Verdict.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <random>

using namespace encdec::lab;

namespace {

using Random = std::mt19937_64;

double uniform(Random &random) { return double(random() >> 11) * 0x1p-53; }
double normal(Random &random) {
  return std::sqrt(-2 * std::log(1 - uniform(random))) * std::cos(2 * M_PI * uniform(random));
}

/// The logarithm of the slowdown of a measurement; called for one after the other.
using Noise = std::function<double(Random &, unsigned index)>;

struct Kind {
  const char *name;
  std::function<Noise()> make;
};

const Kind kinds[] = {
    {"normal", [] { return [](Random &r, unsigned) { return 0.02 * normal(r); }; }},
    {"drift up 1 % a round",
     [] { return [](Random &r, unsigned i) { return 0.005 * i + 0.01 * normal(r); }; }},
    {"slow wave",
     [] {
       return [](Random &r, unsigned i) { return 0.2 * std::sin(i / 9.0) + 0.01 * normal(r); };
     }},
    {"two clock rates for a while each",
     [] {
       return [fast = true](Random &r, unsigned) mutable {
         fast = uniform(r) < 0.1 ? !fast : fast;
         return (fast ? 0 : 0.15) + 0.01 * normal(r);
       };
     }},
    {"two modes by chance",
     [] {
       return [](Random &r, unsigned) {
         return (uniform(r) < 0.3 ? 0.1 : 0.0) + 0.008 * normal(r);
       };
     }},
    {"heavy tails",
     [] {
       return [](Random &r, unsigned) { // Cauchy's, upwards
         return std::min(3.0, 0.004 * std::abs(std::tan(M_PI * (uniform(r) - 0.5))));
       };
     }},
    {"every tenth process many times as slow",
     [] {
       return [](Random &r, unsigned) {
         return 0.012 * normal(r) + (uniform(r) < 0.1 ? 1.5 * uniform(r) : 0);
       };
     }},
    {"bursts",
     [] {
       return [left = 0](Random &r, unsigned) mutable {
         if (left > 0 ? --left, true : uniform(r) < 0.05 && (left = 4, true))
           return 0.3 + 0.1 * normal(r);
         return 0.01 * normal(r);
       };
     }}};

struct Counts {
  unsigned faster = 0, slower = 0, none = 0, open = 0, rounds = 0;
};

/// `trials` comparisons where the idea takes `factor` times as long.
Counts compare(const Kind &kind, double factor, unsigned rounds, unsigned trials) {
  Random random(7);
  Counts counts;
  for (unsigned trial = 0; trial < trials; ++trial) {
    Comparison comparison(rounds, {});
    Noise noise = kind.make();
    for (unsigned index = 0; !comparison.done(); index += 2) {
      double first = std::exp(noise(random, index)), second = std::exp(noise(random, index + 1));
      if (random() & 1)
        std::swap(first, second);
      comparison.add(first, factor * second);
    }
    counts.rounds += comparison.rounds();
    switch (comparison.finding()) {
    case Finding::Faster:
      ++counts.faster;
      break;
    case Finding::Slower:
      ++counts.slower;
      break;
    case Finding::NoDifference:
      ++counts.none;
      break;
    case Finding::NotDecided:
      ++counts.open;
    }
  }
  return counts;
}

TEST(Verdict, EqualModelsAreSeldomCalledDifferent) {
  constexpr unsigned trials = 2000;
  for (const Kind &kind : kinds) {
    Counts counts = compare(kind, 1, 60, trials);
    // 5 % at most, and three standard deviations of this many trials.
    EXPECT_LE(counts.faster + counts.slower, trials * (0.05 + 0.015)) << kind.name;
    std::printf("%-34s equal: %u faster, %u slower, %u none, %u open; %u rounds\n", kind.name,
                counts.faster, counts.slower, counts.none, counts.open, counts.rounds / trials);
  }
}

TEST(Verdict, ThreePercentAreFound) {
  constexpr unsigned trials = 500;
  for (const Kind &kind : kinds) {
    // About as many rounds as a minute has. Two modes 10 % apart hide 3 % for longer than a minute.
    const unsigned rounds = std::string(kind.name) == "two modes by chance" ? 400 : 100;
    Counts slower = compare(kind, 1.03, rounds, trials);
    EXPECT_GE(slower.slower, trials * 0.9) << kind.name;
    EXPECT_EQ(slower.faster, 0u) << kind.name;
    EXPECT_GE(compare(kind, 1 / 1.03, rounds, trials).faster, trials * 0.9) << kind.name;
    std::printf("%-34s 3 %%: %u slower, %u none, %u open; %u rounds\n", kind.name, slower.slower,
                slower.none, slower.open, slower.rounds / trials);
  }
}

TEST(Verdict, DifferencesBelowTheMarginAreNone) {
  Counts counts = compare({"quiet", [] { return [](Random &r, unsigned) {
                             return 0.003 * normal(r); }; }},
                          1.002, 100, 500);
  EXPECT_GE(counts.none, 490u);
}

TEST(Verdict, IntervalsHoldTheTruthAsOftenAsTheySay) {
  Random random(3);
  for (unsigned n : {6u, 10u, 25u, 60u}) {
    unsigned missed = 0;
    for (unsigned trial = 0; trial < 4000; ++trial) {
      std::vector<double> values;
      for (unsigned i = 0; i < n; ++i)
        values.push_back(0.1 + std::pow(normal(random), 3)); // symmetric, far from normal
      Ratio ratio = signInterval(values, 0.05);
      missed += std::log(ratio.low) > 0.1 || std::log(ratio.high) < 0.1;
    }
    EXPECT_LE(missed, 4000 * 0.062) << n;
    EXPECT_GE(missed, 4000 * 0.01) << n; // no wider than it must be
  }
}

TEST(Verdict, ExactForSmallSamples) {
  const double values[] = {0.01, 0.02, 0.03, 0.04, 0.05, 0.06};
  // The least and the greatest: six signs agree with a chance of 2 / 64.
  Ratio ratio = signInterval(values, 0.05);
  EXPECT_NEAR(std::log(ratio.low), 0.01, 1e-12);
  EXPECT_NEAR(std::log(ratio.high), 0.06, 1e-12);
  EXPECT_NEAR(std::log(ratio.middle), 0.035, 1e-12);
  EXPECT_EQ(signInterval(values, 0.03).low, 0);
}

TEST(Verdict, LooksArePlannedAndTheLastOneIsTaken) {
  EXPECT_EQ(Comparison(60, {}).looks(), (std::vector<unsigned>{10, 15, 22, 33, 60}));
  EXPECT_EQ(Comparison(0, {}).looks(), std::vector<unsigned>{1});
  Comparison cut(60, {});
  for (unsigned i = 0; i < 14; ++i)
    cut.add(1.5 + 0.001 * i, 1);
  EXPECT_TRUE(cut.done()); // tight at the first look
  EXPECT_EQ(cut.rounds(), 14u);
  Comparison none(60, {});
  none.finish();
  EXPECT_EQ(none.finding(), Finding::NotDecided);
  EXPECT_EQ(describe(none.finding(), none.ratio(), 0.01), "not decided (too few rounds)");
}

TEST(Verdict, FewestRoundsAreTheFirstWithAnInterval) {
  for (double error : {0.05, 0.01, 0.05 / 24, 0.05 / 96}) {
    const VerdictOptions options{.error = error};
    const unsigned fewest = fewestRounds(options);
    for (unsigned rounds : {fewest - 1, fewest}) {
      Comparison comparison(rounds, options);
      while (!comparison.done())
        comparison.add(1.5, 1);
      EXPECT_EQ(comparison.finding(), rounds < fewest ? Finding::NotDecided : Finding::Faster)
          << error << ", " << rounds;
    }
  }
  EXPECT_EQ(fewestRounds({}), 6u);
}

/// A comparison of a cell.
Timed timed(const char *figure, unsigned rows, Finding finding, Ratio ratio,
            unsigned length = 32, const char *weights = "f32") {
  return {{rows, length, weights, "", ""}, figure, finding, ratio};
}

TEST(Verdict, ConclusionsAreShort) {
  const Ratio none{0.999, 1, 1.001}, unknown{0, 1, INFINITY}, more{1.06, 1.08, 1.1},
      less{0.8, 0.9, 0.95};
  auto said = [](const std::vector<Timed> &all) {
    const Conclusion found = conclude(all, "", 0.01);
    return found.finding + ": " + found.verdict;
  };
  EXPECT_EQ(said({}), "no-difference: the idea makes the same code: nothing to time");
  EXPECT_EQ(said({timed("step", 1, Finding::NoDifference, none)}),
            "no-difference: step of 1 row: no difference beyond 1 %");
  EXPECT_EQ(said({timed("step", 1, Finding::Faster, more),
                  timed("encode", 1, Finding::NoDifference, none),
                  timed("step", 16, Finding::NotDecided, unknown),
                  timed("encode", 16, Finding::NotDecided, none)}),
            "faster: step of 1 row: 1.08 × faster (1.06–1.10); no difference beyond 1 %: 1 of 4 "
            "figures; not decided: 2 of 4 figures");
  EXPECT_EQ(said({timed("step", 1, Finding::Faster, more),
                  timed("step", 2, Finding::Slower, less, 8, "int8")}),
            "mixed: step of 1 row × 32 tokens, f32: 1.08 × faster (1.06–1.10); step of 2 rows × 8 "
            "tokens, int8: 1.11 × slower (1.05–1.25)");
  EXPECT_EQ(said(std::vector(96, timed("step", 1, Finding::NotDecided, unknown))),
            "not-decided: not decided: 96 of 96 figures (too few rounds)");
  EXPECT_EQ(said(std::vector(5, timed("step", 1, Finding::Slower, less))),
            "slower: slower: 5 of 5 figures (1.11–1.11 ×)");
  EXPECT_EQ(conclude({timed("step", 1, Finding::Faster, more)}, "logits", 0.01).verdict,
            "wrong numbers: logits");
}

TEST(Verdict, Words) {
  EXPECT_EQ(describe(Finding::Faster, {1.06, 1.08, 1.1}, 0.01), "1.08 × faster (1.06–1.10)");
  EXPECT_EQ(describe(Finding::Slower, {0.8, 0.9, 0.95}, 0.01), "1.11 × slower (1.05–1.25)");
  EXPECT_EQ(describe(Finding::Faster, {1.012, 1.015, 1.018}, 0.01), "1.015 × faster (1.012–1.018)");
  EXPECT_EQ(describe(Finding::NoDifference, {1, 1, 1}, 0.01), "no difference beyond 1 %");
}

} // namespace
