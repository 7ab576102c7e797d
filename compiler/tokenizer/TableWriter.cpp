//===- TableWriter.cpp - the parts of a table, laid out -------------------===//

#include "compiler/tokenizer/TableWriter.h"

namespace encdec::tokenizer {

encdec_tokenizer_span TableWriter::Pool::place(std::string_view text) {
  const encdec_tokenizer_span next = {static_cast<uint32_t>(bytes.size()),
                                      static_cast<uint32_t>(text.size())};
  const int32_t known = numbers.insert(
      text, static_cast<int32_t>(spans.size()), [&](int32_t number) {
        const encdec_tokenizer_span span = spans[number];
        return std::string_view(bytes).substr(span.offset, span.length);
      });
  if (known >= 0)
    return spans[known];
  bytes += text;
  return spans.emplace_back(next);
}

static void pad(std::string &bytes) { bytes.resize((bytes.size() + 7) / 8 * 8); }

Result<std::string> TableWriter::finish(encdec_tokenizer_header header) {
  if (texts.bytes.size() >= UINT32_MAX)
    return overLimit("the tokenizer's texts have " + std::to_string(texts.bytes.size()) +
                     " bytes; the limit is 4 GB");
  add(ENCDEC_TOKENIZER_TEXT, 0, std::span<const char>(texts.bytes));
  add(ENCDEC_TOKENIZER_RAW, 0, std::span<const char>(raws.bytes));
  std::memcpy(header.magic, ENCDEC_TOKENIZER_MAGIC, sizeof(header.magic));
  header.version = ENCDEC_TOKENIZER_VERSION;
  header.part_count = static_cast<uint32_t>(parts.size());
  std::string bytes(sizeof(header) + parts.size() * sizeof(encdec_tokenizer_part), '\0');
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].entry.offset = bytes.size();
    std::memcpy(bytes.data() + sizeof(header) + i * sizeof(encdec_tokenizer_part),
                &parts[i].entry, sizeof(encdec_tokenizer_part));
    bytes += parts[i].bytes;
    pad(bytes);
    parts[i].bytes = {};
  }
  header.size = bytes.size();
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

Status checkId(int64_t id, bool orNone, const std::string &what) {
  if ((orNone && id == -1) || (id >= 0 && id < ENCDEC_TOKENIZER_MAX_IDS))
    return Status::success();
  return badModel("id " + std::to_string(id) + " of " + what + " is outside 0..3999999");
}

} // namespace encdec::tokenizer
