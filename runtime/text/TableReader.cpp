//===- TableReader.cpp - checks a tokenizer's table part by part ----------===//

#include "runtime/text/TableReader.h"

#include "runtime/base/Checked.h"
#include "runtime/base/Utf8.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace encdec {

namespace {
/// Kinds and owners are small numbers, so a part is found by scanning; there are few.
constexpr uint32_t maxParts = 128;

Status badPart(uint32_t kind, const std::string &message) {
  return badModel("part " + std::to_string(kind) + ": " + message);
}
} // namespace

Status TableReader::readHeader() {
  encdec_tokenizer_header &header = table.header;
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 8 != 0)
    return badModel("the table does not start at a multiple of 8 bytes");
  if (bytes.size() < sizeof(header))
    return badModel("the table has " + std::to_string(bytes.size()) +
                    " bytes, too few for its header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, ENCDEC_TOKENIZER_MAGIC, sizeof(header.magic)) != 0)
    return badModel("this is no tokenizer table");
  if (header.version != ENCDEC_TOKENIZER_VERSION)
    return Status(Code::DoesNotFit,
                  "the table is of version " + std::to_string(header.version) +
                      ", this runtime reads " +
                      std::to_string(ENCDEC_TOKENIZER_VERSION) +
                      "; compile the checkpoint again");
  if (header.size != bytes.size())
    return badModel("the table says that it has " + std::to_string(header.size) +
                    " bytes, it has " + std::to_string(bytes.size()));
  if (header.part_count > maxParts ||
      header.part_count * sizeof(encdec_tokenizer_part) > bytes.size() - sizeof(header))
    return badModel("the table says that it has " + std::to_string(header.part_count) +
                    " parts, more than fit");
  if (header.vocabulary_count < 1 || header.vocabulary_count > 2 ||
      header.pipeline_count < 1 || header.pipeline_count > 3)
    return badModel("the table has " + std::to_string(header.vocabulary_count) +
                    " vocabularies and " + std::to_string(header.pipeline_count) +
                    " pipelines, expected 1 to 2 and 1 to 3");
  if (header.kind[sizeof(header.kind) - 1] != 0 || !isValidUtf8(header.kind))
    return badModel("the table's kind is no text");
  if (header.source_ids > ENCDEC_TOKENIZER_MAX_IDS)
    return badModel("the table says that sources have ids up to " +
                    std::to_string(header.source_ids));
  for (const int32_t id : {header.eos_id, header.unk_id, header.pad_id, header.bos_id})
    ENCDEC_RETURN_IF_ERROR(checkId(id, true, "a special token"));
  parts = {reinterpret_cast<const encdec_tokenizer_part *>(bytes.data() + sizeof(header)),
           header.part_count};
  for (size_t i = 0; i < parts.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (parts[i].kind == parts[j].kind && parts[i].owner == parts[j].owner)
        return badPart(parts[i].kind, "it stands there twice");
  return Status::success();
}

template <typename T>
Result<std::span<const T>> TableReader::part(uint32_t kind, uint32_t owner) const {
  for (const encdec_tokenizer_part &entry : parts) {
    if (entry.kind != kind || entry.owner != owner)
      continue;
    const auto size = checkedMul<uint64_t>(entry.count, sizeof(T));
    if (entry.offset % 8 != 0 || !size || !spanFits(entry.offset, *size, bytes.size()))
      return badPart(kind, std::to_string(entry.count) + " elements at byte " +
                               std::to_string(entry.offset) +
                               " do not lie in the table at a multiple of 8");
    return std::span<const T>(reinterpret_cast<const T *>(bytes.data() + entry.offset),
                              entry.count);
  }
  return std::span<const T>();
}

template <typename T>
Status TableReader::readAll(uint32_t kind, uint32_t owner, std::span<const T> &out) const {
  ENCDEC_ASSIGN_OR_RETURN(out, part<T>(kind, owner));
  return Status::success();
}

template <typename T>
Status TableReader::readOne(uint32_t kind, uint32_t owner, T &out) const {
  ENCDEC_ASSIGN_OR_RETURN(std::span<const T> found, part<T>(kind, owner));
  if (found.size() != 1)
    return badPart(kind, "expected 1 element for " + std::to_string(owner) + ", found " +
                             std::to_string(found.size()));
  out = found.front();
  return Status::success();
}

Status TableReader::readTrie(uint32_t kind, uint32_t owner, uint64_t values,
                             Trie &out) const {
  ENCDEC_ASSIGN_OR_RETURN(std::span<const uint64_t> units, part<uint64_t>(kind, owner));
  ENCDEC_ASSIGN_OR_RETURN(
      out, Trie::open(units, values).withContext("part " + std::to_string(kind)));
  return Status::success();
}

Status TableReader::checkSpan(encdec_tokenizer_span span, const char *what) const {
  const std::span<const char> text = table.chars;
  const bool fits = spanFits(span.offset, span.length, text.size());
  // Where the whole text is UTF-8, parts of whole characters are.
  const size_t end = fits ? span.offset + span.length : 0;
  if (fits && (span.offset == text.size() || !isTrail(text[span.offset])) &&
      (end == text.size() || !isTrail(text[end])))
    return Status::success();
  return badModel(std::string(what) + " at byte " + std::to_string(span.offset) + ", of " +
                  std::to_string(span.length) +
                  " bytes, is not in the table's text at whole characters");
}

Status TableReader::checkId(int32_t id, bool orNone, const char *what) const {
  if ((orNone && id == -1) || (id >= 0 && id < ENCDEC_TOKENIZER_MAX_IDS))
    return Status::success();
  return badModel("id " + std::to_string(id) + " of " + what + " is outside 0..3999999");
}

Status TableReader::readVocabulary(uint32_t number) {
  VocabularyTable &vocabulary = table.vocabularies[number];
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_NAMES, number, vocabulary.names));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_NAME_INDEX, number, vocabulary.index));
  if (vocabulary.names.empty() || vocabulary.names.size() > ENCDEC_TOKENIZER_MAX_IDS)
    return badPart(ENCDEC_TOKENIZER_NAMES, "expected 1 to 4000000 names, found " +
                                               std::to_string(vocabulary.names.size()));
  for (const encdec_tokenizer_span span : vocabulary.names)
    if (span.offset != ENCDEC_TOKENIZER_NONE)
      ENCDEC_RETURN_IF_ERROR(checkSpan(span, "a name"));
  const std::span<const uint32_t> index = vocabulary.index;
  size_t free = 0;
  for (const uint32_t slot : index) {
    free += slot == 0;
    if (slot > vocabulary.names.size() ||
        (slot && vocabulary.names[slot - 1].offset == ENCDEC_TOKENIZER_NONE))
      return badPart(ENCDEC_TOKENIZER_NAME_INDEX, "a slot has an id without a name");
  }
  if (!std::has_single_bit(index.size()) || free == 0)
    return badPart(ENCDEC_TOKENIZER_NAME_INDEX,
                   "expected a power of two of slots, one of them free");
  return Status::success();
}

