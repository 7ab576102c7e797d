//===- TokenizerConfig.cpp - tokenizer_config.json ------------------------===//

#include "runtime/text/MarianTokenizer.h"
#include "tests/fuzz/Fuzz.h"
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
  auto tokenizer = MarianTokenizer::create({spm, spm, vocab, vocab, json});
  if (!tokenizer.ok()) {
    requireSentence(tokenizer.status().message());
    return false;
  }
  for (int32_t id : {tokenizer->eosId(), tokenizer->unkId()})
    require(id >= 0 && id < tokenizer->sourceVocabSize(), "special ids there are");
  require(tokenizer->padId() >= -1 && tokenizer->padId() < tokenizer->sourceVocabSize(),
          "a pad id there is, or none");
  for (const bool special : {false, true}) {
    std::vector<std::string> warnings;
    auto ids = tokenizer->encode(">>deu<<a</s>b é<unk>", {special}, &warnings);
    require(ids.ok() && tokenizer->decode(*ids).ok(), "text to ids and back");
    require(ids->back() == tokenizer->eosId(), "the end token at the end");
    for (const std::string &warning : warnings)
      requireSentence(warning);
  }
  return true;
}

extern const Target tokenizerConfig = {"tokenizer_config", 1024, seeds, run};

} // namespace encdec::fuzz
