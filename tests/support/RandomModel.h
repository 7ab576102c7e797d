// Small random encoder-decoder models as IR, in the shape the importer prints:
// an encode and a step function over seeded weights, no files needed. The model
// is a function of its sizes and seed alone, so one line reproduces a failure.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace encdec::test {

/// The sizes of a model. The defaults are Marian's: norms after each sub-layer, a position
/// table, heads that are the width of the model together.
struct ModelSizes {
  int heads = 2;
  int headSize = 8;
  int encoderLayers = 1;
  int decoderLayers = 2;    // 0: an encoder only, without a step
  int ffn = 24;             // F
  int vocabulary = 37;      // V, of the target; the source's too when tied
  int sourceVocabulary = 0; // 0: one table for source, target and output
  int maxPositions = 32;
  std::string activation = "relu"; // relu, gelu, gelu_tanh, silu
  std::string type = "f32";        // stored type of matrices: f32, f16, bf16
  bool biases = true;              // biases on the linears (not the vocabulary)
  bool logitsBias = true;          // final_logits_bias on the vocabulary
  bool scaleEmbedding = true;      // multiply token embeddings by sqrt(E)
  bool sinusoidal = true;          // computed positions, or a stored table
  int modelWidth = 0;              // E; 0: heads * headSize
  bool preNorm = false;            // norms before each sub-layer and after the last
  bool embeddingNorm = false;      // and one of the embeddings
  bool normBeforePositions = false; // which are added to what that norm makes
  bool rms = false;                // RMSNorm
  bool betas = true;               // of the norms
  bool gated = false;              // a gate in each FFN
  int buckets = 0;                 // of relative biases, instead of a position table
  bool biasOfEachLayer = false;    // a table in each layer, or one of a side
  uint64_t seed = 1;

  int inner() const { return heads * headSize; } // of the attentions
  int width() const { return modelWidth ? modelWidth : inner(); }
  /// For a test's failure message: all sizes in one line.
  std::string text() const;
};

/// The module as text, decomposed form.
std::string randomModelText(const ModelSizes &sizes);

/// The same, parsed and verified; null (with diagnostics on the context) when
/// the text is refused. `context` must have the dialects registered.
mlir::OwningOpRef<mlir::ModuleOp> randomModel(mlir::MLIRContext &context,
                                              const ModelSizes &sizes);

/// `count` different sizes: the first few are the awkward ones (one head, odd
/// head size, no biases, one layer), the others drawn from `seed`.
std::vector<ModelSizes> randomSizes(unsigned count, uint64_t seed);

/// GoogleTest prints a parameter by this in its messages.
inline void PrintTo(const ModelSizes &sizes, std::ostream *os) {
  *os << sizes.text();
}

} // namespace encdec::test
