//===- Descriptions.h - small tokenizers of every kind, made by hand ------===//

#pragma once

#include "compiler/tokenizer/ByteAlphabet.h"
#include "compiler/tokenizer/Description.h"

#include <string>
#include <utility>
#include <vector>

namespace encdec::test {

using namespace tokenizer;

/// Pieces with their numbers as ids.
inline std::vector<PieceDescription>
numbered(std::vector<std::pair<std::string, double>> pieces) {
  std::vector<PieceDescription> made;
  for (auto &[text, score] : pieces)
    made.push_back({std::move(text), score, PieceType::Normal,
                    static_cast<int32_t>(made.size())});
  return made;
}

/// A description of one pipeline, its vocabulary the pieces; ids of pieces that lack
/// one are left out.
inline TokenizerDescription describe(std::string kind, PipelineDescription pipeline) {
  TokenizerDescription description;
  description.kind = std::move(kind);
  VocabularyDescription vocabulary;
  for (const PieceDescription &piece : pipeline.model.pieces)
    if (piece.id >= 0)
      vocabulary.names.emplace_back(piece.text, piece.id);
  description.vocabularies.push_back(std::move(vocabulary));
  description.pipelines.push_back(std::move(pipeline));
  return description;
}

/// Turns pieces that stand at the front into special ones: </s>, <unk>, <pad>.
inline std::vector<PieceDescription> withSpecials(std::vector<PieceDescription> pieces) {
  std::vector<PieceDescription> all{{"</s>", 0, PieceType::Control, 0},
                                    {"<unk>", 0, PieceType::Unknown, 1},
                                    {"<pad>", 0, PieceType::Control, 2}};
  for (PieceDescription &piece : pieces) {
    piece.id = static_cast<int32_t>(all.size());
    all.push_back(std::move(piece));
  }
  return all;
}

inline void addSpecials(TokenizerDescription &description) {
  description.eosId = 0;
  description.unkId = 1;
  description.padId = 2;
  description.source.suffix = {{.id = 0}};
  description.target.suffix = {{.id = 0}};
  description.decoder.skipped = {0, 1, 2};
  auto &added = description.pipelines[0].addedTokens;
  for (const char *token : {"</s>", "<unk>", "<pad>"})
    added.push_back({.text = token, .id = static_cast<int32_t>(added.size())});
}

/// As tokenizers writes T5's: words by themselves, each with U+2581 in front.
inline TokenizerDescription wordUnigram() {
  PipelineDescription pipeline;
  pipeline.model.kind = ModelKind::Unigram;
  pipeline.model.doubleScores = true;
  pipeline.model.unkId = 1;
  pipeline.model.pieces = withSpecials(numbered({{"▁", -3},
                                                 {"▁a", -1},
                                                 {"b", -2},
                                                 {"ab", -2.5},
                                                 {"▁ab", -2.9},
                                                 {"<extra_id_0>", 0}}));
  pipeline.model.pieces.back().type = PieceType::Control;
  pipeline.preTokenizers = {WhitespaceSplit{}, Metaspace{}};
  TokenizerDescription description = describe("t5", std::move(pipeline));
  addSpecials(description);
  description.pipelines[0].addedTokens.push_back(
      {.text = "<extra_id_0>", .id = 8, .always = true});
  description.decoder.stages = {MetaspaceDecoder{}};
  return description;
}

/// As SentencePiece's own unigram with byte fallback and user-defined pieces.
inline TokenizerDescription sentencePieceUnigram() {
  PipelineDescription pipeline;
  pipeline.model.unkId = 1;
  pipeline.model.byteFallback = true;
  pipeline.model.pieces = withSpecials(numbered({{"▁", -3}, {"▁a", -1}, {"b", -2}, {"a", -3}}));
  pipeline.model.pieces.push_back({"<2fr>", 0, PieceType::UserDefined, 7});
  pipeline.model.pieces.push_back({"ba", -1, PieceType::Unused, 8});
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string text = "<0x";
    text += {digits[byte >> 4], digits[byte & 15], '>'};
    pipeline.model.pieces.push_back({text, 0, PieceType::Byte, 9 + byte});
  }
  pipeline.normalizers = {SentencePieceNormalizer{}};
  TokenizerDescription description = describe("sentencepiece", std::move(pipeline));
  addSpecials(description);
  description.decoder.stages = {SentencePieceDecoder{}};
  return description;
}

