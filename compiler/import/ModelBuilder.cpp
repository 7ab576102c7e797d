// ModelBuilder.cpp: `encode` and `step` of a described model in plain ops. What differs
// between families is in the description; nothing here knows a family's name.
#include "compiler/import/ModelBuilder.h"

#include "compiler/import/LayerBuilder.h"
#include "compiler/import/Weights.h"
#include "dialect/Schema.h"

#include <fmt/format.h>

using namespace mlir;

namespace encdec {

namespace {

using checkpoint::LinearNames;
using checkpoint::ModelDescription;
using checkpoint::SideDescription;

ActivationKind kindOf(checkpoint::Activation activation) {
  switch (activation) {
  case checkpoint::Activation::relu:
    return ActivationKind::relu;
  case checkpoint::Activation::gelu:
    return ActivationKind::gelu;
  case checkpoint::Activation::geluTanh:
    return ActivationKind::gelu_tanh;
  case checkpoint::Activation::silu:
    return ActivationKind::silu;
  }
  llvm_unreachable("all activations are above");
}

LayerBuilder::Style styleOf(const SideDescription &side) {
  const checkpoint::NormFile &norm = side.file->norm;
  return {norm.rms ? NormKind::rms : NormKind::layer, norm.before, norm.bias, side.eps};
}

LayerBuilder::Attention attentionOf(const SideDescription &side,
                                    const checkpoint::AttentionFile &file) {
  return {int64_t(side.heads), int64_t(side.headSize), side.scoresScale, file.query.bias,
          file.key.bias,       file.value.bias,        file.output.bias};
}

LayerBuilder::Ffn ffnOf(const SideDescription &side) {
  const checkpoint::FfnFile &file = side.file->ffn;
  return {int64_t(side.ffnSize), kindOf(side.activation), side.gated,
          side.gated ? file.gatedUp.bias : file.up.bias, file.gate.bias, file.down.bias};
}

class ModelBuilder {
public:
  ModelBuilder(ModuleOp module, const ModelDescription &model, TableSymbols tables)
      : module(module), builder(module.getContext()), model(model),
        tables(std::move(tables)), width(int64_t(model.dModel)) {}

  void buildEncode();
  void buildStep();

private:
  Value embed(LayerBuilder &layers, const SideDescription &side, Value ids,
              Value positions);
  /// The bias of each layer's scores, each made once: over `offsets` or to `positions`.
  /// Null values where positions are not relative.
  SmallVector<Value> relativeBiases(LayerBuilder &layers, const SideDescription &side,
                                    Value offsets, Value positions);
  Value finish(LayerBuilder &layers, const SideDescription &side, Value x) {
    return side.file->finalNorm.empty() ? x : layers.norm(x, "final");
  }

  struct Argument {
    std::string name, role;
    Type type;
  };
  func::FuncOp beginFunction(StringRef name, ArrayRef<Argument> arguments,
                             ArrayRef<Type> results);

  ModuleOp module;
  OpBuilder builder;
  const ModelDescription &model;
  TableSymbols tables;
  int64_t width; // E
};

func::FuncOp ModelBuilder::beginFunction(StringRef name, ArrayRef<Argument> arguments,
                                         ArrayRef<Type> results) {
  SmallVector<Type> types;
  for (const Argument &argument : arguments)
    types.push_back(argument.type);
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, builder.getUnknownLoc(), name,
                                       builder.getFunctionType(types, results));
  function->setAttr(kEntryAttr, builder.getStringAttr(name));
  Block *body = function.addEntryBlock();
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    function.setArgAttr(unsigned(i), kArgAttr, builder.getStringAttr(argument.role));
    body->getArgument(unsigned(i))
        .setLoc(NameLoc::get(builder.getStringAttr(argument.name)));
  }
  builder.setInsertionPointToEnd(body);
  return function;
}

