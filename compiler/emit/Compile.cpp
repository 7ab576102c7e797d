// The stages in order. An error of the input comes back with its code; a pass that
// fails on an imported module is a bug of the compiler and is reported as one.
#include "compiler/emit/Compile.h"
#include "compiler/emit/BundleWriter.h"
#include "compiler/emit/Checkpoint.h"
#include "compiler/emit/Jit.h"
#include "compiler/emit/Link.h"
#include "compiler/emit/Manifest.h"
#include "compiler/emit/Object.h"
#include "compiler/emit/PassLog.h"
#include "compiler/emit/Source.h"
#include "compiler/Pipelines.h"
#include "compiler/Plugins.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Weights.h"
#include "dialect/Schema.h"
#include "runtime/base/CpuLevels.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using Bytes = llvm::SmallVector<char, 0>;

namespace encdec {
namespace {

Status statusOf(llvm::Error error) {
  return error ? Status(Code::Failure, llvm::toString(std::move(error))) : Status::success();
}
template <typename T> Result<T> resultOf(llvm::Expected<T> value) {
  if (!value)
    return statusOf(value.takeError());
  return std::move(*value);
}
Status notRunnable() {
  return Status(
      Code::DoesNotFit,
      "this machine runs none of the CPU levels; x86-64-v3 (AVX2, FMA) is the "
      "least");
}
llvm::ArrayRef<uint8_t> bytesOf(llvm::ArrayRef<char> text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

/// One module from IR to code, what its manifest says, and what its passes said.
class Compilation {
public:
  Compilation(MLIRContext &context, std::string folder, const CompileOptions &options,
              std::vector<std::string> &warnings)
      : folder(std::move(folder)), options(options), store(this->folder), warnings(warnings),
        errors(context, &warnings) {}

  /// Fused, placed and scheduled, from the stage that the module is of.
  Status place(ModuleOp given) {
    module = given;
    ENCDEC_ASSIGN_OR_RETURN(bool placed, isPlaced(module, options));
    if (options.sketch && !findEntries(module).step)
      return Status(Code::Usage, "a sketch is of the vocabulary that a decoder chooses from, but "
                                 "this checkpoint is an encoder only; compile without --sketch");
    if (!options.shortlists.empty() && !findEntries(module).step)
      return Status(Code::Usage, "shortlists are of the vocabulary that a decoder chooses from, "
                                 "but this checkpoint is an encoder only; compile without "
                                 "--shortlist");
    stage("fusing and placing");
    PassManager pm(module.getContext());
    if (llvm::Error error = loadExtensions(options, *module.getContext()))
      return usageError(llvm::toString(std::move(error)));
    for (const std::string &plugin : options.plugins)
      info.passes.push_back(describePlugin(plugin));
    llvm::append_range(warnings, idlePlugins(options));
    if (options.groups == "none" && module.walk([](FusedOp) { return WalkResult::interrupt(); })
                                        .wasInterrupted())
      warnings.push_back("the IR has groups (encdec.fused), which --groups none leaves as they are; "
                         "encdec-opt --encdec-decompose takes them apart");
    if (!placed) {
      if (options.fuse)
        buildFusePipeline(pm, options); // leaves what is fused
      buildPlacePipeline(pm, options); // leaves what is hoisted
    }
    // On sound IR these passes fail only for a pattern that matches no weight, for a list of
    // tokens, and for what the user added.
    bool own = options.weightsFor.empty() && options.extensions.empty() &&
               options.shortlists.empty();
    if (Status status = run(pm); !status.ok())
      return Status(own ? status.code() : Code::Usage, status.message());
    info.formats = formatsOf(module);
    info.stepBytes = stepWeightBytes(findEntries(module).step);
    info.shortSteps = shortSteps(module);
    info.sketch = sketchBytes(module);
    info.tables = indexedTables(module);
    if (options.sketch && !info.sketch.sketch)
      return Status(Code::Usage,
                    "a sketch is for a vocabulary in f32, but here it is stored in a "
                    "smaller format; compile without --sketch, or choose f32 for it");
    PassManager schedule(module.getContext());
    buildSchedulePipeline(schedule, options);
    if (Status status = run(schedule); !status.ok())
      return status;
    info.passes.push_back("encdec-lower"); // once for each level
    return Status::success();
  }

  /// Object code of the scheduled module for one level.
  Result<Bytes> object(llvm::StringRef level) {
    stage("generating code for " + level.str());
    ENCDEC_ASSIGN_OR_RETURN(auto *target, resultOf(findObjectTarget(level)));
    OwningOpRef<ModuleOp> lowered = module.clone();
    PassManager pm(module.getContext());
    PipelineOptions pipeline = options;
    pipeline.level = level.str();
    buildLowerPipeline(pm, pipeline);
    if (mlir::failed(pm.run(*lowered)))
      return fromDiagnostics("lowering for " + level.str() + " failed");
    // The manifest has one list of segments for all levels.
    auto segments = (*lowered)->getAttrOfType<DictionaryAttr>(kSegmentsAttr);
    if (info.segments && info.segments != segments)
      return Status(Code::Failure, "internal error: code for " + level.str() +
                                       " has other barriers than that for " +
                                       info.levels.front());
    info.segments = segments;
    (*lowered)->removeAttr(kSegmentsAttr);
    ENCDEC_ASSIGN_OR_RETURN(Bytes object, resultOf(emitObject(*lowered, *target)));
    info.levels.push_back(level.str());
    return object;
  }

  Result<std::string> manifest() {
    FailureOr<std::string> text = manifestText(module, info);
    if (mlir::failed(text))
      return fromDiagnostics("the manifest cannot be written");
    return *text;
  }

  /// The weights section, piece by piece.
  Status streamWeights(BundleWriter &writer) {
    stage("packing weights");
    uint64_t end = 0;
    for (WeightOp weight : placedWeights(module)) {
      ENCDEC_RETURN_IF_ERROR(statusOf(writer.appendZeros(*weight.getOffset() - end)));
      end = *weight.getOffset();
      Status writing;
      auto sink = [&](llvm::ArrayRef<uint8_t> piece) -> LogicalResult {
        end += piece.size();
        writing = statusOf(writer.append(piece));
        return success(writing.ok());
      };
      if (mlir::failed(store.stream(weight, sink)))
        return writing.ok()
                   ? fromDiagnostics("a weight cannot be read", Code::BadModel)
                   : writing;
    }
    return Status::success();
  }

  Status fillWeights(llvm::MutableArrayRef<uint8_t> section) {
    stage("packing weights");
    for (WeightOp weight : placedWeights(module))
      if (mlir::failed(store.write(weight, section)))
        return fromDiagnostics("a weight cannot be read", Code::BadModel);
    return Status::success();
  }

  void stage(const std::string &name) {
    if (options.progress)
      options.progress(name);
  }
  Status fromDiagnostics(const std::string &what, Code code = Code::Failure) {
    return errors.status(code, what);
  }

  /// The levels asked for, each once; else the levels of x86-64 whose code differs for the
  /// weights' formats: VNNI levels only where products are of whole numbers.
  std::vector<std::string> levels() const {
    const bool wholes = llvm::any_of(
        info.formats, [](const WeightFormat *format) { return format->roundsActivations; });
    std::vector<std::string> asked;
    for (std::string level : options.levels) {
      if (const CpuLevel *best = bestCpuLevel(wholes); best && level == "host")
        level = best->name;
      if (!llvm::is_contained(asked, level))
        asked.push_back(level);
    }
    if (!asked.empty())
      return asked;
    for (const CpuLevel &level : cpuLevels())
      if (level.architecture == "x86-64" && (wholes || !level.onlyForWholes))
        asked.emplace_back(level.name);
    return asked;
  }

  Status run(PassManager &pm) {
    pm.addInstrumentation(std::make_unique<PassLog>(info.passes));
    if (mlir::failed(pm.run(module)))
      return fromDiagnostics("the passes failed");
    return Status::success();
  }

  ModuleOp module;
  ManifestInfo info;
  std::string folder;

private:
  const CompileOptions &options;
  WeightStore store;
  std::vector<std::string> &warnings;
  Errors errors;
};

/// Reads what a module does not hold: the tokenizer, and the checkpoint's hash.
Status readFolder(Compilation &compilation, CheckpointTokenizer &tokenizer,
                  const CompileOptions &options,
                  std::vector<std::string> &warnings) {
  compilation.stage("reading the folder");
  ENCDEC_ASSIGN_OR_RETURN(tokenizer, readTokenizer(compilation.folder,
                                                   options.tokenizer, warnings));
  compilation.info.tokenizerKind = tokenizer.kind;
  ENCDEC_ASSIGN_OR_RETURN(compilation.info.checkpointHash,
                          hashCheckpoint(compilation.folder, compilation.module,
                                         tokenizer.files));
  return Status::success();
}

bool isBundle(const std::string &path) {
  constexpr size_t size = sizeof(encdec_bundle_header::magic);
  auto head = llvm::MemoryBuffer::getFileSlice(path, size, 0);
  return head && (*head)->getBuffer() ==
                     llvm::StringRef(ENCDEC_BUNDLE_MAGIC, size);
}

/// From a placed and scheduled module to the file.
Status writeBundle(Compilation &compilation, BundleWriter &bundle,
                   const CompileOptions &options, const CheckpointTokenizer &tokenizer) {
  std::vector<std::pair<std::string, Bytes>> code;
  for (const std::string &level : compilation.levels()) {
    ENCDEC_ASSIGN_OR_RETURN(auto object, compilation.object(level));
    compilation.stage("linking for " + level);
    ENCDEC_ASSIGN_OR_RETURN(Bytes shared, resultOf(linkShared(object)));
    code.emplace_back(level, std::move(shared));
  }
  ENCDEC_ASSIGN_OR_RETURN(auto manifest, compilation.manifest());
  ENCDEC_RETURN_IF_ERROR(statusOf(bundle.announce(2 + code.size() + !tokenizer.bytes.empty())));
  ENCDEC_RETURN_IF_ERROR(statusOf(bundle.add(ENCDEC_SECTION_MANIFEST, "manifest.json",
                                             llvm::arrayRefFromStringRef(manifest))));
  for (const auto &[level, bytes] : code)
    ENCDEC_RETURN_IF_ERROR(statusOf(bundle.add(ENCDEC_SECTION_CODE, level, bytesOf(bytes))));
  if (!tokenizer.bytes.empty())
    ENCDEC_RETURN_IF_ERROR(
        statusOf(bundle.add(ENCDEC_SECTION_TOKENIZER, tokenizer.kind,
                            llvm::arrayRefFromStringRef(tokenizer.bytes))));
  ENCDEC_RETURN_IF_ERROR(statusOf(bundle.begin(ENCDEC_SECTION_WEIGHTS, "weights")));
  ENCDEC_RETURN_IF_ERROR(compilation.streamWeights(bundle));
  compilation.stage("writing to disk");
  ENCDEC_RETURN_IF_ERROR(statusOf(bundle.finish()));
  if (options.check) {
    compilation.stage("verifying the bundle");
    ENCDEC_RETURN_IF_ERROR(options.check(bundle.temporaryName()));
  }
  ENCDEC_RETURN_IF_ERROR(statusOf(bundle.commit()));
  return Status::success();
}

Result<std::unique_ptr<JitModel>> jit(Compilation &compilation,
                                      CheckpointTokenizer tokenizer, bool perfMap) {
  const ObjectTarget *host = hostObjectTarget();
  if (!host)
    return notRunnable();
  ENCDEC_ASSIGN_OR_RETURN(auto object, compilation.object(host->name));
  JitModel::Parts parts;
  ENCDEC_ASSIGN_OR_RETURN(parts.manifest, compilation.manifest());
  parts.tokenizer = std::move(tokenizer.bytes);
  uint64_t weights = weightsSectionBytes(compilation.module);
  parts.weights = WeightBuffer(weights);
  if (parts.weights.bytes().size() != weights)
    return Status(Code::Failure,
                  "no memory for " + std::to_string(weights) + " bytes of packed weights");
  ENCDEC_RETURN_IF_ERROR(compilation.fillWeights(parts.weights.bytes()));
  parts.hasStep = bool(findEntries(compilation.module).step);
  parts.perfMap = perfMap;
  return resultOf(JitModel::create(object, std::move(parts)));
}

} // namespace

Result<std::string> outputFile(const std::string &folder, const std::string &out,
                               const CompileOptions &options) {
  auto target = BundleWriter::resolve(out);
  if (!target)
    return usageError(llvm::toString(target.takeError()));
  namespace fs = llvm::sys::fs;
  fs::UniqueID own, other;
  if (fs::getUniqueID(*target, own) || isBundle(*target))
    return *target; // no file is there yet, or an older bundle
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    if (!fs::getUniqueID(at->path(), other) && own == other)
      return usageError("'" + out + "' is the checkpoint's own file " +
                        at->path() +
                        ", which a bundle would replace; name another file");
  auto is = [&](const std::string &input) {
    return !input.empty() && !fs::getUniqueID(input, other) && own == other;
  };
  auto replaced = [&](const std::string &what) {
    return usageError("'" + out + "' is " + what + ", which a bundle would replace; name " +
                      "another file");
  };
  if (is(options.import.familyFile))
    return replaced("the architecture file of --family");
  if (is(options.ir))
    return replaced("the file of --ir");
  for (const Extension &extension : options.extensions)
    if (extension.kind == Extension::patterns && is(extension.text))
      return replaced("a file of --patterns");
  if (llvm::any_of(options.plugins, is))
    return replaced("a plugin");
  return *target;
}

Status compileToBundle(const std::string &folder, const std::string &out,
                       const CompileOptions &options,
                       std::vector<std::string> &warnings) {
  // A missing linker or an unwritable folder is reported before any work is done.
  ENCDEC_RETURN_IF_ERROR(resultOf(findLinker()).status());
  ENCDEC_ASSIGN_OR_RETURN(auto file, outputFile(folder, out, options));
  ENCDEC_ASSIGN_OR_RETURN(auto bundle, resultOf(BundleWriter::create(file)));
  MLIRContext context;
  ENCDEC_ASSIGN_OR_RETURN(auto module,
                          readSource(context, folder, options, warnings));
  Compilation compilation(context, folder, options, warnings);
  ENCDEC_RETURN_IF_ERROR(compilation.place(*module));
  CheckpointTokenizer tokenizer;
  ENCDEC_RETURN_IF_ERROR(readFolder(compilation, tokenizer, options, warnings));
  return writeBundle(compilation, *bundle, options, tokenizer);
}

Status bundleModule(ModuleOp module, const std::string &folder, const std::string &out,
                    const CompileOptions &options, std::vector<std::string> &warnings) {
  ENCDEC_RETURN_IF_ERROR(resultOf(findLinker()).status());
  ENCDEC_ASSIGN_OR_RETURN(auto file, outputFile(folder, out, options));
  ENCDEC_ASSIGN_OR_RETURN(auto bundle, resultOf(BundleWriter::create(file)));
  Compilation compilation(*module.getContext(), folder, options, warnings);
  ENCDEC_RETURN_IF_ERROR(compilation.place(module));
  CheckpointTokenizer tokenizer;
  if (!folder.empty())
    ENCDEC_RETURN_IF_ERROR(readFolder(compilation, tokenizer, options, warnings));
  return writeBundle(compilation, *bundle, options, tokenizer);
}

Result<std::unique_ptr<JitModel>>
jitCheckpoint(const std::string &folder, const CompileOptions &options,
              std::vector<std::string> &warnings) {
  MLIRContext context;
  ENCDEC_ASSIGN_OR_RETURN(auto module,
                          readSource(context, folder, options, warnings));
  Compilation compilation(context, folder, options, warnings);
  ENCDEC_RETURN_IF_ERROR(compilation.place(*module));
  CheckpointTokenizer tokenizer;
  ENCDEC_RETURN_IF_ERROR(readFolder(compilation, tokenizer, options, warnings));
  return jit(compilation, std::move(tokenizer), options.perfMap);
}

Result<std::unique_ptr<JitModel>> jitModule(ModuleOp module,
                                            const std::string &folder,
                                            const CompileOptions &options) {
  std::vector<std::string> warnings; // which this caller does not ask for
  Compilation compilation(*module.getContext(), folder, options, warnings);
  ENCDEC_RETURN_IF_ERROR(compilation.place(module));
  return jit(compilation, {}, options.perfMap);
}

} // namespace encdec
