//===- GenerationOptions.h - the options of generation, from one table ----===//
//
// GenerationOptions.def lists them. Here each becomes a typed field, and a program that knows
// an option's name reads, checks, shows and merges it without code of its own.

#pragma once

#include "runtime/base/Json.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

/// When the beam search of a source stops, as Transformers defines early_stopping: as soon
/// as K hypotheses are finished (yes); when no running one is likely to become better (no);
/// or when none can become better (never).
enum class EarlyStopping { no, yes, never };

/// A sequence of tokens and what is added to the score of its last one.
struct TokenBias {
  std::vector<int32_t> tokens;
  double bias = 0;
  bool operator==(const TokenBias &) const = default;
};

/// exponential_decay_length_penalty.
struct LengthDecay {
  int64_t start = 0; ///< Generated tokens after which it acts.
  double factor = 1;
  bool operator==(const LengthDecay &) const = default;
};

/// The types of the table's rows, as JSON spells them.
namespace option {
using Flag = bool;
using Count = int64_t;
using Number = double;
using Token = int32_t;                             ///< An id, or a list of one.
using Tokens = std::vector<int32_t>;               ///< A list, or one id.
using TokenLists = std::vector<std::vector<int32_t>>; ///< A list of lists.
/// For each word its alternatives, or one phrase: [[5, 7], [[8], [9, 2]]]
using Words = std::vector<TokenLists>;
using TokenBiases = std::vector<TokenBias>;        ///< [[[5, 7], -1.5], …]
using Decay = LengthDecay;                         ///< [start, factor]
using Stopping = EarlyStopping;                    ///< true, false or "never".
using Text = std::string;
using Texts = std::vector<std::string>;            ///< A list, or one text.
} // namespace option

/// Which numbers an option takes.
struct OptionRange {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool leastIncluded = false, mostIncluded = false;

  bool holds(double value) const {
    return (leastIncluded ? value >= least : value > least) &&
           (mostIncluded ? value <= most : value < most);
  }
  /// "a number above 0", for messages and tables.
  std::string show(bool whole) const;
};

/// A row of the table, for programs that list options.
struct OptionInfo {
  const char *section; ///< "Search": the title that lists show it under.
  const char *key;     ///< "length_penalty"
  const char *type;    ///< "Number"
  const char *initial; ///< As the table spells it: "1", "unset".
  OptionRange range;   ///< Of a Count, a Number or each bias.
  const char *origin;  ///< "Transformers", …
  const char *meaning;
  /// What a value is, for messages and tables: "a list of token ids, or one".
  std::string values() const;
};

/// All rows, in the table's order.
std::span<const OptionInfo> optionTable();

/// The row of a key; null where there is none.
const OptionInfo *findOption(std::string_view key);

/// An option of Transformers that this engine does not have.
struct RefusedOption {
  const char *key;
  const char *off; ///< The value that turns it off, besides null, as JSON spells it.
  const char *why; ///< And what to do instead.
};
std::span<const RefusedOption> refusedOptions();
const RefusedOption *findRefusedOption(std::string_view key);

/// The options that somebody gave: a caller, or a model's defaults. Those absent are
/// nobody's wish. A plain value; ids are checked where a vocabulary is known.
struct GenerationOptions {
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  std::optional<option::type> key;
#include "runtime/base/GenerationOptions.def"
  /// Keys that were set to none: the model's default does not count then.
  std::vector<std::string> cleared;

  /// Sets an option from JSON; null and an empty list clear it, so no list is empty. Errors:
  /// Usage, with the key, for an unknown key (with the nearest), another type, or a number
  /// out of range; the option stays as it was.
  Status set(std::string_view key, const JsonValue &value);
  /// The same from what a command line says: JSON, or the text itself where the option is a
  /// text, a choice or a single number or id; "none" clears.
  Status setText(std::string_view key, std::string_view text);
  /// Makes the option absent, and neither given nor set to none. Errors: Usage for an
  /// unknown key.
  Status forget(std::string_view key);
  /// JSON of an option; "null" where it is absent.
  std::string show(std::string_view key) const;

  /// Each option as given here, else as in `model` unless it is cleared here, else the
  /// table's default.
  GenerationOptions over(const GenerationOptions &model) const;
  /// Names the options of `given` that change nothing in a search with these options, which
  /// are given.over(model). Each line is an option's key and the condition under which the
  /// option acts.
  std::vector<std::string> idle(const GenerationOptions &given) const;
  /// Errors: Usage where an id is outside the vocabulary, or the start token is none.
  Status checkIds(uint64_t vocabulary) const;

  bool operator==(const GenerationOptions &) const = default;
};

} // namespace encdec
