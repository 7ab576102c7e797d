//===- Policy.h - the options of a source, resolved -----------------------===//

#pragma once

#include "runtime/bundle/Manifest.h"
#include "runtime/search/Search.h"
#include "runtime/search/processors/Processor.h"
#include "runtime/text/Tokenizer.h"

namespace encdec::runtime {

/// What the options that a caller gave mean for a model: its defaults filled in, lengths
/// resolved for a prompt, processors made. Sources with the same options share one.
struct Policy {
  /// `tokenizer` is null where the model has none. `hooked`: a hook of the caller sees the scores. Errors: Usage for values that contradict each other or the model, Limit for lengths
  /// beyond `maxTargetPositions` and for more beams than `maxRows`.
  static Result<std::shared_ptr<Policy>> make(const GenerationOptions &given,
                                              uint64_t prompt, const Manifest &manifest,
                                              const Tokenizer *tokenizer,
                                              uint64_t maxTargetPositions,
                                              uint64_t maxRows, bool hooked);

  GenerationOptions given;   ///< By the caller.
  GenerationOptions options; ///< Merged: options with a default have a value.
  SearchOptions search;
  std::vector<std::unique_ptr<Processor>> processors; ///< In the table's order.
  /// Whether the scores of all tokens must become numbers: for a processor that changes
  /// them, for draws, and for more candidates than compiled code finds.
  bool needsValues = false;
  bool records = false; ///< Whether cross-attention probabilities are recorded.
  bool hooked = false;
  uint64_t lookup = 0;    ///< Tokens that may be guessed; 0 where they may not.
  uint64_t shortlist = 0; ///< State::useShortlist
  /// Processors that act before the hook: all but those that draw. Behind it they act row
  /// by row, when earlier groups of beams have chosen.
  size_t hookPlace = 0;
  uint64_t rows() const { return search.rows(); }
};

} // namespace encdec::runtime