/// As SentencePiece's BPE: "ab" and "abc" merge by their scores.
inline TokenizerDescription sentencePieceBpe() {
  PipelineDescription pipeline;
  pipeline.model.kind = ModelKind::MergesByScore;
  pipeline.model.unkId = 1;
  pipeline.model.pieces = withSpecials(numbered({{"ab", -0.0},
                                                 {"▁ab", -1},
                                                 {"bc", -2},
                                                 {"abc", -3},
                                                 {"aa", -4},
                                                 {"aaaa", -5},
                                                 {"▁", -6},
                                                 {"a", -7},
                                                 {"b", -8},
                                                 {"c", -9}}));
  pipeline.normalizers = {SentencePieceNormalizer{}};
  TokenizerDescription description = describe("sentencepiece-bpe", std::move(pipeline));
  addSpecials(description);
  description.decoder.stages = {SentencePieceDecoder{}};
  return description;
}

/// As BART's: GPT-2's bytes with merges.
inline TokenizerDescription byteLevelBpe() {
  PipelineDescription pipeline;
  pipeline.model.kind = ModelKind::MergesByRank;
  pipeline.model.byteLevel = true;
  pipeline.model.unkId = -1;
  std::vector<std::pair<std::string, double>> pieces;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t point = alphabetPoint(static_cast<unsigned char>(byte));
    std::string text;
    if (point < 0x80)
      text = {static_cast<char>(point)};
    else
      text = {static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 0x3F))};
    pieces.emplace_back(text, 0);
  }
  pieces.insert(pieces.end(), {{"th", 0}, {"the", 0}, {"Ġthe", 0}, {"Ġt", 0}});
  pipeline.model.pieces = withSpecials(numbered(std::move(pieces)));
  auto at = [](unsigned char byte) { return 3u + byte; };
  // "Ġthe" is Ġ + the, since "th" merges before "Ġt".
  pipeline.model.merges = {{at('t'), at('h')}, {259, at('e')}, {at(' '), 260}, {at(' '), at('t')}};
  pipeline.preTokenizers = {ByteLevelSplit{}};
  pipeline.trimOffsets = true;
  TokenizerDescription description = describe("bart", std::move(pipeline));
  addSpecials(description);
  description.source.prefix = {{.id = 2}};
  description.decoder.stages = {ByteLevelDecoder{}};
  return description;
}

/// As ByT5's: bytes from id 3 on.
inline TokenizerDescription bytes() {
  PipelineDescription pipeline;
  pipeline.model.kind = ModelKind::Bytes;
  pipeline.model.firstByteId = 3;
  TokenizerDescription description;
  description.kind = "byt5";
  VocabularyDescription vocabulary;
  for (int32_t id = 0; id < 3; ++id)
    vocabulary.names.emplace_back(std::vector{"</s>", "<unk>", "<pad>"}[id], id);
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    if (byte < 0x80)
      text = {static_cast<char>(byte)};
    else
      text = {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
    vocabulary.names.emplace_back(text, 3 + byte);
  }
  vocabulary.names.emplace_back("<extra_id_0>", 259);
  description.vocabularies.push_back(std::move(vocabulary));
  description.pipelines.push_back(std::move(pipeline));
  addSpecials(description);
  description.pipelines[0].addedTokens.push_back(
      {.text = "<extra_id_0>", .id = 259, .always = true});
  description.source.suffixOnce = true;
  description.decoder.stages = {BytesDecoder{}};
  return description;
}

/// As NLLB's: the source's language in front, the target's forced first.
inline TokenizerDescription languages() {
  TokenizerDescription description = wordUnigram();
  description.kind = "nllb";
  auto &names = description.vocabularies[0].names;
  int32_t id = 9;
  for (const char *code : {"eng_Latn", "fra_Latn", "zho_Hans", "zho_Hant"}) {
    names.emplace_back(code, id);
    description.pipelines[0].addedTokens.push_back({.text = code, .id = id, .always = true});
    description.decoder.skipped.push_back(id);
    description.languages.languages.push_back({code, {std::string(code, 3)}, id++});
  }
  description.languages.languages[0].aliases.push_back("en");
  description.languages.languages[1].aliases.push_back("fr");
  description.languages.defaultSource = 0;
  description.languages.forcedFirst = true;
  description.source.prefix = {{.kind = TemplateItem::Kind::SourceLanguage}};
  description.target.prefix = {{.kind = TemplateItem::Kind::TargetLanguage}};
  return description;
}

inline std::vector<std::pair<std::string, TokenizerDescription>> smallDescriptions() {
  return {{"wordUnigram", wordUnigram()},
          {"sentencePieceUnigram", sentencePieceUnigram()},
          {"sentencePieceBpe", sentencePieceBpe()},
          {"byteLevelBpe", byteLevelBpe()},
          {"bytes", bytes()},
          {"languages", languages()}};
}

} // namespace encdec::test
