//===- Tokenizer.cpp - texts to ids and back, by five trained models ------===//
//
// Two targets: short texts, whose first byte chooses the model and whether special
// tokens are parsed; and 128 KB of a short unit, for the time that they take.

#include "runtime/base/Utf8.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Text.h"
#include "tests/text/LineGenerator.h"

#include <algorithm>
#include <ctime>

namespace encdec::fuzz {

static std::vector<test::Loaded> makeModels() {
  std::vector<test::Loaded> all;
  for (const char *path :
       {"tests/text/bytes.spm", "tests/text/plain.spm", "tests/text/suffix.spm",
        "tests/text/ties.spm", "examples/models/en-fr/source.spm"}) {
    const std::string spm = repositoryFile(path);
    // "▁▁" is no piece, so that it stands for itself in decoded text.
    const std::string vocab =
        vocabularyOf(spm, {"</s>", "<pad>", ">>fra<<", "\u2581\u2581", "ﬁ"});
    auto tokenizer = test::loadMarian({spm, spm, vocab, {}, {}});
    require(tokenizer.ok(), "a sound model");
    all.push_back(std::move(*tokenizer));
  }
  return all;
}

static const std::vector<test::Loaded> &models() {
  static const std::vector<test::Loaded> all = makeModels();
  return all;
}

static void requireOffsets(const Encoding &encoding, size_t size) {
  require(encoding.offsets.size() == encoding.ids.size(), "offsets for each id");
  Origin before;
  for (const Origin &offset : encoding.offsets) {
    require(offset.begin <= offset.end && offset.end <= size, "offsets in the text");
    require(offset.begin >= before.begin && offset.end >= before.end, "offsets in order");
    before = offset;
  }
}

/// Text to ids and back; and any ids to a text, among them the last ids of the
/// vocabulary, which have no SentencePiece pieces.
static void tokenize(const test::Loaded &model, std::string_view text, bool special) {
  requireCover(model, text);
  const auto table = TokenizerTable::open(test::bytesOf(*model.table));
  const auto count = int32_t(table->vocabularies[0].names.size());
  auto encoding = model->encode(text, {.parseSpecialTokens = special, .offsets = true});
  require(encoding.ok(), "a text of this length has ids");
  const std::vector<int32_t> &ids = encoding->ids;
  require(ids.back() == model->eosId(), "the end token at the end");
  require(std::ranges::all_of(ids, [&](int32_t id) { return id >= 0 && id < count; }),
          "ids of the vocabulary");
  if (!special)
    require(std::ranges::count(ids, model->eosId()) == 1, "no end token before it");
  requireOffsets(*encoding, text.size());
  require(encoding->warnings.size() <= 1, "one warning at most");
  for (const std::string &warning : encoding->warnings)
    requireSentence(warning);
  auto decoded = model->decode(ids);
  require(decoded.ok() && isValidUtf8(*decoded), "ids that are text again");
  std::vector<int32_t> some;
  for (unsigned char byte : text)
    some.push_back(count - 1 - byte % 200);
  decoded = model->decode(some);
  require(decoded.ok() && isValidUtf8(*decoded), "ids of the vocabulary are text");
}

static std::vector<std::string> textSeeds() {
  const test::LineGenerator lines(std::string(ENCDEC_SOURCE_DIR) +
                                  "/tests/data/en-fr-200.tsv");
  std::vector<std::string> all;
  for (uint32_t i = 0; i < 60; ++i)
    all.push_back(char(i % 10) + lines.line(i).substr(0, 200));
  return all;
}

static bool runText(std::string_view input) {
  const uint8_t how = takeByte(input);
  tokenize(models()[how % models().size()], input, how / models().size() % 2);
  return true;
}

static std::vector<std::string> unitSeeds() {
  return {"a", " ", "\xFF", "\u2581", "</s>", "x</s><unk>", ">>a<<</s>", "e\u0301", "[USER]2"};
}

static bool runUnit(std::string_view unit) {
  std::string text;
  while (!unit.empty() && text.size() < size_t(128) << 10)
    text += unit;
  for (const bool special : {false, true}) {
    const std::clock_t start = std::clock();
    tokenize(models()[0], text, special);
    // Ten times the usual time, and far below quadratic time.
    require(double(std::clock() - start) / CLOCKS_PER_SEC < 2, "time linear in the text");
  }
  return true;
}

extern const Target tokenizer = {"tokenizer", 256, textSeeds, runText};
extern const Target tokenizerTime = {"tokenizer_time", 12, unitSeeds, runUnit};

} // namespace encdec::fuzz
