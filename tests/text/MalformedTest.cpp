//===- MalformedTest.cpp - broken tokenizer files: one sentence, no crash -===//

#include "LineGenerator.h"
#include "Load.h"
#include "ModelWriter.h"

#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::test;

namespace {
const char *goodVocab = R"({"</s>":0,"<unk>":1,"▁a":2,"b":3,"<pad>":4})";

/// A broken file and a part of the error that it must give.
struct Case {
  std::string name, file, message;
};

void expectBadModel(const Status &status, const std::string &file,
                    const std::string &message) {
  EXPECT_EQ(status.code(), Code::BadModel) << status.message();
  const std::string &text = status.message();
  EXPECT_NE(text.find(message), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with(file + ": ")) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  EXPECT_LT(text.size(), 300u) << text;
}

std::string truncated(const std::string &file, size_t size) {
  return file.substr(0, size);
}

SmallMap withUnit(size_t index, uint32_t unit) {
  SmallMap map;
  map.units[index] = unit;
  return map;
}

SmallMap withStrings(std::string strings) {
  SmallMap map;
  map.strings = std::move(strings);
  return map;
}

std::string withTrieBytes(uint32_t size) {
  std::string blob = SmallMap().blob();
  blob.replace(0, 4, u32(size));
  return smallModel({.charsMap = blob});
}

std::vector<Case> wireCases() {
  const std::string good = smallModel();
  return {
      {"CutInATag", smallPieces() + "\x80", "cut off"},
      {"CutInALength", smallPieces() + "\x0A\x80", "cut off"},
      {"CutInAVarint", smallPieces() + bytes(2, tag(3, 0) + "\xFF"), "cut off"},
      {"CutInAFloat", bytes(1, bytes(1, "a") + tag(2, 5) + "ab"),
       "expected 4 bytes"},
      {"CutInADouble", smallPieces() + tag(99, 1) + "abc", "expected 8 bytes"},
      {"LastByteMissing", truncated(good, good.size() - 1), "claims"},
      {"LengthPastEnd", smallPieces() + tag(3, 2) + varint(1000),
       "claims 1000"},
      {"LengthOf64Bits", tag(1, 2) + varint(UINT64_MAX), "claims"},
      {"InnerLengthPastItsMessage",
       bytes(1, tag(1, 2) + varint(9) + "abc") + good, "claims 9"},
      {"VarintOfElevenBytes", good + tag(9, 0) + std::string(10, '\x80') + "\1",
       "longer than 64 bits"},
      {"VarintOf65Bits", good + tag(9, 0) + std::string(9, '\x80') + "\2",
       "longer than 64 bits"},
      {"FieldZero", good + number(0, 1), "field number 0"},
      {"FieldTooLarge", good + varint(uint64_t(1) << 33), "outside 1.."},
      {"GroupStart", good + tag(7, 3), "wire type 3"},
      {"GroupEnd", good + tag(7, 4), "wire type 4"},
      {"WireTypeSix", good + tag(7, 6), "wire type 6"},
      {"WireTypeSeven", good + tag(7, 7), "wire type 7"},
      {"PiecesAsNumber", good + number(1, 5), "field pieces"},
      {"PieceTextAsNumber", bytes(1, number(1, 5)), "field piece"},
      {"ScoreAsVarint", bytes(1, bytes(1, "a") + number(2, 1)), "field score"},
      {"TypeAsBytes", bytes(1, bytes(1, "a") + bytes(3, "x")), "field type"},
      {"TrainerAsNumber", smallPieces() + number(2, 1), "field trainer_spec"},
      {"CharsMapAsNumber", smallPieces() + bytes(3, number(2, 1)),
       "field precompiled_charsmap"},
      {"TwoTrainers", good + bytes(2, ""), "twice"},
      {"TwoNormalizers", good + bytes(3, ""), "twice"},
      {"TwoTexts", bytes(1, bytes(1, "a") + bytes(1, "b")), "twice"},
      {"FlagOfTwo", smallPieces() + bytes(3, number(3, 2)), "0 or 1"},
      {"ModelTypeOf64Bits", smallPieces() + bytes(2, number(3, 1ull << 40)),
       "32 bits"},
      {"Json", "{\"model\": 1}", "wire type"},
  };
}

std::vector<Case> meaningCases() {
  std::string bytePieces;
  for (int i = 0; i < 255; ++i) {
    char text[8];
    snprintf(text, sizeof text, "<0x%02X>", i);
    bytePieces += piece(text, 0, 6);
  }
  const std::string fallback = bytes(2, number(35, 1));
  const float infinite = std::bit_cast<float>(0x7F800000u);
  const float notANumber = std::bit_cast<float>(0x7FC00000u);
  return {
      {"NoPieces", bytes(2, number(3, 1)), "no pieces"},
      {"NoUnknown", piece("a"), "UNKNOWN"},
      {"TwoUnknowns", smallPieces() + piece("<u>", 0, 2), "second unknown"},
      {"OnlyReserved", piece("<unk>", 0, 2), "could stand in a text"},
      {"PieceTwice", smallPieces() + piece("b", -1), "earlier piece"},
      {"ControlTwice", smallPieces() + piece("<s>", 0, 3), "earlier piece"},
      {"EmptyPiece", smallPieces() + piece(""), "without text"},
      {"PieceWithZero", smallPieces() + piece(std::string("a\0b", 3)), "zero"},
      {"PieceNotUtf8", smallPieces() + piece("\xC3("), "UTF-8"},
      {"PieceTooLong", smallPieces() + piece(std::string(2000, 'a')), "limit"},
      {"PieceOfTypeSeven", smallPieces() + piece("x", 0, 7), "1..6"},
      {"PieceOfTypeZero", smallPieces() + piece("x", 0, 0), "1..6"},
      {"ScoreInfinite", smallPieces() + piece("x", infinite), "finite"},
      {"ScoreNaN", smallPieces() + piece("x", notANumber), "finite"},
      {"Word", smallPieces() + bytes(2, number(3, 3)), "WORD"},
      {"UnknownModelType", smallPieces() + bytes(2, number(3, 9)), "type 9"},
      {"ByteWithoutFallback", smallPieces() + piece("<0x41>", 0, 6),
       "without byte_fallback"},
      {"ByteMisspelt", smallPieces() + piece("<0xG1>", 0, 6) + fallback,
       "<0xNN>"},
      {"ByteMissing", smallPieces() + bytePieces + fallback, "found 255"},
      {"Denormalizer", smallModel() + bytes(5, bytes(2, SmallMap().blob())),
       "denormalizer"},
      {"UnkSurfaceNotUtf8", smallPieces() + bytes(2, bytes(44, "\xFF")),
       "UTF-8"},
  };
}

std::vector<Case> mapCases() {
  const uint32_t leaf = 1u << 31, hasLeaf = 1u << 8;
  SmallMap twoCycle; // x, then y, then x again, without end
  twoCycle.units[1 ^ 'x'] = 'x' | (1u ^ 'x' ^ 4u) << 10;
  twoCycle.units[4 ^ 'y'] = 'y' | (4u ^ 'y' ^ 1u) << 10;
  SmallMap odd;
  odd.units.resize(255);
  return {
      {"MapOfTwoBytes", smallModel({.charsMap = "ab"}), "too short"},
      {"MapOfHeaderOnly", withTrieBytes(1026), "blocks of 1024"},
      {"TrieOfNothing", withTrieBytes(0), "blocks of 1024"},
      {"TriePastEnd", withTrieBytes(0x7FFFFC00), "blocks of 1024"},
      {"TrieTakesAll", withStrings("").model(), "strings behind it"},
      {"TrieNotInBlocks", odd.model(), "blocks of 1024"},
      {"StringsNotEnded", withStrings("abc").model(), "ended by a zero"},
      {"StringTooLong",
       withStrings(std::string(300, 'a') + std::string(1, '\0')).model(),
       "limit is 256"},
      {"ValuePastStrings", withUnit(2, leaf | 2).model(), "string byte 2 of 2"},
      {"ValueFarPastStrings", withUnit(2, 0xFFFFFFFF).model(), "string byte"},
      {"ChildOutside", withUnit(1 ^ 'x', 'x' | 256u << 10).model(),
       "trie unit"},
      {"ChildFarOutside",
       withUnit(1 ^ 'x', 'x' | 1u << 9 | 0x1FFFFFu << 10).model(), "trie unit"},
      {"RootOutside", withUnit(0, 4096u << 10).model(), "trie unit"},
      {"RootIsALeaf", withUnit(0, leaf).model(), "root"},
      {"RootHasAValue", withUnit(0, hasLeaf | 1u << 10).model(), "root"},
      {"PromisedLeafMissing", withUnit(2, 0).model(), "promises a value"},
      {"LoopOfOne", withUnit(1 ^ 'x', 'x' | (1u ^ 'x' ^ 1u) << 10).model(),
       "loops"},
      {"LoopOfTwo", twoCycle.model(), "loops"},
      {"LoopToTheRoot", withUnit(0, 0).model(), "loops"},
  };
}

std::string nested(int depth) {
  std::string out = "{\"a\":";
  for (int i = 0; i < depth; ++i)
    out += '[';
  return out;
}

std::vector<Case> vocabCases() {
  return {
      {"Empty", "", "missing"},
      {"NotJson", "</s> 0\n<unk> 1\n", "not valid JSON"},
      {"CutOff", R"({"</s>":0,"<unk>":1)", "not valid JSON"},
      {"TrailingText", R"({"</s>":0,"<unk>":1} x)", "not valid JSON"},
      {"TrailingComma", R"({"</s>":0,"<unk>":1,})", "not valid JSON"},
      {"ZeroByteAfterwards", std::string("{\"</s>\":0,\"<unk>\":1}\0x", 22),
       "not valid JSON"},
      {"ByteOrderMark", "\xEF\xBB\xBF{}", "byte order mark"},
      {"NotUtf8", "{\"</s>\":0,\"<unk>\":1,\"\xFF\":2}", "not valid JSON"},
      {"LoneSurrogate", R"({"</s>":0,"<unk>":1,"\ud83d":2})", "not valid JSON"},
      {"List", R"(["</s>","<unk>"])", "found an array"},
      {"Scalar", "7", "found an integer"},
      {"NoEntries", "{}", "not in the vocabulary"},
      {"KeyTwice", R"({"</s>":0,"<unk>":1,"a":2,"a":3})",
       "key \"a\" appears twice"},
      {"KeyTwiceByEscape", R"({"</s>":0,"<unk>":1,"a":2,"\u0061":3})", "twice"},
      {"IdTwice", R"({"</s>":0,"<unk>":1,"a":2,"b":2,"c":3})", "\"b\" has id 2"},
      {"Negative", R"({"</s>":0,"<unk>":1,"a":-1})", "from 0 to 3999999"},
      {"Fraction", R"({"</s>":0,"<unk>":1,"a":2.0})", "expected an id"},
      {"Exponent", R"({"</s>":0,"<unk>":1,"a":2e0})", "expected an id"},
      {"String", R"({"</s>":0,"<unk>":1,"a":"2"})", "found \"2\""},
      {"Null", R"({"</s>":0,"<unk>":1,"a":null})", "found null"},
      {"Bool", R"({"</s>":0,"<unk>":1,"a":true})", "found true"},
      {"Object", R"({"</s>":0,"<unk>":1,"a":{}})", "found an object"},
      {"IdOf33Bits", R"({"</s>":0,"<unk>":1,"a":4294967298})", "from 0 to 3999999"},
      {"IdOf64Bits", R"({"</s>":0,"a":18446744073709551615})", "from 0 to 3999999"},
      {"IdOf65Bits", R"({"</s>":0,"a":18446744073709551616})", "from 0 to 3999999"},
      {"TooDeep", nested(100000), "found an array"},
      {"NoEos", R"({"<unk>":0,"a":1})", "\"</s>\" is not in the vocabulary"},
      {"NoUnk", R"({"</s>":0,"a":1})", "\"<unk>\" is not in the vocabulary"},
  };
}

std::vector<Case> configCases() {
  return {
      {"NotJson", "separate_vocabs: true", "not valid JSON"},
      {"KeyTwice", R"({"unk_token":"a","unk_token":"b"})", "twice"},
      {"KeyTwiceInside", R"({"a":{"b":1,"b":2}})", "twice"},
      {"FlagAsString", R"({"separate_vocabs":"no"})", "true or false"},
      {"TokenAsNumber", R"({"eos_token":7})", "a string"},
      {"TooDeep", nested(100), "deeper than 16"},
      {"AddedBeyondVocabulary",
       R"({"added_tokens_decoder":{"9":{"content":"<new>"}}})", "\"<new>\""},
      {"AddedWithOtherId",
       R"({"added_tokens_decoder":{"3":{"content":"</s>"}}})",
       "the vocabulary says 0"},
  };
}

Status createStatus(const MarianFiles &files) {
  return loadMarian(files).status();
}
} // namespace