Value ModelBuilder::embed(LayerBuilder &layers, const SideDescription &side, Value ids,
                          Value positions) {
  MLIRContext *context = builder.getContext();
  unsigned i = &side == &model.decoder;
  Type rows = rowsType(context, width, *sideOf(ids));
  auto lookUp = [&](const char *name, double scale, const std::string &places) {
    auto table = FlatSymbolRefAttr::get(context, tables.embedding[i]);
    auto positionTable =
        places.empty() ? FlatSymbolRefAttr() : FlatSymbolRefAttr::get(context, places);
    return EmbedOp::create(builder, layers.at(name), rows, ids, positions, table,
                           positionTable, builder.getF32FloatAttr(float(scale)));
  };
  if (!side.file->embeddingNormBefore) {
    Value x = lookUp("embedded", side.embeddingScale, tables.positions[i]);
    return side.file->embeddingNorm.empty() ? x : layers.norm(x, "embed");
  }
  Value x = layers.norm(lookUp("embedded", side.embeddingScale, {}), "embed");
  // Tokens times 0: the rows of the position table alone.
  Value places = lookUp("places", 0, tables.positions[i]);
  return AddOp::create(builder, layers.at("embed.sum"), rows, x, places);
}

SmallVector<Value> ModelBuilder::relativeBiases(LayerBuilder &layers,
                                               const SideDescription &side, Value offsets,
                                               Value positions) {
  const Side which = &side == &model.encoder ? Side::encoder : Side::decoder;
  const std::vector<std::string> &symbols = tables.biases[unsigned(which)];
  SmallVector<Value> biases;
  for (auto [layer, symbol] : llvm::enumerate(symbols)) {
    std::string name = symbols.size() > 1 ? fmt::format("l{}.self.bias", layer) : "bias";
    biases.push_back(RelativeBiasOp::create(
        builder, layers.at(name),
        relativeBiasType(builder.getContext(), int64_t(side.heads), which),
        FlatSymbolRefAttr::get(builder.getContext(), symbol), offsets, positions,
        builder.getI64IntegerAttr(int64_t(side.maxDistance))));
  }
  biases.resize(side.layers, biases.empty() ? Value() : biases.front());
  return biases;
}

void ModelBuilder::buildEncode() {
  MLIRContext *context = builder.getContext();
  Type index = indexType(context);
  func::FuncOp function =
      beginFunction("encode",
                    {{"tokens", "tokens", idsType(context, Side::encoder)},
                     {"positions", "positions", index},
                     {"rows", "rows", index},
                     {"offsets", "offsets", index}},
                    {rowsType(context, width, Side::encoder)});
  const SideDescription &side = model.encoder;
  LayerBuilder::Sources sources{function.getArgument(2), function.getArgument(3)};
  LayerBuilder layers(builder, "encoder", styleOf(side));
  Value positions = function.getArgument(1);
  SmallVector<Value> biases = relativeBiases(layers, side, sources.offsets, {});
  Value x = embed(layers, side, function.getArgument(0), positions);
  for (uint64_t layer = 0; layer < side.layers; ++layer) {
    std::string block = fmt::format("l{}", layer);
    x = layers.encoderSelf(x, block + ".self", attentionOf(side, side.file->self), sources,
                           {biases[layer], biases[layer] ? positions : Value()});
    x = layers.ffn(x, block + ".ffn", ffnOf(side));
  }
  func::ReturnOp::create(builder, builder.getUnknownLoc(), finish(layers, side, x));
}

