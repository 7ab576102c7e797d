//===- Vocabulary.cpp - vocab.json, by itself and in a tokenizer ----------===//

#include "compiler/tokenizer/Vocabulary.h"
#include "compiler/tokenizer/PlainVocab.h"
#include "runtime/base/Json.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/Load.h"
#include "tests/text/ModelWriter.h"

#include <set>

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  return {R"({"</s>":0,"<unk>":1,"▁a":2,"b":3,"▁":4,">>fra<<":5,">>deu<<":6,)"
          R"("é":7,"<pad>":8})",
          "{ \"b\" :\t2 ,\n\"</s>\":\r1, \"<unk>\": 0}\n ",
          R"({"<unk>":2,"</s>":1,"\u2581a":0,"\u00e9\ud834\uDD1E":4,"\"\\\/\n":3})"};
}

/// A file that the quick reader accepts the strict one accepts too, and reads alike; a
/// name that stands twice is refused by the strict reader and by the vocabulary.
static void requireAgreement(std::string_view json) {
  std::string text;
  std::vector<std::pair<std::string, int64_t>> quick, strict;
  if (!tokenizer::readPlainVocab(json, 4'000'000, text, [&](size_t begin, size_t length, int64_t id) {
        quick.emplace_back(text.substr(begin, length), id);
      }))
    return;
  std::set<std::string_view> names;
  for (const auto &[name, id] : quick)
    if (!names.insert(name).second)
      return require(!tokenizer::Vocabulary::parse(json).ok(), "no name stands there twice");
  auto tree = parseJson(json, {.values = 1u << 22});
  for (size_t i = 0; tree.ok() && i < tree->keys.size(); ++i) {
    std::optional<uint64_t> id = tree->items[i].asUnsigned();
    strict.emplace_back(tree->keys[i], id ? int64_t(*id) : -1);
  }
  require(tree.ok() && quick == strict, "both readers read the same");
}

static bool run(std::string_view json) {
  requireAgreement(json);
  auto vocabulary = tokenizer::Vocabulary::parse(json);
  if (!vocabulary.ok()) {
    requireSentence(vocabulary.status().message());
    return false;
  }
  for (int32_t id = 0; id < vocabulary->size(); ++id)
    require(!vocabulary->contains(id) || vocabulary->find(vocabulary->piece(id)) == id,
            "pieces and ids one to one");
  static const std::string spm = test::smallModel();
  auto tokenizer = test::loadMarian({spm, spm, json, {}, {}});
  if (!tokenizer.ok()) {
    requireSentence(tokenizer.status().message());
    return false;
  }
  auto encoding = (*tokenizer)->encode(">>none<< abc é");
  require(encoding.ok() && (*tokenizer)->decode(encoding->ids).ok(), "text to ids and back");
  for (const std::string &warning : encoding->warnings)
    requireSentence(warning);
  return true;
}

extern const Target vocabulary = {"vocabulary", 1024, seeds, run};

} // namespace encdec::fuzz
