// Config.h: config.json and generation_config.json as Transformers 4 and 5
// write them. What a family reads of config.json is in its file (Description.h).
#pragma once
#include "compiler/import/Fields.h"

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
/// Lengths count the decoder's start token.
struct GenerationConfig {
  uint64_t decoderStart = 0;
  std::vector<uint64_t> eos; // if empty, only lengths end a sentence
  std::optional<uint64_t> pad;
  uint64_t maxLength = 0;
  std::optional<uint64_t> maxNewTokens; // overrides maxLength
  uint64_t minLength = 0;
  std::optional<uint64_t> minNewTokens; // overrides minLength
  std::optional<uint64_t> forcedBos;
  std::vector<uint64_t> forcedEos;
  std::vector<uint64_t> badTokens; // never generated
  std::optional<uint64_t> noRepeatNgramSize, encoderNoRepeatNgramSize; // none: off
  uint64_t numBeams = 1;
  double lengthPenalty = 1;
  std::string earlyStopping = "false"; // "true", "false" or "never"
  /// Decoder positions that the lengths above ask for, in a model whose positions grow;
  /// else the model's.
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
