//===- SentencesTest.cpp - where a text may be cut ------------------------===//

#include "runtime/tools/Sentences.h"

#include <gtest/gtest.h>

#include <random>

using namespace encdec::tools;

namespace {

std::string join(const std::vector<TextPart> &parts) {
  std::string text;
  for (const TextPart &part : parts)
    text += part.text + part.gap;
  return text;
}

std::vector<std::string> textsOf(const std::vector<TextPart> &parts) {
  std::vector<std::string> texts;
  for (const TextPart &part : parts)
    texts.push_back(part.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Sentences, EndWithMarksBeforeAStart) {
  const std::pair<const char *, Texts> cases[] = {
      {"One. Two! Three?", {"One.", "Two!", "Three?"}},
      {"He said \"Stop.\" Then he left.", {"He said \"Stop.\"", "Then he left."}},
      {"Wait… Élan. ¿Qué? Ja.", {"Wait…", "Élan.", "¿Qué?", "Ja."}},
      {"What?! \"No.\"  (Yes.) End", {"What?!", "\"No.\"", "(Yes.)", "End"}},
      {"Она. Он. он.", {"Она.", "Он. он."}},
      {"今日は。明日は！『はい。』", {"今日は。", "明日は！", "『はい。』"}},
      {" \u3000One. Two.", {"", "One.", "Two."}}, // the gap of an empty part
      {" \t", {""}},
      {"", {""}},
      {"No mark", {"No mark"}},
  };
  for (const auto &[text, parts] : cases)
    EXPECT_EQ(textsOf(splitSentences(text)), parts) << text;
}

TEST(Sentences, DoNotEndWithin) {
  for (const char *text :
       {"e.g. this and i.e. that", "It costs 3.50 now", "See No. 5 there", "J. R. Smith came",
        "www.example.com is one", "wait... no", "état. été"})
    EXPECT_EQ(splitSentences(text).size(), 1u) << text;
}

TEST(Sentences, ClausesEndWithMarksBeforeSpace) {
  EXPECT_EQ(textsOf(splitClauses("One, two; three: 3,5 – four")),
            (Texts{"One,", "two;", "three:", "3,5 –", "four"}));
  EXPECT_EQ(textsOf(splitClauses("一、二，三")), (Texts{"一、", "二，", "三"}));
}

TEST(Sentences, PartsAndGapsAreTheText) {
  const std::string pieces[] = {"a", "B", ".", "!", "…", "。", " ", "  ", "\t", "\"", "É", "é",
                                ",", "；", "\xff", "5", "\xe2\x80", "「", "\u3000"};
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (unsigned i = random() % 12; i > 0; --i)
      text += pieces[random() % std::size(pieces)];
    for (const auto &parts : {splitSentences(text), splitClauses(text)}) {
      ASSERT_EQ(join(parts), text);
      for (const TextPart &part : parts)
        ASSERT_TRUE(!part.text.empty() || &part == &parts.front()) << text;
    }
  }
}

} // namespace
