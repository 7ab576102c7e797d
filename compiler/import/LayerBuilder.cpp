// LayerBuilder.cpp: transformer layers in plain ops.
#include "compiler/import/LayerBuilder.h"

using namespace mlir;

namespace encdec {

Location LayerBuilder::at(const std::string &name) const {
  return NameLoc::get(builder.getStringAttr(name));
}

FlatSymbolRefAttr LayerBuilder::symbol(const std::string &name) const {
  return FlatSymbolRefAttr::get(builder.getContext(), side + "." + name);
}

Value LayerBuilder::linear(Value x, const std::string &block, int64_t width, bool bias) {
  // The result has its input's side: keys of cross-attention are the encoder's.
  Type type = rowsType(builder.getContext(), width, *encdec::sideOf(x));
  return LinearOp::create(builder, at(block), type, x, symbol(block + ".w"),
                          bias ? symbol(block + ".b") : FlatSymbolRefAttr())
      .getOutput();
}

Value LayerBuilder::norm(Value x, const std::string &block) {
  return NormOp::create(builder, at(block + ".normed"), x.getType(), x,
                        symbol(block + ".gamma"),
                        style.normBias ? symbol(block + ".beta") : FlatSymbolRefAttr(),
                        builder.getF32FloatAttr(float(style.eps)),
                        NormKindAttr::get(builder.getContext(), style.norm));
}

Value LayerBuilder::enter(Value x, const std::string &block) {
  return style.normBefore ? norm(x, block) : x;
}

Value LayerBuilder::leave(Value y, Value x, const std::string &block) {
  Value sum = AddOp::create(builder, at(block + ".sum"), y.getType(), y, x);
  return style.normBefore ? sum : norm(sum, block);
}

LayerBuilder::Projections LayerBuilder::project(Value x, Value memory,
                                                const std::string &block,
                                                const Attention &shape) {
  int64_t width = shape.innerWidth();
  Value query = linear(x, block + ".q", width, shape.queryBias);
  Value key = linear(memory, block + ".k", width, shape.keyBias);
  Value value = linear(memory, block + ".v", width, shape.valueBias);
  return {query, key, value};
}

Value LayerBuilder::attend(const Projections &of, const std::string &block,
                           const Attention &shape, Sources sources, Bias bias,
                           Value causalPositions, int64_t width) {
  IntegerAttr heads = builder.getI64IntegerAttr(shape.heads);
  Value scores = ScoresOp::create(builder, at(block + ".scores"), of.query, of.key,
                                  sources.rows, sources.offsets, bias.bias,
                                  bias.positions, heads,
                                  builder.getF32FloatAttr(float(shape.scale)));
  if (causalPositions)
    scores = MaskOp::create(builder, at(block + ".masked"), scores.getType(), scores,
                            causalPositions);
  Value probs =
      SoftmaxOp::create(builder, at(block + ".probs"), scores.getType(), scores);
  Value context = ContextOp::create(builder, at(block + ".context"), probs, of.value,
                                    sources.rows, sources.offsets, heads);
  return linear(context, block + ".o", width, shape.outputBias);
}

Value LayerBuilder::encoderSelf(Value x, const std::string &block, const Attention &shape,
                                Sources sources, Bias bias) {
  Value input = enter(x, block);
  Value y = attend(project(input, input, block, shape), block, shape, sources, bias,
                   {}, widthOf(x));
  return leave(y, x, block);
}

Value LayerBuilder::decoderSelf(Value x, const std::string &block, const Attention &shape,
                                Value cache, Value ancestors, Value positions,
                                Value bias) {
  Value input = enter(x, block);
  Projections of = project(input, input, block, shape);
  CacheAppendOp::create(builder, at(block), cache, of.key, of.value, ancestors, positions);
  auto past =
      CacheReadOp::create(builder, at(block + ".past"), cache, ancestors, positions);
  Value y = attend({of.query, past.getKey(), past.getValue()}, block, shape,
                   {past.getRows(), past.getOffsets()},
                   {bias, bias ? positions : Value()}, positions, widthOf(x));
  return leave(y, x, block);
}

Value LayerBuilder::cross(Value x, Value memory, const std::string &block,
                          const Attention &shape, Sources sources) {
  Value y = attend(project(enter(x, block), memory, block, shape), block, shape, sources,
                   {}, {}, widthOf(x));
  return leave(y, x, block);
}

Value LayerBuilder::ffn(Value x, const std::string &block, const Ffn &shape) {
  Value input = enter(x, block);
  Value up = linear(input, block + ".up", shape.hidden, shape.upBias);
  Value gate;
  if (shape.gated)
    gate = linear(input, block + ".gate", shape.hidden, shape.gateBias);
  Value active = ActivationOp::create(builder, at(block + ".active"), up.getType(), up,
                                      gate, shape.kind);
  Value y = linear(active, block + ".down", widthOf(x), shape.downBias);
  return leave(y, x, block);
}

} // namespace encdec
