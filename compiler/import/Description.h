// Description.h: what a checkpoint's model looks like, in numbers: its architecture file
// and its config.json together. Free of MLIR.
#pragma once
#include "compiler/import/Config.h"
#include "compiler/import/FamilyFile.h"

namespace encdec::checkpoint {

enum class Activation { relu, gelu, geluTanh, silu };

struct SideDescription {
  const SideFile *file; ///< Names of tensors, kinds of norm and positions.
  uint64_t layers, heads, headSize, ffnSize, vocabulary;
  Activation activation;
  bool gated;
  double scoresScale, embeddingScale, eps;
  uint64_t firstRow = 0;      ///< Of learned positions.
  uint64_t firstPosition = 0; ///< Of sinusoidal positions.
  std::optional<uint64_t> uncountedToken;
  uint64_t buckets = 0, maxDistance = 0; ///< Of relative positions.

  /// Width of queries, keys and values: heads of headSize.
  uint64_t innerWidth() const { return heads * headSize; }
};

/// Valid as long as the family that it was made of.
struct ModelDescription {
  const FamilyFile *family;
  uint64_t dModel;
  uint64_t maxPositions; ///< Longest source and longest target.
  /// Whether the model is its encoder alone; what is said of decoder and head is of no
  /// consequence then.
  bool encoderOnly;
  SideDescription encoder, decoder;
  double headScale;
  bool tied;
  std::string tiedFrom; ///< Where `tied` stands, for messages.
  /// The lists of tied tables, of those whose `when` is true for this checkpoint.
  std::vector<std::vector<std::string>> ties;
};

/// Reads config.json by the family's rules and judges its keys; adds warnings.
/// `maxSourceTokens`, unless 0, replaces the limit of a family without tables of
/// positions in the checkpoint.
Result<ModelDescription> describeModel(const FamilyFile &family, const ConfigFiles &files,
                                       uint64_t maxSourceTokens,
                                       std::vector<std::string> &warnings);

/// Whether a table of all positions is small enough to be computed: a small file could
/// ask for a huge one. Errors: Limit.
Status checkPositions(const ModelDescription &model);

} // namespace encdec::checkpoint
