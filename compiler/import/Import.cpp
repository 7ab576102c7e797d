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

// The attribute of an option's value, by its type.
Attribute attributeOf(Builder &builder, bool value) { return builder.getBoolAttr(value); }
Attribute attributeOf(Builder &builder, int64_t value) {
  return builder.getI64IntegerAttr(value);
}
Attribute attributeOf(Builder &builder, int32_t id) { return builder.getI64IntegerAttr(id); }
Attribute attributeOf(Builder &builder, double value) { return builder.getF64FloatAttr(value); }
Attribute attributeOf(Builder &builder, const std::string &text) {
  return builder.getStringAttr(text);
}
Attribute attributeOf(Builder &builder, EarlyStopping value) {
  if (value == EarlyStopping::never)
    return builder.getStringAttr("never");
  return builder.getBoolAttr(value == EarlyStopping::yes);
}
Attribute attributeOf(Builder &builder, const LengthDecay &decay) {
  return builder.getArrayAttr(
      {attributeOf(builder, decay.start), attributeOf(builder, decay.factor)});
}
template <typename T> Attribute attributeOf(Builder &builder, const std::vector<T> &values);
Attribute attributeOf(Builder &builder, const TokenBias &bias) {
  return builder.getArrayAttr(
      {attributeOf(builder, bias.tokens), attributeOf(builder, bias.bias)});
}
template <typename T> Attribute attributeOf(Builder &builder, const std::vector<T> &values) {
  SmallVector<Attribute> list;
  for (const T &value : values)
    list.push_back(attributeOf(builder, value));
  return builder.getArrayAttr(list);
}

/// The encdec.generation dictionary: the options that the checkpoint gives, by their keys.
DictionaryAttr generationAttribute(MLIRContext &context, const GenerationOptions &options) {
  Builder builder(&context);
  SmallVector<NamedAttribute> entries;
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  if (options.key)                                                                         \
    entries.push_back(builder.getNamedAttr(#key, attributeOf(builder, *options.key)));
#include "runtime/base/GenerationOptions.def"
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
    decoding = generationAttribute(context, generation.options);
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
