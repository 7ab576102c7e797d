// Config.h: config.json and generation_config.json as Transformers 4 and 5
// write them. What a family reads of config.json is in its file (Description.h).
#pragma once
#include "compiler/import/Fields.h"
#include "runtime/base/GenerationOptions.h"

#include <optional>

namespace encdec::checkpoint {

/// The greatest counts that a configuration may state. They size allocations, and a file
/// must not decide how much memory is taken.
inline constexpr uint64_t maxVocabulary = 4'000'000;
inline constexpr uint64_t maxLayers = 1024;
inline constexpr uint64_t maxWidth = 1u << 20; // widths, ffn, positions

/// Both configuration files, parsed. generation() is the object that generation
/// keys are read from: generation_config.json if there is one, else config.json
/// itself (Transformers' rule).
struct ConfigFiles {
  JsonValue config;
  JsonValue generationFile; // meaningful when hasGenerationFile
  bool hasGenerationFile = false;

  static Result<ConfigFiles> read(const std::string &folder);
  const JsonValue &generation() const {
    return hasGenerationFile ? generationFile : config;
  }
  std::string generationName() const {
    return hasGenerationFile ? "generation_config.json" : "config.json";
  }
};

/// The decoding defaults of a checkpoint, by Transformers' rules (Generation.cpp).
struct GenerationConfig {
  /// What the files say, with a start token and a greatest length in any case. Every id is
  /// one of the vocabulary.
  GenerationOptions options;
  /// Decoder positions that the lengths ask for, in a model whose positions grow; else the
  /// model's.
  uint64_t positions = 0;
};

/// Reads the decoding defaults for a target vocabulary of `vocabulary` ids and at most
/// `maxPositions` decoder positions, or more where they grow; adds warnings.
Result<GenerationConfig> readGeneration(const ConfigFiles &files,
                                        uint64_t vocabulary,
                                        uint64_t maxPositions, bool positionsGrow,
                                        std::vector<std::string> &warnings);

/// Whether Transformers' GenerationConfig knows `key`. In config.json such keys count
/// only when there is no generation_config.json.
bool isGenerationKey(std::string_view key);

/// Judges the keys of config.json that nobody has read: keys that every configuration may
/// have and generation keys pass, switches of old base classes must be off, and one
/// warning names the others.
Status checkLeftovers(Fields &config, std::vector<std::string> &warnings);

} // namespace encdec::checkpoint
