//===- JsonTest.cpp - untrusted JSON, and text in messages ----------------===//

#include "runtime/base/Json.h"

#include <gtest/gtest.h>

using namespace encdec;

namespace {

struct Case {
  std::string text, message; // the message as a whole, or its beginning and "*"
  Code code = Code::BadModel;
};

std::string deep(int levels) {
  return "{\"a\":" + std::string(levels - 1, '[') +
         std::string(levels - 1, ']') + "}";
}

TEST(Json, WhatIsNoStrictDocumentIsRefused) {
  const std::string syntax = "not valid JSON: parse error at line 1, column ";
  const Case cases[] = {
      {"", "byte 0: " + syntax +
               "1: syntax error while parsing value - unexpected "
               "end of input; expected '[', '{', or a literal"},
      {R"({"a":1)", "byte 6: not valid JSON: *"},
      {R"({"a":1,})", "byte 8: not valid JSON: *"},
      {R"({"a":1} x)", "byte 9: not valid JSON: *"},
      {R"({"a":01})", "byte 8: not valid JSON: *"},
      {R"({"a":NaN})", "byte 6: not valid JSON: *"},
      {R"({"a":1e999})",
       "byte 11: not valid JSON: number overflow parsing '1e999'"},
      {R"({"\ud83d":2})", "byte 9: not valid JSON: *"},
      // Neither an echoed nor a cut text breaks a message.
      {"{\"\xFF\":1}", "byte 3: " + syntax +
                           "3: syntax error while parsing object "
                           "key - invalid string: ill-formed UTF-8 byte"},
      {"{\"\x01\":1}", "byte 3: not valid JSON: *"},
      {"{\"a\":" + std::string(100000, '9') + "e999}",
       "byte 100010: not valid JSON: *"},
      {std::string("{}\0x", 4), "byte 2: not valid JSON: a zero byte"},
      {"\xEF\xBB\xBF{}",
       "byte 0: a byte order mark, which JSON does not allow"},
      {"[]", "byte 1: expected an object, found an array"},
      {"null", "byte 4: expected an object, found null"},
      {"-7", "byte 2: expected an object, found an integer"},
      {"18446744073709551616", "byte 20: expected an object, found a fraction"},
      {"\"a\"", "byte 3: expected an object, found a string"},
      {R"({"a":1,"b":{"a":1},"a":2})",
       "byte 22: key \"a\" appears twice in one object; "
       "each key may appear once"},
      {R"({"x":{"a":1,"\u0061":2}})", "byte 20: key \"a\" appears twice *"},
      {"{\"a\\nb\":1,\"a\\nb\":1}", "byte 16: key \"a\\x0Ab\" appears twice *"},
      {deep(9), "byte 13: nested deeper than 8 levels"},
      {std::string(100000, '{'), "byte 2: not valid JSON: *"},
      {R"({"a":[1,2,3,4,5,6,7,8]})", "byte 22: more than 9 values",
       Code::Limit},
  };
  for (const auto &[text, message, code] : cases) {
    SCOPED_TRACE(text.substr(0, 80));
    Status status = parseJson(text, {.depth = 8, .values = 9}).status();
    EXPECT_EQ(status.code(), code);
    std::string got = status.message();
    EXPECT_LT(got.size(), 260u);
    EXPECT_TRUE(isValidUtf8(got));
    if (message.ends_with('*'))
      got = got.substr(0, message.size() - 1) + "*";
    EXPECT_EQ(got, message);
  }
}

TEST(Json, TheTreeHoldsWhatTheTextSays) {
  auto tree = parseJson(
      R"( {"none":null,"yes":true,"most":18446744073709551615,"least":-9223372036854775808,)"
      R"("real":-0.5,"more":1e3,"text":"é\n\ud834\udd1e","list":[1,[],{"":2}]} )",
      {.depth = 3, .values = 13});
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  auto at = [&](const char *key) -> const JsonValue & {
    return *tree->find(key);
  };
  EXPECT_TRUE(at("none").isNull());
  EXPECT_TRUE(at("yes").kind == JsonValue::Bool && at("yes").boolean);
  EXPECT_EQ(at("most").asUnsigned(), UINT64_MAX);
  EXPECT_EQ(at("least").asUnsigned(), std::nullopt);
  EXPECT_EQ(at("least").negative, INT64_MIN);
  EXPECT_EQ(at("real").asNumber(), -0.5);
  EXPECT_EQ(at("more").asNumber(), 1000.0);
  EXPECT_EQ(at("more").asUnsigned(), std::nullopt);
  EXPECT_EQ(at("text").asNumber(), std::nullopt);
  EXPECT_EQ(*at("text").asText(), "é\n𝄞");
  EXPECT_EQ(at("list").asText(), nullptr);
  EXPECT_EQ(at("list").items[2].find("")->asUnsigned(), 2u);
  EXPECT_EQ(tree->find("nothing"), nullptr);
  EXPECT_EQ(at("text").show(), "\"é\\x0A𝄞\"");
  EXPECT_EQ(at("list").show(), "an array of 3");
  EXPECT_EQ(tree->show(), "an object of 8 keys");
}

/// A listener may stop the scan; the place is added to its error.
TEST(Json, ListenersStopTheScan) {
  struct Listener : JsonEvents {
    std::string key(std::string_view name) override {
      return name == "b" ? "no b here" : "";
    }
  } listener;
  EXPECT_EQ(scanJson(R"({"a":1,"b":2,"c")", listener).message(),
            "byte 10: no b here");
  EXPECT_TRUE(scanJson(R"({"a":[{"c":1}]})", listener).ok());
}

TEST(Json, ResultsTakeTheirPlace) {
  EXPECT_EQ(parseJson("[]").withContext("f").status().message(),
            "f: byte 1: expected an object, found an array");
  EXPECT_TRUE(parseJson("{}").withContext("f").ok());
}

TEST(Utf8, QuotedTextIsOneShortPrintableLine) {
  EXPECT_EQ(quote("a\"b'\\"), "\"a\\x22b'\\x5C\"");
  EXPECT_EQ(quote("a\"b'", 9, '\''), "'a\"b\\x27'");
  EXPECT_EQ(quote("\n\x7F\xFF"), "\"\\x0A\\x7F\\xFF\"");
  EXPECT_EQ(quote("\xC2\x9B"
                  "1m\xC2\xA0"),
            "\"\\xC2\\x9B1m\xC2\xA0\"");
  EXPECT_EQ(quote("abcd", 4), "\"abcd\"");
  EXPECT_EQ(oneLine("a\"b'\\\n\x7F\xC3\xA9"), "a\"b'\\\\x0a\\x7f\xC3\xA9");
  EXPECT_EQ(quote("abcde", 4), "\"abcd...\"");
  EXPECT_EQ(quote("abcé", 4), "\"abcé\"");
  EXPECT_EQ(quote("abcéx", 4), "\"abcé...\"");
  EXPECT_LT(quote(std::string(1000, '\n')).size(), 120u);
}

} // namespace
