//===- TokenizerConfig.cpp - tokenizer_config.json ------------------------===//

#include "tests/fuzz/Fuzz.h"
#include "tests/text/Load.h"
#include "tests/text/ModelWriter.h"

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  return {repositoryFile("examples/models/en-fr/tokenizer_config.json"),
          R"({"separate_vocabs": true, "target_lang": "fr"})",
          R"({"unk_token": {"content": "b", "special": true}, "pad_token": null,)"
          R"("eos_token": "é", "additional_special_tokens": ["c", ">>fra<<"],)"
          R"("added_tokens_decoder": {"2": {"content": "▁a", "special": true}}})"};
}

static bool run(std::string_view json) {
  static const std::string spm = test::smallModel(),
                           vocab = R"({"</s>":0,"<unk>":1,"▁a":2,"b":3,"▁":4,)"
                                   R"(">>fra<<":5,"é":6,"<pad>":7,"\n":8})";
  auto tokenizer = test::loadMarian({spm, spm, vocab, vocab, json});
  if (!tokenizer.ok()) {
    requireSentence(tokenizer.status().message());
    return false;
  }
  for (int32_t id : {(*tokenizer)->eosId(), (*tokenizer)->unkId()})
    require(id >= 0 && id < 9, "special ids there are");
  require((*tokenizer)->padId() >= -1 && (*tokenizer)->padId() < 9,
          "a pad id there is, or none");
  for (const bool special : {false, true}) {
    auto encoding =
        (*tokenizer)->encode(">>deu<<a</s>b é<unk>", {.parseSpecialTokens = special});
    require(encoding.ok() && (*tokenizer)->decode(encoding->ids).ok(),
            "text to ids and back");
    require(encoding->ids.back() == (*tokenizer)->eosId(), "the end token at the end");
    for (const std::string &warning : encoding->warnings)
      requireSentence(warning);
  }
  return true;
}

extern const Target tokenizerConfig = {"tokenizer_config", 1024, seeds, run};

} // namespace encdec::fuzz