Status TableReader::checkStages(const PipelineTable &pipeline) const {
  const auto &stages = pipeline.stages;
  bool inWords = false; // behind the first pre-tokenizer
  for (size_t i = 0; i < stages.size(); ++i) {
    const encdec_tokenizer_stage &stage = stages[i];
    const auto wrong = [&](const char *what) {
      return badPart(ENCDEC_TOKENIZER_STAGES, "stage " + std::to_string(i) + " " + what);
    };
    ENCDEC_RETURN_IF_ERROR(checkSpan(stage.text, "the text of a stage"));
    if (stage.kind < ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE ||
        stage.kind > ENCDEC_TOKENIZER_STAGE_LITERALS)
      return wrong("is of no known kind");
    const bool isSplit = stage.kind >= ENCDEC_TOKENIZER_STAGE_WHITESPACE_SPLIT;
    if (inWords && !isSplit)
      return wrong("normalizes behind a pre-tokenizer");
    inWords |= isSplit;
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE && stages.size() > 1)
      return wrong("is SentencePiece's normalizer, but not alone");
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_BYTE_LEVEL &&
        !pipeline.has(ENCDEC_TOKENIZER_BYTE_LEVEL))
      return wrong("makes bytes for a model of characters");
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_UNICODE && stage.a > 3)
      return wrong("asks for no known normal form");
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_METASPACE && stage.a > 2)
      return wrong("asks for no known way to prepend");
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_ALTERNATIVE)
      return wrong("is an alternative of nothing");
    if (stage.kind != ENCDEC_TOKENIZER_STAGE_REPLACE)
      continue;
    if (stage.b > 1)
      return wrong("replaces at no known place");
    if (stage.a == 0 || stage.a > stages.size() - i - 1)
      return wrong("has more alternatives than follow, or none");
    for (uint32_t alternatives = stage.a; alternatives > 0; --alternatives) {
      const encdec_tokenizer_stage &alternative = stages[++i];
      ENCDEC_RETURN_IF_ERROR(checkSpan(alternative.text, "the text of a stage"));
      if (alternative.kind != ENCDEC_TOKENIZER_STAGE_ALTERNATIVE ||
          (alternative.a == 0 && alternative.text.length == 0))
        return wrong("is no alternative, or an empty one");
    }
  }
  return Status::success();
}

