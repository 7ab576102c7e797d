//===- MarianTest.cpp - what the Marian tokenizer adds to SentencePiece ---===//

#include "Load.h"
#include "ModelWriter.h"
#include "runtime/text/Utf8.h"

#include <gtest/gtest.h>

#include <chrono>

using namespace encdec;
using namespace encdec::test;
using Ids = std::vector<int32_t>;

namespace {
/// A tokenizer over a few words; the vocabulary numbers pieces differently
/// from SentencePiece, lacks one of its pieces and has language codes.
struct Small {
  std::string spm = smallModel();
  std::string vocab =
      R"({"</s>":0,"<unk>":1,"▁a":2,"b":3,"▁":4,">>fra<<":5,">>deu<<":6,)"
      R"("é":7,"<pad>":8})";
  std::string targetSpm = spm, targetVocab, config;

  Result<Loaded> make() const {
    return loadMarian({spm, targetSpm, vocab, targetVocab, config});
  }
};

Ids encode(const Loaded &loaded, std::string_view text, bool parseSpecialTokens = false,
           std::vector<std::string> *warnings = nullptr) {
  auto encoding = loaded->encode(text, {.parseSpecialTokens = parseSpecialTokens});
  EXPECT_TRUE(encoding.ok()) << encoding.status().message();
  if (!encoding.ok())
    return {};
  if (warnings)
    warnings->insert(warnings->end(), encoding->warnings.begin(), encoding->warnings.end());
  return encoding->ids;
}

std::vector<std::string> codesOf(const Tokenizer &tokenizer) {
  std::vector<std::string> codes;
  for (size_t i = 0; i < tokenizer.languageCount(); ++i)
    codes.emplace_back(tokenizer.languageCode(i));
  return codes;
}
} // namespace

TEST(Marian, NumbersPiecesByTheVocabulary) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ(encode(*t, "ab b"), (Ids{2, 3, 4, 3, 0}));
  EXPECT_EQ(encode(*t, ""), (Ids{0}));
  EXPECT_EQ(encode(*t, "   "), (Ids{0})) << "spaces alone are no pieces";
  EXPECT_EQ(encode(*t, "ac"), (Ids{2, 1, 0})) << "c is a piece without an id";
  EXPECT_EQ(encode(*t, "aé"), (Ids{2, 7, 0})) << "é has an id, but is no piece";
  EXPECT_EQ(encode(*t, "axyz"), (Ids{2, 1, 0})) << "unknown runs are merged";
}

TEST(Marian, KnowsItsSpecialIds) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok());
  EXPECT_EQ((*t)->eosId(), 0);
  EXPECT_EQ((*t)->unkId(), 1);
  EXPECT_EQ((*t)->padId(), 8);
  EXPECT_EQ((*t)->sourceIds(), 9);
  EXPECT_EQ(codesOf(**t),
            (std::vector<std::string>{">>fra<<", ">>deu<<"}));
}

TEST(Marian, TakesALanguageCodeInFront) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok());
  std::vector<std::string> warnings;
  EXPECT_EQ(encode(*t, ">>fra<< ab", false, &warnings), (Ids{5, 2, 3, 0}));
  EXPECT_EQ(encode(*t, ">>deu<<ab", false, &warnings), (Ids{6, 2, 3, 0}));
  EXPECT_EQ(encode(*t, ">>fra<<", false, &warnings), (Ids{5, 0}));
  EXPECT_TRUE(warnings.empty());
  // Not in front: text like any other ("a" is a piece that has no id).
  EXPECT_EQ(encode(*t, "a>>fra<<", false, &warnings), (Ids{2, 1, 1, 1, 0}));
  EXPECT_TRUE(warnings.empty());
}

/// Whatever a vocabulary holds, a warning is one line, and no longer than people read.
TEST(Marian, WarnsInOneLine) {
  Small small;
  small.config = R"({"unk_token": "\n"})";
  small.vocab = R"({"</s>":0,"\n":1,">>\u001b[m<<":2)";
  for (int id = 3; id < 1000; ++id)
    small.vocab += ",\">>" + std::to_string(id) + "<<\":" + std::to_string(id);
  small.vocab += "}";
  const auto t = small.make();
  ASSERT_TRUE(t.ok()) << t.status().message();
  std::vector<std::string> warnings;
  encode(*t, ">>spa<< a", false, &warnings);
  ASSERT_EQ(warnings.size(), 1u);
  for (const char c : warnings[0])
    EXPECT_GE(static_cast<unsigned char>(c), 0x20) << warnings[0];
  EXPECT_NE(warnings[0].find("'>>3<<'"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find(" more"), std::string::npos) << warnings[0];
  EXPECT_LT(warnings[0].size(), 2000u);
  encode(*t, ">>spa<<</s>>>ita<<", true, &warnings);
  EXPECT_EQ(warnings.size(), 2u) << "one for each text";
}

TEST(Marian, NamesAnUnknownLanguageCodeAndTheKnownOnes) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok());
  std::vector<std::string> warnings;
  EXPECT_EQ(encode(*t, ">>spa<< a", false, &warnings), (Ids{1, 2, 0}));
  ASSERT_EQ(warnings.size(), 1u);
  for (const char *part : {"'>>spa<<'", ">>fra<<", ">>deu<<"})
    EXPECT_NE(warnings[0].find(part), std::string::npos) << warnings[0];
}

