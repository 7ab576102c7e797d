//===- Model.cpp - making a model from a bundle or from memory ------------===//

#include "runtime/exec/Model.h"

#include "runtime/exec/Machine.h"

#include <fmt/format.h>

#include <cstdlib>

namespace encdec::runtime {

namespace {

/// Opens a table, if there is one, and holds it against the model's sizes.
Result<std::unique_ptr<Tokenizer>> openTokenizer(const Manifest &manifest,
                                                 std::span<const uint8_t> table) {
  std::unique_ptr<Tokenizer> tokenizer;
  if (manifest.tokenizerKind.empty())
    return tokenizer;
  ENCDEC_ASSIGN_OR_RETURN(Tokenizer opened, Tokenizer::open(table));
  tokenizer = std::make_unique<Tokenizer>(std::move(opened));
  if (manifest.tokenizerKind != tokenizer->kind())
    return badModel(fmt::format("the manifest names a tokenizer of kind '{}', its table "
                                "is of kind '{}'",
                                manifest.tokenizerKind, tokenizer->kind()));
  // Every encode would refuse a source id beyond the embedding table, so opening
  // refuses the tokenizer. Target ids come from the model itself.
  if (uint64_t(tokenizer->sourceIds()) > manifest.model.sourceVocabSize)
    return badModel(fmt::format("the tokenizer makes source ids up to {}, the model "
                                "has {} from 0 on; the tokenizer's files are another "
                                "model's",
                                tokenizer->sourceIds() - 1,
                                manifest.model.sourceVocabSize));
  return tokenizer;
}

} // namespace

Status checkDecoder(const Model &model) {
  if (model.step)
    return Status::success();
  return usageError("this model is an encoder only, so it generates nothing; `encdec embed` "
                    "or encdec_get_encoder_states gives what it makes of a text");
}

Result<std::unique_ptr<Tokenizer>> tokenizerOf(const BundleContents &contents) {
  std::span<const uint8_t> table;
  for (const Section &section : contents.sections)
    if (section.kind == ENCDEC_SECTION_TOKENIZER)
      table = section.data;
  return openTokenizer(contents.manifest, table);
}

Result<std::shared_ptr<const Model>> Model::open(const std::string &path,
                                                 std::string level) {
  // This thread makes the tokenizer while others sum the weights. A bad
  // tokenizer is reported below, after damage and a missing CPU level.
  Result<std::unique_ptr<Tokenizer>> tokenizer = std::unique_ptr<Tokenizer>();
  ENCDEC_ASSIGN_OR_RETURN(
      auto bundle,
      Bundle::open(path, defaultThreads(), [&](const BundleContents &verified) {
        tokenizer = tokenizerOf(verified);
      }));
  const BundleContents &contents = bundle->contents;
  if (level.empty())
    if (const char *wanted = getenv("ENCDEC_CPU"))
      level = wanted;
  auto chosen = chooseLevel(contents.manifest.levels, level);
  if (!chosen.ok())
    return std::move(chosen).status().withContext(path);

  auto model = std::make_shared<Model>();
  model->manifest = contents.manifest;
  model->manifestText = contents.manifestText;
  model->level = *chosen;
  model->weights = contents.weights.data();
  model->bundle = bundle;
  if (!tokenizer.ok())
    return std::move(tokenizer).status().withContext(path);
  model->tokenizer = std::move(*tokenizer);

  // Code is loaded last, when everything else has been verified.
  for (size_t i = 0; i < contents.manifest.levels.size(); ++i) {
    if (contents.manifest.levels[i] != model->level)
      continue;
    auto code = LoadedCode::load(contents.findCode(model->level)->data,
                                 contents.code[i]);
    if (!code.ok())
      return std::move(code).status().withContext(path);
    model->code = std::move(*code);
  }
  model->encode = model->code.encode;
  model->step = model->code.step;
  return std::shared_ptr<const Model>(std::move(model));
}

Result<std::shared_ptr<const Model>>
Model::fromMemory(const encdec_model_image &image) {
  if (!image.manifest || !image.weights || !image.encode)
    return usageError("the model image lacks its manifest, weights or code");
  if (reinterpret_cast<uintptr_t>(image.weights) % 64 != 0)
    return usageError("the weights of the model image are not 64-byte aligned");
  auto model = std::make_shared<Model>();
  const std::string_view manifest(image.manifest, image.manifest_size);
  ENCDEC_ASSIGN_OR_RETURN(model->manifest, parseManifest(manifest));
  model->manifestText = manifest;
  if (model->manifest.model.hasDecoder() != (image.step != nullptr))
    return usageError(image.step ? "the model image has a step, but its manifest no decoder"
                                 : "the model image lacks its step, which the decoder of its "
                                   "manifest needs");
  if (model->manifest.weightsBytes != image.weights_size)
    return badModel(fmt::format("the manifest says {} bytes of weights, the "
                                "model image has {}",
                                model->manifest.weightsBytes,
                                image.weights_size));
  model->level = "memory";
  model->weights = image.weights;
  model->encode = image.encode;
  model->step = image.step;
  if (!image.tokenizer && !model->manifest.tokenizerKind.empty())
    return badModel("the manifest names a tokenizer, but the model image has none");
  ENCDEC_ASSIGN_OR_RETURN(
      model->tokenizer,
      openTokenizer(model->manifest, {image.tokenizer, image.tokenizer_size}));
  return std::shared_ptr<const Model>(std::move(model));
}

} // namespace encdec::runtime