Status TableReader::checkPieces(const PipelineTable &pipeline) const {
  for (size_t i = 0; i < pipeline.pieces.size(); ++i) {
    const encdec_tokenizer_piece &piece = pipeline.pieces[i];
    if (piece.type < ENCDEC_TOKENIZER_NORMAL || piece.type > ENCDEC_TOKENIZER_BYTE ||
        !std::isfinite(piece.score) || piece.length > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
      return badPart(ENCDEC_TOKENIZER_PIECES,
                     "piece " + std::to_string(i) + " has no such type, score or length");
    ENCDEC_RETURN_IF_ERROR(checkId(piece.id, true, "a piece"));
  }
  const size_t missing =
      std::ranges::count(pipeline.bytePieces, ENCDEC_TOKENIZER_NONE);
  const bool needsSome = pipeline.has(ENCDEC_TOKENIZER_BYTE_LEVEL);
  const bool needsAll = pipeline.has(ENCDEC_TOKENIZER_BYTE_FALLBACK);
  if (pipeline.bytePieces.size() != (needsSome || needsAll ? 256u : 0u) ||
      (needsAll && missing))
    return badPart(ENCDEC_TOKENIZER_BYTE_PIECES, "pieces of bytes are missing");
  for (const uint32_t piece : pipeline.bytePieces)
    if (piece != ENCDEC_TOKENIZER_NONE && piece >= pipeline.pieces.size())
      return badPart(ENCDEC_TOKENIZER_BYTE_PIECES, "there is no piece " + std::to_string(piece));
  return Status::success();
}

Status TableReader::checkMerges(const PipelineTable &pipeline) const {
  const auto &merges = pipeline.merges;
  if (merges.empty())
    return Status::success();
  const size_t count = pipeline.pieces.size();
  size_t free = 0;
  for (const encdec_tokenizer_merge &merge : merges) {
    const bool isFree = merge.left == ENCDEC_TOKENIZER_NONE;
    free += isFree;
    if (!isFree && (merge.left >= count || merge.right >= count || merge.piece >= count))
      return badPart(ENCDEC_TOKENIZER_MERGES, "a merge names a piece that is not there");
  }
  if (!std::has_single_bit(merges.size()) || free == 0)
    return badPart(ENCDEC_TOKENIZER_MERGES,
                   "expected a power of two of slots, one of them free");
  return Status::success();
}

Status TableReader::readModel(uint32_t number, PipelineTable &pipeline) {
  const encdec_tokenizer_pipeline &info = pipeline.info;
  if (info.model < ENCDEC_TOKENIZER_UNIGRAM || info.model > ENCDEC_TOKENIZER_BYTES ||
      info.flags >= 2 * ENCDEC_TOKENIZER_TRIM_OFFSETS ||
      info.vocabulary >= table.header.vocabulary_count ||
      info.longest_piece > ENCDEC_TOKENIZER_MAX_PIECE_BYTES ||
      !std::isfinite(info.unk_score))
    return badPart(ENCDEC_TOKENIZER_PIPELINE,
                   "pipeline " + std::to_string(number) + " has a value out of range");
  ENCDEC_RETURN_IF_ERROR(checkId(info.unk_id, true, "the unknown piece"));
  if (info.model == ENCDEC_TOKENIZER_BYTES &&
      (info.first_byte_id < 0 || info.first_byte_id > ENCDEC_TOKENIZER_MAX_IDS - 256))
    return badPart(ENCDEC_TOKENIZER_PIPELINE, "the ids of bytes are out of range");
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_PIECES, number, pipeline.pieces));
  ENCDEC_RETURN_IF_ERROR(
      readAll(ENCDEC_TOKENIZER_BYTE_PIECES, number, pipeline.bytePieces));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_MERGES, number, pipeline.merges));
  ENCDEC_RETURN_IF_ERROR(checkPieces(pipeline));
  ENCDEC_RETURN_IF_ERROR(checkMerges(pipeline));
  ENCDEC_RETURN_IF_ERROR(readTrie(ENCDEC_TOKENIZER_PIECE_TRIE, number,
                                  pipeline.pieces.size(), pipeline.inText));
  return readTrie(ENCDEC_TOKENIZER_USER_TRIE, number, pipeline.pieces.size(),
                  pipeline.userDefined);
}

