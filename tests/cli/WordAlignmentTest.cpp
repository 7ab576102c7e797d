//===- WordAlignmentTest.cpp - words from pieces, and what they ask --------===//

#include "runtime/tools/WordAlignment.h"

#include <gtest/gtest.h>

using namespace encdec::tools;

namespace {

using Pieces = std::vector<std::string>;

std::vector<std::string> textsOf(const Pieces &pieces, std::vector<bool> special = {}) {
  special.resize(pieces.size());
  std::vector<std::string> texts;
  size_t end = 0;
  for (const Word &word : wordsOf(pieces, special)) {
    EXPECT_LT(word.begin, word.end);
    EXPECT_GE(word.begin, end);
    end = word.end;
    texts.push_back(word.text);
  }
  return texts;
}

TEST(Words, BeginWhereTheVocabularySaysSo) {
  EXPECT_EQ(textsOf({"\u2581Where", "\u2581is", "\u2581sta", "tion", "?"}),
            (Pieces{"Where", "is", "station?"}));
  EXPECT_EQ(textsOf({"\u0120the", "\u0120cat", "s"}), (Pieces{"the", "cats"}));
  EXPECT_EQ(textsOf({"lower@@", "ing", "costs"}), (Pieces{"lowering", "costs"}));
  EXPECT_EQ(textsOf({"5", "17", "2"}), (Pieces{"5", "17", "2"}));
  EXPECT_EQ(textsOf({}), Pieces());
}

TEST(Words, SpecialPiecesAreNone) {
  EXPECT_EQ(textsOf({"fra_Latn", "\u2581oui", "</s>"}, {true, false, true}), Pieces{"oui"});
  // A piece behind a special one begins a word without a mark.
  EXPECT_EQ(textsOf({"<s>", "a", "\u2581b"}, {true, false, false}), (Pieces{"a", "b"}));
  // A mark of its own is part of the word that follows, or no word.
  EXPECT_EQ(textsOf({"\u2581", "a", "\u2581"}), Pieces{"a"});
}

TEST(Words, OfATextHaveTheirPieces) {
  // "I", a word that the tokenizer drops, "tea." of two pieces behind a lone mark, the end.
  const std::vector<Range> bytes{{0, 1}, {5, 6}, {6, 9}, {9, 10}, {0, 0}};
  const std::vector<Word> words = wordsIn("I \u200b tea. ", bytes);
  ASSERT_EQ(words.size(), 3u);
  const Word expected[] = {{"I", 0, 1}, {"\u200b", 0, 0}, {"tea.", 1, 4}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(words[i].text, expected[i].text);
    EXPECT_EQ(words[i].begin, expected[i].begin) << i;
    EXPECT_EQ(words[i].end, expected[i].end) << i;
  }
  // The same as one piece with what was dropped before it.
  EXPECT_EQ(wordsIn("I \u200b tea.", std::vector<Range>{{0, 1}, {1, 10}})[2].begin, 1u);
  EXPECT_TRUE(wordsIn("", {}).empty());
  EXPECT_TRUE(wordsIn(" \t", std::vector<Range>{{0, 1}, {2, 2}}).empty());
}

TEST(WordAlignment, AddsPiecesOfTheSourceAndAveragesTheTargets) {
  // Two heads; the source's end token takes what no word gets.
  const Pieces source{"\u2581a", "b", "\u2581c", "</s>"}, target{"\u2581x", "\u2581y", "z"};
  const std::vector<bool> sourceSpecial{false, false, false, true}, targetSpecial(3);
  const std::vector<float> probs{
      0.1f, 0.3f, 0.2f, 0.4f, 0.0f, 0.2f, 0.5f, 0.3f, 0.1f, 0.1f, 0.7f, 0.1f,  // head 1
      0.3f, 0.1f, 0.2f, 0.4f, 0.2f, 0.0f, 0.5f, 0.3f, 0.1f, 0.1f, 0.3f, 0.5f}; // head 2
  const WordAlignment made =
      alignWords(wordsOf(source, sourceSpecial), wordsOf(target, targetSpecial), probs, 2,
                 source.size());
  ASSERT_EQ(made.probs.size(), 4u);
  const float expected[] = {0.4f, 0.2f, 0.2f, 0.5f};
  for (size_t i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(made.probs[i], expected[i]) << i;
  EXPECT_EQ(pharaoh(made), "0-0 1-1");
}

} // namespace
