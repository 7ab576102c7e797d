//===- GoldenTest.cpp - processors against Transformers' own --------------===//
//
// goldens.json holds random cases and what Transformers' processors make of them
// (goldens.py).

#include "tests/processors/Rows.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <map>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::tests;
using nlohmann::json;

namespace {

const json &goldens() {
  static const json read = json::parse(std::ifstream(ENCDEC_PROCESSOR_GOLDENS));
  return read;
}

float score(const json &written) {
  if (written.is_null())
    return never;
  if (written.is_string())
    return written == "nan" ? std::nanf("") : std::numeric_limits<float>::infinity();
  return float(written.get<int>()) / 256;
}

/// The processors of a case and what they need of it.
struct Case {
  explicit Case(const json &from)
      : options(readOptions(from["options"])),
        made(makeProcessors({options, from["vocabulary"], from["max_length"],
                             options.num_beams.value_or(1) > 1})) {}
  GenerationOptions options;
  std::vector<std::unique_ptr<Processor>> made;
};

struct Counts {
  int tokens = 0, undecided = 0, banned = 0, changed = 0;
};

void compare(const json &golden, const json &row, std::vector<float> before,
             const std::vector<float> &found, Counts &counts) {
  std::vector<char> undecided(before.size());
  for (size_t token : row["undecided"])
    undecided[token] = true;
  for (size_t token : row["banned"])
    before[token] = never;
  for (const json &change : row["changed"])
    before[change[0].get<size_t>()] = change[1];
  for (size_t t = 0; t < before.size(); ++t) {
    if (undecided[t])
      continue;
    const float expected = before[t];
    if (expected == never)
      ASSERT_EQ(found[t], never) << "token " << t << " of " << golden.dump();
    else
      ASSERT_LE(std::abs(found[t] - expected), 1e-5 * std::max(1.f, std::abs(expected)))
          << "token " << t << ": " << found[t] << " for " << expected << ", " << golden.dump();
  }
  counts.tokens += int(before.size());
  counts.undecided += int(row["undecided"].size());
  counts.banned += int(row["banned"].size());
  counts.changed += int(row["changed"].size());
}

TEST(Golden, EveryCaseIsAsInTransformers) {
  std::map<std::string, Counts> counts;
  for (const json &golden : goldens()["cases"]) {
    const Case one(golden);
    // Transformers' MinLength beside MinNewTokens asks for the same again.
    size_t expected = golden["made"].size();
    if (golden["options"].contains("min_new_tokens") &&
        golden["options"].contains("eos_token_id"))
      --expected;
    ASSERT_EQ(one.made.size(), expected) << golden.dump();
    Counts &of = counts[expected == 1 ? golden["made"].back() : json("chains")];
    for (const json &row : golden["rows"]) {
      std::vector<float> before;
      for (const json &written : row["scores"])
        before.push_back(score(written));
      ScoreRow scores(before);
      const std::vector<int32_t> tokens = row["tokens"], source = row["source"];
      for (const auto &processor : one.made)
        processor->process({tokens, source, golden["prompt"]}, scores);
      ASSERT_NO_FATAL_FAILURE(compare(golden, row, before, scores.numbers, of));
    }
  }
  // The comparison is about something: each rule acts, and little is left out.
  EXPECT_EQ(counts.size(), 24u);
  for (const auto &[name, of] : counts) {
    EXPECT_GT(of.banned + of.changed, 20) << name;
    EXPECT_LT(of.undecided, 0.03 * of.tokens) << name;
  }
}

// What a table's row writes as its range.
constexpr double infinity = std::numeric_limits<double>::infinity();
[[maybe_unused]] const OptionRange any{};
OptionRange atLeast(double least) { return {least, infinity, true, false}; }
OptionRange above(double least) { return {least, infinity, false, false}; }
OptionRange within(double least, double most) { return {least, most, true, true}; }
[[maybe_unused]] OptionRange between(double least, double most) {
  return {least, most, false, false};
}
OptionRange upTo(double least, double most) { return {least, most, false, true}; }

/// The table may refuse more than Transformers, such as a threshold without effect.
TEST(Golden, WhatTransformersRefusesTheTableRefuses) {
  const std::map<std::string, OptionRange> ranges{
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning) {#key, range},
#include "runtime/base/GenerationOptions.def"
  };
  int refused = 0;
  for (const json &one : goldens()["refusals"]) {
    const OptionRange &range = ranges.at(one["key"]);
    if (!one["refused"])
      continue;
    EXPECT_FALSE(range.holds(one["value"])) << one.dump();
    ++refused;
  }
  EXPECT_GT(refused, 20);
}

TEST(Golden, CombinationsAreRefusedAsInTransformers) {
  for (const json &one : goldens()["combinations"]) {
    const Status status = checkProcessors(readOptions(one["options"]));
    EXPECT_EQ(!status.ok(), one["refused"].get<bool>()) << one.dump() << status.message();
  }
}

} // namespace
