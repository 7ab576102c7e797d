// MarianConfig.h: what Marian's config.json says, and which tensors its three
// vocabulary tables (encoder, decoder, head) come from. Free of MLIR.
#pragma once
#include "compiler/import/Config.h"
#include "compiler/import/Safetensors.h"

namespace encdec::checkpoint {

/// One side of the model.
struct SideConfig {
  uint64_t layers, heads, ffn;
};

/// Defaults are those of Transformers' MarianConfig.
struct MarianConfig {
  uint64_t width = 1024; // E
  SideConfig encoder{12, 16, 4096};
  SideConfig decoder{12, 16, 4096};
  uint64_t sourceVocabulary = 58101;
  uint64_t targetVocabulary = 58101; // V
  uint64_t maxPositions = 1024;
  bool scaleEmbedding = false;
  bool shareEmbeddings = true;
  bool tieWords = true;
  std::string activation = "gelu"; // Transformers' name

  static Result<MarianConfig> read(const ConfigFiles &files,
                                   std::vector<std::string> &warnings);
};

/// Checkpoint tensor names of the three tables; equal names mean one table.
struct MarianTables {
  std::string encoder, decoder, head;
  /// The tensors that may feed a table. No warning calls them unused.
  std::vector<std::string> seen;
};

/// Applies Transformers' tying rules (modeling_utils.py, tie_weights): any
/// present member of a tie feeds the absent ones; two present members with
/// different values are not tied. A table that no tensor feeds is named in `missing`.
Result<MarianTables> resolveTables(const MarianConfig &config,
                                   const CheckpointFiles &files,
                                   std::vector<std::string> &missing,
                                   std::vector<std::string> &warnings);

} // namespace encdec::checkpoint
