//===- Text.cpp - what the targets of tokenizers share --------------------===//

#include "tests/fuzz/Text.h"

#include "runtime/base/Utf8.h"
#include "runtime/text/Encoder.h"
#include "runtime/text/Normalizer.h"
#include "tests/fuzz/Fuzz.h"

#include <nlohmann/json.hpp>

namespace encdec::fuzz {

std::string vocabularyOf(std::string_view spm, const std::vector<std::string> &more) {
  auto file = tokenizer::parseSentencePieceFile(spm);
  require(file.ok(), "a sound SentencePiece model");
  nlohmann::json vocabulary = nlohmann::json::object();
  for (const tokenizer::Piece &piece : file->pieces)
    vocabulary.emplace(piece.text, vocabulary.size());
  for (const std::string &piece : more)
    vocabulary.emplace(piece, vocabulary.size());
  return vocabulary.dump();
}

void requireCover(const test::Loaded &model, std::string_view text) {
  const auto table = TokenizerTable::open(test::bytesOf(*model.table));
  require(table.ok(), "a sound table");
  const PipelineTable &pipeline = table->pipelines[0];
  Text normal;
  require(normalize(*table, pipeline, text, 0, normal).ok(), "a text of this length");
  std::vector<PlacedPiece> pieces;
  if (normal.size())
    UnigramSplitter(pipeline).split(normal.bytes, {0, uint32_t(normal.size())}, pieces);
  size_t end = 0;
  for (const PlacedPiece &part : pieces) {
    require(part.begin == end && part.end > end && part.end <= normal.size(),
            "pieces one after the other");
    end = part.end;
    const std::string_view spelt =
        std::string_view(normal.bytes).substr(part.begin, part.end - part.begin);
    if (part.piece == PlacedPiece::unknown) {
      require(spelt.size() == validCharLength(spelt), "a character");
      continue;
    }
    require(size_t(part.piece) < pipeline.pieces.size(), "a piece");
    const uint16_t type = pipeline.pieces[size_t(part.piece)].type;
    require(type == ENCDEC_TOKENIZER_NORMAL || type == ENCDEC_TOKENIZER_USER_DEFINED,
            "no control piece and no unused one");
    require(pipeline.inText.find(spelt) == part.piece, "a piece that spells its bytes");
  }
  require(end == normal.size(), "pieces up to the end of the text");
}

} // namespace encdec::fuzz
