//===- PropertyTest.cpp - what holds of every tokenizer and every text ----===//

#include "Descriptions.h"
#include "LineGenerator.h"
#include "Load.h"
#include "runtime/base/Utf8.h"
#include "runtime/text/Detokenizer.h"
#include "tests/text/Sanitized.h"

#include <gtest/gtest.h>

#include <ctime>

using namespace encdec;
using namespace encdec::test;

namespace {
class Property : public testing::TestWithParam<size_t> {
protected:
  Property() : description(smallDescriptions()[GetParam()].second) {
    auto made = load(description);
    EXPECT_TRUE(made.ok()) << made.status().message();
    loaded = std::make_unique<Loaded>(std::move(*made));
  }
  TokenizerDescription description;
  std::unique_ptr<Loaded> loaded;
  const LineGenerator lines{std::string(ENCDEC_SOURCE_DIR) + "/tests/data/en-fr-200.tsv"};
};

/// Well-formed text of a line: what the tokenizer repairs.
std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = validCharLength(text);
    out += length ? text.substr(0, length) : "\uFFFD";
    text.remove_prefix(length ? length : 1);
  }
  return out;
}
} // namespace

TEST_P(Property, OffsetsAscendInTheText) {
  size_t covered = 0;
  for (uint64_t n = 0; n < 2000; ++n) {
    const std::string line = lines.line(n);
    const auto encoding = (*loaded)->encode(line, {.parseSpecialTokens = n % 2 == 1, .offsets = true});
    ASSERT_TRUE(encoding.ok());
    ASSERT_EQ(encoding->ids.size(), encoding->offsets.size());
    Origin before;
    for (const Origin &offset : encoding->offsets) {
      ASSERT_LE(offset.begin, offset.end) << inQuotes(line);
      ASSERT_LE(offset.end, line.size()) << inQuotes(line);
      ASSERT_LE(before.begin, offset.begin) << inQuotes(line);
      ASSERT_LE(before.end, offset.end) << inQuotes(line);
      covered += offset.end - std::max(offset.begin, before.end);
      before = offset;
    }
    const auto plain = (*loaded)->encode(line, {.parseSpecialTokens = n % 2 == 1});
    ASSERT_EQ(plain->ids, encoding->ids) << "offsets change no ids";
  }
  EXPECT_GT(covered, 10000u) << "offsets stand for text";
}

TEST_P(Property, StreamedTextIsTheTextAtOnce) {
  Random random(3);
  const uint32_t names = uint32_t(description.vocabularies[0].names.size());
  for (int n = 0; n < 3000; ++n) {
    std::vector<int32_t> ids(random.below(30));
    for (int32_t &id : ids)
      id = int32_t(random.below(names + 2));
    Detokenizer detokenizer(**loaded);
    std::string text;
    for (const int32_t id : ids) {
      ASSERT_TRUE(detokenizer.push(id, text).ok());
      ASSERT_TRUE(isValidUtf8(text)) << "incomplete characters are held back";
    }
    detokenizer.finish(text);
    EXPECT_EQ(text, (*loaded)->decode(ids).value());
  }
}

/// Models of bytes lose nothing.
TEST(Lossless, TextComesBack) {
  const LineGenerator lines(std::string(ENCDEC_SOURCE_DIR) + "/tests/data/en-fr-200.tsv");
  for (const TokenizerDescription &description : {byteLevelBpe(), bytes()}) {
    const auto loaded = load(description);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    for (uint64_t n = 0; n < 2000; ++n) {
      const std::string line = lines.line(n);
      const auto encoding = (*loaded)->encode(line);
      ASSERT_TRUE(encoding.ok());
      ASSERT_EQ((*loaded)->decode(encoding->ids).value(), repaired(line));
    }
  }
}

TEST_P(Property, AMegabyteTakesUnderASecond) {
  for (const std::string unit :
       {"a", " ", "\xFF", "\u0301", "😀", "\u2581", "</s>", "<extra_id_0>", ">>", "ab",
        "e\u0301\u0323", "'s", "fra_Latn "}) {
    std::string text;
    while (text.size() < 1'000'000)
      text += unit;
    const std::clock_t start = std::clock(); // a neighbour's load does not count
    const auto encoding =
        (*loaded)->encode(text, {.parseSpecialTokens = true, .offsets = true});
    ASSERT_TRUE(encoding.ok()) << encoding.status().message();
    ASSERT_TRUE((*loaded)->decode(encoding->ids).ok());
    const double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, isSanitized ? 20 : 1) << inQuotes(unit);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Property, testing::Range(size_t(0), size_t(6)),
                         [](const auto &info) { return smallDescriptions()[info.param].first; });
