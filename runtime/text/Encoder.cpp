//===- Encoder.cpp - one text on its way to ids ---------------------------===//

#include "runtime/text/Encoder.h"

#include "runtime/text/Normalizer.h"
#include "runtime/text/PreTokenizer.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

namespace encdec {

Encoder::Encoder(const TokenizerTable &table, const PipelineTable &pipeline,
                 const EncodeOptions &options, Encoding &out)
    : table(table), pipeline(pipeline), options(options), out(out),
      tracks(options.offsets), unigram(pipeline), bpe(pipeline) {
  auto isParsed = [&](const encdec_tokenizer_added &token) {
    return options.parseSpecialTokens || (token.flags & ENCDEC_TOKENIZER_ALWAYS);
  };
  hasTokens = std::ranges::any_of(pipeline.added, isParsed);
}

/// The longest token at the front of `text` that this text may have.
Trie::Match Encoder::matchAdded(const Trie &trie, std::string_view text) const {
  Trie::Match match;
  Trie::Place place = trie.root();
  const size_t end = std::min<size_t>(text.size(), ENCDEC_TOKENIZER_MAX_PIECE_BYTES);
  for (size_t i = 0; i < end && !(place = trie.next(place, text[i])).isNowhere(); ++i)
    if (const int32_t value = place.value();
        value >= 0 && (options.parseSpecialTokens ||
                       (pipeline.added[value].flags & ENCDEC_TOKENIZER_ALWAYS)))
      match = {i + 1, value};
  return match;
}

/// The character that ends before `end`, or 0 where bytes there are no UTF-8.
static Character characterBefore(std::string_view text, size_t end) {
  size_t start = end;
  while (start > 0 && end - start < 4)
    if (!isTrail(text[--start]))
      break;
  const bool isWhole =
      start < end && validCharLength(text.substr(start, end - start)) == end - start;
  return isWhole ? characterAt(text.substr(start)) : Character{0, 0};
}

static Character characterBehind(std::string_view text, size_t begin) {
  const bool isWhole = begin < text.size() && validCharLength(text.substr(begin));
  return isWhole ? characterAt(text.substr(begin)) : Character{0, 0};
}

template <typename OnPart, typename OnToken>
Status Encoder::cut(const Trie &trie, std::string_view text, OnPart onPart,
                    OnToken onToken) {
  size_t part = 0; // start of the text that no token has taken
  for (size_t at = 0; hasTokens && !trie.empty() && at < text.size();) {
    const Trie::Match match = matchAdded(trie, text.substr(at));
    if (match.length == 0) {
      ++at;
      continue;
    }
    const encdec_tokenizer_added &token = pipeline.added[match.value];
    size_t begin = at, end = at + match.length;
    at = end;
    if ((token.flags & ENCDEC_TOKENIZER_SINGLE_WORD) &&
        (isWordCharacter(characterBefore(text, begin).point) ||
         isWordCharacter(characterBehind(text, end).point)))
      continue;
    while ((token.flags & ENCDEC_TOKENIZER_LSTRIP) && begin > part) {
      const Character before = characterBefore(text, begin);
      if (before.length == 0 || !isWhiteSpace(before.point))
        break;
      begin -= before.length;
    }
    while ((token.flags & ENCDEC_TOKENIZER_RSTRIP) && end < text.size()) {
      const Character behind = characterBehind(text, end);
      if (behind.length == 0 || !isWhiteSpace(behind.point))
        break;
      end += behind.length;
    }
    if (begin > part)
      ENCDEC_RETURN_IF_ERROR(onPart(part, begin));
    onToken(token, begin, end);
    part = at = end;
  }
  return part < text.size() ? onPart(part, text.size()) : Status::success();
}

Status Encoder::encode(std::string_view text) {
  return cut(
      pipeline.rawAdded, text,
      [&](size_t begin, size_t end) {
        return encodeFragment(text.substr(begin, end - begin), begin);
      },
      [&](const encdec_tokenizer_added &token, size_t begin, size_t end) {
        add(token.id, {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
      });
}

void Encoder::warnUnknownCode(std::string_view code) {
  if (!out.warnings.empty())
    return; // one a text is enough, however many parts it has
  std::string text = "language code " + inQuotes(code) + " is unknown and becomes ";
  text += table.hasName(pipeline.info.vocabulary, pipeline.info.unk_id)
              ? inQuotes(table.name(pipeline.info.vocabulary, pipeline.info.unk_id))
              : "the unknown token";
  text += "; ";
  const auto &codes = table.languages;
  text += codes.empty() ? "this model has no language codes" : "this model knows";
  size_t shown = 0;
  while (shown < codes.size() && text.size() < 1500)
    text += " " + inQuotes(table.text(codes[shown++].code));
  if (shown < codes.size())
    text += " and " + std::to_string(codes.size() - shown) + " more";
  out.warnings.push_back(std::move(text));
}

void Encoder::takeLeadingCode(std::string_view &fragment, size_t &begin) {
  if (!fragment.starts_with(">>"))
    return;
  const size_t end = fragment.find("<<");
  if (end == fragment.npos)
    return;
  const std::string_view code = fragment.substr(0, end + 2);
  int32_t id = table.findName(pipeline.info.vocabulary, code);
  if (id < 0) {
    warnUnknownCode(code);
    id = pipeline.info.unk_id;
  }
  add(id, {static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + code.size())});
  fragment.remove_prefix(code.size());
  begin += code.size();
}

Status Encoder::encodeFragment(std::string_view fragment, size_t begin) {
  if (pipeline.has(ENCDEC_TOKENIZER_LEADING_CODE))
    takeLeadingCode(fragment, begin);
  Text text(tracks);
  ENCDEC_RETURN_IF_ERROR(normalize(table, pipeline, fragment, begin, text));
  const bool isFirst = begin == 0;
  if (!hasTokens || pipeline.normalizedAdded.empty())
    return encodeNormalized(text, isFirst);
  return cut(
      pipeline.normalizedAdded, text.bytes,
      [&](size_t from, size_t to) -> Status {
        if (isTrail(text.bytes[from]) || (to < text.size() && isTrail(text.bytes[to])))
          return badModel("tokenizer: an added token is a part of a character");
        Text part(tracks);
        part.copy(text, from, to);
        return encodeNormalized(part, isFirst && from == 0);
      },
      [&](const encdec_tokenizer_added &token, size_t from, size_t to) {
        add(token.id, text.originOf(from, to));
      });
}

Status Encoder::encodeNormalized(Text &text, bool isFirst) {
  splitIntoWords(pipeline, isFirst, text, words);
  if (isTooLong(text))
    return overLimit("the normalized text exceeds 16 MB");
  for (const Word &word : words) {
    if (pipeline.info.model == ENCDEC_TOKENIZER_BYTES) {
      for (uint32_t at = word.begin; at < word.end; ++at)
        add(pipeline.info.first_byte_id + static_cast<unsigned char>(text.bytes[at]),
            text.originAt(at));
      continue;
    }
    pieces.clear();
    if (pipeline.info.model == ENCDEC_TOKENIZER_UNIGRAM)
      unigram.split(text.bytes, word, pieces);
    else
      bpe.split(text.bytes, word, pieces);
    addPieces(text);
  }
  return Status::success();
}

void Encoder::addPieces(const Text &text) {
  for (const PlacedPiece &piece : pieces) {
    if (piece.piece == PlacedPiece::unknown) {
      addUnknown(text, piece);
      continue;
    }
    endUnknownRun(text);
    const int32_t id = pipeline.pieces[piece.piece].id;
    addOrUnknown(id, originOf(text, piece.begin, piece.end));
  }
  endUnknownRun(text);
}

/// A character that is in no piece. SentencePiece has bytes for each character by itself,
/// tokenizers' unigram for the whole run.
void Encoder::addUnknown(const Text &text, const PlacedPiece &piece) {
  const bool hasBytes = pipeline.has(ENCDEC_TOKENIZER_BYTE_FALLBACK);
  if (hasBytes && !pipeline.has(ENCDEC_TOKENIZER_DOUBLE_SCORES))
    return addBytes(text, piece, true);
  if (unknownRun.begin == unknownRun.end)
    unknownRun = piece;
  unknownRun.end = piece.end;
  if (!pipeline.has(ENCDEC_TOKENIZER_FUSE_UNKNOWN))
    endUnknownRun(text);
}

void Encoder::addBytes(const Text &text, const PlacedPiece &piece, bool apart) {
  const Origin whole = text.originOf(piece.begin, piece.end);
  for (uint32_t at = piece.begin; at < piece.end; ++at) {
    const uint32_t index =
        pipeline.bytePieces[static_cast<unsigned char>(text.bytes[at])];
    const int32_t id = pipeline.pieces[index].id;
    // The last byte of a character stands for all of it, as SentencePiece has it.
    const bool isEmpty = apart && at + 1 < piece.end;
    addOrUnknown(id, isEmpty ? Origin{whole.begin, whole.begin} : whole);
  }
}

void Encoder::endUnknownRun(const Text &text) {
  const auto [begin, end, unknown] = unknownRun;
  if (begin == end)
    return;
  unknownRun = {0, 0, PlacedPiece::unknown};
  if (pipeline.has(ENCDEC_TOKENIZER_BYTE_FALLBACK))
    return addBytes(text, {begin, end, unknown}, false);
  int32_t id = -1;
  // The vocabulary may have a name that is no piece; text never becomes a special token.
  if (pipeline.has(ENCDEC_TOKENIZER_UNKNOWN_BY_NAME)) {
    const std::string_view run = std::string_view(text.bytes).substr(begin, end - begin);
    const int32_t named = table.findName(pipeline.info.vocabulary, run);
    if (named >= 0 && pipeline.rawAdded.find(run) < 0)
      id = named;
  }
  addOrUnknown(id, text.originOf(begin, end));
}

Origin Encoder::originOf(const Text &text, size_t begin, size_t end) const {
  if (tracks && pipeline.has(ENCDEC_TOKENIZER_TRIM_OFFSETS)) {
    size_t first = begin, last = end;
    while (first < last && text.bytes[first] == ' ')
      ++first;
    while (last > first && text.bytes[last - 1] == ' ')
      --last;
    if (first == last) { // spaces alone end where they begin
      const uint32_t at = text.origins[end - 1].end;
      return {at, at};
    }
    return text.originOf(first, last);
  }
  return text.originOf(begin, end);
}

/// Adds the id of a piece, or where it has none the unknown token's.
void Encoder::addOrUnknown(int32_t id, Origin origin) {
  out.hasUnknown |= id < 0;
  add(id < 0 ? pipeline.info.unk_id : id, origin);
}

void Encoder::add(int32_t id, Origin origin) {
  if (id < 0)
    return; // unknown to a model that drops what it does not know
  out.ids.push_back(id);
  if (options.offsets)
    out.offsets.push_back(origin);
}

} // namespace encdec
