//===- Config.cpp - config.json, decoding defaults included ---------------===//

#include "compiler/import/Description.h"
#include "compiler/import/Families.h"
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

static void requireSizes(const ModelDescription &model) {
  auto within = [](uint64_t value, uint64_t most) { return value >= 1 && value <= most; };
  require(within(model.dModel, maxWidth) && within(model.maxPositions, maxWidth),
          "widths within their limits");
  for (const SideDescription &side : {model.encoder, model.decoder})
    require(within(side.vocabulary, maxVocabulary) && within(side.layers, maxLayers) &&
                within(side.ffnSize, maxWidth) && within(side.heads, maxWidth) &&
                within(side.headSize, maxWidth) && side.innerWidth() <= maxWidth,
            "vocabulary, layers, ffn and heads within their limits");
}

static bool run(std::string_view json) {
  static const testing::TempFolder folder;
  folder.write("config.json", json);
  auto files = ConfigFiles::read(folder.path());
  if (!files.ok()) {
    requireSentence(files.status().message());
    return false;
  }
  auto family = familyFor(files->config, "");
  if (!family.ok()) {
    requireSentence(family.status().message());
    return false;
  }
  std::vector<std::string> warnings;
  auto model = describeModel(*family, *files, 0, warnings);
  for (const std::string &warning : warnings)
    requireSentence(warning);
  if (!model.ok()) {
    requireSentence(model.status().message());
    return false;
  }
  requireSizes(*model);
  return readsGeneration(*files, model->decoder.vocabulary, model->maxPositions);
}

extern const Target config = {"config", 4096, seeds, run};

} // namespace encdec::fuzz
