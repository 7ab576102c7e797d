//===- Vocabulary.cpp - vocab.json, by itself and in a tokenizer ----------===//

#include "compiler/tokenizer/TokenizerJson.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/Load.h"
#include "tests/text/ModelWriter.h"

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  return {R"({"</s>":0,"<unk>":1,"▁a":2,"b":3,"▁":4,">>fra<<":5,">>deu<<":6,)"
          R"("é":7,"<pad>":8})",
          "{ \"b\" :\t2 ,\n\"</s>\":\r1, \"<unk>\": 0}\n ",
          R"({"<unk>":2,"</s>":1,"\u2581a":0,"\u00e9\ud834\uDD1E":4,"\"\\\/\n":3})"};
}

static bool run(std::string_view json) {
  auto entries = tokenizer::parseVocabularyJson(json);
  if (!entries.ok()) {
    requireSentence(entries.status().message());
    return false;
  }
  for (const tokenizer::VocabularyEntry &entry : *entries)
    require(entry.id >= 0 && entry.id < 4'000'000, "ids in their range");
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
