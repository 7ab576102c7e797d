// Passes.cpp: the pipelines, pass by pass.
#include "compiler/lab/Passes.h"

#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "compiler/import/Import.h"
#include "compiler/place/Layout.h"
#include "compiler/run/Interpret.h"
#include "compiler/schedule/Kernel.h"
#include "dialect/Dialect.h"
#include "dialect/Schema.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

#include <cmath>

using namespace mlir;
using llvm::json::Array;
using llvm::json::Object;

namespace encdec::lab {

namespace {

/// Passes as text, so that each can be run alone.
std::vector<std::string> textsOf(OpPassManager &pm) {
  std::vector<std::string> texts;
  for (Pass &pass : pm.getPasses()) {
    llvm::raw_string_ostream out(texts.emplace_back());
    pass.printAsTextualPipeline(out);
  }
  return texts;
}

DialectRegistry allDialects() {
  DialectRegistry registry;
  registerEncDecDialects(registry);
  return registry;
}

class PassLab {
public:
  explicit PassLab(const PassOptions &options)
      : options(options), context(allDialects(), MLIRContext::Threading::DISABLED) {}
  Status open();
  Result<Array> rows();
  Result<Bisected> bisect();

private:
  Result<std::vector<std::string>> fusions();
  std::vector<std::string> places();
  Status run(ModuleOp module, const std::string &pass);
  Result<double> error(ModuleOp module);
  Result<Object> measure(ModuleOp module, llvm::ArrayRef<std::string> rest);
  void lower(ModuleOp module, llvm::ArrayRef<std::string> rest, Object &row);
  PipelineOptions pipeline() const {
    PipelineOptions pipeline;
    pipeline.weights = options.weights;
    return pipeline;
  }

