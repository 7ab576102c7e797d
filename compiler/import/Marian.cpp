// Marian.cpp: a Marian checkpoint as a module. Post-norm layers, no embedding
// norm, no final norm; sinusoidal positions unless the checkpoint stores a
// table; logits get final_logits_bias when there is one.
#include "compiler/import/Family.h"
#include "compiler/import/LayerBuilder.h"
#include "compiler/import/MarianConfig.h"
#include "compiler/import/WeightImporter.h"
#include "dialect/Schema.h"

#include <cmath>
#include <fmt/format.h>

using namespace mlir;

namespace encdec {

namespace {

using checkpoint::MarianConfig;
using checkpoint::MarianTables;
using checkpoint::SideConfig;

/// Transformers' activation names.
std::optional<ActivationKind> activationKind(StringRef name) {
  if (name == "relu")
    return ActivationKind::relu;
  if (name == "gelu" || name == "gelu_python")
    return ActivationKind::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" ||
      name == "gelu_python_tanh" || name == "gelu_fast")
    return ActivationKind::gelu_tanh;
  if (name == "swish" || name == "silu")
    return ActivationKind::silu;
  return std::nullopt;
}

/// Symbols of the tables that both functions use.
struct TableSymbols {
  std::string encoder, decoder, head, encoderPositions, decoderPositions;
  bool headBias = false;
};

class MarianBuilder {
public:
  MarianBuilder(ModuleOp module, const FamilyInput &input,
                const MarianConfig &config, ActivationKind activation)
      : module(module), builder(module.getContext()), config(config),
        activation(activation), weights(module, input.files),
        files(input.files), width(int64_t(config.width)) {}

  Status declareWeights(std::vector<std::string> &warnings);
  void buildEncode();
  void buildStep();

private:
  void declareTables(const MarianTables &names);
  std::string declarePositions(const std::string &side);
  void declareLayers(const std::string &side, const SideConfig &sizes,
                     bool decoder);
  void declareLinear(const std::string &symbol, const std::string &tensor,
                     uint64_t out, uint64_t in);
  void declareNorm(const std::string &symbol, const std::string &tensor);
  Value embed(const std::string &side, Value ids, Value positions,
              const std::string &table, const std::string &positionTable);
  LayerBuilder::Heads heads(const SideConfig &sizes) const {
    return {int64_t(sizes.heads), width / int64_t(sizes.heads)};
  }

  struct Argument {
    const char *name, *role;
    Type type;
  };
  func::FuncOp beginFunction(StringRef name, ArrayRef<Argument> arguments,
                             ArrayRef<Type> results);