TEST(Malformed, TheirSoundTwinsAreAccepted) {
  for (const std::string &spm : {smallModel(), SmallMap().model()}) {
    const Status status = createStatus({spm, spm, goodVocab, {}, "{}"});
    EXPECT_TRUE(status.ok()) << status.message();
  }
  const std::string spm = SmallMap().model();
  const auto mapped = loadMarian({spm, spm, goodVocab, {}, {}});
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)->encode("xb")->ids, (std::vector<int32_t>{2, 3, 0}))
      << "the map turns x into a";
}

TEST(Malformed, SentencePieceFiles) {
  size_t count = 0;
  for (const auto &cases : {wireCases(), meaningCases(), mapCases()})
    for (const auto &[name, file, message] : cases) {
      SCOPED_TRACE(name);
      ++count;
      expectBadModel(createStatus({file, smallModel(), goodVocab, {}, {}}),
                     "source.spm", message);
    }
  EXPECT_GE(count, 60u);
}

TEST(Malformed, TargetFilesAreCheckedToo) {
  const std::string good = smallModel();
  expectBadModel(createStatus({good, "x", goodVocab, {}, {}}), "target.spm",
                 "");
  const std::string separate = R"({"separate_vocabs":true})";
  expectBadModel(createStatus({good, {}, goodVocab, goodVocab, separate}),
                 "target.spm", "missing");
  expectBadModel(createStatus({good, good, goodVocab, {}, separate}),
                 "target_vocab.json", "missing");
  expectBadModel(createStatus({good, good, goodVocab, "[]", separate}),
                 "target_vocab.json", "found an array");
  expectBadModel(createStatus({{}, good, goodVocab, {}, {}}), "source.spm",
                 "missing");
}