Status TableReader::readPipeline(uint32_t number) {
  PipelineTable &pipeline = table.pipelines[number];
  ENCDEC_RETURN_IF_ERROR(readOne(ENCDEC_TOKENIZER_PIPELINE, number, pipeline.info));
  ENCDEC_RETURN_IF_ERROR(readModel(number, pipeline));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_STAGES, number, pipeline.stages));
  ENCDEC_RETURN_IF_ERROR(checkStages(pipeline));
  ENCDEC_RETURN_IF_ERROR(readTrie(ENCDEC_TOKENIZER_LITERALS_TRIE, number,
                                  ENCDEC_TOKENIZER_MAX_IDS, pipeline.literals));
  std::span<const uint32_t> units;
  std::span<const char> strings;
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_CHARS_TRIE, number, units));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_CHARS, number, strings));
  ENCDEC_ASSIGN_OR_RETURN(pipeline.chars, CharsMap::open(units, strings));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_ADDED, number, pipeline.added));
  for (const encdec_tokenizer_added &added : pipeline.added) {
    ENCDEC_RETURN_IF_ERROR(checkSpan(added.text, "an added token"));
    ENCDEC_RETURN_IF_ERROR(checkId(added.id, false, "an added token"));
  }
  ENCDEC_RETURN_IF_ERROR(readTrie(ENCDEC_TOKENIZER_ADDED_TRIE, number,
                                  pipeline.added.size(), pipeline.rawAdded));
  return readTrie(ENCDEC_TOKENIZER_NORMALIZED_TRIE, number, pipeline.added.size(),
                  pipeline.normalizedAdded);
}

Status TableReader::readSide(uint32_t number) {
  SideTable &side = table.sides[number];
  ENCDEC_RETURN_IF_ERROR(readOne(ENCDEC_TOKENIZER_SIDE, number, side.info));
  if (side.info.pipeline >= table.header.pipeline_count)
    return badPart(ENCDEC_TOKENIZER_SIDE,
                   "there is no pipeline " + std::to_string(side.info.pipeline));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_PREFIX, number, side.prefix));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_SUFFIX, number, side.suffix));
  for (const auto &items : {side.prefix, side.suffix})
    for (const encdec_tokenizer_item &item : items) {
      ENCDEC_RETURN_IF_ERROR(checkId(item.id, false, "a prefix or suffix"));
      if (item.kind > ENCDEC_TOKENIZER_ITEM_TARGET_LANGUAGE)
        return badPart(ENCDEC_TOKENIZER_PREFIX, "an item is of no known kind");
    }
  return Status::success();
}

Status TableReader::readLanguages() {
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_LANGUAGES, 0, table.languages));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_ALIASES, 0, table.aliases));
  ENCDEC_RETURN_IF_ERROR(readOne(ENCDEC_TOKENIZER_PLACEMENT, 0, table.placement));
  for (const encdec_tokenizer_language &language : table.languages) {
    ENCDEC_RETURN_IF_ERROR(checkSpan(language.code, "a language"));
    ENCDEC_RETURN_IF_ERROR(checkId(language.id, false, "a language"));
    // The name stands in texts and in messages.
    if (!table.hasName(table.pipelines[table.sides[0].info.pipeline].info.vocabulary,
                       language.id))
      return badPart(ENCDEC_TOKENIZER_LANGUAGES, "a language's id has no name");
  }
  for (const encdec_tokenizer_alias &alias : table.aliases) {
    ENCDEC_RETURN_IF_ERROR(checkSpan(alias.name, "a language's other name"));
    if (alias.language >= table.languages.size())
      return badPart(ENCDEC_TOKENIZER_ALIASES,
                     "there is no language " + std::to_string(alias.language));
  }
  const encdec_tokenizer_placement &placement = table.placement;
  for (const int32_t language : {placement.default_source, placement.default_target})
    if (language < -1 || language >= static_cast<int64_t>(table.languages.size()))
      return badPart(ENCDEC_TOKENIZER_PLACEMENT,
                     "there is no language " + std::to_string(language));
  return checkSpan(placement.after, "what follows a language");
}

