//===- VocabTest.cpp - the quick reader of vocabularies, against the strict --===//

#include "compiler/tokenizer/PlainVocab.h"
#include "compiler/tokenizer/Vocabulary.h"
#include "runtime/base/Json.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

using namespace encdec;
using namespace encdec::tokenizer;

namespace {
using Entries = std::vector<std::pair<std::string, int64_t>>;

bool readPlain(const std::string &json, Entries &entries) {
  std::string text;
  std::vector<std::array<size_t, 3>> spans;
  if (!readPlainVocab(json, 4'000'000, text,
                      [&](size_t begin, size_t length, int64_t id) {
                        spans.push_back({begin, length, size_t(id)});
                      }))
    return false;
  for (const auto &[begin, length, id] : spans)
    entries.emplace_back(text.substr(begin, length), id);
  return true;
}

/// The same by the general parser; returns its error for a text that it refuses.
std::string readStrictly(const std::string &json, Entries &entries) {
  struct Reader : JsonEvents {
    explicit Reader(Entries &entries) : entries(entries) {}
    std::string key(std::string_view name) override {
      piece = name;
      return {};
    }
    std::string scalar(JsonValue id) override {
      if (id.kind != JsonValue::Unsigned || id.integer >= 4'000'000)
        return "no id";
      entries.emplace_back(piece, id.integer);
      return {};
    }
    Entries &entries;
    std::string piece;
  } reader(entries);
  return scanJson(json, reader, {.depth = 1}).message();
}

const char *const sound[] = {
    R"({"a":0})",
    "{ \"a\" :\t0 ,\n\"b\":\r1}\n ",
    R"({"</s>":0,"<unk>":1,"▁a":2,"é𝄞":3})",
    R"({"\u2581a":0,"\u00e9\ud834\uDD1E":3999999,"\"\\\/\b\f\n\r\t":2,"\u0000":7})",
    R"({"":0,"\u007f\u0080\u07ff\u0800\uffff\ud800\udc00\udbff\udfff":1})",
};
} // namespace

TEST(Vocab, QuickReaderTakesWhatVocabulariesAre) {
  for (const char *json : sound) {
    Entries quick, strict;
    EXPECT_TRUE(readPlain(json, quick)) << json;
    EXPECT_EQ(readStrictly(json, strict), "") << json;
    EXPECT_EQ(quick, strict) << json;
  }
}

/// A text that the quick reader accepts the strict one accepts too, and reads alike, but
/// for equal keys, which the caller of the quick reader finds.
TEST(Vocab, QuickReaderTakesNothingElse) {
  const char *const broken[] = {
      "", "{", "{}", "[]", R"({"a":0)", R"({"a":0,})", R"({"a":0}x)",
      R"({"a":-1})", R"({"a":01})", R"({"a":1.0})", R"({"a":1e2})",
      R"({"a":12345678})", R"({"a":4000000})", R"({"a":"0"})", R"({"a":null})",
      R"({"a":[0]})", R"({a:0})", R"({"\x":0})", R"({"\u12g4":0})",
      R"({"\ud834":0})", R"({"\ud834\u0041":0})", R"({"\udd1e":0})",
      "{\"a\nb\":0}", "{\"\xC3\":0}", "{\"\xC0\x80\":0}", "{\"\xED\xA0\x80\":0}",
      "{\"\xC3\\u0041\":0}", "\xEF\xBB\xBF{\"a\":0}", R"({"a" 0})", R"({"a":})"};
  for (const char *json : broken) {
    Entries entries;
    EXPECT_FALSE(readPlain(json, entries)) << json;
  }
  std::mt19937 random(5);
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string json = sound[random() % std::size(sound)];
    for (size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % json.size();
      if (random() % 2)
        json[at] = char(json[at] ^ (1 << random() % 8));
      else
        json[at] = "{}\":,\\u0d9 ax\t"[random() % 14];
    }
    Entries quick, strict;
    if (!readPlain(json, quick))
      continue;
    ++taken;
    const std::string refusal = readStrictly(json, strict);
    if (refusal.find("appears twice") != refusal.npos)
      continue;
    ASSERT_EQ(refusal, "") << json;
    ASSERT_EQ(quick, strict) << json;
  }
  EXPECT_GT(taken, 1000);
}

/// Pieces and ids after reading, in an order that is not that of the ids.
TEST(Vocab, NumbersPieces) {
  const std::string quick = R"({"a":2,"\u2581b":0,"c":1})";
  auto vocab = Vocabulary::parse(quick);
  ASSERT_TRUE(vocab.ok()) << vocab.status().message();
  EXPECT_EQ(vocab->size(), 3);
  EXPECT_EQ(vocab->piece(0), "▁b");
  EXPECT_EQ(vocab->piece(2), "a");
  EXPECT_EQ(vocab->find("▁b"), 0);
  EXPECT_EQ(vocab->find("c"), 1);
  EXPECT_EQ(vocab->find("d"), -1);
  EXPECT_EQ(vocab->find(""), -1);
}

/// Rows of a model's tables that have no name, as padded vocabularies have them.
TEST(Vocab, IdsMayHaveGaps) {
  auto vocab = Vocabulary::parse(R"({"a":5,"b":0,"":7})");
  ASSERT_TRUE(vocab.ok()) << vocab.status().message();
  EXPECT_EQ(vocab->size(), 8);
  EXPECT_EQ(vocab->find("a"), 5);
  EXPECT_EQ(vocab->piece(5), "a");
  for (int32_t id = -1; id < 10; ++id)
    EXPECT_EQ(vocab->contains(id), id == 0 || id == 5 || id == 7) << id;
}
