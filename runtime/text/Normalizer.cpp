//===- Normalizer.cpp - a text as a model is given it ---------------------===//
//
// The stages follow tokenizers' normalizers (huggingface/tokenizers,
// tokenizers/src/normalizers) as far as the pipeline's families use them, origins of
// characters included: of n characters that replace m, each comes from the one at its
// place, those beyond m from the last.

#include "runtime/text/Normalizer.h"

#include "runtime/text/Utf8.h"

namespace encdec {

/// The fragment as UTF-8, each character's origin its own bytes.
static void repair(std::string_view fragment, size_t begin, Text &out) {
  if (!out.tracks && isValidUtf8(fragment)) {
    out.bytes = fragment;
    return;
  }
  out.bytes.reserve(fragment.size());
  while (!fragment.empty()) {
    const size_t length = validCharLength(fragment);
    const size_t consumed = length ? length : 1;
    out.add(length ? fragment.substr(0, length) : kReplacementCharacter,
            {static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + consumed)});
    fragment.remove_prefix(consumed);
    begin += consumed;
  }
}

/// Adds what stands for [begin, end) of `text`, character by character.
static void addAligned(const Text &text, size_t begin, size_t end,
                       std::string_view replacement, Text &out) {
  while (!replacement.empty()) {
    const size_t length = characterAt(replacement).length;
    out.add(replacement.substr(0, length), text.originAt(begin));
    replacement.remove_prefix(length);
    const size_t next = begin + characterAt(std::string_view(text.bytes).substr(begin)).length;
    if (next < end)
      begin = next;
  }
}

/// Bytes at the front of `text` that stay as they are: ASCII in front of ASCII.
static size_t plainLength(const CharsMap &map, std::string_view text) {
  size_t length = 0;
  while (length + 1 < text.size() && !((text[length] | text[length + 1]) & 0x80) &&
         text[length] != '\r' && !map.hasByte(text[length]))
    ++length;
  return length;
}

/// tokenizers' Precompiled: "e\u0301" is looked up as a whole, longer clusters by
/// characters, and the first key that the trie meets counts, as there.
static void applyCharsMap(const CharsMap &map, const Text &text, Text &out) {
  const std::string_view bytes = text.bytes;
  auto replace = [&](size_t begin, size_t end) {
    const CharsMap::Match match = map.shortestPrefix(bytes.substr(begin, end - begin));
    if (match.length)
      addAligned(text, begin, end, match.replacement, out);
    return match.length > 0;
  };
  out.bytes.reserve(bytes.size() + bytes.size() / 2);
  for (size_t begin = 0; begin < bytes.size() && !isTooLong(out);) {
    // Most text is runs of ASCII, each character of which is a cluster by itself.
    const size_t plain = begin + plainLength(map, bytes.substr(begin));
    if (plain > begin) {
      out.copy(text, begin, plain);
      begin = plain;
      continue;
    }
    const size_t end = begin + graphemeLength(bytes.substr(begin));
    const bool isShort = end - begin < 6;
    if (!isShort || !replace(begin, end))
      for (size_t at = begin; at < end;) {
        const size_t next = at + characterAt(bytes.substr(at)).length;
        const bool wasTried = isShort && next - at == end - begin;
        if (wasTried || !replace(at, next))
          out.copy(text, at, next);
        at = next;
      }
    begin = end;
  }
}

static void lowercase(const Text &text, Text &out) {
  std::string lower;
  for (size_t at = 0; at < text.size() && !isTooLong(out);) {
    const Character character = characterAt(std::string_view(text.bytes).substr(at));
    lower.clear();
    appendLowercase(character.point, lower);
    addAligned(text, at, at + character.length, lower, out);
    at += character.length;
  }
}

static bool isInClass(std::string_view character, std::string_view all) {
  return all.empty() ? isWhiteSpace(characterAt(character).point)
                     : all.find(character) != all.npos;
}

