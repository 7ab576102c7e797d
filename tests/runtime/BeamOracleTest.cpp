//===- BeamOracleTest.cpp - beam search against two plain ones ------------===//
//
// Small models whose every prediction stands in a table. The first judge is
// Transformers' beam search written once more, as its generation/utils.py goes
// (_beam_search), without rows, batches or shared beginnings; the second lists all
// sequences there are.

#include "tests/runtime/TableModel.h"

#include <fmt/ranges.h>

#include <cmath>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// The sum that Transformers gives a beam that must not win, and a bound below the sums
/// of all real sequences. Sequences below the bound are no results.
constexpr double lowest = -1e9, notReal = -1e8;

/// One set of options; lengths count the start token.
struct Rules {
  size_t beams = 1, maxLength = 2, minLength = 0, returned = 1;
  std::set<int32_t> eos, bad;
  std::optional<int32_t> forcedBos, forcedEos;
  size_t ngram = 0, sourceNgram = 0; ///< Of the sequence or source, not again; 0: any.
  double penalty = 1;
  EarlyStopping early = EarlyStopping::no;
  double patience = 1; ///< CTranslate2's: as many places for each beam.

  size_t places() const { return size_t(std::lround(double(beams) * patience)); }
  double score(double sum, size_t generated) const {
    return sum / std::pow(double(generated), penalty);
  }
};

struct Sequence {
  Ids ids;
  double sum = 0, score = 0;
  bool finished = false;
  size_t parent = 0; ///< Rank of the beam that it goes on from.
};

const std::array<Ids, TABLE_SOURCES> sourceIds{{{0}, {1, 0}, {2, 2, 1}}};

/// Whether the last n of `ids` stand in `text` too.
bool endStandsIn(const Ids &text, const Ids &ids, size_t n) {
  return n && ids.size() >= n && text.size() >= n &&
         !std::ranges::search(text, std::span(ids).last(n)).empty();
}

class Oracle {
public:
  Oracle(const Tables &tables, size_t source, const Rules &rules)
      : tables(tables), source(source), rules(rules) {}

  std::vector<Sequence> beamSearch() {
    const size_t K = rules.beams, C = std::max<size_t>(2, 1 + rules.eos.size()) * K;
    std::vector<Sequence> running(K), finished(rules.places());
    for (size_t k = 0; k < K; ++k)
      running[k].sum = k ? lowest : 0;
    for (Sequence &none : finished)
      none.score = none.sum = lowest;
    for (bool canImprove = true; canImprove;) {
      std::vector<Sequence> all;
      for (size_t k = 0; k < K; ++k)
        for (Sequence &one : continued(running[k], k))
          all.push_back(std::move(one));
      std::ranges::sort(all, isBefore);
      all.resize(std::min(all.size(), C));
      const bool isFull = std::ranges::all_of(finished, &Sequence::finished);
      const bool takesMore = rules.early != EarlyStopping::yes || !isFull;
      running = goingOn(all);
      for (size_t rank = 0; rank < K && rank < all.size() && takesMore; ++rank)
        if (stops(all[rank]))
          finish(all[rank], finished);
      canImprove = std::ranges::any_of(all, [&](auto &one) { return !stops(one); }) &&
                   improves(running[0], finished);
    }
    return real(finished);
  }

  /// All sequences that may be generated, best first.
  std::vector<Sequence> everything() const {
    std::vector<Sequence> all, open(1);
    while (!open.empty()) {
      std::vector<Sequence> longer;
      for (const Sequence &one : open)
        for (Sequence &next : continued(one, 0))
          (stops(next) ? all : longer).push_back(std::move(next));
      open = std::move(longer);
    }
    std::ranges::sort(all, std::greater(), &Sequence::score);
    return all;
  }

private:
  bool stops(const Sequence &one) const {
    return rules.eos.contains(one.ids.back()) || one.ids.size() + 1 >= rules.maxLength;
  }

  /// Whether an n-gram would stand in the sequence again if v followed.
  bool repeats(const Sequence &one, int32_t v) const {
    Ids whole{0}; // the start token
    whole.insert(whole.end(), one.ids.begin(), one.ids.end());
    const Ids before = whole;
    whole.push_back(v);
    return endStandsIn(before, whole, rules.ngram) ||
           endStandsIn(sourceIds[source], whole, rules.sourceNgram);
  }

