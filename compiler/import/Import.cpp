// Import.cpp: the entry point: reads the folder, finds the family, builds and verifies.
#include "compiler/import/Import.h"

#include "compiler/import/Families.h"
#include "compiler/import/ModelBuilder.h"
#include "dialect/Dialect.h"
#include "dialect/Schema.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <fmt/format.h>
#include <sys/stat.h>

using namespace mlir;

namespace encdec {

namespace {

/// The encdec.generation dictionary; keys as in the bundle's manifest.
DictionaryAttr
generationAttribute(MLIRContext &context,
                    const checkpoint::GenerationConfig &generation) {
  Builder builder(&context);
  SmallVector<NamedAttribute> entries;
  auto number = [&](StringRef key, std::optional<uint64_t> value) {
    if (value) // the manifest writes null for an absent key
      entries.push_back(builder.getNamedAttr(
          key, builder.getI64IntegerAttr(int64_t(*value))));
  };
  auto list = [&](StringRef key, const std::vector<uint64_t> &values) {
    entries.push_back(builder.getNamedAttr(
        key, builder.getDenseI64ArrayAttr(
                 SmallVector<int64_t>(values.begin(), values.end()))));
  };
  number("decoder_start_token_id", generation.decoderStart);
  list("eos_token_ids", generation.eos);
  number("pad_token_id", generation.pad);
  number("max_length", generation.maxLength);
  number("max_new_tokens", generation.maxNewTokens);
  number("min_length", generation.minLength);
  number("min_new_tokens", generation.minNewTokens);
  number("forced_bos_token_id", generation.forcedBos);
  list("forced_eos_token_ids", generation.forcedEos);
  list("bad_token_ids", generation.badTokens);
  number("no_repeat_ngram_size", generation.noRepeatNgramSize);
  number("encoder_no_repeat_ngram_size", generation.encoderNoRepeatNgramSize);
  number("num_beams", generation.numBeams);
  entries.push_back(builder.getNamedAttr(
      "length_penalty", builder.getF64FloatAttr(generation.lengthPenalty)));
  entries.push_back(builder.getNamedAttr(
      "early_stopping", builder.getStringAttr(generation.earlyStopping)));
  return builder.getDictionaryAttr(entries);
}

Result<OwningOpRef<ModuleOp>> importFolder(MLIRContext &context,
                                           const std::string &folder,
                                           const ImportOptions &options,
                                           std::vector<std::string> &warnings) {
  struct stat info;
  if (::stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return badModel(
        fmt::format("{}: expected a checkpoint folder (config.json, "
                    "model.safetensors), found {}",
                    quote(folder, 200),
                    ::stat(folder.c_str(), &info) != 0 ? "nothing" : "a file"));
  ENCDEC_ASSIGN_OR_RETURN(checkpoint::ConfigFiles config,
                          checkpoint::ConfigFiles::read(folder));
  ENCDEC_ASSIGN_OR_RETURN(checkpoint::FamilyFile family,
                          checkpoint::familyFor(config.config, options.familyFile));
  ENCDEC_ASSIGN_OR_RETURN(checkpoint::CheckpointFiles files,
                          checkpoint::CheckpointFiles::open(folder));
  ENCDEC_ASSIGN_OR_RETURN(
      checkpoint::ModelDescription model,
      checkpoint::describeModel(family, config, options.maxSourceTokens, warnings));
  DictionaryAttr decoding; // an encoder alone has none
  if (!model.encoderOnly) {
    ENCDEC_ASSIGN_OR_RETURN(
        checkpoint::GenerationConfig generation,
        checkpoint::readGeneration(
            config, model.decoder.vocabulary, model.maxPositions,
            family.positionsAdjustable && options.maxSourceTokens == 0, warnings));
    model.maxPositions = std::max(model.maxPositions, generation.positions);
    ENCDEC_RETURN_IF_ERROR(checkpoint::checkPositions(model));
    decoding = generationAttribute(context, generation);
  }
  ENCDEC_ASSIGN_OR_RETURN(OwningOpRef<ModuleOp> module,
                          buildModel(context, model, files, warnings));
  if (decoding)
    (*module)->setAttr(kGenerationAttr, decoding);
  return module;
}

} // namespace

OwningOpRef<ModuleOp> importCheckpoint(MLIRContext &context, StringRef folder,
                                       const ImportOptions &options,
                                       ImportReport &report) {
  report = {};
  context.loadDialect<EncDecDialect, func::FuncDialect>();
  auto module = importFolder(context, folder.str(), options, report.warnings);
  report.status = module.status();
  if (!report.status.ok())
    return {};
  if (options.strict && !report.warnings.empty()) {
    report.status =
        badModel(report.warnings.front() + " (an error because of --strict)");
    return {};
  }
  // The functions come first, the long list of weights after them.
  Operation &first = (*module)->getBody()->front();
  for (auto function : llvm::to_vector((*module)->getOps<func::FuncOp>()))
    function->moveBefore(&first);
  // If the verifier refuses the module, the mistake is the importer's, whatever the
  // checkpoint holds.
  if (failed(verify(**module))) {
    report.status = Status(
        Code::Failure,
        "the imported module does not verify; this is a bug in the importer");
    return {};
  }
  return std::move(*module);
}

} // namespace encdec