void ModelBuilder::buildStep() {
  MLIRContext *context = builder.getContext();
  Type index = indexType(context);
  const SideDescription &side = model.decoder;
  int64_t vocabulary = int64_t(side.vocabulary);
  Type biasTable = RankedTensorType::get({ShapedType::kDynamic, vocabulary},
                                         builder.getF32Type());
  SmallVector<Argument> arguments = {
      {"tokens", "tokens", idsType(context, Side::decoder)},
      {"positions", "positions", index},
      {"ancestors", "ancestors", ancestorsType(context)},
      {"sources", "sources", index},
      {"offsets", "offsets", index},
      {"logit_bias", "logit_bias", biasTable},
      {"row_bias", "row_bias", index},
      {"top_k", "top_k", builder.getI64Type()},
      {"memory", "memory", rowsType(context, width, Side::encoder)}};
  const size_t firstCache = arguments.size();
  for (uint64_t layer = 0; layer < side.layers; ++layer)
    arguments.push_back(
        {fmt::format("cache{}", layer), fmt::format("cache.{}", layer),
         CacheType::get(context, int64_t(side.heads), int64_t(side.headSize))});
  auto [ids, logProbs] = topTypes(context, Side::decoder);
  func::FuncOp function = beginFunction("step", arguments, {ids, logProbs});
  Value positions = function.getArgument(1), ancestors = function.getArgument(2),
        memory = function.getArgument(8);
  LayerBuilder::Sources sources{function.getArgument(3), function.getArgument(4)};
  LayerBuilder layers(builder, "decoder", styleOf(side));
  SmallVector<Value> biases = relativeBiases(layers, side, {}, positions);
  Value y = embed(layers, side, function.getArgument(0), positions);
  for (uint64_t layer = 0; layer < side.layers; ++layer) {
    std::string block = fmt::format("l{}", layer);
    Value cache = function.getArgument(unsigned(firstCache + layer));
    y = layers.decoderSelf(y, block + ".self", attentionOf(side, side.file->self), cache,
                           ancestors, positions, biases[layer]);
    y = layers.cross(y, memory, block + ".cross", attentionOf(side, side.file->cross),
                     sources);
    y = layers.ffn(y, block + ".ffn", ffnOf(side));
  }
  y = finish(layers, side, y);
  auto bias = tables.headBias.empty() ? FlatSymbolRefAttr()
                                      : FlatSymbolRefAttr::get(context, tables.headBias);
  Value logits = LinearOp::create(builder, layers.at("logits"),
                                  rowsType(context, vocabulary, Side::decoder), y,
                                  FlatSymbolRefAttr::get(context, tables.head), bias)
                     .getOutput();
  auto top = TopTokensOp::create(builder, layers.at("best"), logits,
                                 function.getArgument(5), function.getArgument(6),
                                 function.getArgument(7));
  func::ReturnOp::create(builder, builder.getUnknownLoc(), top.getResults());
}

DictionaryAttr modelAttribute(MLIRContext &context, const ModelDescription &model) {
  Builder builder(&context);
  auto number = [&](StringRef key, uint64_t value) {
    return builder.getNamedAttr(key, builder.getI64IntegerAttr(int64_t(value)));
  };
  SmallVector<NamedAttribute> entries = {
      builder.getNamedAttr("family", builder.getStringAttr(model.family->name)),
      number("d_model", model.dModel),
      number("encoder_layers", model.encoder.layers),
      number("encoder_heads", model.encoder.heads),
      number("encoder_ffn", model.encoder.ffnSize),
      number("source_vocab_size", model.encoder.vocabulary),
      number("max_positions", model.maxPositions)};
  if (!model.encoderOnly)
    entries.append({number("decoder_layers", model.decoder.layers),
                    number("decoder_heads", model.decoder.heads),
                    number("decoder_ffn", model.decoder.ffnSize),
                    number("vocab_size", model.decoder.vocabulary)});
  if (model.encoder.uncountedToken)
    entries.push_back(number("uncounted_token_id", *model.encoder.uncountedToken));
  return builder.getDictionaryAttr(entries);
}

} // namespace

Result<OwningOpRef<ModuleOp>> buildModel(MLIRContext &context,
                                         const ModelDescription &model,
                                         const checkpoint::CheckpointFiles &files,
                                         std::vector<std::string> &warnings) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  ENCDEC_ASSIGN_OR_RETURN(TableSymbols tables,
                          declareWeights(*module, model, files, warnings));
  ModelBuilder builder(*module, model, std::move(tables));
  builder.buildEncode();
  if (!model.encoderOnly)
    builder.buildStep();
  (*module)->setAttr(kModelAttr, modelAttribute(context, model));
  return module;
}

} // namespace encdec