  /// `one` continued by each token that the processors allow.
  std::vector<Sequence> continued(const Sequence &one, size_t rank) const {
    std::vector<Sequence> all;
    const size_t length = 1 + one.ids.size();
    size_t row = 0;
    for (int32_t id : one.ids)
      row = tables.next(row, id);
    for (int32_t v = 0; v < tables.vocabulary; ++v) {
      double logProb = tables.logProbs[tables.at(source, row) + size_t(v)];
      if (rules.bad.contains(v) || (length < rules.minLength && rules.eos.contains(v)))
        logProb = -infinity;
      if (repeats(one, v))
        logProb = -infinity;
      if (rules.forcedBos && length == 1)
        logProb = v == *rules.forcedBos ? 0 : -infinity;
      if (rules.forcedEos && length + 1 == rules.maxLength)
        logProb = v == *rules.forcedEos ? 0 : -infinity;
      if (logProb == -infinity)
        continue;
      Sequence next = one;
      next.ids.push_back(v);
      next.sum += logProb;
      next.score = rules.score(next.sum, next.ids.size());
      next.parent = rank;
      all.push_back(std::move(next));
    }
    return all;
  }

  /// Replaces the worst finished sequence; of equal ones the earlier comes first.
  static void finish(Sequence one, std::vector<Sequence> &finished) {
    one.finished = true;
    const auto worse = std::ranges::find_if(
        finished, [&](const Sequence &old) { return old.score < one.score; });
    finished.insert(worse, std::move(one));
    finished.pop_back();
  }

  /// By sum; then the lower token, then the better beam.
  static bool isBefore(const Sequence &a, const Sequence &b) {
    if (a.sum != b.sum)
      return a.sum > b.sum;
    return std::pair(a.ids.back(), a.parent) < std::pair(b.ids.back(), b.parent);
  }

  /// The K best of those that do not stop.
  std::vector<Sequence> goingOn(const std::vector<Sequence> &candidates) const {
    std::vector<Sequence> best;
    for (const Sequence &one : candidates)
      if (!stops(one) && best.size() < rules.beams)
        best.push_back(one);
    while (best.size() < rules.beams) {
      best.emplace_back().ids.assign(candidates.empty() ? 0 : candidates[0].ids.size(), 0);
      best.back().sum = -infinity;
    }
    return best;
  }

  bool improves(const Sequence &best, const std::vector<Sequence> &finished) const {
    if (!std::ranges::all_of(finished, &Sequence::finished))
      return true;
    if (rules.early == EarlyStopping::yes)
      return false;
    const bool atBest = rules.early == EarlyStopping::never && rules.penalty > 0;
    return rules.score(best.sum, atBest ? rules.maxLength - 1 : best.ids.size()) >
           finished.back().score;
  }

  static std::vector<Sequence> real(std::vector<Sequence> all) {
    std::erase_if(all, [](const Sequence &one) { return one.sum < notReal; });
    return all;
  }

  const Tables &tables;
  const size_t source;
  const Rules &rules;
};

GenerationOptions requestOf(const Rules &rules) {
  GenerationOptions request;
  request.num_beams = int64_t(rules.beams);
  request.num_return_sequences = int64_t(rules.returned);
  request.max_length = int64_t(rules.maxLength);
  request.min_length = int64_t(rules.minLength);
  request.forced_bos_token_id = rules.forcedBos;
  if (rules.forcedEos)
    request.forced_eos_token_id = {*rules.forcedEos};
  if (!rules.bad.empty())
    request.bad_words_ids.emplace();
  for (int32_t token : rules.bad)
    request.bad_words_ids->push_back({token});
  request.no_repeat_ngram_size = int64_t(rules.ngram);
  request.encoder_no_repeat_ngram_size = int64_t(rules.sourceNgram);
  request.length_penalty = rules.penalty;
  request.early_stopping = rules.early;
  request.patience = rules.patience;
  return request;
}

/// What the runtime returns for each table.
std::vector<std::vector<Generated>> search(const Tables &tables, const Rules &rules,
                                           StateLimits limits) {
  Json generation;
  generation["decoder_start_token_id"] = generation["pad_token_id"] = 0;
  generation["eos_token_id"] = std::vector(rules.eos.begin(), rules.eos.end());
  generation["bad_words_ids"] = Json::array();
  TableModel model(tables, generation);
  auto state = State::create(model.model, limits);
  EXPECT_TRUE(state.ok()) << state.status().message();
  Sources sources{sourceIds[0], sourceIds[1], sourceIds[2]};
  auto made = generate(**state, sources.ids, sources.offsets, requestOf(rules));
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() && made->size() == TABLE_SOURCES
             ? std::move(*made)
             : std::vector<std::vector<Generated>>(TABLE_SOURCES);
}

void expectSame(const std::vector<Sequence> &expected, const std::vector<Generated> &found,
                const Rules &rules) {
  ASSERT_EQ(found.size(), std::min(expected.size(), rules.returned));
  for (size_t i = 0; i < found.size(); ++i) {
    SCOPED_TRACE("hypothesis " + std::to_string(i));
    EXPECT_EQ(found[i].ids, expected[i].ids);
    EXPECT_EQ(found[i].logProb, expected[i].sum);
    EXPECT_EQ(found[i].score, expected[i].score);
  }
}

