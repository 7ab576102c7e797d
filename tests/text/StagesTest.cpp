//===- StagesTest.cpp - stages of tokenizer.json that search in texts -----===//

#include "compiler/tokenizer/Stages.h"

#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::tokenizer;

namespace {

/// What `read` makes of the stage that `text` spells.
template <typename Read> auto stagesOf(const std::string &text, Read read) {
  const auto json = parseJson(text);
  EXPECT_TRUE(json.ok()) << text;
  return read(JsonPlace{&*json, "t.json: stage"});
}
auto normalizers(const std::string &text) {
  return stagesOf(text, [](const JsonPlace &place) { return readNormalizer(place, {}); });
}
auto preTokenizers(const std::string &text) {
  return stagesOf(text, [](const JsonPlace &place) { return readPreTokenizer(place); });
}

std::string replace(const std::string &regex, const std::string &content) {
  return R"({"type":"Replace","content":")" + content + R"(","pattern":{"Regex":")" + regex +
         R"("}})";
}
std::string split(const std::string &pattern, const std::string &rest) {
  return R"({"type":"Split","pattern":)" + pattern + "," + rest + "}";
}
const std::string isolated = R"("behavior":"Isolated","invert":false)";

template <typename Stages>
void expectRefused(const Result<Stages> &read, std::initializer_list<const char *> parts) {
  ASSERT_FALSE(read.ok()) << "accepted; expected " << *parts.begin();
  EXPECT_EQ(read.status().code(), Code::BadModel);
  const std::string message = read.status().message();
  EXPECT_TRUE(message.starts_with("t.json: stage")) << message;
  for (const char *part : parts)
    EXPECT_NE(message.find(part), message.npos) << message << "\nlacks " << part;
}

} // namespace

TEST(Stages, RunsAtTheEndsOfATextAreStripped) {
  const auto strip = [](const char *regex) {
    return std::get<StripNormalizer>(normalizers(replace(regex, ""))->at(0));
  };
  const StripNormalizer both = strip(R"(\\A +| +\\z)"), end = strip(R"(\\s+\\z)");
  EXPECT_TRUE(both.left && both.right);
  EXPECT_EQ(both.characters, " ");
  EXPECT_TRUE(!end.left && end.right);
  EXPECT_EQ(end.characters, "") << "whitespace";
}

TEST(Stages, MatchesAtTheStartOfATextAreReplaced) {
  const auto stages = normalizers(replace(R"(\\A▁|\\Aab)", "▁▁"));
  ASSERT_TRUE(stages.ok()) << stages.status().message();
  const auto &stage = std::get<ReplaceNormalizer>(stages->at(0));
  EXPECT_TRUE(stage.atStart);
  EXPECT_EQ(stage.content, "▁▁");
  ASSERT_EQ(stage.alternatives.size(), 2u);
  EXPECT_EQ(stage.alternatives[0].text, "▁");
  EXPECT_EQ(stage.alternatives[1].text, "ab");
}

TEST(Stages, OtherMatchesBoundToAnEndAreRefused) {
  for (const char *regex : {R"(a\\z)", R"(\\A +|a)", R"( {2,}\\z)", R"(\\A +\\z)",
                            R"(\\A +|_+\\z)", R"(\\A +| {1,3}\\z)"})
    expectRefused(normalizers(replace(regex, "")), {"\"pattern\"", "\\A in front"});
  expectRefused(normalizers(replace(R"( +\\z)", "x")), {"\"pattern\"", "content"});
  expectRefused(normalizers(replace(R"(\\A)", "")), {"regex"});
  expectRefused(normalizers(replace(R"(a\\A)", "")), {"regex"});
  expectRefused(normalizers(replace(R"(\\zb)", "")), {"regex"});
}

TEST(Stages, SplitsAtLiteralsAreRead) {
  const auto literals = [](const char *pattern) {
    const auto stages = preTokenizers(split(pattern, isolated));
    EXPECT_TRUE(stages.ok()) << stages.status().message();
    return std::get<LiteralSplit>(stages->at(0)).literals;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(literals(R"({"String":"a.b"})"), (Texts{"a.b"}));
  EXPECT_EQ(literals(R"({"Regex":"<x\\-1>|\\\n|▁▁"})"), (Texts{"<x-1>", "\n", "▁▁"}));
}

TEST(Stages, OtherSplitsAreRefusedByTheirPath) {
  const auto refused = [](const char *pattern, const std::string &rest, const char *says) {
    expectRefused(preTokenizers(R"({"type":"Sequence","pretokenizers":[)" +
                                split(pattern, rest) + "]}"),
                  {"stage.pretokenizers[0]", says});
  };
  refused(R"({"Regex":" +"})", isolated, "literals");
  refused(R"({"Regex":"\\Aa"})", isolated, "literals");
  refused(R"({"Regex":"a|b*"})", isolated, "regex");
  refused(R"({"String":""})", isolated, "\"pattern\"");
  constexpr const char *good = R"({"String":"a"})";
  refused(good, R"("behavior":"Removed","invert":false)", "\"behavior\"");
  refused(good, R"("invert":false)", "\"behavior\"");
  refused(good, R"("behavior":"Isolated","invert":true)", "\"invert\"");
  refused(good, R"("behavior":"Isolated","depth":1)", "\"depth\"");
}