TEST(Marian, EntriesThatNoTextUsesMayHaveAnyIds) {
  Small small;
  small.vocab = R"({"</s>":0,"<unk>":1,"▁a":2,"b":9,"▁":4,">>fra<<":6,"x":70})";
  auto t = small.make();
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ((*t)->sourceIds(), 10) << "x is no piece";
  EXPECT_EQ(codesOf(**t), (std::vector<std::string>{">>fra<<"}));
  EXPECT_EQ(encode(*t, ">>fra<< ab"), (Ids{6, 2, 9, 0}));
  EXPECT_EQ((*t)->targetPieces(Ids{9, 5}), (std::vector<std::string>{"b", "<5>"}));
  small.vocab.insert(1, R"(">>deu<<":40,)");
  EXPECT_EQ((*small.make())->sourceIds(), 41) << "users may choose the language";
}

TEST(Marian, TextThatSpellsASpecialTokenStaysText) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(encode(*t, "a</s>b"), (Ids{2, 1, 3, 0}));
  EXPECT_EQ(encode(*t, "</s>"), (Ids{4, 1, 0}));
  EXPECT_EQ(encode(*t, "a</s>b", true), (Ids{2, 0, 4, 3, 0}));
  EXPECT_EQ(encode(*t, "<pad><unk></s>", true), (Ids{8, 1, 0, 0}));
}

TEST(Marian, AnUnknownRunThatSpellsASpecialTokenIsNoSpecialToken) {
  // Without a dummy prefix, "</s>" is one run of unknown characters.
  Small small;
  small.spm = smallModel({.addDummyPrefix = false});
  const auto t = small.make();
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(encode(*t, "</s>"), (Ids{1, 0}));
  EXPECT_EQ(encode(*t, "<pad>"), (Ids{1, 1, 1, 0})) << "<p, a, d>";
}

TEST(Marian, DecodesWithoutSpecialTokensAndOuterSpace) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok());
  EXPECT_EQ((*t)->decode(Ids{2, 3, 2, 1, 8, 3, 0}).value(), "ab ab");
  EXPECT_EQ((*t)->decode(Ids{4, 4, 2, 4}).value(), "a");
  EXPECT_EQ((*t)->decode(Ids{}).value(), "");
  EXPECT_EQ((*t)->decode(Ids{-1}).status().code(), Code::Usage);
  EXPECT_EQ((*t)->sourcePieces(Ids{2, 0, 9, -1}),
            (std::vector<std::string>{"▁a", "</s>", "<9>", "<-1>"}));
}

TEST(Marian, IdsWithoutAPieceDecodeAsTheUnknownToken) {
  const auto t = Small().make();
  ASSERT_TRUE(t.ok());
  EXPECT_EQ((*t)->decode(Ids{2, 9, 2, 3, 1000, 0}).value(), "a<unk> ab<unk>");
}

/// Entries that are no pieces are written out too, each in time linear in the text.
TEST(Marian, DecodesSpacesOfOtherEntries) {
  Small small;
  small.vocab.back() = ',';
  small.vocab += R"("x▁y▁":9})";
  const auto t = small.make();
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ((*t)->decode(Ids{9, 9, 2}).value(), "x y x y  a");
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE((*t)->decode(Ids(300'000, 9)).ok());
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  EXPECT_LT(time.count(), 5);
}

TEST(Marian, SeparateVocabulariesDecodeWithTheTargets) {
  Small small;
  small.config = R"({"separate_vocabs": true, "target_lang": "fr"})";
  small.targetVocab = R"({"</s>":0,"<unk>":1,"b":2,"▁a":3})";
  const auto t = small.make();
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ(encode(*t, "ab"), (Ids{2, 3, 0}));
  EXPECT_EQ((*t)->decode(Ids{3, 2, 1, 0}).value(), "ab");
}

TEST(Marian, ReadsTokensFromTheConfiguration) {
  Small small;
  small.config = R"({"unk_token": {"content": "b", "special": true},)"
                 R"("pad_token": null, "eos_token": "é",)"
                 R"("added_tokens_decoder": {"2": {"content": "▁a",)"
                 R"("special": true}}})";
  const auto t = small.make();
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ((*t)->unkId(), 3);
  EXPECT_EQ((*t)->eosId(), 7);
  EXPECT_EQ((*t)->decode(Ids{2, 5, 7, 3}).value(), ">>fra<<");
}

/// Decoding ends with Python's str.strip().
TEST(Marian, StripsWhatPythonStrips) {
  auto stripped = [](const std::string &name) {
    Small small;
    small.vocab.back() = ',';
    small.vocab += "\"" + name + "\":9}";
    const auto t = small.make();
    EXPECT_TRUE(t.ok()) << t.status().message();
    return t.ok() ? (*t)->decode(Ids{9}).value() : "";
  };
  EXPECT_EQ(stripped(" \\t\\n\u00a0\u3000a b\u2009\u2028\u0085\\u001c"), "a b");
  EXPECT_EQ(stripped("\u200ba\u200b"), "\u200ba\u200b");
  EXPECT_EQ(stripped("  "), "");
}

TEST(Utf8, KnowsWellFormedCharacters) {
  for (const char *text : {"a", "é", "€", "😀", "\xEF\xBF\xBD", "\U0010FFFF"})
    EXPECT_EQ(validCharLength(text), std::string_view(text).size()) << text;
  for (const char *text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
        "\xE2\x82"})
    EXPECT_EQ(validCharLength(text), 0u) << inQuotes(text);
  EXPECT_EQ(inQuotes("a\nb\xFF"), "'a\\x0Ab\\xFF'");
}
