//===- Processor.h - what keeps tokens from being chosen, row by row ------===//

#pragma once

#include "runtime/search/Bans.h"

namespace encdec::runtime {

/// What a processor sees of a live row.
struct LiveRow {
  std::span<const int32_t> tokens; ///< Start token and prompt included.
  std::span<const int32_t> source; ///< Ids as the encoder read them, special ones too.
};

/// A rule that bans tokens of each row in dependence on the row's own tokens and its
/// source: Transformers' LogitsProcessor. It holds nothing of any row, so one serves
/// all rows and batches.
class Processor {
public:
  virtual ~Processor() = default;
  /// The most tokens that it bans of a row with so many tokens and source ids.
  virtual size_t mostBans(size_t tokens, size_t source) const = 0;
  /// Bans tokens of all rows in the next step. Allocates nothing.
  virtual void process(std::span<const LiveRow> rows, Bans &bans) const = 0;
};

} // namespace encdec::runtime
