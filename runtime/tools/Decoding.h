//===- Decoding.h - a command's sources, decoded together -----------------===//

#pragma once

#include "runtime/tools/OptionArguments.h"
#include "runtime/tools/Prefix.h"
#include "runtime/tools/Support.h"

#include <span>

namespace encdec::tools {

/// A state and a generation on it, for sources that have one command line's options.
class Decoding {
public:
  /// `sources` is how many there will be; 0: nobody knows. Throws Failure where no source
  /// can have these options. Model and arguments must outlive this.
  Decoding(encdec_model *model, const OptionArguments &arguments, uint32_t threads,
           uint64_t sources);

  /// How many sources to add ahead of the first one that has not ended, so that room is
  /// never idle.
  uint64_t window() const { return ahead; }

  /// Adds a source and returns its number. `id` sets its draws apart from those of other
  /// sources. Throws Failure about this source alone.
  uint64_t addText(std::string_view text, uint64_t id, const Prefix &prefix = {});
  uint64_t addIds(std::span<const int32_t> ids, uint64_t id, const Prefix &prefix = {});

  /// Runs one step of all sources that have room, if there are any.
  void advance() { check(encdec_generation_advance(generation.get(), nullptr)); }
  /// The next thing that is new; false where there is none.
  bool nextEvent(encdec_event &event);
  /// The result of a source that has ended, its one source.
  Generated take(uint64_t source);

  /// Ends a source and forgets it.
  void remove(uint64_t source) { check(encdec_generation_remove(generation.get(), source)); }

private:
  const encdec_options *optionsFor(uint64_t id);

  const OptionArguments &arguments;
  uint64_t firstId, ahead;
  State state;
  std::unique_ptr<encdec_generation, Release<encdec_generation_destroy>> generation;
};

} // namespace encdec::tools