std::string described(const Rules &rules) {
  return fmt::format("beams {}, eos {}, bad {}, lengths {} to {}, forced {} and {}, "
                     "n-grams {} and {}, penalty {}, early stopping {}, patience {}",
                     rules.beams, fmt::join(rules.eos, " "), fmt::join(rules.bad, " "),
                     rules.minLength, rules.maxLength, rules.forcedBos.value_or(-1),
                     rules.forcedEos.value_or(-1), rules.ngram, rules.sourceNgram, rules.penalty, int(rules.early),
                     rules.patience);
}

Rules drawRules(std::mt19937 &random, int32_t vocabulary) {
  auto below = [&](size_t n) { return random() % n; };
  auto token = [&] { return int32_t(below(size_t(vocabulary))); };
  Rules rules;
  for (size_t n = below(10) ? 1 + below(2) : 0; n > 0; --n)
    rules.eos.insert(token());
  if (below(3) == 0)
    rules.bad.insert(token());
  for (int32_t eos : rules.eos)
    rules.bad.erase(eos);
  rules.maxLength = 2 + below(TABLE_STEPS);
  rules.minLength = below(3) ? 0 : below(rules.maxLength + 1);
  if (below(5) == 0)
    rules.forcedBos = token();
  if (below(3) == 0)
    rules.forcedEos = rules.eos.empty() || below(4) == 0 ? token() : *rules.eos.begin();
  rules.penalty = std::array{1.0, 0.0, 0.6, 2.0, -0.5, -2.0}[below(6)];
  rules.beams = 2 + below(below(3) ? 4 : 15);
  rules.early = below(2) ? EarlyStopping::no : EarlyStopping::never;
  // Beams beyond the tokens that go on are copies of others with a sum of -1e9.
  // Whether their ends fill up the finished ones, which is what early stopping
  // counts, is a matter of float32's rounding in Transformers.
  const size_t going = size_t(vocabulary) - rules.eos.size() - rules.bad.size();
  if (going >= 2 && below(3) == 0) {
    rules.early = EarlyStopping::yes;
    rules.beams = 2 + below(going - 1);
    rules.patience = std::array{0.5, 1.0, 1.5, 2.0, 3.0}[below(5)];
  }
  // N-grams leave fewer tokens that go on, too.
  if (rules.early != EarlyStopping::yes) {
    rules.ngram = below(2) ? below(4) : 0;
    rules.sourceNgram = below(3) ? 0 : below(3);
  }
  rules.returned = 1 + below(rules.places());
  return rules;
}

TEST(BeamOracle, RandomTablesAndOptions) {
  std::mt19937 random(11);
  size_t several = 0, early = 0;
  for (int round = 0; round < 600; ++round) {
    Tables tables(4 + int32_t(random() % 3));
    tables.fill(random, round % 2);
    const Rules rules = drawRules(random, tables.vocabulary);
    SCOPED_TRACE(fmt::format("round {}, vocabulary {}, {}", round, tables.vocabulary,
                             described(rules)));
    const uint64_t rows = rules.beams * (1 + random() % TABLE_SOURCES);
    const auto threads = uint32_t(1 + random() % 2);
    const auto found = search(tables, rules, {.maxRows = rows, .threads = threads});
    for (size_t source = 0; source < TABLE_SOURCES; ++source) {
      SCOPED_TRACE("source " + std::to_string(source));
      const auto expected = Oracle(tables, source, rules).beamSearch();
      expectSame(expected, found[source], rules);
      several += expected.size() > 1;
      early += !expected.empty() && expected[0].ids.size() + 1 < rules.maxLength;
    }
    if (HasFailure())
      break;
  }
  EXPECT_GT(several, 600u);
  EXPECT_GT(early, 200u);
}

/// With as many beams as sequences, the search finds the best of all. With more than 32,
/// compiled code finds too few candidates, and all scores become numbers.
TEST(BeamOracle, ManyBeams) {
  std::mt19937 random(12);
  for (int round = 0; round < 100; ++round) {
    Tables tables(3 + int32_t(random() % 2));
    tables.fill(random, false);
    Rules rules;
    rules.eos = {int32_t(random() % 3)};
    rules.maxLength = tables.vocabulary == 3 ? 5 : 3; // 31 sequences, or 13
    rules.beams = rules.returned = 20 + random() % 60;
    rules.penalty = std::array{1.0, 0.6, 2.0}[random() % 3];
    rules.early = round % 2 ? EarlyStopping::no : EarlyStopping::never;
    SCOPED_TRACE("round " + std::to_string(round));
    const auto found = search(tables, rules, {.maxRows = 80, .threads = 1});
    for (size_t source = 0; source < TABLE_SOURCES; ++source) {
      const auto all = Oracle(tables, source, rules).everything();
      EXPECT_EQ(all.size(), tables.vocabulary == 3 ? 31u : 13u);
      if (rules.beams >= all.size())
        expectSame(all, found[source], rules);
      else
        expectSame(Oracle(tables, source, rules).beamSearch(), found[source], rules);
    }
  }
}

} // namespace