  const PassOptions &options;
  MLIRContext context;
  OwningOpRef<ModuleOp> plain;
  Query query;
  std::vector<StepAnswer> truth; ///< Of `plain`.
};

Status PassLab::open() {
  ImportReport report;
  plain = importCheckpoint(context, options.model, {}, report);
  if (!plain)
    return report.status;
  context.loadAllAvailableDialects();
  const auto sizes = (*plain)->getAttrOfType<DictionaryAttr>(kModelAttr);
  auto vocabulary = sizes.getAs<IntegerAttr>("vocab_size");
  auto source = sizes.getAs<IntegerAttr>("source_vocab_size");
  if (!vocabulary || !source)
    return usageError("passes are measured on models with a decoder; this is an encoder only");
  // Ids that differ; which ones is of no consequence, and equal ones make reports comparable.
  for (int64_t row = 0; row < 2; ++row) {
    query.sources.emplace_back();
    query.forced.emplace_back();
    for (int64_t i = 0; i < 9 - 3 * row; ++i)
      query.sources.back().push_back((7919 * (i + 1) + 104729 * row) % source.getInt());
    for (int64_t i = 0; i < 4; ++i)
      query.forced.back().push_back((6101 * (i + 1) + 1299709 * row) % vocabulary.getInt());
  }
  query.steps = 4;
  ENCDEC_ASSIGN_OR_RETURN(truth, interpretModule(*plain, options.model, query));
  return Status::success();
}

/// The fusions and, behind them, the passes that the options add.
Result<std::vector<std::string>> PassLab::fusions() {
  PassManager pm(&context);
  buildFusePipeline(pm, pipeline());
  std::vector<std::string> texts = textsOf(pm);
  if (options.pipeline.empty())
    return texts;
  PassManager added(&context);
  std::string message;
  llvm::raw_string_ostream out(message);
  llvm::StringRef inner = options.pipeline;
  if (inner.consume_front("builtin.module(") && !inner.consume_back(")"))
    return usageError("--pass-pipeline: a parenthesis is missing in '" + options.pipeline + "'");
  if (failed(parsePassPipeline(inner, added, out)))
    return usageError("--pass-pipeline: " + llvm::StringRef(message).trim().str());
  llvm::append_range(texts, textsOf(added));
  return texts;
}

std::vector<std::string> PassLab::places() {
  PassManager pm(&context);
  buildPlacePipeline(pm, pipeline());
  return textsOf(pm);
}

Status PassLab::run(ModuleOp module, const std::string &pass) {
  ErrorMessages messages(context);
  PassManager pm(&context);
  if (failed(parsePassPipeline(pass, pm)) || failed(pm.run(module)))
    return Status(Code::Failure, pass + ": " + messages.status("the pass failed").message());
  return Status::success();
}

Result<double> PassLab::error(ModuleOp module) {
  ENCDEC_ASSIGN_OR_RETURN(std::vector<StepAnswer> answers,
                          interpretModule(module, options.model, query));
  double most = 0;
  for (size_t t = 0; t < truth.size(); ++t)
    for (size_t row = 0; row < truth[t].logProbs.size(); ++row) {
      const double apart = std::abs(truth[t].logProbs[row] - answers[t].logProbs[row]);
      most = apart <= most ? most : std::isnan(apart) ? INFINITY : apart;
    }
  return most;
}

/// Bytes of an entry's memory by row.
int64_t arenaByRow(func::FuncOp function) {
  auto size = function->getAttrOfType<kernel::SizeAttr>(kernel::kArenaAttr);
  return size ? size.getPerRow() : 0;
}

/// Runs `rest` (passes to placed form), the schedule and code generation for this machine.
void PassLab::lower(ModuleOp module, llvm::ArrayRef<std::string> rest, Object &row) {
  ErrorMessages messages(context);
  PassManager pm(&context);
  auto give = [&](const char *otherwise) {
    const std::string code = notLowerable(messages.all());
    row["code"] = code.empty() ? std::string(otherwise) : code;
  };
  for (const std::string &pass : rest)
    if (failed(parsePassPipeline(pass, pm)))
      return give("no-such-pass");
  if (failed(pm.run(module)))
    return give("not-placed");
  row["step_bytes"] = stepWeightBytes(module);
  PassManager schedule(&context);
  buildSchedulePipeline(schedule, pipeline());
  if (failed(schedule.run(module)))
    return give("not-scheduled");
  int64_t calls = 0, barriers = 0, arena = 0;
  module.walk([&](kernel::CallOp) { ++calls; });
  module.walk([&](kernel::BarrierOp) { ++barriers; });
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    arena += arenaByRow(function);
  const ObjectTarget *host = hostObjectTarget();
  PipelineOptions lowering = pipeline();
  lowering.level = host ? host->name.str() : "";
  PassManager lowered(&context);
  buildLowerPipeline(lowered, lowering);
  if (!host || failed(lowered.run(module)))
    return give("not-lowered");
  auto object = emitObject(module, *host);
  if (!object) {
    llvm::consumeError(object.takeError());
    return give("no-object");
  }
  row["calls"] = calls;
  row["barriers"] = barriers;
  row["arena"] = arena;
  row["code_bytes"] = int64_t(object->size());
}

Result<Object> PassLab::measure(ModuleOp module, llvm::ArrayRef<std::string> rest) {
  int64_t ops = 0;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    function.walk([&](Operation *op) { ops += isa_and_nonnull<EncDecDialect>(op->getDialect()); });
  ENCDEC_ASSIGN_OR_RETURN(double apart, error(module));
  Object row{{"ops", ops}, {"error", std::isfinite(apart) ? apart : 1e308}, {"code", nullptr}};
  OwningOpRef<ModuleOp> copy = module.clone();
  lower(*copy, rest, row);
  return row;
}

Result<Array> PassLab::rows() {
  ENCDEC_ASSIGN_OR_RETURN(std::vector<std::string> fuse, fusions());
  std::vector<std::string> all = fuse;
  llvm::append_range(all, places());
  const llvm::ArrayRef<std::string> passes = all;
  Array rows;
  OwningOpRef<ModuleOp> module = plain->clone();
  for (size_t done = 0; done <= all.size(); ++done) {
    if (done)
      ENCDEC_RETURN_IF_ERROR(run(*module, all[done - 1]));
    // Fusions that have not run are left out; placing is needed for code.
    ENCDEC_ASSIGN_OR_RETURN(Object row,
                            measure(*module, passes.drop_front(std::max(done, fuse.size()))));
    row["after"] = done ? all[done - 1] : "";
    rows.push_back(std::move(row));
  }
  for (size_t out = 0; options.ablate && out < fuse.size(); ++out) {
    OwningOpRef<ModuleOp> without = plain->clone();
    for (size_t i = 0; i < fuse.size(); ++i)
      if (i != out)
        ENCDEC_RETURN_IF_ERROR(run(*without, fuse[i]));
    ENCDEC_ASSIGN_OR_RETURN(Object row, measure(*without, passes.drop_front(fuse.size())));
    row["without"] = fuse[out];
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<Bisected> PassLab::bisect() {
  ENCDEC_ASSIGN_OR_RETURN(std::vector<std::string> all, fusions());
  if (options.weights == "f32") // other formats are meant to change numbers
    llvm::append_range(all, places());
  OwningOpRef<ModuleOp> module = plain->clone();
  for (const std::string &pass : all) {
    Bisected found{.pass = pass, .error = 0, .before = {}};
    llvm::raw_string_ostream(found.before) << *module;
    ENCDEC_RETURN_IF_ERROR(run(*module, pass));
    ENCDEC_ASSIGN_OR_RETURN(found.error, error(*module));
    if (!(found.error <= options.tolerance))
      return found;
  }
  return Bisected{};
}

/// Passes of ours and of plugins are known by name from here on, once in a process.
Status registerPasses(const std::vector<std::string> &plugins) {
  static const bool ours = [] {
    registerEncDecPassesAndPipelines();
    return true;
  }();
  (void)ours;
  for (const std::string &path : plugins) {
    auto plugin = PassPlugin::load(path);
    if (!plugin)
      return usageError("--load-pass-plugin: " + llvm::toString(plugin.takeError()));
    plugin->registerPassRegistryCallbacks();
  }
  return Status::success();
}

} // namespace

Result<Array> passRows(const PassOptions &options) {
  ENCDEC_RETURN_IF_ERROR(registerPasses(options.plugins));
  PassLab lab(options);
  ENCDEC_RETURN_IF_ERROR(lab.open());
  return lab.rows();
}

Result<Bisected> bisectPasses(const PassOptions &options) {
  ENCDEC_RETURN_IF_ERROR(registerPasses(options.plugins));
  PassLab lab(options);
  ENCDEC_RETURN_IF_ERROR(lab.open());
  return lab.bisect();
}

} // namespace encdec::lab
