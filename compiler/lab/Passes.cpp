// Passes.cpp: the pipelines, pass by pass.
#include "compiler/lab/Passes.h"
#include "compiler/lab/Bundle.h"

#include "compiler/Pipelines.h"
#include "compiler/Plugins.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "compiler/fuse/FusionAction.h"
#include "compiler/import/Import.h"
#include "compiler/place/Layout.h"
#include "compiler/run/Interpret.h"
#include "compiler/schedule/Schedule.h"
#include "dialect/Dialect.h"
#include "dialect/Ops.h"
#include "dialect/Schema.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "runtime/base/Signals.h"

#include <cmath>
#include <utility>

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

/// Passes of ours and of plugins are known by name from here on, once in a process.
Status registerPasses(const PipelineOptions &options, MLIRContext &context) {
  static const bool ours = [] {
    registerAllPasses();
    return true;
  }();
  (void)ours;
  if (llvm::Error error = loadExtensions(options, context))
    return usageError(llvm::toString(std::move(error)));
  return Status::success();
}

using Pipeline = void (*)(OpPassManager &, const PipelineOptions &);

/// Checks between passes, of which the table has no rows.
bool isCheck(llvm::StringRef pass) { return pass.starts_with("encdec-verify-form"); }

class PassLab {
public:
  explicit PassLab(const PassOptions &options)
      : options(options), context(allDialects(), MLIRContext::Threading::DISABLED) {}
  Status open();
  Result<Array> rows();
  Result<Bisected> bisect();

private:
  std::vector<std::string> passes(Pipeline build);
  Status run(ModuleOp module, const std::string &pass);
  Result<unsigned> runSome(ModuleOp module, const std::string &pass, Fusions some);
  Status narrow(ModuleOp before, Bisected &found);
  Status reduce(ModuleOp before, Bisected &found);
  Result<double> error(ModuleOp module);
  Result<Object> measure(ModuleOp module, llvm::ArrayRef<std::string> rest);
  void lower(ModuleOp module, llvm::ArrayRef<std::string> rest, Object &row);

  const PassOptions &options;
  MLIRContext context;
  OwningOpRef<ModuleOp> plain;
  Query query;
  std::vector<StepAnswer> truth; ///< Of `plain`.
};

