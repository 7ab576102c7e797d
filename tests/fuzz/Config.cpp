//===- Config.cpp - config.json, decoding defaults included ---------------===//

#include "compiler/import/MarianConfig.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Generation.h"
#include "tests/import/TinyCheckpoint.h"

using namespace encdec::checkpoint;

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  testing::TinyCheckpoint tiny;
  // Without a file of their own, decoding defaults stand in config.json.
  tiny.config.merge(tiny.generation);
  return {testing::jsonObject(tiny.config),
          repositoryFile("examples/models/en-fr/config.json")};
}

static void requireSizes(const MarianConfig &config) {
  auto within = [](uint64_t value, uint64_t most) { return value >= 1 && value <= most; };
  require(within(config.width, maxWidth) && within(config.maxPositions, maxWidth),
          "widths within their limits");
  require(within(config.sourceVocabulary, maxVocabulary) &&
              within(config.targetVocabulary, maxVocabulary),
          "vocabularies within their limits");
  for (const SideConfig &side : {config.encoder, config.decoder})
    require(within(side.layers, maxLayers) && within(side.ffn, maxWidth) &&
                within(side.heads, config.width) && config.width % side.heads == 0,
            "layers, ffn and heads within their limits");
}

static bool run(std::string_view json) {
  static const testing::TempFolder folder;
  folder.write("config.json", json);
  auto files = ConfigFiles::read(folder.path());
  if (!files.ok()) {
    requireSentence(files.status().message());
    return false;
  }
  std::vector<std::string> warnings;
  auto config = MarianConfig::read(*files, warnings);
  for (const std::string &warning : warnings)
    requireSentence(warning);
  if (!config.ok()) {
    requireSentence(config.status().message());
    return false;
  }
  requireSizes(*config);
  return readsGeneration(*files, config->targetVocabulary, config->maxPositions);
}

extern const Target config = {"config", 4096, seeds, run};

} // namespace encdec::fuzz
