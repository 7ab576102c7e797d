//===- GoldenTest.cpp - the same pieces as SentencePiece, line by line ----===//
//
// tokens.golden has a hash per ten lines, written by golden_tokens.py from
// PyPI's sentencepiece and transformers. When one differs, the message shows
// our tokens; `golden_tokens.py --show MODEL N` shows theirs.

#include "LineGenerator.h"
#include "Load.h"
#include "runtime/text/Encoder.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/Utf8.h"
#include "tests/text/Sanitized.h"

#include <gtest/gtest.h>

#include <chrono>

using namespace encdec;
using encdec::test::LineGenerator;
using encdec::test::Loaded;
using encdec::test::readFile;

namespace {
const std::string root = ENCDEC_SOURCE_DIR;
const std::string here = root + "/tests/text/";

Result<Loaded> exampleTokenizer() {
  const std::string folder = root + "/examples/models/en-fr/";
  const std::string source = readFile(folder + "source.spm"),
                    target = readFile(folder + "target.spm"),
                    vocab = readFile(folder + "vocab.json"),
                    config = readFile(folder + "tokenizer_config.json");
  return test::loadMarian({source, target, vocab, {}, config});
}

using Tokens = std::vector<std::string>;

/// FNV-1a over tokens, each ended by a newline, as in golden_tokens.py.
void addToHash(uint64_t &state, const Tokens &tokens) {
  std::string text;
  for (const std::string &token : tokens)
    text += token + "\n";
  for (const char c : text + "\n")
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3;
}

class Golden {
public:
  /// The stored hashes of one model.
  explicit Golden(const std::string &model) : model(model) {
    std::istringstream file(readFile(here + "tokens.golden"));
    std::string name;
    for (size_t count; file >> name >> count;) {
      std::vector<std::string> values(count / 10);
      for (std::string &value : values)
        file >> value;
      if (name == model)
        hashes = values;
    }
  }

  template <typename Tokenize> void compare(Tokenize &&tokenize) const {
    const LineGenerator generator(root + "/tests/data/en-fr-200.tsv");
    int shown = 0;
    for (size_t group = 0; group < hashes.size() && shown < 3; ++group) {
      uint64_t state = 0xCBF29CE484222325;
      std::string ours;
      for (size_t n = group * 10; n < group * 10 + 10; ++n) {
        const std::string line = generator.line(n);
        const Tokens tokens = tokenize(n, line);
        addToHash(state, tokens);
        ours += "line " + std::to_string(n) + " " + inQuotes(line) + ":";
        for (const std::string &token : tokens)
          ours += " " + token;
        ours += "\n";
      }
      char hash[17];
      snprintf(hash, sizeof hash, "%016llx",
               static_cast<unsigned long long>(state));
      if (hash == hashes[group])
        continue;
      ++shown;
      ADD_FAILURE() << "tokens differ from SentencePiece's in these lines; see "
                       "golden_tokens.py --show "
                    << model << " N\n"
                    << ours;
    }
  }

  std::string model;
  std::vector<std::string> hashes;
};
} // namespace

namespace {
Tokens asTokens(Result<Encoding> encoding) {
  Tokens tokens;
  if (!encoding.ok())
    return {encoding.status().message()};
  for (const int32_t id : encoding->ids)
    tokens.push_back(std::to_string(id));
  return tokens;
}
} // namespace

TEST(Golden, ExampleModelGivesTheReferencesIds) {
  const auto tokenizer = exampleTokenizer();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const Golden golden("en-fr");
  ASSERT_GE(golden.hashes.size() * 10, 20000u);
  golden.compare([&](size_t, const std::string &line) {
    return asTokens((*tokenizer)->encode(line));
  });
}

TEST(Golden, ParsedSpecialTokensAreTheReferences) {
  const auto tokenizer = exampleTokenizer();
  ASSERT_TRUE(tokenizer.ok());
  const Golden golden("special");
  ASSERT_EQ(golden.hashes.size(), 300u);
  golden.compare([&](size_t, const std::string &line) {
    if (!isValidUtf8(line))
      return Tokens{"not UTF-8"};
    return asTokens((*tokenizer)->encode(line, {.parseSpecialTokens = true}));
  });
}

