//===- DecoderTest.cpp - the stages of decoders, and languages in the text -===//

#include "Descriptions.h"
#include "Load.h"
#include "ModelWriter.h"

#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::test;
using Ids = std::vector<int32_t>;

namespace {
/// What names decode to, by their places as ids.
std::string decoded(const std::vector<std::string> &names, DecoderDescription decoder,
                    const Ids &ids) {
  TokenizerDescription description = wordUnigram();
  description.vocabularies[0].names.clear();
  for (const std::string &name : names)
    description.vocabularies[0].names.emplace_back(
        name, int32_t(description.vocabularies[0].names.size()));
  description.decoder = std::move(decoder);
  const auto loaded = load(description);
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? (*loaded)->decode(ids).value() : "";
}
DecoderDescription stages(std::vector<DecoderStage> all) {
  DecoderDescription decoder;
  decoder.stages = std::move(all);
  return decoder;
}
} // namespace

TEST(Decoder, BytesOfARunAreJudgedTogether) {
  // As Llama's and MADLAD's files have it: Replace, ByteFallback, Fuse, Strip.
  const auto decoder = stages({ReplaceDecoder{"▁", " "}, ByteFallbackDecoder{},
                               StripDecoder{.from = " ", .start = 1}});
  const std::vector<std::string> names = {"▁a", "<0xC3>", "<0xA9>", "<0xFF>", "b▁▁", "▁"};
  EXPECT_EQ(decoded(names, decoder, {0, 1, 2, 4}), "aéb  ");
  EXPECT_EQ(decoded(names, decoder, {0, 1, 2, 3, 0}), "a\uFFFD\uFFFD\uFFFD a");
  EXPECT_EQ(decoded(names, decoder, {5, 5, 0}), "  a") << "one space goes";
  EXPECT_EQ(decoded(names, decoder, {1}), "\uFFFD");
}

TEST(Decoder, StripsBothEnds) {
  const auto decoder = stages({StripDecoder{.from = "_", .start = 2, .stop = 1}});
  const std::vector<std::string> names = {"_", "a", "__b__"};
  EXPECT_EQ(decoded(names, decoder, {0, 0, 0, 1, 0, 0}), "_a_");
  EXPECT_EQ(decoded(names, decoder, {2, 2}), "b____b_");
  EXPECT_EQ(decoded(names, decoder, {0}), "");
}

TEST(Decoder, MetaspacesOfTheFirstName) {
  const std::vector<std::string> names = {"▁▁a▁b", "c"};
  EXPECT_EQ(decoded(names, stages({MetaspaceDecoder{}}), {0, 0}), "ab  a b");
  EXPECT_EQ(decoded(names, stages({MetaspaceDecoder{PrependScheme::Never}}), {0}), "  a b");
  EXPECT_EQ(decoded(names, stages({MetaspaceDecoder{}}), {1, 0}), "c  a b");
}

TEST(Decoder, SpacesAreCleanedUpAsTransformersDoes) {
  auto decoder = stages({MetaspaceDecoder{}});
  decoder.cleanUpSpaces = true;
  const std::vector<std::string> names = {"▁do", "▁n't", "▁.", "▁'", "▁s", "▁'s", "▁"};
  EXPECT_EQ(decoded(names, decoder, {0, 1, 2, 2}), "don't..");
  EXPECT_EQ(decoded(names, decoder, {0, 3, 4}), "do's");
  EXPECT_EQ(decoded(names, decoder, {0, 5, 6, 2, 6}), "do's . ");
}

TEST(Decoder, IdsThatAreLeftOutAndIdsWithoutNames) {
  auto decoder = stages({MetaspaceDecoder{}});
  decoder.skipped = {0};
  const std::vector<std::string> names = {"</s>", "▁a"};
  EXPECT_EQ(decoded(names, decoder, {0, 1, 0, 7, 1}), "a a");
  decoder.unnamed = "<unk> ";
  decoder.stripWhitespace = true;
  EXPECT_EQ(decoded(names, decoder, {1, 7}), "a<unk>");
}

/// A language stands in the text as if the user had written it.
TEST(Languages, InTheText) {
  const std::string spm = smallModel();
  const auto marian = loadMarian(
      {spm, spm, R"({"</s>":0,"<unk>":1,"▁a":2,">>fra<<":5,">>deu<<":6})", {}, {}});
  ASSERT_TRUE(marian.ok()) << marian.status().message();
  EXPECT_TRUE((*marian)->hasTargetLanguage());
  EXPECT_FALSE((*marian)->hasSourceLanguage());
  const auto language = (*marian)->findLanguage("deu");
  ASSERT_TRUE(language.ok());
  const auto encoding = (*marian)->encode(
      "a", {.offsets = true, .targetLanguage = int32_t(*language)});
  EXPECT_EQ(encoding->ids, (Ids{6, 2, 0}));
  EXPECT_EQ(encoding->offsets[0], (Origin{0, 0})) << "it is not of the caller's text";
  EXPECT_EQ(encoding->offsets[1], (Origin{0, 1}));

  TokenizerDescription madlad = sentencePieceUnigram();
  madlad.languages.languages = {{"<2fr>", {"fr"}, 7}};
  madlad.languages.inText = " ";
  const auto loaded = load(madlad);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ((*loaded)->encode("a", {.targetLanguage = 0})->ids, (Ids{3, 7, 4, 0}));
  EXPECT_EQ((*loaded)->encode("<2fr> a")->ids, (Ids{3, 7, 4, 0}));
  EXPECT_EQ((*loaded)->encode("a", {.targetLanguage = 1}).status().code(), Code::Usage);
}