/// Bytes at the front of `text` that an alternative matches, and where the last character
/// of them starts.
struct PatternMatch {
  size_t length = 0, last = 0;
};
static PatternMatch matchAlternative(const encdec_tokenizer_stage &alternative,
                                     std::string_view pattern, std::string_view text) {
  if (alternative.a == 0) {
    size_t last = pattern.size() - 1;
    while (last > 0 && isTrail(pattern[last]))
      --last;
    return text.starts_with(pattern) ? PatternMatch{pattern.size(), last} : PatternMatch{};
  }
  PatternMatch match;
  uint32_t count = 0;
  while (match.length < text.size() && (alternative.b == 0 || count < alternative.b)) {
    const std::string_view rest = text.substr(match.length);
    const size_t length = characterAt(rest).length;
    if (!isInClass(rest.substr(0, length), pattern))
      break;
    match = {match.length + length, match.length};
    ++count;
  }
  return count >= alternative.a ? match : PatternMatch{};
}

static void replacePattern(const TokenizerTable &table,
                           std::span<const encdec_tokenizer_stage> alternatives,
                           std::string_view content, bool atStart, const Text &text,
                           Text &out) {
  const std::string_view bytes = text.bytes;
  for (size_t at = 0; at < bytes.size() && !isTooLong(out);) {
    PatternMatch match;
    for (const encdec_tokenizer_stage &alternative :
         atStart && at > 0 ? alternatives.first(0) : alternatives)
      if ((match = matchAlternative(alternative, table.text(alternative.text),
                                    bytes.substr(at)))
              .length)
        break;
    if (match.length) {
      out.add(content, text.originAt(at + match.last));
      at += match.length;
      continue;
    }
    const size_t length = characterAt(bytes.substr(at)).length;
    out.add(bytes.substr(at, length), text.originAt(at));
    at += length;
  }
}

static void strip(bool left, bool right, std::string_view characters, const Text &text,
                  Text &out) {
  const std::string_view bytes = text.bytes;
  size_t begin = 0, end = bytes.size();
  while (left && begin < end) {
    const size_t length = characterAt(bytes.substr(begin)).length;
    if (!isInClass(bytes.substr(begin, length), characters))
      break;
    begin += length;
  }
  while (right && end > begin) {
    size_t start = end - 1;
    while (start > begin && isTrail(bytes[start]))
      --start;
    if (!isInClass(bytes.substr(start, end - start), characters))
      break;
    end = start;
  }
  out.copy(text, begin, end);
}

static void prepend(std::string_view more, const Text &text, Text &out) {
  if (text.bytes.empty())
    return;
  out.add(more, text.originAt(0)); // as tokenizers has it
  out.copy(text, 0, text.size());
}

Status normalize(const TokenizerTable &table, const PipelineTable &pipeline,
                 std::string_view fragment, size_t begin, Text &out) {
  const auto &stages = pipeline.stages;
  if (!stages.empty() && stages[0].kind == ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE)
    return normalizeAsSentencePiece(pipeline, stages[0].a, fragment, begin, out);
  Text next(out.tracks);
  repair(fragment, begin, out);
  for (size_t i = 0; i < stages.size(); ++i) {
    const encdec_tokenizer_stage &stage = stages[i];
    const std::string_view text = table.text(stage.text);
    next.clear();
    switch (stage.kind) {
    case ENCDEC_TOKENIZER_STAGE_PRECOMPILED:
      applyCharsMap(pipeline.chars, out, next);
      break;
    case ENCDEC_TOKENIZER_STAGE_UNICODE:
      normalizeUnicode(out, stage.a, next);
      break;
    case ENCDEC_TOKENIZER_STAGE_LOWERCASE:
      lowercase(out, next);
      break;
    case ENCDEC_TOKENIZER_STAGE_REPLACE:
      replacePattern(table, stages.subspan(i + 1, stage.a), text, stage.b, out, next);
      i += stage.a;
      break;
    case ENCDEC_TOKENIZER_STAGE_STRIP:
      strip(stage.a, stage.b, text, out, next);
      break;
    case ENCDEC_TOKENIZER_STAGE_PREPEND:
      prepend(text, out, next);
      break;
    default:
      return Status::success(); // the pre-tokenizers follow
    }
    std::swap(out, next);
    if (isTooLong(out))
      return overLimit("the normalized text exceeds 16 MB");
  }
  return Status::success();
}

} // namespace encdec
