// LayerBuilder.cpp: transformer layers, post-norm, in plain ops.
#include "compiler/import/LayerBuilder.h"

#include <cmath>

using namespace mlir;

namespace encdec {

float LayerBuilder::Heads::scale() const {
  return float(1.0 / std::sqrt(double(headSize)));
}

Location LayerBuilder::at(const std::string &name) const {
  return NameLoc::get(builder.getStringAttr(name));
}

FlatSymbolRefAttr LayerBuilder::symbol(const std::string &name) const {
  return FlatSymbolRefAttr::get(builder.getContext(), side + "." + name);
}

Value LayerBuilder::linear(Value x, const std::string &block, int64_t width,
                       bool bias) {
  // The result has its input's side: keys of cross-attention are the encoder's.
  Type type = rowsType(builder.getContext(), width, *encdec::sideOf(x));
  return LinearOp::create(builder, at(block), type, x, symbol(block + ".w"),
                          bias ? symbol(block + ".b") : FlatSymbolRefAttr())
      .getOutput();
}

Value LayerBuilder::attend(Value query, Value key, Value value, const std::string &block,
                           Heads heads, Sources sources, Value causalPositions) {
  Value scores = ScoresOp::create(
      builder, at(block + ".scores"), query, key, sources.rows, sources.offsets,
      /*bias=*/Value(), /*bias_positions=*/Value(), builder.getI64IntegerAttr(heads.heads),
      builder.getF32FloatAttr(heads.scale()));
  if (causalPositions)
    scores = MaskOp::create(builder, at(block + ".masked"), scores.getType(),
                            scores, causalPositions);
  Value probs = SoftmaxOp::create(builder, at(block + ".probs"),
                                  scores.getType(), scores);
  Value context =
      ContextOp::create(builder, at(block + ".context"), probs, value, sources.rows,
                        sources.offsets, builder.getI64IntegerAttr(heads.heads));
  return linear(context, block + ".o", heads.heads * heads.headSize);
}

Value LayerBuilder::encoderSelf(Value x, const std::string &block, Heads heads,
                                Sources sources) {
  int64_t width = heads.heads * heads.headSize;
  Value query = linear(x, block + ".q", width);
  Value key = linear(x, block + ".k", width);
  Value value = linear(x, block + ".v", width);
  return attend(query, key, value, block, heads, sources, {});
}

Value LayerBuilder::decoderSelf(Value x, const std::string &block, Heads heads,
                            Value cache, Value ancestors,
                            Value positions) {
  int64_t width = heads.heads * heads.headSize;
  Value query = linear(x, block + ".q", width);
  Value key = linear(x, block + ".k", width);
  Value value = linear(x, block + ".v", width);
  CacheAppendOp::create(builder, at(block), cache, key, value, ancestors,
                        positions);
  auto past = CacheReadOp::create(builder, at(block + ".past"), cache,
                                  ancestors, positions);
  return attend(query, past.getKey(), past.getValue(), block, heads,
                {past.getRows(), past.getOffsets()}, positions);
}

Value LayerBuilder::cross(Value x, Value memory, const std::string &block, Heads heads,
                          Sources sources) {
  int64_t width = heads.heads * heads.headSize;
  Value query = linear(x, block + ".q", width);
  Value key = linear(memory, block + ".k", width);
  Value value = linear(memory, block + ".v", width);
  return attend(query, key, value, block, heads, sources, {});
}

Value LayerBuilder::ffn(Value x, const std::string &block, int64_t hidden,
                    ActivationKind kind) {
  int64_t width = cast<RankedTensorType>(x.getType()).getDimSize(1);
  Value up = linear(x, block + ".up", hidden);
  Value active = ActivationOp::create(builder, at(block + ".active"),
                                      up.getType(), up, /*gate=*/Value(), kind);
  return linear(active, block + ".down", width);
}

Value LayerBuilder::addNorm(Value y, Value x, const std::string &block) {
  Value sum = AddOp::create(builder, at(block + ".sum"), y.getType(), y, x);
  // Transformers' Marian leaves eps at PyTorch's default.
  return NormOp::create(builder, at(block + ".normed"), sum.getType(), sum,
                        symbol(block + ".gamma"), symbol(block + ".beta"),
                        builder.getF32FloatAttr(1e-5f),
                        NormKindAttr::get(builder.getContext(), NormKind::layer));
}

} // namespace encdec
