//===- MarkedPart.cpp - what a model makes of a text without its tags -----===//

#include "runtime/tools/MarkedPart.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace encdec::tools {

AttentionReader::AttentionReader(const encdec_model *model, const OptionArguments &generation)
    : model(model) {
  const auto text = [&](const char *name) {
    const nlohmann::json value = generation.resolve(model, name);
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  sourceLanguage = text("source_language");
  targetLanguage = text("target_language");
  const nlohmann::json special = generation.resolve(model, "special_tokens");
  specialTokens = special.is_boolean() && special.get<bool>();
}

std::vector<Range> AttentionReader::sourceRanges(std::string_view source,
                                                 uint64_t count) const {
  encdec_tokenize_options options = encdec_tokenize_options_default();
  options.special_tokens = specialTokens;
  options.source_language = sourceLanguage.empty() ? nullptr : sourceLanguage.c_str();
  options.target_language = targetLanguage.empty() ? nullptr : targetLanguage.c_str();
  // Of a text that was cut off, more ids than were read.
  std::vector<int32_t> ids(std::max<uint64_t>(count, source.size() + 16));
  std::vector<encdec_text_range> found(ids.size());
  uint64_t all = 0;
  check(encdec_tokenize_text(model, source.data(), source.size(), &options, ids.data(),
                             found.data(), ids.size(), &all));
  std::vector<Range> ranges(count);
  for (uint64_t i = 0; i < std::min({count, all, uint64_t(found.size())}); ++i)
    ranges[i] = {found[i].begin, found[i].end};
  return ranges;
}

std::vector<Range> AttentionReader::targetRanges(std::span<const int32_t> prefix,
                                                 std::span<const int32_t> ids) const {
  encdec_detokenizer *created = nullptr;
  check(encdec_detokenizer_create(model, &created));
  const std::unique_ptr<encdec_detokenizer, Release<encdec_detokenizer_destroy>> text(created);
  size_t end = 0;
  const auto push = [&](int32_t id) {
    const char *more = nullptr;
    uint64_t size = 0;
    check(encdec_detokenizer_push(text.get(), id, &more, &size));
    end += size;
  };
  std::ranges::for_each(prefix, push);
  std::vector<Range> ranges;
  for (int32_t id : ids) {
    const size_t begin = end;
    push(id);
    ranges.push_back({begin, end});
  }
  return ranges;
}

Attention AttentionReader::read(std::string_view source, const encdec_result *result,
                                std::span<const int32_t> prefix) const {
  auto read = sized<encdec_source>();
  check(encdec_result_source(result, 0, &read));
  auto sequence = sized<encdec_sequence>();
  check(encdec_result_get(result, 0, 0, &sequence));
  Attention made;
  made.source = sourceRanges(source, read.id_count);
  made.target = targetRanges(prefix, {sequence.ids, sequence.id_count});
  const size_t S = made.source.size(), size = made.target.size() * S;
  made.probs.assign(size, 0);
  const uint64_t first = (sequence.layers - 1) * sequence.heads; // the last layer's heads
  for (uint64_t head = first; head < first + sequence.heads; ++head)
    for (size_t i = 0; i < size; ++i)
      made.probs[i] += sequence.probs[head * size + i];
  return made;
}

} // namespace encdec::tools
