//===- CharsMap.cpp - a precompiled character map -------------------------===//
//
// The first byte says whether an input is a whole map, or lacks the length of its trie
// and the end of its strings, which are then added.

#include "runtime/text/CharsMap.h"
#include "compiler/tokenizer/CharsMap.h"
#include "runtime/base/Utf8.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/ModelWriter.h"

namespace encdec::fuzz {

static constexpr uint8_t whole = 1;

static std::vector<std::string> seeds() {
  test::SmallMap twoKeys; // x and xy
  twoKeys.strings = std::string("ab\0c\0", 5);
  const uint32_t x = 1 ^ 'x', y = x ^ 4 ^ 'y';
  twoKeys.units[x] = 'x' | 1u << 8 | 4u << 10;
  twoKeys.units[x ^ 4] = 1u << 31;
  twoKeys.units[y] = 'y' | 1u << 8 | 1u << 10;
  twoKeys.units[y ^ 1] = 1u << 31 | 3;
  std::vector<std::string> all;
  for (const std::string &blob : {test::SmallMap().blob(), twoKeys.blob()}) {
    all.push_back(char(whole) + blob);
    all.push_back('\0' + blob.substr(4, blob.size() - 5));
  }
  return all;
}

static std::string sealed(std::string_view body) {
  const size_t trie = (body.size() / 1024) * 1024;
  return test::u32(uint32_t(trie)) + std::string(body) + '\0';
}

static bool run(std::string_view input) {
  const bool isWhole = takeByte(input) & whole;
  const std::string blob = isWhole ? std::string(input) : sealed(input);
  auto read = tokenizer::readCharsMap(blob, 0);
  if (!read.ok()) {
    requireSentence(read.status().message());
    return false;
  }
  auto map = encdec::CharsMap::open(read->units, read->strings);
  require(map.ok(), "what the compiler takes, the runtime takes");
  const std::string text = "xyx\xFFz" + blob;
  for (size_t at = 0; at < text.size(); at += 1 + at / 16) {
    const std::string_view rest = std::string_view(text).substr(at);
    const auto match = map->longestPrefix(rest);
    require(match.length <= rest.size() && match.length <= 256 &&
                match.replacement.size() <= 256 && isValidUtf8(match.replacement),
            "keys and replacements of at most 256 bytes");
    require(match.length > 0 || match.replacement.empty(), "nothing for no key");
    require(map->longestPrefix(rest.substr(0, match.length)).length == match.length,
            "the longest key is found where the text ends with it");
  }
  return true;
}

extern const Target charsMap = {"charsmap", 4096, seeds, run};

} // namespace encdec::fuzz
