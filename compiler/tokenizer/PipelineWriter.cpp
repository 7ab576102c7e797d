//===- PipelineWriter.cpp - what turns a text into ids, as parts of a table ===//

#include "compiler/tokenizer/ByteAlphabet.h"
#include "compiler/tokenizer/MergesWriter.h"
#include "compiler/tokenizer/SentencePieceFile.h"
#include "compiler/tokenizer/TableWriter.h"
#include "compiler/tokenizer/TrieBuilder.h"
#include "runtime/base/Utf8.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <unordered_set>

namespace encdec::tokenizer {

namespace {

/// Writes the stages in order. Two normalizers cannot both have a character map.
class StageWriter {
public:
  explicit StageWriter(TableWriter &table) : table(table) {}

  void operator()(const SentencePieceNormalizer &stage) {
    const uint32_t flags =
        (stage.addDummyPrefix ? ENCDEC_TOKENIZER_DUMMY_PREFIX : 0) |
        (stage.removeExtraWhitespaces ? ENCDEC_TOKENIZER_REMOVE_SPACES : 0) |
        (stage.escapeWhitespaces ? ENCDEC_TOKENIZER_ESCAPE_SPACES : 0) |
        (stage.whitespaceAsSuffix ? ENCDEC_TOKENIZER_SPACE_AS_SUFFIX : 0);
    push(ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE, flags);
    maps.push_back(&stage.charsMap);
  }
  void operator()(const PrecompiledNormalizer &stage) {
    push(ENCDEC_TOKENIZER_STAGE_PRECOMPILED);
    maps.push_back(&stage.charsMap);
  }
  void operator()(const UnicodeNormalizer &stage) {
    push(ENCDEC_TOKENIZER_STAGE_UNICODE, static_cast<uint32_t>(stage.form));
  }
  void operator()(const LowercaseNormalizer &) { push(ENCDEC_TOKENIZER_STAGE_LOWERCASE); }
  void operator()(const ReplaceNormalizer &stage) {
    push(ENCDEC_TOKENIZER_STAGE_REPLACE,
         static_cast<uint32_t>(stage.alternatives.size()), stage.atStart, stage.content);
    for (const ReplacePattern &pattern : stage.alternatives) {
      const bool isLiteral = pattern.kind == ReplacePattern::Kind::Literal;
      const bool isSpace = pattern.kind == ReplacePattern::Kind::Whitespace;
      isSound &= isSpace == pattern.text.empty();
      isSound &= isLiteral || pattern.atLeast >= 1;
      push(ENCDEC_TOKENIZER_STAGE_ALTERNATIVE, isLiteral ? 0 : pattern.atLeast,
           isLiteral ? 0 : pattern.atMost, pattern.text);
    }
  }
  void operator()(const StripNormalizer &stage) {
    push(ENCDEC_TOKENIZER_STAGE_STRIP, stage.left, stage.right, stage.characters);
  }
  void operator()(const PrependNormalizer &stage) {
    push(ENCDEC_TOKENIZER_STAGE_PREPEND, 0, 0, stage.text);
  }
  void operator()(const WhitespaceSplit &) {
    push(ENCDEC_TOKENIZER_STAGE_WHITESPACE_SPLIT);
  }
  void operator()(const Metaspace &stage) {
    push(ENCDEC_TOKENIZER_STAGE_METASPACE, static_cast<uint32_t>(stage.prepend),
         stage.split);
  }
  void operator()(const ByteLevelSplit &stage) {
    push(ENCDEC_TOKENIZER_STAGE_BYTE_LEVEL, stage.addPrefixSpace, stage.split);
  }
  void operator()(const LiteralSplit &stage) {
    push(ENCDEC_TOKENIZER_STAGE_LITERALS);
    splits.push_back(&stage);
  }

