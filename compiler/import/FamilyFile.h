// FamilyFile.h: an architecture file (families/*.json), parsed and checked on its own:
// what a model of the family looks like, where each number stands in config.json, and
// what the tensors are called. README.md of this folder documents the format. Free of
// MLIR.
#pragma once
#include "runtime/base/Json.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <vector>

namespace encdec::checkpoint {

enum class Side : unsigned { encoder, decoder };
constexpr Side otherOf(Side side) {
  return side == Side::encoder ? Side::decoder : Side::encoder;
}
constexpr const char *nameOf(Side side) {
  return side == Side::encoder ? "encoder" : "decoder";
}

/// Where a number, flag or word of the model comes from. Evaluation is Evaluator's
/// (FamilyValue.h).
struct FamilyValue {
  enum Kind {
    None,     ///< The file does not say.
    Literal,  ///< `literal`.
    Key,      ///< The value of config.json's key `name`; no value where it is absent.
    Table,    ///< The entry for the value of key `name`; no value where it is absent.
    Derived,  ///< The derivation called `name`, one of a closed list.
    Fallbacks ///< The first of `entries` that has a value.
  };
  Kind kind = None;
  JsonValue literal;
  std::string name;
  /// Table: the texts that `entries` stand for, as the key's value prints; the last
  /// entry has no text and stands for all others, if there is one more entry than texts.
  std::vector<std::string> texts;
  std::vector<FamilyValue> entries;
  std::string path; ///< Its place in the file: "both.layers".

  explicit operator bool() const { return kind != None; }
};

/// A linear or a norm is named by its module ("model.encoder.layers.{layer}.fc1"), to
/// which ".weight" and ".bias" are appended; a table or a vector by its whole name.
struct LinearNames {
  std::string module;
  bool bias = false;
};

struct AttentionFile {
  LinearNames query, key, value, output;
  std::string norm;
};

/// An FFN without a gate uses `up` and `down`; a gated FFN uses `gatedUp`, `gate` and
/// `down`: activation(gatedUp x) * (gate x). The module of a linear that no model of the
/// family has is empty.
struct FfnFile {
  LinearNames up, gatedUp, gate, down;
  std::string norm;
};

struct NormFile {
  bool rms = false;    ///< Else layer norm.
  bool before = false; ///< Before each sub-layer, else after its residual.
  bool bias = true;
  FamilyValue eps;
};

struct PositionsFile {
  enum Kind { None, Learned, Sinusoidal, Relative } kind = None;
  /// Learned, relative: the table. Sinusoidal: a stored table that replaces the computed
  /// one, or empty.
  std::string table;
  FamilyValue firstRow;       ///< Learned: the table's row of position 0.
  std::string formula;        ///< Sinusoidal: "paper" or "tensor2tensor".
  FamilyValue firstPosition;  ///< Sinusoidal: the position of a sentence's first token.
  FamilyValue uncountedToken; ///< Sinusoidal: a token without a position.
  FamilyValue buckets, maxDistance; ///< Relative.
  bool perLayer = false;            ///< Relative: a table in each layer, else in the first.
};

struct SideFile {
  FamilyValue layers, heads, headSize, ffnSize, vocabulary;
  FamilyValue activation, gated, scoresScale, embeddingScale;
  std::string embedding;     ///< The table.
  std::string embeddingNorm; ///< May be empty.
  /// Whether that norm is of the embeddings alone, and positions are added to what it
  /// gives; else it is of the sum of both.
  bool embeddingNormBefore = false;
  std::string finalNorm;     ///< May be empty.
  PositionsFile positions;
  NormFile norm;
  AttentionFile self, cross; ///< An encoder has no `cross`.
  FfnFile ffn;
};

/// Tables that are one where `when` is true. Any present member stands for the others;
/// the first present one does where several are there.
struct TieFile {
  FamilyValue when;
  std::vector<std::string> members;
};

/// A key of old configurations that no model class reads. Its value must be one of
/// `values`, unless `any` value is of no consequence.
struct NeutralFile {
  std::string key;
  bool any = false;
  std::vector<FamilyValue> values;
};

struct FamilyFile {
  std::string fileName; ///< For messages.
  std::string name, about;
  std::vector<std::string> modelTypes, architectures;
  std::vector<std::string> encoderArchitectures; ///< Models that are an encoder alone.
  FamilyValue dModel, maxPositions, padToken;
  /// Whether maxPositions is a default that --max-source-tokens may change: no table of
  /// the checkpoint limits the model.
  bool positionsAdjustable = false;
  SideFile sides[2];
  std::string head;     ///< The table.
  std::string headBias; ///< A vector that may be absent; empty where no model has one.
  FamilyValue headScale;
  FamilyValue tied; ///< Whether `ties` hold; where they do not, a warning says so.
  /// Whether the class ties tables that are missing whatever `tied` says: no warning then.
  bool tiesMissing = false;
  std::vector<TieFile> ties;
  std::vector<std::string> ignoredTensors; ///< Names; one '*' stands for any text.
  std::vector<NeutralFile> neutral;

  const SideFile &side(Side which) const { return sides[unsigned(which)]; }
};

/// Parses and checks the text of an architecture file. Errors (BadModel) name the file
/// and the field.
Result<FamilyFile> parseFamily(std::string_view text, const std::string &fileName);

/// Whether `name` is one that the file's `ignore` names.
bool isIgnored(const FamilyFile &family, std::string_view name);

} // namespace encdec::checkpoint
