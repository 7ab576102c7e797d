//===- MarkedPart.h - what a model makes of a text without its tags -------===//

#pragma once

#include "runtime/tools/Markup.h"
#include "runtime/tools/OptionArguments.h"
#include "runtime/tools/Support.h"

namespace encdec::tools {

/// Reads what a result attended to, in ranges of texts.
class AttentionReader {
public:
  /// Both must outlive this.
  AttentionReader(const encdec_model *model, const OptionArguments &generation);

  /// Of the best sequence of `result`, made from `source` with probs; its text stands behind
  /// that of `prefix`. Ranges count from the beginnings of both texts.
  Attention read(std::string_view source, const encdec_result *result,
                 std::span<const int32_t> prefix) const;

  /// The bytes of each of the source's first `count` ids; empty ones where an id stands for no
  /// text, or where nobody knows for what.
  std::vector<Range> sourceRanges(std::string_view source, uint64_t count) const;

private:
  std::vector<Range> targetRanges(std::span<const int32_t> prefix,
                                  std::span<const int32_t> ids) const;

  const encdec_model *model;
  std::string sourceLanguage, targetLanguage;
  bool specialTokens;
};

} // namespace encdec::tools