Status TableReader::readDecoder() {
  ENCDEC_RETURN_IF_ERROR(readOne(ENCDEC_TOKENIZER_DECODER, 0, table.decoder));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_SURFACES, 0, table.surfaces));
  const encdec_tokenizer_decoder &decoder = table.decoder;
  constexpr uint32_t mostStripped = 1024;
  const bool strips = decoder.lead == ENCDEC_TOKENIZER_LEAD_CHARACTERS ||
                      decoder.strip_start || decoder.strip_stop;
  if (decoder.vocabulary >= table.header.vocabulary_count ||
      decoder.lead > ENCDEC_TOKENIZER_LEAD_CHARACTERS ||
      decoder.broken > ENCDEC_TOKENIZER_BROKEN_DROP || decoder.strip.length > 4 ||
      (strips && decoder.strip.length == 0) || decoder.strip_start > mostStripped ||
      decoder.strip_stop > mostStripped)
    return badPart(ENCDEC_TOKENIZER_DECODER, "a value is out of range");
  ENCDEC_RETURN_IF_ERROR(checkSpan(decoder.strip, "what the decoder strips"));
  ENCDEC_RETURN_IF_ERROR(checkSpan(decoder.unnamed, "what an id without a name reads as"));
  for (const encdec_tokenizer_surface &surface : table.surfaces) {
    if (surface.kind > ENCDEC_TOKENIZER_SURFACE_UNNAMED)
      return badPart(ENCDEC_TOKENIZER_SURFACES, "a surface is of no known kind");
    if (surface.kind != ENCDEC_TOKENIZER_SURFACE_BYTES)
      ENCDEC_RETURN_IF_ERROR(checkSpan(surface.text, "a surface"));
    else if (!spanFits(surface.text.offset, surface.text.length, table.raw.size()))
      return badPart(ENCDEC_TOKENIZER_SURFACES, "bytes lie outside of the table's");
  }
  return Status::success();
}

Status TableReader::read() {
  ENCDEC_RETURN_IF_ERROR(readHeader());
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_TEXT, 0, table.chars));
  ENCDEC_RETURN_IF_ERROR(readAll(ENCDEC_TOKENIZER_RAW, 0, table.raw));
  if (!isValidUtf8({table.chars.data(), table.chars.size()}))
    return badPart(ENCDEC_TOKENIZER_TEXT, "it is not UTF-8");
  for (uint32_t i = 0; i < table.header.vocabulary_count; ++i)
    ENCDEC_RETURN_IF_ERROR(readVocabulary(i));
  for (uint32_t i = 0; i < table.header.pipeline_count; ++i)
    ENCDEC_RETURN_IF_ERROR(readPipeline(i));
  for (uint32_t i = 0; i < table.sides.size(); ++i)
    ENCDEC_RETURN_IF_ERROR(readSide(i));
  ENCDEC_RETURN_IF_ERROR(readLanguages());
  return readDecoder();
}

Result<TokenizerTable> TokenizerTable::open(std::span<const uint8_t> bytes) {
  TokenizerTable table;
  ENCDEC_RETURN_IF_ERROR(TableReader(bytes, table).read().withContext("tokenizer"));
  return table;
}

int32_t TokenizerTable::findName(uint32_t vocabulary, std::string_view name) const {
  const std::span<const uint32_t> index = vocabularies[vocabulary].index;
  size_t at = encdec_tokenizer_hash_name(name.data(), name.size());
  while (const uint32_t slot = index[at &= index.size() - 1]) {
    const auto id = static_cast<int32_t>(slot - 1);
    if (this->name(vocabulary, id) == name)
      return id;
    ++at;
  }
  return -1;
}

} // namespace encdec
