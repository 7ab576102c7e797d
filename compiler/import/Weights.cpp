// Weights.cpp: each weight of a described model gets a symbol, which follows from the name
// of the value that it makes, and the tensor that its architecture file names.
#include "compiler/import/Weights.h"

#include "compiler/import/Tables.h"
#include "dialect/Ops.h"

#include <fmt/format.h>

using namespace mlir;

namespace encdec {

using namespace checkpoint;
// The dialect has a Side of its own.
using CheckpointSide = checkpoint::Side;

namespace {

/// "model.encoder.layers.{layer}.fc1" of one layer.
std::string ofLayer(std::string pattern, uint64_t layer) {
  constexpr std::string_view mark = "{layer}";
  if (size_t at = pattern.find(mark); at != pattern.npos)
    pattern.replace(at, mark.size(), std::to_string(layer));
  return pattern;
}

class WeightDeclarer {
public:
  WeightDeclarer(ModuleOp module, const ModelDescription &model, const CheckpointFiles *files)
      : module(module), model(model), files(files), weights(module, files) {}

  Result<TableSymbols> declare(std::vector<std::string> &warnings);
  std::vector<AskedTensor> ask();

private:
  void declareTables(const TableNames &names);
  void declareSides();
  std::string declarePositions(CheckpointSide which);
  void declareBiases(CheckpointSide which);
  void declareLayers(CheckpointSide which);
  void declareFinalNorm(CheckpointSide which);
  void declareAttention(const std::string &symbol, const AttentionFile &file,
                        const SideDescription &side, uint64_t layer, uint64_t keyWidth);
  void declareFfn(const std::string &symbol, const SideDescription &side, uint64_t layer);
  void declareLinear(const std::string &symbol, const LinearNames &names, uint64_t layer,
                     uint64_t out, uint64_t in);
  void declareNorm(const std::string &symbol, const std::string &module,
                   const SideDescription &side, uint64_t layer = 0);
  const SideDescription &sideOf(CheckpointSide which) const {
    return which == CheckpointSide::encoder ? model.encoder : model.decoder;
  }

