//===- PipelineTest.cpp - every kind of model and stage, on small tables --===//

#include "Descriptions.h"
#include "Load.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/PreTokenizer.h"

#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::test;
using Ids = std::vector<int32_t>;

namespace {
Loaded loaded(const TokenizerDescription &description) {
  auto made = load(description);
  EXPECT_TRUE(made.ok()) << made.status().message();
  return std::move(made).value();
}

Encoding encode(const Loaded &tokenizer, std::string_view text, EncodeOptions options = {}) {
  auto encoding = tokenizer->encode(text, options);
  EXPECT_TRUE(encoding.ok()) << encoding.status().message();
  return encoding.ok() ? std::move(*encoding) : Encoding();
}

std::string decode(const Loaded &tokenizer, const Ids &ids) {
  auto text = tokenizer->decode(ids);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

std::vector<std::pair<uint32_t, uint32_t>> offsetsOf(const Loaded &tokenizer,
                                                     std::string_view text) {
  std::vector<std::pair<uint32_t, uint32_t>> offsets;
  for (const Origin &origin : encode(tokenizer, text, {.offsets = true}).offsets)
    offsets.emplace_back(origin.begin, origin.end);
  return offsets;
}
using Offsets = std::vector<std::pair<uint32_t, uint32_t>>;

/// A text as the stages make it, and the words.
struct Made {
  std::string text;
  std::vector<std::string> words;
};
Made make(std::vector<NormalizerStage> normalizers,
          std::vector<PreTokenizerStage> preTokenizers, std::string_view text) {
  TokenizerDescription description = wordUnigram();
  PipelineDescription &pipeline = description.pipelines[0];
  for (const PreTokenizerStage &stage : preTokenizers)
    if (std::holds_alternative<ByteLevelSplit>(stage))
      pipeline.model = byteLevelBpe().pipelines[0].model;
  pipeline.normalizers = std::move(normalizers);
  pipeline.preTokenizers = std::move(preTokenizers);
  const Loaded tokenizer = loaded(description);
  const auto table = TokenizerTable::open(bytesOf(*tokenizer.table));
  Text made(true);
  EXPECT_TRUE(normalize(*table, table->pipelines[0], text, 0, made).ok());
  Made result{made.bytes, {}};
  std::vector<Word> words;
  splitIntoWords(table->pipelines[0], true, made, words);
  for (const Word &word : words)
    result.words.push_back(made.bytes.substr(word.begin, word.end - word.begin));
  EXPECT_EQ(made.origins.size(), made.size());
  return result;
}
std::string normal(NormalizerStage stage, std::string_view text) {
  return make({std::move(stage)}, {}, text).text;
}
using Words = std::vector<std::string>;
} // namespace

TEST(Pipeline, ATextThatGrowsIsRefusedWhileItGrows) {
  TokenizerDescription description = wordUnigram();
  ReplaceNormalizer replace;
  replace.alternatives = {{ReplacePattern::Kind::Literal, "a"}};
  replace.content = std::string(1 << 20, 'x');
  description.pipelines[0].normalizers = {replace};
  const Loaded tokenizer = loaded(description);
  // As a whole this would be a terabyte.
  const auto ids = tokenizer->encode(std::string(1 << 20, 'a'), {});
  EXPECT_EQ(ids.status().code(), Code::Limit) << ids.status().message();
}

TEST(Pipeline, WordsByThemselves) {
  const Loaded t = loaded(wordUnigram());
  EXPECT_EQ(encode(t, "ab  a\tb").ids, (Ids{7, 4, 3, 5, 0}));
  EXPECT_EQ(encode(t, "").ids, (Ids{0}));
  EXPECT_EQ(encode(t, " \n ").ids, (Ids{0}));
  EXPECT_EQ(encode(t, "xy").ids, (Ids{3, 1, 0})) << "a run of unknown characters";
  EXPECT_EQ(decode(t, {7, 4, 3, 5, 0}), "ab a b");
  EXPECT_EQ(decode(t, {5, 3, 3, 100, 7}), "b   ab") << "id 100 has no name";
  EXPECT_EQ(decode(t, {3, 7}), " ab") << "the first name loses all its symbols";
  EXPECT_EQ(offsetsOf(t, "ab  a\tb"), (Offsets{{0, 2}, {4, 5}, {6, 7}, {6, 7}, {7, 7}}));
}

TEST(Pipeline, SpecialTokensStayTextUnlessAskedFor) {
  const Loaded t = loaded(wordUnigram());
  EXPECT_EQ(encode(t, "a</s>").ids, (Ids{4, 1, 0})) << "never by the pieces either";
  EXPECT_EQ(encode(t, "a</s>b", {.parseSpecialTokens = true}).ids, (Ids{4, 0, 3, 5, 0}));
  EXPECT_EQ(encode(t, "a<extra_id_0>b").ids, (Ids{4, 8, 3, 5, 0})) << "sentinels always";
  EXPECT_EQ(encode(t, "a", {.affixes = false}).ids, (Ids{4}));
}

TEST(Pipeline, AddedTokensTakeWhitespaceAndStandAlone) {
  TokenizerDescription description = wordUnigram();
  auto &added = description.pipelines[0].addedTokens;
  added.push_back({.text = "[l]", .id = 8, .always = true, .lstrip = true});
  added.push_back({.text = "[r]", .id = 8, .always = true, .rstrip = true});
  added.push_back({.text = "w", .id = 8, .always = true, .singleWord = true});
  added.push_back({.text = "Nn", .id = 8, .always = true, .normalized = true});
  description.pipelines[0].normalizers = {LowercaseNormalizer{}};
  description.pipelines[0].addedTokens.back().text = "nn";
  const Loaded t = loaded(description);
  EXPECT_EQ(offsetsOf(t, "a \u2009[l] a"), (Offsets{{0, 1}, {1, 8}, {9, 10}, {10, 10}}));
  EXPECT_EQ(offsetsOf(t, "a [r] \t a"), (Offsets{{0, 1}, {2, 8}, {8, 9}, {9, 9}}));
  EXPECT_EQ(encode(t, "w").ids, (Ids{8, 0}));
  EXPECT_EQ(encode(t, "(w)").ids, (Ids{3, 1, 8, 3, 1, 0}));
  for (const char *text : {"éw", "w_", "1w", "w\u0301"})
    for (const int32_t id : encode(t, text).ids)
      EXPECT_NE(id, 8) << text;
  EXPECT_EQ(encode(t, "a nN").ids, (Ids{4, 8, 0}));
}

TEST(Pipeline, OfTwoAddedTokensTheLongerCounts) {
  TokenizerDescription description = wordUnigram();
  auto &added = description.pipelines[0].addedTokens;
  added.push_back({.text = "</s></s>", .id = 8, .always = true});
  const Loaded t = loaded(description);
  EXPECT_EQ(encode(t, "</s></s>", {.parseSpecialTokens = true}).ids, (Ids{8, 0}));
  EXPECT_EQ(encode(t, "</s></s>").ids, (Ids{8, 0}));
}

TEST(Pipeline, SentencePieceFallsBackToBytes) {
  const Loaded t = loaded(sentencePieceUnigram());
  EXPECT_EQ(encode(t, "aé").ids, (Ids{4, 9 + 0xC3, 9 + 0xA9, 0}));
  EXPECT_EQ(encode(t, "a\xFF").ids, (Ids{4, 9 + 0xEF, 9 + 0xBF, 9 + 0xBD, 0}));
  EXPECT_EQ(encode(t, "ba").ids, (Ids{3, 5, 6, 0})) << "an unused piece is never made";
  EXPECT_EQ(encode(t, "<2fr>a").ids, (Ids{3, 7, 6, 0}));
  EXPECT_EQ(encode(t, "<0x41>").ids.size(), 8u) << "no byte piece by its spelling";
  EXPECT_EQ(decode(t, {4, 9 + 0xC3, 9 + 0xA9, 0}), "aé");
  EXPECT_EQ(decode(t, {9 + 0xC3, 9 + 0xC3, 5}), "\uFFFD\uFFFDb");
  EXPECT_EQ(decode(t, {9 + 0xE2, 9 + 0x82}), "\uFFFD\uFFFD") << "one for each byte";
  // Where a character has several bytes, the last one stands for it.
  EXPECT_EQ(offsetsOf(t, "a é"),
            (Offsets{{0, 1}, {1, 2}, {2, 2}, {2, 4}, {4, 4}}));
}

TEST(Pipeline, SentencePieceMergesByScore) {
  const Loaded t = loaded(sentencePieceBpe());
  EXPECT_EQ(encode(t, "ab").ids, (Ids{4, 0}));
  EXPECT_EQ(encode(t, "abc").ids, (Ids{4, 12, 0})) << "▁ab before abc";
  EXPECT_EQ(encode(t, "cabc").ids, (Ids{9, 12, 6, 0}));
  EXPECT_EQ(encode(t, "caaaaa").ids, (Ids{9, 12, 8, 10, 0})) << "leftmost first";
  EXPECT_EQ(encode(t, "axyb").ids, (Ids{9, 10, 1, 11, 0})) << "one unknown run";
}

TEST(Pipeline, SentencePieceMergesThroughWhatIsNoPiece) {
  TokenizerDescription description = sentencePieceBpe();
  auto &pieces = description.pipelines[0].model.pieces;
  pieces[3].type = PieceType::Unused; // "ab" merges, but is taken apart again
  pieces.push_back({"xy", -3, PieceType::Normal, 13}); // neither x nor y is a piece
  description.vocabularies[0].names.emplace_back("xy", 13);
  const Loaded t = loaded(description);
  EXPECT_EQ(encode(t, "cab").ids, (Ids{9, 12, 10, 11, 0}));
  EXPECT_EQ(encode(t, "cabc").ids, (Ids{9, 12, 6, 0}));
  EXPECT_EQ(encode(t, "xyx").ids, (Ids{9, 13, 1, 0}));
  pieces[4].type = PieceType::UserDefined; // "▁ab" merges with nothing
  pieces[5].type = PieceType::UserDefined; // nor does "bc"
  EXPECT_EQ(encode(loaded(description), "cabc").ids, (Ids{9, 12, 10, 5, 0}));
}

TEST(Pipeline, BytesMergeByRank) {
  const Loaded t = loaded(byteLevelBpe());
  EXPECT_EQ(encode(t, "the the").ids, (Ids{2, 260, 261, 0}));
  EXPECT_EQ(encode(t, " té").ids, (Ids{2, 262, 3 + 0xC3, 3 + 0xA9, 0}));
  EXPECT_EQ(encode(t, "").ids, (Ids{2, 0}));
  EXPECT_EQ(decode(t, {2, 260, 261, 3 + 0xC3, 3 + 0xA9, 0}), "the theé");
  EXPECT_EQ(decode(t, {3 + 0xE2, 3 + 0x82, 3 + 'a'}), "\uFFFDa") << "one a part";
  EXPECT_EQ(offsetsOf(t, "the the"), (Offsets{{0, 0}, {0, 3}, {4, 7}, {7, 7}}));
  EXPECT_EQ(t->sourcePieces(Ids{261, 999}), (Words{"Ġthe", "<999>"}));
}

TEST(Pipeline, WholeWordsCanBeatMerges) {
  TokenizerDescription description = byteLevelBpe();
  ModelDescription &model = description.pipelines[0].model;
  model.pieces.push_back({"xyz", 0, PieceType::Normal, 263});
  description.vocabularies[0].names.emplace_back("xyz", 263);
  EXPECT_EQ(encode(loaded(description), "xyz").ids.size(), 5u);
  model.ignoreMerges = true;
  EXPECT_EQ(encode(loaded(description), "xyz").ids, (Ids{2, 263, 0}));
}

TEST(Pipeline, AByteIsAnId) {
  const Loaded t = loaded(bytes());
  EXPECT_EQ(encode(t, "aé").ids, (Ids{3 + 'a', 3 + 0xC3, 3 + 0xA9, 0}));
  EXPECT_EQ(encode(t, "a<extra_id_0>").ids, (Ids{3 + 'a', 259, 0}));
  EXPECT_EQ(encode(t, "a</s>", {.parseSpecialTokens = true}).ids, (Ids{3 + 'a', 0}))
      << "no second end";
  EXPECT_EQ(decode(t, {3 + 'a', 3 + 0xC3, 3 + 'b', 3 + 0xE2, 3 + 0x82}), "ab")
      << "broken characters are left out";
  EXPECT_EQ(decode(t, {259, 5000}), "<extra_id_0>");
}

TEST(Pipeline, Normalizers) {
  EXPECT_EQ(normal(UnicodeNormalizer{UnicodeForm::Nfc}, "e\u0301\u0323 ﬁ 한"),
            "\u1EB9\u0301 ﬁ 한");
  EXPECT_EQ(normal(UnicodeNormalizer{UnicodeForm::Nfd}, "\u1EB9\u0301\uAC01"),
            "e\u0323\u0301\u1100\u1161\u11A8");
  EXPECT_EQ(normal(UnicodeNormalizer{UnicodeForm::Nfkc}, "ﬁ Ａ"), "fi A");
  EXPECT_EQ(normal(UnicodeNormalizer{UnicodeForm::Nfkd}, "é ²"), "e\u0301 2");
  EXPECT_EQ(normal(LowercaseNormalizer{}, "AÉİΣ"), "aéi\u0307σ");
  EXPECT_EQ(normal(StripNormalizer{}, "\t\u3000a b \n"), "a b");
  EXPECT_EQ(normal(StripNormalizer{.left = false}, " a "), " a");
  EXPECT_EQ(normal(StripNormalizer{.characters = " "}, "  \na \n "), "\na \n");
  EXPECT_EQ(normal(PrependNormalizer{"▁"}, "a"), "▁a");
  EXPECT_EQ(normal(PrependNormalizer{"▁"}, ""), "");
  using Kind = ReplacePattern::Kind;
  EXPECT_EQ(normal(ReplaceNormalizer{{{Kind::Literal, "ab"}}, "x"}, "aabab"), "axx");
  EXPECT_EQ(normal(ReplaceNormalizer{{{Kind::Literal, "a"}}, "xy", true}, "aaba"), "xyaba");
  EXPECT_EQ(normal(ReplaceNormalizer{{{Kind::Literal, "a"}}, "xy", true}, "baa"), "baa");
  EXPECT_EQ(normal(ReplaceNormalizer{{{Kind::Class, " ", 2, 0}}, "▁"}, "a  b c   "), "a▁b c▁");
  EXPECT_EQ(normal(ReplaceNormalizer{{{Kind::Whitespace, "", 2, 0}, {Kind::Class, "\n\t"}}, " "},
                   "a\u2009\nb\nc d\t"),
            "a b c d ");
  EXPECT_EQ(normal(UnicodeNormalizer{}, "a\xFF\xE2\x82z"), "a\uFFFD\uFFFD\uFFFDz");
}

/// As tokenizers 0.23 aligns them: a composed character takes as many characters as it has
/// parts that begin one, in the order of the text, and comes from the first.
TEST(Pipeline, ComposedCharactersKeepTheirPlaces) {
  const auto origins = [](UnicodeForm form, std::string_view text) {
    TokenizerDescription description = wordUnigram();
    description.pipelines[0].normalizers = {UnicodeNormalizer{form}};
    const Loaded tokenizer = loaded(description);
    const auto table = TokenizerTable::open(bytesOf(*tokenizer.table));
    Text made(true);
    EXPECT_TRUE(normalize(*table, table->pipelines[0], text, 0, made).ok());
    Offsets places; // of characters
    for (size_t i = 0; i < made.size(); ++i)
      if (!isTrail(made.bytes[i]))
        places.emplace_back(made.origins[i].begin, made.origins[i].end);
    return places;
  };
  // i, two cedillas, and a diaeresis with an acute accent in one character.
  EXPECT_EQ(origins(UnicodeForm::Nfc, "i\u0327\u0327\u0344"),
            (Offsets{{0, 1}, {3, 5}, {5, 7}}));
  EXPECT_EQ(origins(UnicodeForm::Nfc, "\u05BC\u05AD\u0344T"),
            (Offsets{{0, 2}, {2, 4}, {4, 6}, {4, 6}, {6, 7}}));
  EXPECT_EQ(origins(UnicodeForm::Nfd, "\uAC01x"), (Offsets{{0, 3}, {0, 3}, {0, 3}, {3, 4}}));
  EXPECT_EQ(origins(UnicodeForm::Nfkc, "\uFB03e\u0301"),
            (Offsets{{0, 3}, {0, 3}, {0, 3}, {3, 4}}));
}

TEST(Pipeline, PreTokenizers) {
  EXPECT_EQ(make({}, {WhitespaceSplit{}}, " a\u3000b  ").words, (Words{"a", "b"}));
  EXPECT_EQ(make({}, {Metaspace{}}, "a  b").words, (Words{"▁a", "▁", "▁b"}));
  EXPECT_EQ(make({}, {Metaspace{}}, " a▁b").words, (Words{"▁a", "▁b"}));
  EXPECT_EQ(make({}, {Metaspace{.split = false}}, "a b").words, (Words{"▁a▁b"}));
  EXPECT_EQ(make({}, {Metaspace{PrependScheme::Never}}, "a b").words, (Words{"a", "▁b"}));
  EXPECT_EQ(make({}, {WhitespaceSplit{}, Metaspace{PrependScheme::First}}, "a b").words,
            (Words{"▁a", "b"}));
  EXPECT_EQ(make({}, {ByteLevelSplit{.addPrefixSpace = true}}, "a").words, (Words{" a"}));
  EXPECT_EQ(make({}, {ByteLevelSplit{}}, "I'll've  don't 12é3!?\n\n x  ").words,
            (Words{"I", "'ll", "'ve", " ", " don", "'t", " 12", "é", "3", "!?", "\n\n",
                   " x", "  "}));
  EXPECT_EQ(make({}, {ByteLevelSplit{.split = false}}, "a b").words, (Words{"a b"}));
  EXPECT_EQ(make({}, {ByteLevelSplit{}}, "\u00a0\u3000a²½x\u0301").words,
            (Words{"\u00a0", "\u3000", "a", "²½", "x", "\u0301"}));
}

TEST(Pipeline, TextsOfAListAreWordsByThemselves) {
  const auto words = [](std::vector<std::string> literals, std::string_view text) {
    return make({}, {Metaspace{.split = false}, LiteralSplit{std::move(literals)}}, text).words;
  };
  EXPECT_EQ(words({"<x>", "<y>"}, "a<x>b <y><x>"), (Words{"▁a", "<x>", "b▁", "<y>", "<x>"}));
  EXPECT_EQ(words({"abc", "ab", "é"}, "abcab éa"), (Words{"▁", "abc", "ab", "▁", "é", "a"}));
  EXPECT_EQ(words({"ab", "abc"}, "abc"), (Words{"▁", "ab", "c"})) << "the first of the list";
  EXPECT_EQ(words({"a", "ab", "a"}, "aab"), (Words{"▁", "a", "a", "b"}));
  EXPECT_EQ(words({"▁a"}, "a a"), (Words{"▁a", "▁a"}));
  EXPECT_EQ(words({"x"}, "a"), (Words{"▁a"}));
}
