//===- Text.cpp - what the targets of tokenizers share --------------------===//

#include "tests/fuzz/Text.h"

#include "tests/fuzz/Fuzz.h"

#include <nlohmann/json.hpp>

namespace encdec::fuzz {

std::string vocabularyOf(std::string_view spm, const std::vector<std::string> &more) {
  auto file = parseSentencePieceFile(spm);
  require(file.ok(), "a sound SentencePiece model");
  nlohmann::json vocabulary = nlohmann::json::object();
  for (const Piece &piece : file->pieces)
    vocabulary.emplace(piece.text, vocabulary.size());
  for (const std::string &piece : more)
    vocabulary.emplace(piece, vocabulary.size());
  return vocabulary.dump();
}

void requireCover(const Unigram &model, const Segmentation &split) {
  size_t end = 0;
  for (const Segmentation::PlacedPiece &part : split.pieces) {
    require(part.begin == end && part.end > end && part.end <= split.text.size(),
            "pieces one after the other");
    end = part.end;
    require(part.id >= 0 && size_t(part.id) < model.pieces().size(), "a piece");
    const Piece &piece = model.pieces()[size_t(part.id)];
    const std::string_view text =
        std::string_view(split.text).substr(part.begin, part.end - part.begin);
    switch (piece.type) {
    case PieceType::Normal:
    case PieceType::UserDefined:
      require(text == piece.text, "a piece that spells its bytes");
      break;
    case PieceType::Byte:
      require(text.size() == 1 && byteOfPiece(piece.text) == uint8_t(text[0]),
              "the piece of the byte");
      break;
    default:
      require(part.id == model.unkId(), "no control piece and no unused one");
    }
  }
  require(end == split.text.size(), "pieces up to the end of the text");
}

} // namespace encdec::fuzz
