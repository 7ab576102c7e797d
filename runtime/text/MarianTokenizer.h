//===- MarianTokenizer.h - the tokenizer of MarianMT checkpoints ----------===//
//
// SentencePiece splits the text, vocab.json numbers the pieces. Follows
// Transformers 5.23 (models/marian/tokenization_marian.py); README.md lists
// the differences.

#pragma once

#include "runtime/text/MarianVocab.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unigram.h"

#include <optional>
#include <unordered_set>

namespace encdec {

/// The contents of a checkpoint folder's tokenizer files; empty: no such file.
/// Borrowed during create() only.
struct MarianFiles {
  std::string_view sourceSpm;       ///< source.spm
  std::string_view targetSpm;       ///< target.spm
  std::string_view vocab;           ///< vocab.json
  std::string_view targetVocab;     ///< target_vocab.json
  std::string_view tokenizerConfig; ///< tokenizer_config.json, optional
};

struct JsonValue;

class MarianTokenizer final : public Tokenizer {
public:
  /// Ids of the source and of the target lie below these.
  int32_t sourceVocabSize() const { return sourceVocab.size(); }
  int32_t targetVocabSize() const { return outputVocab().size(); }

  /// BadModel that names the file, for a file that is missing, damaged or at
  /// odds with another.
  static Result<MarianTokenizer> create(const MarianFiles &files);

  Result<std::vector<int32_t>>
  encode(std::string_view text, const EncodeOptions &options,
         std::vector<std::string> *warnings) const override;
  Result<std::string> decode(std::span<const int32_t> ids) const override;
  std::vector<std::string>
  sourcePieces(std::span<const int32_t> ids) const override;
  std::vector<std::string>
  targetPieces(std::span<const int32_t> ids) const override;

  int32_t sourceIds() const override { return greatestSourceId + 1; }
  int32_t eosId() const override { return eos; }
  int32_t unkId() const override { return unk; }
  int32_t padId() const override { return pad; }
  const std::vector<std::string> &languageCodes() const override {
    return codes;
  }
  /// tokenizer_config.json's source_lang and target_lang; may be empty.
  const std::string &sourceLanguage() const { return config.sourceLang; }
  const std::string &targetLanguage() const { return config.targetLang; }

private:
  struct Config {
    bool separateVocabs = false;
    std::string sourceLang, targetLang;
    std::string unkToken = "<unk>", eosToken = "</s>", padToken = "<pad>";
    std::vector<std::string> otherSpecials;
    struct Added {
      std::string id, content;
      bool special = false;
    };
    std::vector<Added> added; ///< added_tokens_decoder

    Status read(const std::string &key, const JsonValue &value);
    Status readAdded(const std::string &id, const JsonValue &token);
  };

  static Result<Config> parseConfig(std::string_view json);
  Status loadVocabs(const MarianFiles &files);
  Status loadModels(const MarianFiles &files);
  Status checkAddedTokens() const;
  Status encodeFragment(std::string_view text, std::vector<int32_t> &ids,
                        std::vector<std::string> *warnings) const;
  void warnUnknownCode(std::string_view code,
                       std::vector<std::string> *warnings) const;

  const MarianVocab &outputVocab() const {
    return targetVocab ? *targetVocab : sourceVocab;
  }
  const Unigram &outputModel() const {
    return targetModel ? *targetModel : sourceModel;
  }

  Config config;
  MarianVocab sourceVocab;
  std::optional<MarianVocab> targetVocab; ///< Only if separate.
  Unigram sourceModel;
  std::optional<Unigram> targetModel; ///< Only if separate.
  std::vector<int32_t> vocabIds; ///< SentencePiece id -> id in sourceVocab.
  std::vector<std::string> codes;
  std::unordered_set<int32_t> skipped; ///< Target ids that decode() leaves out.
  int32_t eos = -1, unk = -1, pad = -1, greatestSourceId = -1;
};

} // namespace encdec
