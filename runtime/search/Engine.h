//===- Engine.h - sources that come, decode together and go ---------------===//
//
// An engine decodes the sources that are added to it, step by step, all that have room
// together. A source joins while others decode, and leaves as soon as it has ended; what it
// gets depends on nothing but itself.
//
// Who owns what. The engine owns its state's rows while it lives, and each source until the
// caller takes or removes it. A source's number is never given twice. One thread at a time
// calls an engine; it does all work beside the state's team, and calls the hook. What is new
// waits in the source itself until it is asked for: its tokens are at most its greatest
// length, so nothing grows where nobody reads.

#pragma once

#include "runtime/exec/State.h"
#include "runtime/search/Biases.h"
#include "runtime/search/Policy.h"

#include <chrono>
#include <deque>
#include <functional>
#include <map>

namespace encdec::runtime {

/// A finished sequence with what was recorded on the way.
struct Generated : Hypothesis {
  /// Cross-attention probabilities [L][H][T][S], row t made while predicting
  /// ids[t]; zeros for a token that needed no step. Empty unless asked for.
  std::vector<float> probs;
  bool lacksWords = false; ///< Whether words are missing that options force.
};

/// What ended a source, or will with the next step.
enum class Ending { ownRules, maxTime, cancelled };

/// What became known of a source.
struct Event {
  enum Kind { Tokens, Finished } kind = Tokens;
  uint64_t source = 0;
  std::vector<int32_t> tokens; ///< That its best sequence has next, whatever comes.
};

/// All rows of a step, for a function of the caller that changes scores.
struct HookRows {
  struct Row {
    uint64_t source;
    LiveRow row;
    std::span<float> scores; ///< [V]; logits, or log-probabilities for beams.
  };
  std::span<Row> rows;
};
using Hook = std::function<Status(HookRows)>;

class Engine {
public:
  /// Ends all rows of the state, which the engine then owns. The model has a decoder.
  explicit Engine(State &state);
  ~Engine();
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  /// Whether sources without a prefix may have these options. Errors: Usage and Limit.
  Status check(const GenerationOptions &options) { return policyFor(options, 1).status(); }
  /// Adds a source: its ids, the prefix that its sequences begin with (after the start
  /// token), and what its caller asks for. It waits until those added before it have joined
  /// and there is room. Errors: Usage and Limit as for the ids and options alone; then
  /// nothing was added.
  Result<uint64_t> add(std::span<const int32_t> ids, std::span<const int32_t> prefix,
                       const GenerationOptions &options);

  /// Sources that have not ended.
  size_t unfinished() const { return waiting.size() + live.size(); }
  /// Lets waiting sources join and runs one step of all live rows; does nothing where there
  /// are none. An error ends no source: what was there can be continued or removed.
  Status advance();

  /// The next thing that became known and was not asked for yet; false where there is none.
  bool nextEvent(Event &event);
  /// The sequences of a source that has ended, best first, and forgets the source:
  /// num_return_sequences of them, or fewer where the search found no more (Search::take).
  /// Errors: Usage for a number that nobody has, and for a source that has not ended.
  Result<std::vector<Generated>> take(uint64_t source);
  /// Ends a source at once and forgets it. Errors: Usage for a number that nobody has.
  Status remove(uint64_t source);

  /// Ends all unfinished sources of numbers below `below`: live ones with the step at hand or
  /// the next one, as if each had reached its greatest length, waiting ones without a sequence.
  void cancel(uint64_t below = UINT64_MAX);
  /// What has ended a source that was not taken yet.
  Ending endingOf(uint64_t source) const;

  /// Calls `hook` once a step for all rows, after the processors that do not draw. Sources
  /// that were added before are not affected.
  void setHook(Hook hook) { this->hook = std::move(hook); }

private:
  struct Source;
  using Clock = std::chrono::steady_clock;

  Result<std::shared_ptr<Policy>> policyFor(const GenerationOptions &options,
                                            uint64_t prompt);
  Status admit();
  Status begin(Source &source);
  void proceed(Source &source, const NextRows &rows);
  Status arrange();
  Status step();
  void dropFinished();
  bool guess();
  void follow(Source &source, Clock::time_point now);
  Status readScores();
  void readScores(Source &source);
  void readCandidates(Source &source);
  void draw(const Source &source, size_t row, std::span<const float> scores,
            std::span<int32_t> tokens, std::span<float> keys);
  float scoreOf(const Source &source, size_t row, int32_t token);
  double logSum(size_t row) const;
  std::span<float> valuesOf(size_t row);
  void finish(Source &source);
  void announce(Source &source);
  Result<Source *> find(uint64_t number);

  State &state;
  Biases biases;
  Hook hook;
  uint64_t next = 0; ///< Number of the next source.
  std::map<uint64_t, std::unique_ptr<Source>> all;
  std::deque<Source *> waiting;
  std::vector<Source *> live; ///< In the order of their rows.
  std::deque<uint64_t> news;  ///< Sources of which something is known and not asked for.
  std::shared_ptr<Policy> lastPolicy;
  Region values; ///< [stepRoom][V], touched where scores become numbers.
  bool stepped = false; ///< A step was run and its candidates were not read yet.
  size_t found = 1;     ///< Candidates that it has found for each row.
  std::vector<uint32_t> parents; ///< Of the step at hand, as the next two.
  std::vector<int32_t> tokens, rowBias;
  std::vector<uint32_t> counts;
  std::vector<HookRows::Row> hookRows;
  std::vector<float> drawn; ///< [V]: keys of one row.
};

} // namespace encdec::runtime