TEST(Golden, DecodedTextIsTheReferences) {
  const auto tokenizer = exampleTokenizer();
  ASSERT_TRUE(tokenizer.ok());
  const Golden golden("decode");
  ASSERT_EQ(golden.hashes.size(), 300u);
  golden.compare([&](size_t n, const std::string &) {
    encdec::test::Random random(n);
    std::vector<int32_t> ids(1 + random.below(20));
    for (int32_t &id : ids)
      id = static_cast<int32_t>(random.below((*tokenizer)->sourceIds()));
    const auto text = (*tokenizer)->decode(ids);
    return Tokens{text.ok() ? *text : text.status().message()};
  });
}

namespace {
/// The pieces of a line as SentencePiece shows them, "id:text": a run of unknown
/// characters, which no piece spells, by its normalized text.
Tokens piecesOf(const TokenizerTable &table, const std::string &line) {
  const PipelineTable &pipeline = table.pipelines[0];
  Text text;
  EXPECT_TRUE(normalize(table, pipeline, line, 0, text).ok());
  std::vector<PlacedPiece> pieces;
  if (text.size())
    UnigramSplitter(pipeline).split(text.bytes, {0, uint32_t(text.size())}, pieces);
  Tokens tokens;
  bool inRun = false;
  for (const auto &[begin, end, piece] : pieces) {
    const bool isUnknown = piece == PlacedPiece::unknown;
    const std::string spelt = text.bytes.substr(begin, end - begin);
    if (isUnknown && pipeline.has(ENCDEC_TOKENIZER_BYTE_FALLBACK))
      for (const char byte : spelt) {
        const auto id = int32_t(pipeline.bytePieces[static_cast<unsigned char>(byte)]);
        tokens.push_back(std::to_string(id) + ":" + std::string(table.name(0, id)));
      }
    else if (isUnknown && inRun)
      tokens.back() += spelt;
    else if (isUnknown)
      tokens.push_back(std::to_string(pipeline.info.unk_id) + ":" + spelt);
    else
      tokens.push_back(std::to_string(piece) + ":" + spelt);
    inRun = isUnknown;
  }
  return tokens;
}
} // namespace

class SmallModel : public testing::TestWithParam<const char *> {};
TEST_P(SmallModel, GivesSentencePiecesPieces) {
  const auto model = test::loadSentencePiece(readFile(here + GetParam() + ".spm"));
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto table = TokenizerTable::open(test::bytesOf(*model->table));
  ASSERT_TRUE(table.ok());
  const Golden golden(GetParam());
  ASSERT_GE(golden.hashes.size(), 300u);
  golden.compare([&](size_t, const std::string &line) {
    const Tokens tokens = piecesOf(*table, line);
    const auto encoding = (*model)->encode(line);
    EXPECT_TRUE(encoding.ok() && encoding->ids.size() == tokens.size());
    for (size_t i = 0; encoding.ok() && i < tokens.size(); ++i)
      EXPECT_EQ(std::to_string(encoding->ids[i]),
                tokens[i].substr(0, tokens[i].find(':')));
    return tokens;
  });
}
INSTANTIATE_TEST_SUITE_P(All, SmallModel,
                         testing::Values("bytes", "suffix", "plain", "ties"));

TEST(Golden, AMegabyteOfOneCharacterTakesUnderASecond) {
  const auto tokenizer = exampleTokenizer();
  ASSERT_TRUE(tokenizer.ok());
  for (const std::string unit :
       {"a", " ", "\xFF", "\u0301", "😀", "\u2581", "</s>", "<unk>x"}) {
    std::string text;
    while (text.size() < 1'000'000)
      text += unit;
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE((*tokenizer)->encode(text, {.parseSpecialTokens = true}).ok());
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    EXPECT_LT(time.count(), encdec::test::isSanitized ? 20 : 1) << inQuotes(unit);
  }
}

TEST(Golden, TooLongATextMeetsItsLimit) {
  const auto tokenizer = exampleTokenizer();
  ASSERT_TRUE(tokenizer.ok());
  const auto ids =
      (*tokenizer)->encode(std::string((16u << 20) + 1, 'a'));
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.status().code(), Code::Limit);
}