  ModuleOp module;
  OpBuilder builder;
  const MarianConfig &config;
  ActivationKind activation;
  WeightImporter weights;
  const checkpoint::CheckpointFiles &files;
  int64_t width; // E
  TableSymbols tables;
};

void MarianBuilder::declareLinear(const std::string &symbol,
                                  const std::string &tensor, uint64_t out,
                                  uint64_t in) {
  weights.need(symbol + ".w", tensor + ".weight", {out, in});
  weights.need(symbol + ".b", tensor + ".bias", {out});
}

void MarianBuilder::declareNorm(const std::string &symbol,
                                const std::string &tensor) {
  weights.need(symbol + ".gamma", tensor + ".weight", {config.width});
  weights.need(symbol + ".beta", tensor + ".bias", {config.width});
}

void MarianBuilder::declareLayers(const std::string &side,
                                  const SideConfig &sizes, bool decoder) {
  uint64_t e = config.width;
  auto attention = [&](const std::string &symbol, const std::string &tensor) {
    declareLinear(symbol + ".q", tensor + ".q_proj", e, e);
    declareLinear(symbol + ".k", tensor + ".k_proj", e, e);
    declareLinear(symbol + ".v", tensor + ".v_proj", e, e);
    declareLinear(symbol + ".o", tensor + ".out_proj", e, e);
    declareNorm(symbol, tensor + "_layer_norm");
  };
  for (uint64_t layer = 0; layer < sizes.layers; ++layer) {
    std::string symbol = fmt::format("{}.l{}", side, layer);
    std::string tensor = fmt::format("model.{}.layers.{}", side, layer);
    attention(symbol + ".self", tensor + ".self_attn");
    if (decoder)
      attention(symbol + ".cross", tensor + ".encoder_attn");
    declareLinear(symbol + ".ffn.up", tensor + ".fc1", sizes.ffn, e);
    declareLinear(symbol + ".ffn.down", tensor + ".fc2", e, sizes.ffn);
    declareNorm(symbol + ".ffn", tensor + ".final_layer_norm");
  }
}

void MarianBuilder::declareTables(const MarianTables &names) {
  // Each tensor has one symbol: "shared" where both embeddings read it; a head that is
  // an embedding has the symbol of that embedding.
  tables.encoder = names.encoder == names.decoder ? "shared" : "encoder.embed";
  tables.decoder = names.encoder == names.decoder ? "shared" : "decoder.embed";
  tables.head = names.head == names.decoder   ? tables.decoder
                : names.head == names.encoder ? tables.encoder
                                              : "decoder.head";
  weights.need(tables.encoder, names.encoder,
               {config.sourceVocabulary, config.width});
  weights.need(tables.decoder, names.decoder,
               {config.targetVocabulary, config.width});
  weights.need(tables.head, names.head,
               {config.targetVocabulary, config.width});
  // The bias is stored as [1, V]; without the tensor there is no bias.
  tables.headBias = weights.want("decoder.head_bias", "final_logits_bias",
                                 {1, config.targetVocabulary}, 1);
  if (auto bias = module.lookupSymbol<WeightOp>("decoder.head_bias"))
    bias.setBans(true);
}

std::string MarianBuilder::declarePositions(const std::string &side) {
  std::string symbol = side + ".positions";
  if (weights.want(symbol, "model." + side + ".embed_positions.weight",
                   {config.maxPositions, config.width}))
    return symbol;
  // Both sides share the computed table.
  weights.compute("positions", {int64_t(config.maxPositions), width},
                  SinusoidalAttr::get(builder.getContext()));
  return "positions";
}

Status MarianBuilder::declareWeights(std::vector<std::string> &warnings) {
  std::vector<std::string> missing;
  ENCDEC_ASSIGN_OR_RETURN(
      MarianTables names,
      checkpoint::resolveTables(config, files, missing, warnings));
  for (const std::string &name : names.seen)
    weights.markSeen(name);
  for (const std::string &name : missing)
    weights.noteMissing(name);
  if (missing.empty())
    declareTables(names);
  tables.encoderPositions = declarePositions("encoder");
  tables.decoderPositions = declarePositions("decoder");
  declareLayers("encoder", config.encoder, false);
  declareLayers("decoder", config.decoder, true);
  if (std::string unused = weights.unusedWarning(); !unused.empty())
    warnings.push_back(unused);
  return weights.status();
}

func::FuncOp MarianBuilder::beginFunction(StringRef name,
                                          ArrayRef<Argument> arguments,
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
    function.setArgAttr(unsigned(i), kArgAttr,
                        builder.getStringAttr(argument.role));
    body->getArgument(unsigned(i))
        .setLoc(NameLoc::get(builder.getStringAttr(argument.name)));
  }
  builder.setInsertionPointToEnd(body);
  return function;
}

Value MarianBuilder::embed(const std::string &side, Value ids, Value positions,
                           const std::string &table,
                           const std::string &positionTable) {
  MLIRContext *context = builder.getContext();
  float scale = config.scaleEmbedding ? float(std::sqrt(double(width))) : 1.0f;
  return EmbedOp::create(builder,
                         NameLoc::get(builder.getStringAttr("embedded")),
                         rowsType(context, width, *sideOf(ids)), ids, positions,
                         FlatSymbolRefAttr::get(context, table),
                         FlatSymbolRefAttr::get(context, positionTable),
                         builder.getF32FloatAttr(scale));
}

void MarianBuilder::buildEncode() {
  MLIRContext *context = builder.getContext();
  Type index = indexType(context);
  func::FuncOp function =
      beginFunction("encode",
                    {{"tokens", "tokens", idsType(context, Side::encoder)},
                     {"positions", "positions", index},
                     {"rows", "rows", index},
                     {"offsets", "offsets", index}},
                    {rowsType(context, width, Side::encoder)});
  Value ids = function.getArgument(0), positions = function.getArgument(1);
  LayerBuilder::Sources sources{function.getArgument(2), function.getArgument(3)};
  LayerBuilder layers(builder, "encoder");
  Value x =
      embed("encoder", ids, positions, tables.encoder, tables.encoderPositions);
  for (uint64_t layer = 0; layer < config.encoder.layers; ++layer) {
    std::string block = fmt::format("l{}", layer);
    Value y = layers.encoderSelf(x, block + ".self", heads(config.encoder), sources);
    x = layers.addNorm(y, x, block + ".self");
    y = layers.ffn(x, block + ".ffn", int64_t(config.encoder.ffn), activation);
    x = layers.addNorm(y, x, block + ".ffn");
  }
  func::ReturnOp::create(builder, builder.getUnknownLoc(), x);
}

