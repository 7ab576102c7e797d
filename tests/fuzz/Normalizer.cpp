//===- Normalizer.cpp - texts under every option and character map --------===//
//
// The first byte chooses options, the second a character map.

#include "runtime/text/Normalizer.h"
#include "compiler/tokenizer/CharsMap.h"
#include "runtime/base/Utf8.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/LineGenerator.h"
#include "tests/text/Load.h"
#include "tests/text/ModelWriter.h"

#include <map>

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  const test::LineGenerator lines(std::string(ENCDEC_SOURCE_DIR) +
                                  "/tests/data/en-fr-200.tsv");
  std::vector<std::string> all;
  for (int i = 0; i < 48; ++i)
    all.push_back({char(i % 16), char(i / 16)});
  for (size_t i = 0; i < all.size(); ++i)
    all[i] += lines.line(i).substr(0, 200);
  return all;
}

static const test::Loaded &tokenizerOf(uint8_t options, uint8_t map) {
  static std::map<std::pair<int, int>, test::Loaded> made;
  auto [place, isNew] = made.try_emplace({options, map});
  if (!isNew)
    return place->second;
  static const std::string spm = repositoryFile("examples/models/en-fr/source.spm");
  static const auto trained = tokenizer::parseSentencePieceFile(spm);
  static const std::string maps[] = {"", test::SmallMap().blob(),
                                     std::string(trained->normalizer.charsMap)};
  auto description = test::describeSentencePiece(
      test::smallPieces() + test::piece("[USER]", 0, 4) + test::piece("[USER]2", 0, 4) +
      test::piece("ab", 0, 4) + test::piece("é", 0, 4));
  auto charsMap = tokenizer::readCharsMap(maps[map], 0);
  require(description.ok() && charsMap.ok(), "a sound character map");
  description->pipelines[0].normalizers = {tokenizer::SentencePieceNormalizer{
      .charsMap = *charsMap,
      .addDummyPrefix = bool(options & 1),
      .removeExtraWhitespaces = bool(options & 2),
      .escapeWhitespaces = bool(options & 4),
      .whitespaceAsSuffix = bool(options & 8)}};
  auto loaded = test::load(*description);
  require(loaded.ok(), "a sound description");
  return place->second = *loaded;
}

static bool run(std::string_view input) {
  const uint8_t options = takeByte(input) % 16, map = takeByte(input) % 3;
  const auto table = TokenizerTable::open(test::bytesOf(*tokenizerOf(options, map).table));
  require(table.ok(), "a sound table");
  Text normal(true);
  require(normalize(*table, table->pipelines[0], input, 0, normal).ok(),
          "a text of this length can be normalized");
  require(isValidUtf8(normal.bytes), "UTF-8, whatever bytes come in");
  if (options & 2) // then spaces are collapsed
    require(normal.bytes.find("  ") == std::string::npos, "no two spaces");
  require(normal.origins.size() == normal.size(), "an origin for each byte");
  for (size_t i = 0; i < normal.size(); ++i) {
    const Origin origin = normal.origins[i];
    require(origin.begin <= origin.end && origin.end <= input.size(), "origins inside");
    require(i == 0 || origin.begin >= normal.origins[i - 1].begin, "origins in order");
  }
  return true;
}

extern const Target normalizer = {"normalizer", 512, seeds, run};

} // namespace encdec::fuzz
