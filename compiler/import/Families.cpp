// Families.cpp: finds the architecture file of a checkpoint.
#include "compiler/import/Families.h"

#include "compiler/import/Fields.h"
#include "compiler/import/FamilyReader.h"
#include "compiler/import/File.h"
#include "runtime/base/Utf8.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

constexpr uint64_t maxFamilyBytes = 1u << 20;
constexpr const char *refusedFile = "refused.json";

/// The files of families/.
constexpr EmbeddedFile embeddedFiles[] = {
#include "compiler/import/FamilyData.inc"
};

bool lists(const std::vector<std::string> &names, const std::string &name) {
  return std::ranges::find(names, name) != names.end();
}

} // namespace

Result<std::vector<FamilyFile>> builtInFamilies() {
  std::vector<FamilyFile> families;
  for (const EmbeddedFile &file : embeddedFiles) {
    if (file.name == refusedFile)
      continue;
    ENCDEC_ASSIGN_OR_RETURN(FamilyFile family,
                            parseFamily(file.text, std::string(file.name)));
    families.push_back(std::move(family));
  }
  return families;
}

Result<std::vector<RefusedFamily>> refusedFamilies() {
  std::vector<RefusedFamily> families;
  for (const EmbeddedFile &file : embeddedFiles) {
    if (file.name != refusedFile)
      continue;
    ENCDEC_ASSIGN_OR_RETURN(JsonValue json, parseJson(file.text).withContext(std::string(file.name)));
    FamilyError error{std::string(file.name), {}};
    for (size_t i = 0; i < json.items.size(); ++i) {
      FamilyReader each(error, &json.items[i], json.keys[i]);
      families.push_back({each.texts("model_types"), json.keys[i], each.text("reason")});
      each.finish();
    }
    ENCDEC_RETURN_IF_ERROR(error.first);
  }
  return families;
}

Result<FamilyFile> familyFor(const JsonValue &config, const std::string &path) {
  Fields fields(config, "config.json");
  const std::string type = fields.text("model_type", "");
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (!path.empty()) {
    const std::string name = std::filesystem::path(path).filename();
    ENCDEC_ASSIGN_OR_RETURN(std::string text, readFile(path, path, maxFamilyBytes));
    ENCDEC_ASSIGN_OR_RETURN(FamilyFile family, parseFamily(text, name));
    if (lists(family.modelTypes, type))
      return family;
    fields.fail("model_type", fmt::format("one that {} lists in model_types ({})", name,
                                          listNames(family.modelTypes)));
    return fields.status();
  }
  ENCDEC_ASSIGN_OR_RETURN(std::vector<RefusedFamily> refused, refusedFamilies());
  for (const RefusedFamily &each : refused)
    if (lists(each.modelTypes, type))
      return badModel(fmt::format("config.json: key \"model_type\": {} models are not "
                                  "supported: {}",
                                  each.name, each.reason));
  ENCDEC_ASSIGN_OR_RETURN(std::vector<FamilyFile> families, builtInFamilies());
  std::string known;
  for (FamilyFile &family : families) {
    if (lists(family.modelTypes, type))
      return std::move(family);
    for (const std::string &each : family.modelTypes)
      known += (known.empty() ? "" : ", ") + each;
  }
  fields.fail("model_type",
              fmt::format("one of the supported families ({}), or --family FILE with a "
                          "description (compiler/import/README.md, \"A family is a file\")",
                          known));
  return fields.status();
}

} // namespace encdec::checkpoint
