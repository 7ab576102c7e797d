//===- SentencePiece.cpp - a model file, and what it does to a text -------===//

#include "runtime/base/Utf8.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Text.h"
#include "tests/text/ModelWriter.h"

#include <cmath>
#include <set>

namespace encdec::fuzz {

using namespace tokenizer;

static std::vector<std::string> seeds() {
  std::vector<std::string> all{test::smallModel(), test::SmallMap().model(),
                               test::smallModel({.addDummyPrefix = false})};
  for (const char *name : {"bytes", "plain", "suffix", "ties"})
    all.push_back(repositoryFile(std::string("tests/text/") + name + ".spm"));
  return all;
}

static void requirePieces(const SentencePieceFile &file) {
  std::set<std::pair<std::string_view, bool>> names;
  for (const Piece &piece : file.pieces) {
    const bool reserved = piece.type == PieceType::Unknown ||
                          piece.type == PieceType::Control ||
                          piece.type == PieceType::Byte;
    require(names.emplace(piece.text, reserved).second, "each name once");
    require(!piece.text.empty() && piece.text.size() <= 1024 && isValidUtf8(piece.text),
            "pieces of some bytes of UTF-8");
    require(std::isfinite(piece.score), "finite scores");
  }
  require(file.unkId >= 0 && size_t(file.unkId) < file.pieces.size() &&
              file.pieces[size_t(file.unkId)].type == PieceType::Unknown,
          "an unknown piece");
  require(isValidUtf8(file.unkSurface), "an unknown piece's text in UTF-8");
}

static bool run(std::string_view bytes) {
  auto file = parseSentencePieceFile(bytes);
  if (!file.ok()) {
    requireSentence(file.status().message());
    return false;
  }
  requirePieces(*file);
  auto description = test::describeSentencePiece(bytes);
  if (!description.ok()) { // the character map is read last
    requireSentence(description.status().message());
    return false;
  }
  // A reserved piece and one of texts may have the same name; a vocabulary may not.
  std::set<std::string> seen;
  std::erase_if(description->vocabularies[0].names,
                [&](const auto &entry) { return !seen.insert(entry.first).second; });
  auto model = test::load(*description);
  require(model.ok(), "a sound file is a sound table");
  for (std::string_view text : {std::string_view("  thei ab[hehehe [USER]2 ﬁ x😀\xFF\u2581 "),
                                bytes.substr(bytes.size() / 2)}) {
    requireCover(*model, text);
    auto encoding = (*model)->encode(text);
    require(encoding.ok(), "any short text can be split");
    auto decoded = (*model)->decode(encoding->ids);
    require(decoded.ok() && isValidUtf8(*decoded), "pieces joined are UTF-8");
  }
  return true;
}

extern const Target sentencePiece = {"sentencepiece", 8192, seeds, run};

} // namespace encdec::fuzz
