//===- GenerationConfig.cpp - generation_config.json ----------------------===//

#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Generation.h"
#include "tests/import/TinyCheckpoint.h"

#include <cmath>

using namespace encdec::checkpoint;

namespace encdec::fuzz {

bool readsGeneration(const ConfigFiles &files, uint64_t vocabulary,
                     uint64_t positions) {
  std::vector<std::string> warnings;
  auto read = readGeneration(files, vocabulary, positions, /*positionsGrow=*/false, warnings);
  for (const std::string &warning : warnings)
    requireSentence(warning);
  if (!read.ok()) {
    requireSentence(read.status().message());
    return false;
  }
  const GenerationOptions &options = read->options;
  require(options.decoder_start_token_id && options.checkIds(vocabulary).ok(),
          "a start token, and ids of the vocabulary");
  require(options.max_length && *options.max_length >= 1 &&
              uint64_t(*options.max_length) <= positions + 1 &&
              options.max_new_tokens.value_or(1) >= 1 &&
              uint64_t(options.max_new_tokens.value_or(1)) <= positions,
          "lengths that the positions give");
  require(options.num_beams.value_or(1) >= 1 &&
              std::isfinite(options.length_penalty.value_or(1)) &&
              options.no_repeat_ngram_size.value_or(0) >= 0,
          "values within their ranges");
  return true;
}

static std::vector<std::string> seeds() {
  return {testing::jsonObject(testing::TinyCheckpoint().generation),
          repositoryFile("examples/models/en-fr/generation_config.json"),
          R"({"decoder_start_token_id": 0, "eos_token_id": [0, 5], "num_beams": 6,)"
          R"( "length_penalty": 0.6, "early_stopping": "never", "min_length": 2,)"
          R"( "max_new_tokens": 9, "min_new_tokens": 1, "forced_bos_token_id": 3,)"
          R"( "forced_eos_token_id": [0, 1], "bad_words_ids": [[4], [2, 3]],)"
          R"( "do_sample": true, "top_k": 50, "no_repeat_ngram_size": 3,)"
          R"( "encoder_no_repeat_ngram_size": 0, "sequence_bias": [[[5, 7], -1.5]],)"
          R"( "penalty_alpha": 0.0, "suppress_tokens": []})"};
}

static bool run(std::string_view json) {
  static const testing::TempFolder folder;
  folder.write("config.json", "{}");
  folder.write("generation_config.json", json);
  auto files = ConfigFiles::read(folder.path());
  if (!files.ok()) {
    requireSentence(files.status().message());
    return false;
  }
  return readsGeneration(*files, 6002, 128);
}

extern const Target generationConfig = {"generation_config", 2048, seeds, run};

} // namespace encdec::fuzz
