// LayerBuilder.h: builds transformer layers in plain ops, one op for one line of
// the textbook. Knows nothing of checkpoints; families say which layers.
#pragma once
#include "dialect/Ops.h"
#include "mlir/IR/Builders.h"

namespace encdec {

/// Builds at the end of one function. The location of a value is a name ("l0.self.q"),
/// from which the printer makes the SSA name. The name of a weight is the side, the
/// name of the value that it makes, and a short tail: @encoder.l0.self.q.w.
class LayerBuilder {
public:
  LayerBuilder(mlir::OpBuilder &builder, std::string side)
      : builder(builder), side(std::move(side)) {}

  struct Heads {
    int64_t heads, headSize;
    /// Scores are scaled by headSize^-0.5.
    float scale() const;
  };
  /// The source whose keys each query row sees, and where each source's keys start.
  struct Sources {
    mlir::Value rows, offsets;
  };

  /// y = x Wᵀ + b with @<block>.w and, if `bias`, @<block>.b
  mlir::Value linear(mlir::Value x, const std::string &block, int64_t width,
                     bool bias = true);
  /// Self-attention of the encoder, with its output projection.
  mlir::Value encoderSelf(mlir::Value x, const std::string &block, Heads heads,
                          Sources sources);
  /// Masked self-attention of one decoder step, through its cache.
  mlir::Value decoderSelf(mlir::Value x, const std::string &block, Heads heads,
                          mlir::Value cache, mlir::Value ancestors,
                          mlir::Value positions);
  /// Cross-attention: the decoder asks with `x`, the encoder answers with `memory`.
  mlir::Value cross(mlir::Value x, mlir::Value memory, const std::string &block,
                    Heads heads, Sources sources);
  mlir::Value ffn(mlir::Value x, const std::string &block, int64_t hidden,
                  ActivationKind kind);
  /// norm(y + x): the end of a post-norm sub-layer.
  mlir::Value addNorm(mlir::Value y, mlir::Value x, const std::string &block);

  /// A location that names a value.
  mlir::Location at(const std::string &name) const;

private:
  mlir::Value attend(mlir::Value query, mlir::Value key, mlir::Value value,
                     const std::string &block, Heads heads, Sources sources,
                     mlir::Value causalPositions);
  mlir::FlatSymbolRefAttr symbol(const std::string &name) const;
  mlir::OpBuilder &builder;
  std::string side; // "encoder" or "decoder"
};

} // namespace encdec
