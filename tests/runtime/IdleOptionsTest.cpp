//===- IdleOptionsTest.cpp - options that change nothing are said to ------===//

#include "runtime/search/Engine.h"
#include "tests/runtime/FakeModel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

/// Options and values that the table does not start with.
constexpr std::pair<const char *, const char *> drawn[] = {
    {"num_beams", "2"},          {"num_return_sequences", "2"},
    {"do_sample", "true"},       {"return_alternatives", "true"},
    {"coverage_penalty", "0.3"}, {"probs", "true"},
    {"max_new_tokens", "7"},     {"max_length", "5"},
    {"min_new_tokens", "2"},     {"min_length", "4"},
    {"scores", "false"},         {"length_penalty", "-4"},
    {"early_stopping", "true"},  {"num_beam_groups", "2"},
    {"diversity_penalty", "5"},  {"patience", "2"},
    {"seed", "9"},               {"prompt_lookup_num_tokens", "3"},
    {"temperature", "4"},        {"min_alternative_expansion_prob", "0.5"},
    {"top_h", "0.2"},            {"max_matching_ngram_size", "1"},
    {"top_k", "2"},              {"top_p", "0.3"},
    {"min_p", "0.6"},            {"typical_p", "0.2"},
    {"epsilon_cutoff", "0.2"},   {"eta_cutoff", "0.3"}};

/// What a search gives; nothing where it refuses the options.
std::optional<std::vector<Generated>> search(State &state, const GenerationOptions &options) {
  Engine engine(state);
  const Ids ids{3, 5, 8};
  auto source = engine.add(ids, {}, options);
  if (!source.ok())
    return std::nullopt;
  while (engine.unfinished())
    EXPECT_TRUE(engine.advance().ok());
  return std::move(*engine.take(*source));
}

/// Whether numbers are equal; what is not computed is no number.
bool isSame(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool isSame(const std::vector<Generated> &a, const std::vector<Generated> &b) {
  return std::ranges::equal(a, b, [](const Generated &x, const Generated &y) {
    return x.ids == y.ids && isSame(x.logProb, y.logProb) && isSame(x.score, y.score);
  });
}

/// Random options, each left out in turn: what idle() names makes no difference, and every
/// option that it may name makes one somewhere.
TEST(IdleOptions, ChangeNothingAndTheOthersMay) {
  FakeModel model;
  StateLimits limits;
  limits.probs = true;
  auto state = model.state(limits);
  std::mt19937 random(17);
  std::set<std::string> idle, acting;
  int searched = 0;
  while (searched < 400) {
    GenerationOptions options;
    for (const auto &[key, value] : drawn)
      if (random() % 5 < 2)
        ASSERT_TRUE(options.setText(key, value).ok()) << key;
    const auto results = search(*state, options);
    if (!results)
      continue;
    ++searched;
    std::set<std::string> named;
    for (const std::string &line : options.over({}).idle(options))
      named.insert(line.substr(0, line.find(':')));
    for (const auto &[key, value] : drawn) {
      GenerationOptions fewer = options;
      ASSERT_TRUE(fewer.forget(key).ok());
      if (fewer == options)
        continue;
      const auto others = search(*state, fewer);
      const bool changes = !others || !isSame(*results, *others);
      EXPECT_FALSE(changes && named.contains(key)) << key;
      if (named.contains(key))
        idle.insert(key);
      else if (changes)
        acting.insert(key);
    }
    if (HasFailure())
      break;
  }
  EXPECT_EQ(idle.size(), 19u);
  for (const std::string &key : idle) // guesses change the time alone
    if (key != "prompt_lookup_num_tokens" && key != "max_matching_ngram_size")
      EXPECT_TRUE(acting.contains(key)) << key << " changes nothing anywhere";
}

TEST(IdleOptions, LinesSayWhatIsNeeded) {
  GenerationOptions options, model;
  options.top_k = 5;
  options.top_p = 1; // the table's own
  options.max_length = 9;
  model.max_new_tokens = 3; // which the caller's length overrides
  using Lines = std::vector<std::string>;
  EXPECT_EQ(options.over(model).idle(options),
            Lines{"top_k: has no effect here; it acts where do_sample is true"});
  model.do_sample = true;
  EXPECT_EQ(options.over(model).idle(options), Lines());
  options.max_new_tokens = 4;
  EXPECT_EQ(options.over(model).idle(options),
            Lines{"max_length: has no effect here; it acts where max_new_tokens is not set"});
}

} // namespace
