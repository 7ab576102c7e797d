// Synth.h: a checkpoint of random numbers for a built-in family, so that anything can be
// tried with no download. Free of MLIR.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace encdec {

struct SynthOptions {
  std::string family;         ///< A name that `encdec families` lists.
  std::string size = "tiny";  ///< One of synthSizes().
  std::string dtype = "f32";  ///< How weights are stored: f32 or bf16.
  uint64_t seed = 1;
  /// Keys of config.json, or what the architecture file calls a size (d_model, layers,
  /// heads, head_size, ffn_size, vocabulary, max_positions), each with its JSON text.
  std::vector<std::pair<std::string, std::string>> settings;
};

std::vector<std::string> synthSizes();

struct SynthReport {
  uint64_t tensors = 0, parameters = 0, bytes = 0; ///< Of model.safetensors.
};

/// Writes config.json, generation_config.json, model.safetensors, tokenizer.json and
/// tokenizer_config.json into a new folder, or an empty one. Equal options give equal
/// bytes. The folder appears once it is whole. Errors: Usage for options, BadModel where the settings make no
/// model, Failure where files cannot be written.
Result<SynthReport> synthesize(const SynthOptions &options, const std::string &folder);

} // namespace encdec