  ModuleOp module;
  const ModelDescription &model;
  const CheckpointFiles *files; ///< Null where tensors are only listed.
  WeightImporter weights;
  TableSymbols tables;
};

void WeightDeclarer::declareLinear(const std::string &symbol, const LinearNames &names,
                                   uint64_t layer, uint64_t out, uint64_t in) {
  std::string tensor = ofLayer(names.module, layer);
  weights.need(symbol + ".w", tensor + ".weight", {out, in});
  if (names.bias)
    weights.need(symbol + ".b", tensor + ".bias", {out});
}

void WeightDeclarer::declareNorm(const std::string &symbol, const std::string &module,
                                 const SideDescription &side, uint64_t layer) {
  std::string tensor = ofLayer(module, layer);
  weights.need(symbol + ".gamma", tensor + ".weight", {model.dModel});
  if (side.file->norm.bias)
    weights.need(symbol + ".beta", tensor + ".bias", {model.dModel});
}

void WeightDeclarer::declareAttention(const std::string &symbol, const AttentionFile &file,
                                      const SideDescription &side, uint64_t layer,
                                      uint64_t keyWidth) {
  uint64_t e = model.dModel, inner = side.innerWidth();
  declareLinear(symbol + ".q", file.query, layer, inner, e);
  declareLinear(symbol + ".k", file.key, layer, inner, keyWidth);
  declareLinear(symbol + ".v", file.value, layer, inner, keyWidth);
  declareLinear(symbol + ".o", file.output, layer, e, inner);
  declareNorm(symbol, file.norm, side, layer);
}

void WeightDeclarer::declareFfn(const std::string &symbol, const SideDescription &side,
                                uint64_t layer) {
  const FfnFile &file = side.file->ffn;
  declareLinear(symbol + ".up", side.gated ? file.gatedUp : file.up, layer, side.ffnSize,
                model.dModel);
  if (side.gated)
    declareLinear(symbol + ".gate", file.gate, layer, side.ffnSize, model.dModel);
  declareLinear(symbol + ".down", file.down, layer, model.dModel, side.ffnSize);
  declareNorm(symbol, file.norm, side, layer);
}

void WeightDeclarer::declareLayers(CheckpointSide which) {
  const SideDescription &side = sideOf(which);
  const SideFile &file = *side.file;
  const std::string name = nameOf(which);
  if (!file.embeddingNorm.empty())
    declareNorm(name + ".embed", file.embeddingNorm, side);
  for (uint64_t layer = 0; layer < side.layers; ++layer) {
    std::string symbol = fmt::format("{}.l{}", name, layer);
    declareAttention(symbol + ".self", file.self, side, layer, model.dModel);
    if (which == CheckpointSide::decoder)
      declareAttention(symbol + ".cross", file.cross, side, layer, model.dModel);
    declareFfn(symbol + ".ffn", side, layer);
  }
  if (!file.finalNorm.empty())
    declareFinalNorm(which);
}

// A scale of the logits' rows is one of the final norm's output: a scaled vector or two
// instead of a scaled copy of the vocabulary.
void WeightDeclarer::declareFinalNorm(CheckpointSide which) {
  const SideDescription &side = sideOf(which);
  const std::string symbol = std::string(nameOf(which)) + ".final";
  if (which == CheckpointSide::encoder || model.headScale == 1)
    return declareNorm(symbol, side.file->finalNorm, side);
  const std::string stored = symbol + ".stored";
  declareNorm(stored, side.file->finalNorm, side);
  for (const char *part : {".gamma", ".beta"})
    if (module.lookupSymbol(stored + part))
      weights.compute(symbol + part, {int64_t(model.dModel)},
                      ScaledAttr::get(module.getContext(), FlatSymbolRefAttr::get(module.getContext(),
                                                             stored + part),
                                      llvm::APFloat(model.headScale)));
}

void WeightDeclarer::declareTables(const TableNames &names) {
  // Each tensor has one symbol: "shared" where both embeddings read it; a head that is
  // an embedding has the symbol of that embedding.
  auto &[encoder, decoder] = tables.embedding;
  const uint64_t source = model.encoder.vocabulary, target = model.decoder.vocabulary;
  if (model.encoderOnly) {
    encoder = "encoder.embed";
    return weights.need(encoder, names.encoder, {source, model.dModel});
  }
  encoder = names.encoder == names.decoder ? "shared" : "encoder.embed";
  decoder = names.encoder == names.decoder ? "shared" : "decoder.embed";
  tables.head = names.head == names.decoder   ? decoder
                : names.head == names.encoder ? encoder
                                              : "decoder.head";
  weights.need(encoder, names.encoder, {source, model.dModel});
  weights.need(decoder, names.decoder, {target, model.dModel});
  weights.need(tables.head, names.head, {target, model.dModel});
  // The bias is stored as [1, V]; without the tensor there is no bias.
  const std::string bias = "decoder.head_bias", &tensor = model.family->headBias;
  if (!tensor.empty() && !files)
    weights.need(bias, tensor, {1, target}, 1);
  else if (!tensor.empty() && weights.want(bias, tensor, {1, target}, 1))
    tables.headBias = bias;
  if (auto weight = module.lookupSymbol<WeightOp>(bias))
    weight.setBans(true);
}

std::string WeightDeclarer::declarePositions(CheckpointSide which) {
  const SideDescription &side = sideOf(which);
  const PositionsFile &file = side.file->positions;
  const std::string symbol = std::string(nameOf(which)) + ".positions";
  const uint64_t rows = model.maxPositions;
  if (file.kind == PositionsFile::Learned) {
    weights.needRows(symbol, file.table, {rows + side.firstRow, model.dModel},
                     side.firstRow);
    return symbol;
  }
  if (file.kind != PositionsFile::Sinusoidal)
    return {};
  if (!file.table.empty() && weights.want(symbol, file.table, {rows, model.dModel}))
    return symbol;
  // Sides with equal tables share one.
  const int64_t blank = side.uncountedToken ? 1 : 0;
  auto origin = SinusoidalAttr::get(
      module.getContext(),
      file.formula == "paper" ? Sinusoids::paper : Sinusoids::tensor2tensor,
      int64_t(side.firstPosition), blank);
  auto first = module.lookupSymbol<WeightOp>("positions");
  const bool shared = !first || first.getOrigin() == origin;
  const std::string computed = shared ? "positions" : symbol;
  weights.compute(computed, {int64_t(rows) + blank, int64_t(model.dModel)}, origin);
  return computed;
}

void WeightDeclarer::declareBiases(CheckpointSide which) {
  const SideDescription &side = sideOf(which);
  const PositionsFile &file = side.file->positions;
  if (file.kind != PositionsFile::Relative)
    return;
  for (uint64_t layer = 0; layer < (file.perLayer ? side.layers : 1); ++layer) {
    std::string symbol = file.perLayer ? fmt::format("{}.l{}.self.bias", nameOf(which), layer)
                                       : fmt::format("{}.bias", nameOf(which));
    weights.need(symbol, ofLayer(file.table, layer), {side.buckets, side.heads});
    tables.biases[unsigned(which)].push_back(symbol);
  }
}

void WeightDeclarer::declareSides() {
  std::vector<CheckpointSide> sides = {CheckpointSide::encoder};
  if (!model.encoderOnly)
    sides.push_back(CheckpointSide::decoder);
  for (CheckpointSide which : sides)
    tables.positions[unsigned(which)] = declarePositions(which);
  for (CheckpointSide which : sides) {
    declareBiases(which);
    declareLayers(which);
  }
}

std::vector<AskedTensor> WeightDeclarer::ask() {
  declareTables(storedTables(model));
  declareSides();
  return weights.asked();
}

Result<TableSymbols> WeightDeclarer::declare(std::vector<std::string> &warnings) {
  std::vector<std::string> missing;
  ENCDEC_ASSIGN_OR_RETURN(TableNames names, resolveTables(model, *files, missing, warnings));
  for (const std::string &name : names.seen)
    weights.markSeen(name);
  for (const std::string &name : missing)
    weights.noteMissing(name);
  if (missing.empty())
    declareTables(names);
  declareSides();
  std::string unused = weights.unusedWarning([&](const std::string &name) {
    // A base model that is saved alone has no prefix.
    return isIgnored(*model.family, name) || isIgnored(*model.family, "model." + name);
  });
  if (!unused.empty())
    warnings.push_back(unused);
  ENCDEC_RETURN_IF_ERROR(weights.status());
  return tables;
}

} // namespace

Result<TableSymbols> declareWeights(ModuleOp module, const ModelDescription &model,
                                    const CheckpointFiles &files,
                                    std::vector<std::string> &warnings) {
  return WeightDeclarer(module, model, &files).declare(warnings);
}

std::vector<AskedTensor> tensorsOf(MLIRContext &context, const ModelDescription &model) {
  OwningOpRef<ModuleOp> nothing = ModuleOp::create(UnknownLoc::get(&context));
  return WeightDeclarer(*nothing, model, nullptr).ask();
}

} // namespace encdec
