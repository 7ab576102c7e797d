//===- Processor.h - a rule that changes what a step predicts -------------===//
//
// Transformers' LogitsProcessor: a rule that looks at a row's tokens and its source, and
// changes the scores of the tokens that may follow. Processors act one after the other, in
// the order of the options' table (base/GenerationOptions.def).

#pragma once

#include "runtime/base/GenerationOptions.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

namespace encdec::runtime {

/// A score that no search chooses.
inline constexpr float never = -std::numeric_limits<float>::infinity();

/// What a processor sees of a live row.
struct LiveRow {
  std::span<const int32_t> tokens; ///< Start token and prefix included.
  std::span<const int32_t> source; ///< Ids as the encoder read them, special ones too.
  size_t prompt = 1;               ///< Tokens that were given: start token and prefix.
  /// What beams of the source's earlier groups take at this position; empty without groups.
  std::span<const int32_t> taken{};
  /// The prefix that the source's sequences may leave (prefix_bias_beta).
  std::span<const int32_t> wanted{};
};

/// The scores of the tokens that may follow one row. Most rules only ban tokens; where all
/// rules of a row do so, compiled code finds the best of the others itself and the scores
/// never become numbers here (`values` is empty). Elsewhere all V of them stand in `values`:
/// logits for greedy search and sampling, log-probabilities for beams.
class Scores {
public:
  virtual ~Scores() = default;
  /// No longer lets a token be chosen: -inf. An id outside the vocabulary, as a source may
  /// hold, is never chosen anyway.
  virtual void ban(int32_t token) = 0;
  /// Lets these tokens alone be chosen (at least one), each with score 0.
  virtual void force(std::span<const int32_t> tokens) = 0;
  /// [V]; only for processors that `needsValues`.
  std::span<float> values;
};

/// What a processor is made for.
struct ProcessorContext {
  const GenerationOptions &options; ///< Merged: options with a default have a value.
  uint64_t vocabulary = 0;          ///< V
  uint64_t maxLength = 0;           ///< Of a row, start token and prefix included.
  bool beams = false;               ///< Whether scores are log-probabilities.
};

/// A rule. It holds nothing of any row, so one serves all rows of its options.
class Processor {
public:
  virtual ~Processor() = default;
  /// Whether it reads or writes Scores::values; otherwise it bans and forces only.
  virtual bool needsValues() const = 0;
  /// Changes the scores of a row's next token. Allocates nothing: what it needs to work in,
  /// it has allocated when made. Rows come one after the other, from one thread.
  virtual void process(const LiveRow &row, Scores &scores) = 0;
};

/// make##X for each row of the table whose processor is X: null where the options do not
/// ask for it.
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  std::unique_ptr<Processor> make##processor(const ProcessorContext &context);
#include "runtime/base/GenerationOptions.def"

} // namespace encdec::runtime
