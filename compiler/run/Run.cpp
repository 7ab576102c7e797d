// Run.cpp: a module from a file to the pipelines or to the interpreter.
#include "compiler/run/Run.h"

#include "compiler/Register.h"
#include "compiler/emit/Compile.h"
#include "compiler/emit/Jit.h"
#include "compiler/place/Weights.h"
#include "dialect/ReferenceRun.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include <numeric>

using namespace mlir;

namespace encdec {

struct IrModel::Parts {
  DialectRegistry registry;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  RunOptions options;

  static DialectRegistry dialects() {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    return registry;
  }
  Parts() : registry(dialects()), context(registry, MLIRContext::Threading::DISABLED) {}
  CompileOptions compileOptions() const {
    CompileOptions compile;
    compile.weights = options.weights;
    compile.fuse = options.fuse;
    return compile;
  }
};

namespace {

/// Collects the errors of a call as one message.
class Messages {
public:
  explicit Messages(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
            return;
          llvm::raw_string_ostream out(text);
          out << (text.empty() ? "" : "; ");
          if (auto at = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
            out << at.getFilename().getValue() << ":" << at.getLine() << ":" << at.getColumn()
                << ": ";
          out << diagnostic.str();
        }) {}
  Status status(const char *otherwise) const {
    return badModel(text.empty() ? otherwise : text);
  }

private:
  std::string text;
  ScopedDiagnosticHandler handler;
};

} // namespace

IrModel::IrModel(std::unique_ptr<Parts> parts) : parts(std::move(parts)) {}
IrModel::IrModel(IrModel &&) noexcept = default;
IrModel::~IrModel() = default;

Result<IrModel> IrModel::read(const std::string &file, const RunOptions &options) {
  if (!options.checkpoint.empty() && !llvm::sys::fs::is_directory(options.checkpoint))
    return usageError("--checkpoint: expected a folder, found '" + options.checkpoint + "'");
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  Messages messages(parts->context);
  parts->module = parseSourceFile<ModuleOp>(file, &parts->context);
  if (!parts->module)
    return messages.status("the file holds no module");
  if (options.checkpoint.empty())
    for (WeightOp weight : parts->module->getOps<WeightOp>())
      if (isa<FileAttr>(weight.getOrigin()))
        return usageError(file + ": weight @" + weight.getSymName().str() +
                          " is in a checkpoint's file; --checkpoint DIR says where");
  return IrModel(std::move(parts));
}

Result<std::unique_ptr<JitModel>> IrModel::jit() const {
  OwningOpRef<ModuleOp> copy = parts->module->clone(); // compiling uses it up
  return jitModule(*copy, parts->options.checkpoint, parts->compileOptions());
}

Status IrModel::bundle(const std::string &out, std::vector<std::string> &warnings) const {
  OwningOpRef<ModuleOp> copy = parts->module->clone();
  return bundleModule(*copy, parts->options.checkpoint, out, parts->compileOptions(), warnings);
}

/// The token that decoding starts from.
static int64_t startOf(ModuleOp module) {
  auto generation = module->getAttrOfType<DictionaryAttr>(kGenerationAttr);
  auto token = generation ? generation.getAs<IntegerAttr>("decoder_start_token_id")
                          : IntegerAttr();
  return token ? token.getInt() : 0;
}

Result<std::vector<StepAnswer>> IrModel::interpret(const Query &query) const {
  Messages messages(parts->context);
  WeightStore store(parts->options.checkpoint);
  reference::BatchRun run(*parts->module, [&](WeightOp weight) { return store.stored(weight); });
  auto failure = [&] { return messages.status("the interpreter failed"); };
  if (failed(run.verify()) || failed(run.encode(query.sources)))
    return failure();
  std::vector<int64_t> rows(query.sources.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<int64_t> tokens(rows.size(), startOf(*parts->module));
  std::vector<StepAnswer> answers;
  for (int64_t t = 0; t < query.steps; ++t) {
    std::vector<int64_t> positions(rows.size(), t);
    auto step = run.step(tokens, positions, reference::ownSlots(rows, t), rows);
    if (failed(step))
      return failure();
    answers.push_back({step->tokens, step->logProbs});
    tokens = step->tokens;
    for (size_t row = 0; row < query.forced.size(); ++row)
      tokens[row] = query.forced[row][std::min<size_t>(size_t(t), query.forced[row].size() - 1)];
  }
  return answers;
}

std::string notLowerable(const std::string &message) {
  constexpr std::string_view mark = "not lowerable [";
  const size_t from = message.find(mark), to = message.find(']', from);
  if (from == message.npos || to == message.npos)
    return {};
  return message.substr(from + mark.size(), to - from - mark.size());
}

} // namespace encdec