Status PassLab::open() {
  ENCDEC_RETURN_IF_ERROR(registerPasses(options.pipeline, context));
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

std::vector<std::string> PassLab::passes(Pipeline build) {
  PassManager pm(&context);
  build(pm, options.pipeline);
  return textsOf(pm);
}

Status PassLab::run(ModuleOp module, const std::string &pass) {
  if (HeldSignals::pending())
    return Status(Code::Failure, "interrupted");
  if (options.progress)
    options.progress("measuring " + pass);
  ErrorMessages messages(context);
  PassManager pm(&context);
  if (failed(parsePassPipeline(pass, pm)) || failed(pm.run(module)))
    return Status(Code::Failure, pass + ": " + messages.status("the pass failed").message());
  return Status::success();
}

/// Runs a pass with some of its fusions; how many it came to.
Result<unsigned> PassLab::runSome(ModuleOp module, const std::string &pass, Fusions some) {
  unsigned seen = 0;
  context.registerActionHandler(
      [&](llvm::function_ref<void()> act, const tracing::Action &action) {
        if (!isa<FusionAction>(action))
          return act();
        const unsigned number = seen++;
        if (number >= some.skip && number - some.skip < some.count)
          act();
      });
  Status status = run(module, pass);
  context.registerActionHandler(nullptr);
  ENCDEC_RETURN_IF_ERROR(std::move(status));
  return seen;
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
  row["step_bytes"] = stepWeightBytes(findEntries(module).step);
  PassManager schedule(&context);
  buildSchedulePipeline(schedule, options.pipeline);
  if (failed(schedule.run(module)))
    return give("not-scheduled");
  int64_t calls = 0, barriers = 0, arena = 0;
  auto countedRows = [](StringRef name) { return name == "encode" ? encodeRows : stepRows; };
  for (func::FuncOp entry : kernel::entriesFor(module, countedRows, /*workers=*/1)) {
    entry.walk([&](kernel::CallOp) { ++calls; });
    entry.walk([&](kernel::BarrierOp) { ++barriers; });
  }
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    arena += arenaByRow(function);
  const ObjectTarget *host = hostObjectTarget();
  PipelineOptions lowering = options.pipeline;
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
  const std::vector<std::string> fuse = passes(buildFusePipeline);
  std::vector<std::string> all = fuse;
  llvm::append_range(all, passes(buildPlacePipeline));
  const llvm::ArrayRef<std::string> whole = all;
  Array rows;
  OwningOpRef<ModuleOp> module = plain->clone();
  for (size_t done = 0; done <= all.size(); ++done) {
    if (done)
      ENCDEC_RETURN_IF_ERROR(run(*module, all[done - 1]));
    if (done && isCheck(all[done - 1]))
      continue;
    // Fusions that have not run are left out; placing is needed for code.
    ENCDEC_ASSIGN_OR_RETURN(Object row,
                            measure(*module, whole.drop_front(std::max(done, fuse.size()))));
    row["after"] = done ? all[done - 1] : "";
    rows.push_back(std::move(row));
  }
  for (size_t out = 0; options.ablate && out < fuse.size(); ++out) {
    if (isCheck(fuse[out]))
      continue;
    OwningOpRef<ModuleOp> without = plain->clone();
    for (size_t i = 0; i < fuse.size(); ++i)
      if (i != out)
        ENCDEC_RETURN_IF_ERROR(run(*without, fuse[i]));
    ENCDEC_ASSIGN_OR_RETURN(Object row, measure(*without, whole.drop_front(fuse.size())));
    row["without"] = fuse[out];
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<Bisected> PassLab::bisect() {
  std::vector<std::string> all = passes(buildFusePipeline);
  llvm::append_range(all, passes(buildPlacePipeline));
  const bool otherFormat = options.pipeline.weights != "f32" || !options.pipeline.weightsFor.empty();
  OwningOpRef<ModuleOp> module = plain->clone();
  for (const std::string &pass : all) {
    Bisected found;
    found.pass = pass;
    OwningOpRef<ModuleOp> before = module->clone();
    llvm::raw_string_ostream(found.before) << *before;
    ENCDEC_RETURN_IF_ERROR(run(*module, pass));
    ENCDEC_ASSIGN_OR_RETURN(found.error, error(*module));
    if (otherFormat && llvm::StringRef(pass).starts_with("encdec-quantize-weights")) {
      found.format = std::exchange(found.pass, ""); // it is meant to change numbers
      return found;
    }
    if (found.error <= options.tolerance)
      continue;
    ENCDEC_RETURN_IF_ERROR(narrow(*before, found));
    return found;
  }
  return Bisected{};
}

/// Finds the guilty fusion of `found.pass`, which `before` is given to.
Status PassLab::narrow(ModuleOp before, Bisected &found) {
  constexpr unsigned all = std::numeric_limits<unsigned>::max();
  auto errorOf = [&](Fusions some) -> Result<double> {
    OwningOpRef<ModuleOp> copy = before.clone();
    ENCDEC_RETURN_IF_ERROR(runSome(*copy, found.pass, some).status());
    return error(*copy);
  };
  OwningOpRef<ModuleOp> whole = before.clone();
  ENCDEC_ASSIGN_OR_RETURN(found.fusions, runSome(*whole, found.pass, {0, all}));
  if (!found.fusions)
    return Status::success();
  unsigned right = 0, wrong = found.fusions; // the first so many
  while (wrong - right > 1) {
    const unsigned middle = right + (wrong - right) / 2;
    ENCDEC_ASSIGN_OR_RETURN(double apart, errorOf({0, middle}));
    (apart <= options.tolerance ? right : wrong) = middle;
  }
  found.guilty = {wrong - 1, 1};
  ENCDEC_ASSIGN_OR_RETURN(double alone, errorOf(found.guilty));
  if (alone <= options.tolerance)
    found.guilty = {0, wrong};
  return reduce(before, found);
}

template <typename T> std::string printed(T op) {
  std::string text;
  llvm::raw_string_ostream out(text);
  op->print(out);
  return text;
}

/// Cuts `before` to the function that the guilty fusion changes, if it still is changed alone.
Status PassLab::reduce(ModuleOp before, Bisected &found) {
  OwningOpRef<ModuleOp> after = before.clone(), cut = before.clone();
  ENCDEC_RETURN_IF_ERROR(runSome(*after, found.pass, found.guilty).status());
  std::string expected;
  for (func::FuncOp function : llvm::make_early_inc_range(cut->getOps<func::FuncOp>())) {
    auto now = after->lookupSymbol<func::FuncOp>(function.getName());
    if (!now || printed(now) == printed(function))
      function.erase();
    else {
      expected += printed(now);
      found.function = function.getName().str();
    }
  }
  for (WeightOp weight : llvm::make_early_inc_range(cut->getOps<WeightOp>()))
    if (SymbolTable::symbolKnownUseEmpty(weight, *cut))
      weight.erase();
  // The fusions of what is gone are not counted any more.
  for (unsigned skip = 0; skip <= found.guilty.skip; ++skip) {
    OwningOpRef<ModuleOp> copy = cut->clone();
    const Fusions some{skip, found.guilty.count};
    if (!runSome(*copy, found.pass, some).ok())
      return Status::success(); // the pass wants more of a model
    std::string text;
    for (func::FuncOp function : copy->getOps<func::FuncOp>())
      text += printed(function);
    if (text != expected)
      continue;
    found.reduced = printed(*cut);
    found.inReduced = some;
    break;
  }
  return Status::success();
}

} // namespace

Result<Array> passRows(const PassOptions &options) {
  PassLab lab(options);
  ENCDEC_RETURN_IF_ERROR(lab.open());
  return lab.rows();
}

Result<Bisected> bisectPasses(const PassOptions &options) {
  PassLab lab(options);
  ENCDEC_RETURN_IF_ERROR(lab.open());
  return lab.bisect();
}

} // namespace encdec::lab
