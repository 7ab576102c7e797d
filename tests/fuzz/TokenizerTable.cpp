//===- TokenizerTable.cpp - hostile tables, and what they do to texts -----===//
//
// An input is a list of edits of a sound table, six bytes each: the first two choose the
// place, the next four are what is written there. So mutations reach every part, while a
// whole table is far longer than what a fuzzer explores.

#include "encdec/tokenizer.h"
#include "runtime/base/Utf8.h"
#include "runtime/text/Detokenizer.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/Descriptions.h"
#include "tests/text/Load.h"

#include <cstring>

namespace encdec::fuzz {

static const std::vector<std::string> &tables() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (const auto &[name, description] : test::smallDescriptions()) {
      auto table = tokenizer::writeTable(description);
      require(table.ok(), "a sound description");
      made.push_back(std::move(*table));
    }
    return made;
  }();
  return all;
}

static std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (size_t i = 0; i < tables().size(); ++i)
    all.push_back(std::string(1, char(i)));
  // An edit that changes nothing: it writes the version.
  all.push_back(std::string("\0\0\2", 3) + char(ENCDEC_TOKENIZER_VERSION) +
                std::string(3, '\0'));
  return all;
}

static void use(const Tokenizer &tokenizer) {
  for (const std::string_view text :
       {"a b >>x<< </s>x", "  the\tÉe\u0301 <unk>\xFF😀", "aaaaaaaaaaaaaaaa"})
    for (const bool other : {false, true}) {
      auto encoding = tokenizer.encode(
          text, {.parseSpecialTokens = other, .targetSide = other, .offsets = true});
      if (!encoding.ok()) {
        requireSentence(encoding.status().message());
        continue;
      }
      require(encoding->offsets.size() == encoding->ids.size(), "offsets for each id");
      for (const Origin &offset : encoding->offsets)
        require(offset.begin <= text.size() && offset.end <= text.size(),
                "offsets in the text");
      auto decoded = tokenizer.decode(encoding->ids);
      require(decoded.ok() && isValidUtf8(*decoded), "ids that are UTF-8 again");
    }
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < 300; ++id)
    ids.push_back(id * 7 % 300);
  auto decoded = tokenizer.decode(ids);
  require(decoded.ok() && isValidUtf8(*decoded), "any ids are UTF-8");
  for (const std::string &piece : tokenizer.sourcePieces(ids))
    require(isValidUtf8(piece), "pieces are UTF-8");
  auto language = tokenizer.findLanguage("fr");
  if (!language.ok())
    requireSentence(language.status().message());
}

static bool run(std::string_view input) {
  std::string table = tables()[takeByte(input) % tables().size()];
  for (; input.size() >= 6; input.remove_prefix(6)) {
    const auto place = uint8_t(input[0]) << 8 | uint8_t(input[1]);
    // Places are spread over the table, at multiples of four.
    const size_t words = table.size() / 4;
    const size_t at = size_t(place) < words ? size_t(place) : place * words >> 16;
    std::memcpy(table.data() + at * 4, input.data() + 2, 4);
  }
  auto tokenizer =
      Tokenizer::open({reinterpret_cast<const uint8_t *>(table.data()), table.size()});
  if (!tokenizer.ok()) {
    requireSentence(tokenizer.status().message());
    return false;
  }
  use(*tokenizer);
  return true;
}

extern const Target tokenizerTable = {"tokenizer_table", 61, seeds, run};

} // namespace encdec::fuzz