void MarianBuilder::buildStep() {
  MLIRContext *context = builder.getContext();
  Type index = indexType(context);
  int64_t vocabulary = int64_t(config.targetVocabulary);
  LayerBuilder::Heads decoderHeads = heads(config.decoder);
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
  std::vector<std::string> names, roles;
  names.reserve(config.decoder.layers), roles.reserve(config.decoder.layers);
  for (uint64_t layer = 0; layer < config.decoder.layers; ++layer) {
    names.push_back(fmt::format("cache{}", layer));
    roles.push_back(fmt::format("cache.{}", layer));
    arguments.push_back(
        {names.back().c_str(), roles.back().c_str(),
         CacheType::get(context, decoderHeads.heads, decoderHeads.headSize)});
  }
  auto [ids, logProbs] = topTypes(context, Side::decoder);
  func::FuncOp function = beginFunction("step", arguments, {ids, logProbs});
  Value tokens = function.getArgument(0), positions = function.getArgument(1),
        ancestors = function.getArgument(2), memory = function.getArgument(8);
  LayerBuilder::Sources sources{function.getArgument(3), function.getArgument(4)};
  LayerBuilder layers(builder, "decoder");
  Value y = embed("decoder", tokens, positions, tables.decoder,
                  tables.decoderPositions);
  for (uint64_t layer = 0; layer < config.decoder.layers; ++layer) {
    std::string block = fmt::format("l{}", layer);
    Value cache = function.getArgument(unsigned(firstCache + layer));
    Value z = layers.decoderSelf(y, block + ".self", decoderHeads, cache,
                               ancestors, positions);
    y = layers.addNorm(z, y, block + ".self");
    z = layers.cross(y, memory, block + ".cross", decoderHeads, sources);
    y = layers.addNorm(z, y, block + ".cross");
    z = layers.ffn(y, block + ".ffn", int64_t(config.decoder.ffn), activation);
    y = layers.addNorm(z, y, block + ".ffn");
  }
  Value logits =
      LinearOp::create(
          builder, layers.at("logits"),
          rowsType(context, vocabulary, Side::decoder), y,
          FlatSymbolRefAttr::get(context, tables.head),
          tables.headBias ? FlatSymbolRefAttr::get(context, "decoder.head_bias")
                          : FlatSymbolRefAttr())
          .getOutput();
  auto top = TopTokensOp::create(builder, layers.at("best"), logits,
                                 function.getArgument(5),
                                 function.getArgument(6),
                                 function.getArgument(7));
  func::ReturnOp::create(builder, builder.getUnknownLoc(), top.getResults());
}

DictionaryAttr modelAttribute(MLIRContext &context,
                              const MarianConfig &config) {
  Builder builder(&context);
  auto number = [&](StringRef key, uint64_t value) {
    return builder.getNamedAttr(key, builder.getI64IntegerAttr(int64_t(value)));
  };
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("family", builder.getStringAttr("marian")),
       number("d_model", config.width),
       number("encoder_layers", config.encoder.layers),
       number("decoder_layers", config.decoder.layers),
       number("encoder_heads", config.encoder.heads),
       number("decoder_heads", config.decoder.heads),
       number("encoder_ffn", config.encoder.ffn),
       number("decoder_ffn", config.decoder.ffn),
       number("vocab_size", config.targetVocabulary),
       number("source_vocab_size", config.sourceVocabulary),
       number("max_positions", config.maxPositions)});
}

} // namespace

ImportedModule importMarian(const FamilyInput &input) {
  ENCDEC_ASSIGN_OR_RETURN(MarianConfig config,
                          MarianConfig::read(input.config, input.warnings));
  std::optional<ActivationKind> activation = activationKind(config.activation);
  if (!activation)
    return badModel(fmt::format(
        "config.json: key \"activation_function\": expected relu, gelu, "
        "gelu_new, swish or silu, found {}",
        quote(config.activation)));
  ENCDEC_ASSIGN_OR_RETURN(
      checkpoint::GenerationConfig generation,
      checkpoint::readGeneration(input.config, config.targetVocabulary,
                                 config.maxPositions, input.warnings));

  OwningOpRef<ModuleOp> module =
      ModuleOp::create(UnknownLoc::get(&input.context));
  MarianBuilder builder(*module, input, config, *activation);
  ENCDEC_RETURN_IF_ERROR(builder.declareWeights(input.warnings));
  builder.buildEncode();
  builder.buildStep();
  (*module)->setAttr(kModelAttr, modelAttribute(input.context, config));
  (*module)->setAttr(kGenerationAttr,
                     generationAttribute(input.context, generation));
  return module;
}

} // namespace encdec
