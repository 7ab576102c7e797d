// LayerBuilder.h: builds transformer layers in plain ops, one op for one line of
// the textbook. Knows nothing of checkpoints; ModelBuilder says which layers.
#pragma once
#include "dialect/Ops.h"
#include "mlir/IR/Builders.h"

namespace encdec {

/// Builds at the end of one function. The location of a value is a name ("l0.self.q"),
/// from which the printer makes the SSA name. The name of a weight is the side, the
/// name of the value that it makes, and a short tail: @encoder.l0.self.q.w.
class LayerBuilder {
public:
  /// What all layers of a side have in common.
  struct Style {
    NormKind norm = NormKind::layer;
    bool normBefore = false; ///< A norm before each sub-layer, else after its residual.
    bool normBias = true;    ///< Whether norms have a beta.
    double eps = 0;
  };
  LayerBuilder(mlir::OpBuilder &builder, std::string side, Style style)
      : builder(builder), side(std::move(side)), style(style) {}

  struct Attention {
    int64_t heads, headSize;
    double scale; ///< Of the scores.
    bool queryBias, keyBias, valueBias, outputBias;
    int64_t innerWidth() const { return heads * headSize; }
  };
  struct Ffn {
    int64_t hidden;
    ActivationKind kind;
    bool gated;
    bool upBias, gateBias, downBias;
  };
  /// The source whose keys each query row sees, and where each source's keys start.
  struct Sources {
    mlir::Value rows, offsets;
  };
  /// What distances add to the scores, and the positions of the queries; null without.
  struct Bias {
    mlir::Value bias, positions;
  };

  /// y = x Wᵀ + b with @<block>.w and, if `bias`, @<block>.b
  mlir::Value linear(mlir::Value x, const std::string &block, int64_t width, bool bias);
  mlir::Value norm(mlir::Value x, const std::string &block);

  // Sub-layers, with their output projections, residuals and norms: each gives what the
  // next one takes.
  /// Self-attention of the encoder.
  mlir::Value encoderSelf(mlir::Value x, const std::string &block, const Attention &shape,
                          Sources sources, Bias bias);
  /// Masked self-attention of one decoder step, through its cache.
  mlir::Value decoderSelf(mlir::Value x, const std::string &block, const Attention &shape,
                          mlir::Value cache, mlir::Value ancestors,
                          mlir::Value positions, mlir::Value bias);
  /// Cross-attention: the decoder asks with `x`, the encoder answers with `memory`.
  mlir::Value cross(mlir::Value x, mlir::Value memory, const std::string &block,
                    const Attention &shape, Sources sources);
  mlir::Value ffn(mlir::Value x, const std::string &block, const Ffn &shape);

  /// A location that names a value.
  mlir::Location at(const std::string &name) const;

private:
  /// The input of a sub-layer: x, or its norm.
  mlir::Value enter(mlir::Value x, const std::string &block);
  /// The residual connection around a sub-layer that made y of x, and a norm after it.
  mlir::Value leave(mlir::Value y, mlir::Value x, const std::string &block);
  struct Projections {
    mlir::Value query, key, value;
  };
  Projections project(mlir::Value x, mlir::Value memory, const std::string &block,
                      const Attention &shape);
  mlir::Value attend(const Projections &of, const std::string &block,
                     const Attention &shape, Sources sources, Bias bias,
                     mlir::Value causalPositions, int64_t width);
  mlir::FlatSymbolRefAttr symbol(const std::string &name) const;
  mlir::OpBuilder &builder;
  std::string side; // "encoder" or "decoder"
  Style style;
};

} // namespace encdec
