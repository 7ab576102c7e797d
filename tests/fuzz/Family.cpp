//===- Family.cpp - architecture files, as --family reads them ------------===//

#include "compiler/import/Description.h"
#include "compiler/import/FamilyFile.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/import/TinyCheckpoint.h"

#include <filesystem>

using namespace encdec::checkpoint;

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  std::vector<std::string> files;
  for (const auto &entry :
       std::filesystem::directory_iterator(ENCDEC_SOURCE_DIR "/compiler/import/families"))
    if (entry.path().filename() != "refused.json")
      files.push_back(repositoryFile("compiler/import/families/" +
                                     entry.path().filename().string()));
  return files;
}

static bool run(std::string_view json) {
  auto family = parseFamily(json, "family.json");
  if (!family.ok()) {
    requireSentence(family.status().message());
    return false;
  }
  static const JsonValue config =
      *parseJson(testing::jsonObject(testing::TinyCheckpoint().config));
  ConfigFiles files;
  files.config = config;
  std::vector<std::string> warnings;
  // Whether the family goes with the configuration does not matter.
  auto model = describeModel(*family, files, 0, warnings);
  if (!model.ok())
    requireSentence(model.status().message());
  for (const std::string &warning : warnings)
    requireSentence(warning);
  return true;
}

extern const Target family = {"family", 16384, seeds, run};

} // namespace encdec::fuzz
