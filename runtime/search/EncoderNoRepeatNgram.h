//===- EncoderNoRepeatNgram.h - no n-gram of the source stands in a row ---===//

#pragma once

#include "runtime/search/Ngrams.h"
#include "runtime/search/Processor.h"

namespace encdec::runtime {

/// encoder_no_repeat_ngram_size = n: bans each token that would end an n-gram of the
/// source's ids (Transformers' EncoderNoRepeatNGramLogitsProcessor). Ids count as they
/// are, also where source and target have different vocabularies.
class EncoderNoRepeatNgram final : public Processor {
public:
  explicit EncoderNoRepeatNgram(size_t n) : n(n) {}

  size_t mostBans(size_t, size_t source) const override { return source; }
  void process(std::span<const LiveRow> rows, Bans &bans) const override {
    for (size_t row = 0; row < rows.size(); ++row)
      forEachCompletion(rows[row].source, rows[row].tokens, n,
                        [&](int32_t token) { bans.ban(row, token); });
  }

private:
  const size_t n;
};

} // namespace encdec::runtime
