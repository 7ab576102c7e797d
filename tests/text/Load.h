//===- Load.h - tokenizers for tests, from files and from descriptions ----===//

#pragma once

#include "compiler/tokenizer/Describe.h"
#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/Table.h"
#include "runtime/text/Tokenizer.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::test {

/// A tokenizer with the table that it borrows.
struct Loaded {
  std::shared_ptr<const std::string> table;
  Tokenizer tokenizer;

  const Tokenizer *operator->() const { return &tokenizer; }
  const Tokenizer &operator*() const { return tokenizer; }
};

inline std::span<const uint8_t> bytesOf(const std::string &table) {
  return {reinterpret_cast<const uint8_t *>(table.data()), table.size()};
}

inline Result<Loaded> load(const tokenizer::TokenizerDescription &description) {
  ENCDEC_ASSIGN_OR_RETURN(std::string bytes, tokenizer::writeTable(description));
  auto table = std::make_shared<const std::string>(std::move(bytes));
  ENCDEC_ASSIGN_OR_RETURN(Tokenizer opened, Tokenizer::open(bytesOf(*table)));
  return Loaded{std::move(table), std::move(opened)};
}

/// The contents of a Marian folder's tokenizer files; empty: no such file.
struct MarianFiles {
  std::string_view sourceSpm, targetSpm, vocab, targetVocab, tokenizerConfig;
};

inline Result<tokenizer::TokenizerDescription> describeMarian(const MarianFiles &files) {
  const std::map<std::string, std::string_view> contents = {
      {"source.spm", files.sourceSpm},
      {"target.spm", files.targetSpm},
      {"vocab.json", files.vocab},
      {"target_vocab.json", files.targetVocab},
      {"tokenizer_config.json", files.tokenizerConfig}};
  const tokenizer::Folder folder = {
      [&](const std::string &name) {
        return contents.contains(name) && !contents.at(name).empty();
      },
      [&](const std::string &name) {
        return Result<std::string>(std::string(contents.at(name)));
      }};
  ENCDEC_ASSIGN_OR_RETURN(auto described,
                          tokenizer::describeTokenizer(folder, {"marian"}));
  return std::move(*described.description);
}

inline Result<Loaded> loadMarian(const MarianFiles &files) {
  ENCDEC_ASSIGN_OR_RETURN(auto description, describeMarian(files));
  return load(description);
}

/// A SentencePiece model by itself: its own numbers as ids, nothing around a text.
inline Result<tokenizer::TokenizerDescription> describeSentencePiece(std::string_view bytes) {
  ENCDEC_ASSIGN_OR_RETURN(auto file, tokenizer::parseSentencePieceFile(bytes));
  ENCDEC_ASSIGN_OR_RETURN(auto normalizer, tokenizer::normalizerOf(file));
  tokenizer::TokenizerDescription description;
  description.kind = "sentencepiece";
  description.unkId = file.unkId;
  tokenizer::PipelineDescription pipeline;
  pipeline.normalizers.push_back(std::move(normalizer));
  pipeline.model = tokenizer::modelOf(file);
  tokenizer::VocabularyDescription vocabulary;
  for (const auto &piece : pipeline.model.pieces)
    vocabulary.names.emplace_back(piece.text, piece.id);
  description.vocabularies.push_back(std::move(vocabulary));
  description.pipelines.push_back(std::move(pipeline));
  description.decoder.stages = {tokenizer::decoderOf(file)};
  return description;
}

inline Result<Loaded> loadSentencePiece(std::string_view bytes) {
  ENCDEC_ASSIGN_OR_RETURN(auto description, describeSentencePiece(bytes));
  return load(description);
}

} // namespace encdec::test
