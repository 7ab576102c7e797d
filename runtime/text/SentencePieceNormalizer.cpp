//===- SentencePieceNormalizer.cpp - a text as SentencePiece gives it -----===//

#include "runtime/text/Normalizer.h"
#include "runtime/text/Utf8.h"

namespace encdec {

namespace {

class SentencePieceNormalizer {
public:
  SentencePieceNormalizer(const PipelineTable &pipeline, uint32_t flags, Text &out)
      : pipeline(pipeline), flags(flags), out(out),
        space(has(ENCDEC_TOKENIZER_ESCAPE_SPACES) ? kSpaceSymbol
                                                  : std::string_view(" ")) {}

  Status run(std::string_view text, size_t begin);

private:
  struct Step {
    std::string_view replacement; ///< What stands for ...
    size_t consumed;              ///< ... this many bytes of input.
  };
  Step nextStep(std::string_view text) const;
  bool has(uint32_t flag) const { return flags & flag; }
  void add(std::string_view bytes) {
    out.add(bytes, {static_cast<uint32_t>(at), static_cast<uint32_t>(at)});
  }
  void addReplacement(std::string_view bytes);
  void trimEnd();

  const PipelineTable &pipeline;
  uint32_t flags;
  Text &out;
  std::string_view space;
  size_t at = 0; ///< Bytes of the caller's text that have been read.
};

} // namespace

SentencePieceNormalizer::Step
SentencePieceNormalizer::nextStep(std::string_view text) const {
  if (const size_t length =
          pipeline.userDefined.longestPrefix(text, ENCDEC_TOKENIZER_MAX_PIECE_BYTES).length)
    return {text.substr(0, length), length};
  if (const CharsMap::Match match = pipeline.chars.longestPrefix(text); match.length)
    return {match.replacement, match.length};
  if (const size_t length = validCharLength(text))
    return {text.substr(0, length), length};
  return {kReplacementCharacter, 1};
}

void SentencePieceNormalizer::addReplacement(std::string_view bytes) {
  for (size_t end; (end = bytes.find(' ')) != bytes.npos; bytes.remove_prefix(end + 1)) {
    add(bytes.substr(0, end));
    add(space);
  }
  add(bytes);
}

void SentencePieceNormalizer::trimEnd() {
  while (out.bytes.ends_with(space)) {
    out.bytes.resize(out.size() - space.size());
    if (!out.tracks)
      continue;
    at = out.origins[out.size()].begin;
    out.origins.resize(out.size());
  }
}

Status SentencePieceNormalizer::run(std::string_view text, size_t begin) {
  const bool collapses = has(ENCDEC_TOKENIZER_REMOVE_SPACES);
  const bool addsSpace = has(ENCDEC_TOKENIZER_DUMMY_PREFIX);
  const bool atEnd = has(ENCDEC_TOKENIZER_SPACE_AS_SUFFIX);
  at = begin;
  auto take = [&](size_t bytes) {
    text.remove_prefix(bytes);
    at += bytes;
  };
  while (collapses && !text.empty()) {
    const Step step = nextStep(text);
    if (step.replacement != " ")
      break;
    take(step.consumed);
  }
  if (text.empty())
    return Status::success();
  out.bytes.reserve(text.size() + text.size() / 2 + space.size());
  if (addsSpace && !atEnd)
    add(space);

  bool afterSpace = collapses;
  while (!text.empty()) {
    const Step step = nextStep(text);
    std::string_view piece = step.replacement;
    while (afterSpace && piece.starts_with(' '))
      piece.remove_prefix(1);
    addReplacement(piece);
    // Where the map deletes a character, a space before it still counts.
    if (!piece.empty())
      afterSpace = collapses && piece.ends_with(' ');
    take(step.consumed);
    if (isTooLong(out))
      return overLimit("the normalized text exceeds 16 MB");
  }
  if (collapses)
    trimEnd();
  if (addsSpace && atEnd)
    add(space);
  // A byte comes from all up to where the next one's origin starts.
  for (size_t i = out.origins.size(); i-- > 0;) {
    out.origins[i].end = static_cast<uint32_t>(at);
    at = out.origins[i].begin;
  }
  return Status::success();
}

Status normalizeAsSentencePiece(const PipelineTable &pipeline, uint32_t flags,
                                std::string_view fragment, size_t begin, Text &out) {
  return SentencePieceNormalizer(pipeline, flags, out).run(fragment, begin);
}

} // namespace encdec