TEST(Malformed, VocabularyFiles) {
  const std::string good = smallModel();
  for (const auto &[name, file, message] : vocabCases()) {
    SCOPED_TRACE(name);
    expectBadModel(createStatus({good, good, file, {}, {}}), "vocab.json",
                   message);
  }
}

TEST(Malformed, ConfigurationFiles) {
  const std::string good = smallModel();
  for (const auto &[name, file, message] : configCases()) {
    SCOPED_TRACE(name);
    expectBadModel(createStatus({good, good, goodVocab, {}, file}),
                   "tokenizer_config.json", message);
  }
}

namespace {
/// The example model's files, for damage.
struct Example {
  const std::string folder =
      std::string(ENCDEC_SOURCE_DIR) + "/examples/models/en-fr/";
  std::string spm = readFile(folder + "source.spm"),
              vocab = readFile(folder + "vocab.json");

  /// Loads a damaged source.spm. If it is still sound, the tokenizer must work.
  void load(const std::string &damaged) const {
    auto t = loadMarian({damaged, spm, vocab, {}, {}});
    if (!t.ok()) {
      EXPECT_EQ(t.status().code(), Code::BadModel) << t.status().message();
      return;
    }
    const auto encoding = (*t)->encode("I love ﬁne 😀 machine\xFF learning.");
    ASSERT_TRUE(encoding.ok()) << encoding.status().message();
    EXPECT_TRUE((*t)->decode(encoding->ids).ok());
  }
};
} // namespace

TEST(Malformed, TruncationAtEvery997thByteNeverCrashes) {
  const Example example;
  ASSERT_GT(example.spm.size(), 300'000u);
  for (size_t size = 0; size < example.spm.size(); size += 997)
    example.load(example.spm.substr(0, size));
  for (size_t size = 0; size < example.vocab.size(); size += 997) {
    const Status status =
        createStatus({example.spm,
                      {},
                      std::string_view(example.vocab).substr(0, size),
                      {},
                      {}});
    EXPECT_EQ(status.code(), Code::BadModel);
  }
}

TEST(Malformed, BitFlipsNeverCrash) {
  const Example example;
  ASSERT_GT(example.spm.size(), 300'000u);
  Random random(42);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = example.spm;
    for (uint32_t flips = 1 + random.below(3); flips > 0; --flips)
      damaged[random.below(static_cast<uint32_t>(damaged.size()))] ^=
          static_cast<char>(1 << random.below(8));
    example.load(damaged);
  }
}
