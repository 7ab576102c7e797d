//===- Normalizer.cpp - texts under every option and character map --------===//
//
// The first byte chooses options, the second a character map.

#include "runtime/text/Normalizer.h"
#include "runtime/text/Utf8.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/LineGenerator.h"
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

static const encdec::Normalizer &normalizerOf(uint8_t options, uint8_t map) {
  static std::map<std::pair<int, int>, encdec::Normalizer> made;
  auto [place, isNew] = made.try_emplace({options, map});
  if (!isNew)
    return place->second;
  static const std::string maps[] = {
      "", test::SmallMap().blob(),
      parseSentencePieceFile(repositoryFile("examples/models/en-fr/source.spm"))
          ->normalizer.charsMap};
  NormalizerOptions all;
  all.charsMap = maps[map];
  all.addDummyPrefix = options & 1;
  all.removeExtraWhitespaces = options & 2;
  all.escapeWhitespaces = options & 4;
  all.whitespaceAsSuffix = options & 8;
  auto normalizer = encdec::Normalizer::create(
      all, PieceTrie({{"[USER]", 0}, {"[USER]2", 1}, {"ab", 2}, {"é", 3}}));
  require(normalizer.ok(), "a sound character map");
  return place->second = *normalizer;
}

static bool run(std::string_view input) {
  const uint8_t options = takeByte(input) % 16, map = takeByte(input) % 3;
  auto normal = normalizerOf(options, map).normalize(input);
  require(normal.ok(), "a text of this length can be normalized");
  require(isValidUtf8(*normal), "UTF-8, whatever bytes come in");
  if (options & 2) // then spaces are collapsed
    require(normal->find("  ") == normal->npos, "no two spaces");
  return true;
}

extern const Target normalizer = {"normalizer", 512, seeds, run};

} // namespace encdec::fuzz
