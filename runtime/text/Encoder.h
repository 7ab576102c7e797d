//===- Encoder.h - one text on its way to ids -----------------------------===//

#pragma once

#include "runtime/text/Bpe.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unigram.h"

namespace encdec {

/// Encodes one text: added tokens are cut out, the rest goes through the pipeline. Lives
/// for one call of Tokenizer::encode.
class Encoder {
public:
  Encoder(const TokenizerTable &table, const PipelineTable &pipeline,
          const EncodeOptions &options, Encoding &out);

  /// Appends the ids of `text`, without prefix and suffix.
  Status encode(std::string_view text);

private:
  /// Cuts added tokens of `trie` out of `text`: calls onPart(begin, end) and
  /// onToken(added token, begin, end) from left to right; parts are not empty.
  template <typename OnPart, typename OnToken>
  Status cut(const Trie &trie, std::string_view text, OnPart onPart, OnToken onToken);
  Trie::Match matchAdded(const Trie &trie, std::string_view text) const;

  Status encodeFragment(std::string_view fragment, size_t begin);
  Status encodeNormalized(Text &text, bool isFirst);
  /// Takes a code like ">>fra<<" off the front of a fragment.
  void takeLeadingCode(std::string_view &fragment, size_t &begin);
  void warnUnknownCode(std::string_view code);

  void addPieces(const Text &text);
  void addUnknown(const Text &text, const PlacedPiece &piece);
  void endUnknownRun(const Text &text);
  void addBytes(const Text &text, const PlacedPiece &piece, bool apart);
  void addOrUnknown(int32_t id, Origin origin);
  void add(int32_t id, Origin origin);
  Origin originOf(const Text &text, size_t begin, size_t end) const;

  const TokenizerTable &table;
  const PipelineTable &pipeline;
  const EncodeOptions &options;
  Encoding &out;
  bool tracks; ///< Whether texts keep origins.
  bool hasTokens; ///< Whether a text can have added tokens with these options.
  UnigramSplitter unigram;
  BpeSplitter bpe;
  std::vector<Word> words;
  std::vector<PlacedPiece> pieces;
  PlacedPiece unknownRun{0, 0, PlacedPiece::unknown}; ///< Empty: none is open.
};

} // namespace encdec
