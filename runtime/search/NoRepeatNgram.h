//===- NoRepeatNgram.h - no n-gram of tokens stands twice in a row --------===//

#pragma once

#include "runtime/search/Ngrams.h"
#include "runtime/search/Processor.h"

namespace encdec::runtime {

/// no_repeat_ngram_size = n: bans each token that would end an n-gram which the row has
/// already (Transformers' NoRepeatNGramLogitsProcessor). The start token and the prompt
/// are part of the row.
class NoRepeatNgram final : public Processor {
public:
  explicit NoRepeatNgram(size_t n) : n(n) {}

  size_t mostBans(size_t tokens, size_t) const override { return tokens; }
  void process(std::span<const LiveRow> rows, Bans &bans) const override {
    for (size_t row = 0; row < rows.size(); ++row)
      forEachCompletion(rows[row].tokens, rows[row].tokens, n,
                        [&](int32_t token) { bans.ban(row, token); });
  }

private:
  const size_t n;
};

} // namespace encdec::runtime