  Status finish(const PipelineDescription &pipeline, uint32_t number);

private:
  Status writeLiterals(uint32_t number);
  void push(uint32_t kind, uint32_t a = 0, uint32_t b = 0, std::string_view text = {}) {
    stages.push_back({kind, a, b, table.text(text)});
  }
  TableWriter &table;
  std::vector<encdec_tokenizer_stage> stages;
  std::vector<const CharsMap *> maps;
  std::vector<const LiteralSplit *> splits;
  bool isSound = true;
};

} // namespace

Status StageWriter::writeLiterals(uint32_t number) {
  if (splits.size() > 1)
    return badModel("two pre-tokenizers split at texts of a list; at most one may");
  std::vector<TrieEntry> entries;
  std::unordered_set<std::string_view> seen;
  for (const LiteralSplit *split : splits)
    for (const std::string &literal : split->literals) {
      if (literal.empty() || literal.size() > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
        return badModel("a pre-tokenizer splits at a text of " +
                        std::to_string(literal.size()) + " bytes, expected 1 to 1024");
      if (seen.insert(literal).second) // of equal ones, the first counts
        entries.emplace_back(literal, static_cast<int32_t>(entries.size()));
    }
  ENCDEC_ASSIGN_OR_RETURN(const auto trie, buildTrie(std::move(entries)));
  table.add(ENCDEC_TOKENIZER_LITERALS_TRIE, number, trie);
  return Status::success();
}

Status StageWriter::finish(const PipelineDescription &pipeline, uint32_t number) {
  const bool isSentencePiece =
      !stages.empty() && stages.front().kind == ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE;
  if (isSentencePiece && stages.size() > 1)
    return badModel("SentencePiece's normalizer stands beside other stages");
  if (maps.size() > 1)
    return badModel("two normalizers have a character map; at most one may");
  if (!isSound)
    return badModel("a pattern to replace is empty");
  for (const PreTokenizerStage &stage : pipeline.preTokenizers)
    if (std::holds_alternative<ByteLevelSplit>(stage) && !pipeline.model.byteLevel)
      return badModel("the pre-tokenizer makes bytes, the model's pieces are text");
  ENCDEC_RETURN_IF_ERROR(writeLiterals(number));
  table.add(ENCDEC_TOKENIZER_STAGES, number, stages);
  if (maps.empty())
    return Status::success();
  table.add(ENCDEC_TOKENIZER_CHARS_TRIE, number, maps.front()->units);
  table.add(ENCDEC_TOKENIZER_CHARS, number, std::span<const char>(maps.front()->strings));
  return Status::success();
}

static Status writeAdded(TableWriter &table, const PipelineDescription &pipeline,
                         uint32_t number) {
  std::vector<encdec_tokenizer_added> added;
  std::vector<TrieEntry> raw, normalized;
  std::unordered_set<std::string_view> texts;
  for (const AddedToken &token : pipeline.addedTokens) {
    const std::string name = "the added token " + inQuotes(token.text);
    if (token.text.empty() || token.text.size() > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
      return badModel(name + " has " + std::to_string(token.text.size()) +
                      " bytes, expected 1 to 1024");
    if (!isValidUtf8(token.text))
      return badModel(name + " is not UTF-8");
    if (!texts.insert(token.text).second)
      return badModel(name + " stands there twice");
    ENCDEC_RETURN_IF_ERROR(checkId(token.id, false, name));
    (token.normalized ? normalized : raw)
        .emplace_back(token.text, static_cast<int32_t>(added.size()));
    const uint32_t flags = (token.always ? ENCDEC_TOKENIZER_ALWAYS : 0) |
                           (token.lstrip ? ENCDEC_TOKENIZER_LSTRIP : 0) |
                           (token.rstrip ? ENCDEC_TOKENIZER_RSTRIP : 0) |
                           (token.singleWord ? ENCDEC_TOKENIZER_SINGLE_WORD : 0) |
                           (token.normalized ? ENCDEC_TOKENIZER_NORMALIZED : 0);
    added.push_back({table.text(token.text), token.id, flags});
  }
  ENCDEC_ASSIGN_OR_RETURN(auto rawTrie, buildTrie(std::move(raw)));
  ENCDEC_ASSIGN_OR_RETURN(auto normalizedTrie, buildTrie(std::move(normalized)));
  table.add(ENCDEC_TOKENIZER_ADDED, number, added);
  table.add(ENCDEC_TOKENIZER_ADDED_TRIE, number, rawTrie);
  table.add(ENCDEC_TOKENIZER_NORMALIZED_TRIE, number, normalizedTrie);
  return Status::success();
}

namespace {
/// Writes a model's pieces, what finds them, and their merges.
class ModelWriter {
public:
  ModelWriter(TableWriter &table, const ModelDescription &model, uint32_t number)
      : table(table), model(model), number(number), pieces(model.pieces) {}

  Status write(encdec_tokenizer_pipeline &out);

private:
  Status writePieces();
  Status writeBytePieces();
  double unknownScore() const;

  TableWriter &table;
  const ModelDescription &model;
  uint32_t number;
  std::vector<PieceDescription> pieces;
  std::vector<std::string> texts; ///< Of pieces, as words spell them.
  size_t longest = 0;
};
} // namespace

/// Names a piece in messages.
static std::string nameOf(const PieceDescription &piece, size_t number) {
  return "piece " + std::to_string(number) + " (" + inQuotes(piece.text) + ")";
}

static Status checkPiece(const PieceDescription &piece, size_t number) {
  const auto wrong = [&](const std::string &what) {
    return badModel(nameOf(piece, number) + what);
  };
  if (piece.text.empty() || piece.text.size() > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
    return wrong(" has " + std::to_string(piece.text.size()) +
                 " bytes, expected 1 to 1024");
  if (!isValidUtf8(piece.text))
    return wrong(" is not UTF-8");
  if (!std::isfinite(piece.score))
    return wrong(": the score is not a finite number");
  Status status = checkId(piece.id, true, "the piece");
  return status.ok() ? status : std::move(status).withContext(nameOf(piece, number));
}

Status ModelWriter::writePieces() {
  std::vector<TrieEntry> inText, user;
  StringIndex seen(pieces.size());
  std::vector<encdec_tokenizer_piece> rows;
  rows.reserve(pieces.size());
  texts.reserve(pieces.size());
  for (const PieceDescription &piece : pieces)
    texts.push_back(piece.text);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const PieceDescription &piece = pieces[i];
    const auto index = static_cast<int32_t>(i);
    ENCDEC_RETURN_IF_ERROR(checkPiece(piece, i));
    bool isFound = isFoundInText(piece.type) || i >= model.pieces.size() ||
                   (model.doubleScores && piece.type == PieceType::Byte);
    if (model.byteLevel) {
      // Pieces that spell no bytes stand for themselves and are in no text.
      const auto bytes = bytesOfAlphabet(piece.text);
      isFound &= bytes.has_value();
      if (bytes)
        texts[i] = *bytes;
    }
    rows.push_back({piece.score, piece.id, static_cast<uint16_t>(piece.type),
                    static_cast<uint16_t>(texts[i].size())});
    if (!isFound)
      continue;
    if (seen.insert(texts[i], index, [&](int32_t number) {
          return std::string_view(texts[number]);
        }) >= 0)
      return badModel(nameOf(piece, i) + " has the text of an earlier piece");
    longest = std::max(longest, texts[i].size());
    inText.emplace_back(texts[i], index);
    if (piece.type == PieceType::UserDefined)
      user.emplace_back(texts[i], index);
  }
  table.add(ENCDEC_TOKENIZER_PIECES, number, rows);
  ENCDEC_ASSIGN_OR_RETURN(auto trie, buildTrie(std::move(inText)));
  ENCDEC_ASSIGN_OR_RETURN(auto userTrie, buildTrie(std::move(user)));
  table.add(ENCDEC_TOKENIZER_PIECE_TRIE, number, trie);
  table.add(ENCDEC_TOKENIZER_USER_TRIE, number, userTrie);
  return Status::success();
}

Status ModelWriter::writeBytePieces() {
  if (!model.byteFallback && !model.byteLevel)
    return Status::success();
  std::vector<uint32_t> bytes(256, ENCDEC_TOKENIZER_NONE);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool isFallback = model.byteFallback && pieces[i].type == PieceType::Byte;
    if (const int byte = isFallback ? byteOfPiece(pieces[i].text) : -1; byte >= 0)
      bytes[byte] = static_cast<uint32_t>(i);
    if (model.byteLevel && isFoundInText(pieces[i].type) && texts[i].size() == 1)
      bytes[static_cast<unsigned char>(texts[i][0])] = static_cast<uint32_t>(i);
  }
  if (model.byteFallback && std::ranges::count(bytes, ENCDEC_TOKENIZER_NONE))
    return badModel("unknown characters become bytes, but " +
                    std::to_string(std::ranges::count(bytes, ENCDEC_TOKENIZER_NONE)) +
                    " of the 256 byte pieces are missing");
  table.add(ENCDEC_TOKENIZER_BYTE_PIECES, number, bytes);
  return Status::success();
}

double ModelWriter::unknownScore() const {
  double worst = FLT_MAX;
  for (const PieceDescription &piece : model.pieces)
    if (model.doubleScores || piece.type == PieceType::Normal)
      worst = std::min(worst, piece.score);
  return model.doubleScores ? worst - 10.0 : static_cast<float>(worst) - 10.0f;
}

Status ModelWriter::write(encdec_tokenizer_pipeline &out) {
  if (pieces.size() > ENCDEC_TOKENIZER_MAX_IDS)
    return overLimit("the model has " + std::to_string(pieces.size()) +
                     " pieces; the limit is 4000000");
  if (model.byteFallback && model.byteLevel)
    return badModel("a byte-level model cannot fall back to bytes");
  if (model.kind == ModelKind::MergesByScore)
    addMissingCharacters(pieces);
  ENCDEC_RETURN_IF_ERROR(writePieces());
  ENCDEC_RETURN_IF_ERROR(writeBytePieces());
  ENCDEC_ASSIGN_OR_RETURN(auto merges, mergesOf(model, pieces));
  table.add(ENCDEC_TOKENIZER_MERGES, number, merges);
  out.model = model.kind == ModelKind::Unigram ? ENCDEC_TOKENIZER_UNIGRAM
              : model.kind == ModelKind::Bytes ? ENCDEC_TOKENIZER_BYTES
                                               : ENCDEC_TOKENIZER_BPE;
  out.unk_id = model.unkId;
  out.first_byte_id = model.firstByteId;
  out.longest_piece = static_cast<uint32_t>(longest);
  out.unk_score = unknownScore();
  ENCDEC_RETURN_IF_ERROR(checkId(model.unkId, true, "the unknown piece"));
  return checkId(int64_t(model.firstByteId) + 255, false, "byte 255");
}

Status writePipeline(TableWriter &table, const PipelineDescription &pipeline,
                     uint32_t number) {
  StageWriter stages(table);
  for (const NormalizerStage &stage : pipeline.normalizers)
    std::visit(stages, stage);
  for (const PreTokenizerStage &stage : pipeline.preTokenizers)
    std::visit(stages, stage);
  ENCDEC_RETURN_IF_ERROR(stages.finish(pipeline, number));
  ENCDEC_RETURN_IF_ERROR(writeAdded(table, pipeline, number));
  encdec_tokenizer_pipeline row = {};
  ENCDEC_RETURN_IF_ERROR(ModelWriter(table, pipeline.model, number).write(row));
  const ModelDescription &model = pipeline.model;
  row.vocabulary = pipeline.vocabulary;
  row.flags = (model.byteFallback ? ENCDEC_TOKENIZER_BYTE_FALLBACK : 0) |
              (model.fuseUnknown ? ENCDEC_TOKENIZER_FUSE_UNKNOWN : 0) |
              (model.ignoreMerges ? ENCDEC_TOKENIZER_IGNORE_MERGES : 0) |
              (model.byteLevel ? ENCDEC_TOKENIZER_BYTE_LEVEL : 0) |
              (model.doubleScores ? ENCDEC_TOKENIZER_DOUBLE_SCORES : 0) |
              (model.unknownByName ? ENCDEC_TOKENIZER_UNKNOWN_BY_NAME : 0) |
              (pipeline.leadingCode ? ENCDEC_TOKENIZER_LEADING_CODE : 0) |
              (pipeline.trimOffsets ? ENCDEC_TOKENIZER_TRIM_OFFSETS : 0);
  table.addOne(ENCDEC_TOKENIZER_PIPELINE, number, row);
  return Status::success();
}

} // namespace encdec::tokenizer
