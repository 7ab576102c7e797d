//===- Processors.h - all processors at work on a batch -------------------===//

#pragma once

#include "runtime/search/Processor.h"

#include <memory>

namespace encdec::runtime {

/// The processors that the options ask for, in Transformers' order, and the tokens of
/// the live rows, which they need. Costs nothing where no option asks for one.
class Processors {
public:
  /// For the sources ids[offsets[b] .. offsets[b+1]), which must outlive this, and at
  /// most `rows` live rows.
  Processors(const SearchOptions &options, std::span<const int32_t> ids,
             std::span<const uint64_t> offsets, uint64_t rows);

  /// The most tokens that are banned of one row in a step.
  size_t mostBans() const;
  /// Continues the rows as `next` says, and bans tokens of each. Allocates nothing.
  void process(const NextStep &next, const Search &search, Bans &bans);

private:
  void extend(const NextStep &next);

  std::vector<std::unique_ptr<Processor>> processors;
  const std::span<const int32_t> ids;
  const std::span<const uint64_t> offsets;
  size_t length = 0;                    ///< Tokens of each live row.
  size_t room = 0;                      ///< Tokens that a row has room for.
  std::vector<int32_t> tokens, extended; ///< [rows][room]; `extended` is spare.
  std::vector<LiveRow> live;
};

} // namespace encdec::runtime
