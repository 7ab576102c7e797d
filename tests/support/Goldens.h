// What Transformers makes of random checkpoints (tests/models), model by model. Includers
// are compiled with the macros ENCDEC_GOLDENS, ENCDEC_MODELS and ENCDEC_FAMILIES.
#pragma once
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace encdec::test {

/// A file of the goldens, parsed.
inline nlohmann::json readGoldens(const std::string &name) {
  std::ifstream file(std::string(ENCDEC_GOLDENS) + "/" + name);
  return nlohmann::json::parse(file);
}

/// One model of the goldens of one family.
struct Golden {
  std::string family;
  nlohmann::json model;

  std::string name() const { return model["name"]; }
  /// Where the tests have written its checkpoint.
  std::string folder() const {
    return std::string(ENCDEC_MODELS) + "/" + family + "/" + name();
  }
};

inline void PrintTo(const Golden &golden, std::ostream *out) {
  *out << golden.family << "/" << golden.name();
}

/// All models of all families.
inline std::vector<Golden> goldens() {
  std::vector<Golden> result;
  for (const char *family : {ENCDEC_FAMILIES}) {
    const nlohmann::json file = readGoldens(std::string(family) + ".json");
    for (const nlohmann::json &model : file["models"])
      result.push_back({family, model});
  }
  return result;
}

} // namespace encdec::test
