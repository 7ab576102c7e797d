//===- GenerationConfig.cpp - generation_config.json ----------------------===//

#include "encdec/abi.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Generation.h"
#include "tests/import/TinyCheckpoint.h"

#include <algorithm>
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
  const GenerationConfig &config = *read;
  auto isId = [&](uint64_t id) { return id < vocabulary; };
  require(isId(config.decoderStart) && isId(config.pad.value_or(0)) &&
              isId(config.forcedBos.value_or(0)) &&
              std::ranges::all_of(config.eos, isId) &&
              std::ranges::all_of(config.forcedEos, isId) &&
              std::ranges::all_of(config.badTokens, isId),
          "ids of the vocabulary");
  require(config.maxLength >= 1 && config.maxLength <= positions + 1 &&
              config.maxNewTokens.value_or(1) >= 1 &&
              config.maxNewTokens.value_or(1) <= positions,
          "lengths that the positions give");
  require(config.numBeams >= 1 &&
              (config.numBeams == 1 ||
               config.numBeams <= ENCDEC_ABI_MAX_BEAMS(config.eos.size())),
          "beams that a step finds candidates for");
  require(std::isfinite(config.lengthPenalty), "a finite length penalty");
  require(config.noRepeatNgramSize.value_or(1) >= 1 &&
              config.encoderNoRepeatNgramSize.value_or(1) >= 1,
          "n-grams of one token or more");
  require(config.earlyStopping == "true" || config.earlyStopping == "false" ||
              config.earlyStopping == "never",
          "a known early stopping");
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
          R"( "encoder_no_repeat_ngram_size": 0})"};
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
