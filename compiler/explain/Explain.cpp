// One run of the pipelines, with the IR of each stage kept, and one more for each pass of
// the fuse pipeline, without it.
#include "compiler/explain/Collector.h"
#include "compiler/explain/Provenance.h"
#include "compiler/explain/Roles.h"
#include "compiler/explain/Stages.h"
#include "compiler/schedule/Schedule.h"
#include "dialect/Schema.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace encdec::explain {

Work &Work::operator+=(const Work &other) {
  weightBytes += other.weightBytes;
  rowMadds += other.rowMadds;
  activationBytes += other.activationBytes;
  for (const auto &[name, more] : other.keys) {
    keys[name].bytes += more.bytes;
    keys[name].madds += more.madds;
  }
  return *this;
}

Saving &Saving::operator+=(const Saving &other) {
  ops += other.ops;
  buffers += other.buffers;
  rowBytes += other.rowBytes;
  keyBytes += other.keyBytes;
  return *this;
}

const Stage *Report::stage(StringRef name) const {
  auto found = llvm::find_if(stages, [&](const Stage &stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

namespace {

using Pipeline = void (*)(OpPassManager &, const PipelineOptions &);

class Explainer {
public:
  Explainer(ModuleOp module, const PipelineOptions &options, const Sizes &sizes)
      : module(module), context(*module.getContext()), options(options), sizes(sizes),
        handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            messages += (messages.empty() ? "" : "; ") + diagnostic.str();
          else if (diagnostic.getSeverity() == DiagnosticSeverity::Warning && !runsAgain)
            warn(diagnostic);
          return success();
        }) {}

  Report run();

private:
  void warn(const Diagnostic &diagnostic) {
    std::string place = placeOf(diagnostic.getLocation());
    report.warnings.push_back((place.empty() ? "" : place + ": ") + diagnostic.str());
  }
  std::pair<OwningOpRef<ModuleOp>, bool> runStages();
  bool advance(OwningOpRef<ModuleOp> &work, Pipeline build, StringRef name, StringRef title);
  void link();
  void addPasses(bool complete);
  void runWithout(PassGain &gain);

  ModuleOp module;
  MLIRContext &context;
  const PipelineOptions &options;
  const Sizes &sizes;
  bool runsAgain = false; // pipelines without a pass, whose warnings are not the user's
  size_t fusions = 0; // verdicts of the fuse pipeline, which come first
  std::string messages;
  ScopedDiagnosticHandler handler;
  Report report;
};

} // namespace

/// Erases the variants of entries that do not run for `sizes`; returns their names.
static llvm::StringSet<> dropOtherRanges(ModuleOp scheduled, const Sizes &sizes) {
  llvm::StringSet<> dropped;
  auto kept = kernel::entriesFor(
      scheduled, [&](StringRef name) { return sizes.rows(name); }, sizes.threads);
  for (func::FuncOp entry : kernel::entriesOf(scheduled))
    if (!llvm::is_contained(kept, entry)) {
      dropped.insert(entry.getName());
      entry.erase();
    }
  return dropped;
}

/// Runs `build` on `work` and adds the stage, unless it fails.
bool Explainer::advance(OwningOpRef<ModuleOp> &work, Pipeline build, StringRef name,
                        StringRef title) {
  PassManager pm(&context);
  build(pm, options);
  OwningOpRef<ModuleOp> next = work->clone();
  messages.clear();
  if (failed(pm.run(*next))) {
    report.stopped = (Twine(name) + " form: " + messages).str();
    return false;
  }
  work = std::move(next);
  llvm::StringSet<> dropped = dropOtherRanges(*work, sizes);
  llvm::erase_if(report.verdicts, [&](const Verdict &verdict) {
    return verdict.pass == "group" && dropped.contains(verdict.function);
  });
  addStage(*work, name, title, report);
  return true;
}

/// Links imported ops with what stands for them.
void Explainer::link() {
  if (const Stage *fused = report.stage("fused"))
    for (auto [i, op] : llvm::enumerate(fused->ops))
      for (int64_t from : op.from)
        report.ops[from].fused = i;
  for (auto [i, call] : llvm::enumerate(report.calls))
    for (int64_t from : call.from) {
      report.ops[from].calls.push_back(i);
      report.ops[from].runsIn = call.entry;
    }
  for (auto [i, verdict] : llvm::enumerate(report.verdicts))
    for (int64_t about : verdict.about)
      report.ops[about].verdicts.push_back(i);
}

/// Runs the pipelines once more, without one pass.
void Explainer::runWithout(PassGain &gain) {
  runsAgain = true;
  PassManager pm(&context);
  for (Pipeline build : {buildFusePipeline, buildPlacePipeline, buildSchedulePipeline})
    build(pm, options);
  // The handler decides of each pass whether it is run.
  context.registerActionHandler(
      [&](llvm::function_ref<void()> run, const tracing::Action &action) {
        auto *execution = dyn_cast<PassExecutionAction>(&action);
        if (!execution || execution->getPass().getArgument() != "encdec-" + gain.pass)
          run();
      });
  OwningOpRef<ModuleOp> work = module.clone();
  messages.clear();
  gain.schedulable = succeeded(pm.run(*work));
  context.registerActionHandler(nullptr);
  gain.reason = messages;
  if (!gain.schedulable)
    return;
  Report other;
  dropOtherRanges(*work, sizes);
  addStage(*work, "scheduled", "", other);
  addSchedule(*work, other);
  auto more = [&](auto member) {
    int64_t sum = 0;
    for (const auto &[name, total] : other.totals)
      sum += total.*member - report.totals[name].*member;
    return sum;
  };
  gain.calls = more(&Total::calls);
  gain.barriers = more(&Total::barriers);
  gain.arenaRowBytes = more(&Total::arenaRowBytes);
}

void Explainer::addPasses(bool complete) {
  const Stage *fused = report.stage("fused");
  if (!fused)
    return;
  for (const Verdict &verdict : llvm::ArrayRef(report.verdicts).take_front(fusions)) {
    if (!verdict.passed)
      continue;
    auto gain = llvm::find_if(report.passes,
                              [&](const PassGain &gain) { return gain.pass == verdict.pass; });
    if (gain == report.passes.end()) {
      report.passes.emplace_back().pass = verdict.pass;
      gain = std::prev(report.passes.end());
    }
    ++gain->fusions;
    // What a later fusion has joined with more is that fusion's saving.
    for (auto [op, saving] : llvm::zip(fused->ops, report.savings))
      if (op.from == verdict.about)
        gain->saving += saving;
  }
  if (complete)
    for (PassGain &gain : report.passes)
      runWithout(gain);
}

/// Runs the pipelines as far as they go; the module after place, for the bytes of weights,
/// and whether all went well.
std::pair<OwningOpRef<ModuleOp>, bool> Explainer::runStages() {
  RemarkCollector remarks(context, report.verdicts);
  OwningOpRef<ModuleOp> work = module.clone();
  bool complete = advance(work, buildFusePipeline, "fused", "after fuse");
  fusions = report.verdicts.size();
  complete = complete && advance(work, buildPlacePipeline, "placed", "after place");
  OwningOpRef<ModuleOp> placed = work->clone();
  complete = complete && advance(work, buildSchedulePipeline, "scheduled", "kernel calls");
  if (complete)
    addSchedule(*work, report);
  return {std::move(placed), complete};
}

Report Explainer::run() {
  numberOps(module);
  addStage(module, "imported", "as imported", report);
  for (const StageOp &op : report.stages[0].ops) {
    report.ops.emplace_back().op = op;
    ++report.totals[op.entry].imported;
  }
  auto [placed, complete] = runStages();
  SmallVector<Operation *> imported = workOf(module);
  describeOps(imported, *placed, report.ops);
  link();
  if (const Stage *fused = report.stage("fused"))
    for (const StageOp &op : fused->ops) {
      ++report.totals[op.entry].fused;
      SmallVector<Operation *> ops;
      for (int64_t from : op.from)
        ops.push_back(imported[from]);
      report.savings.push_back(savingOf(ops));
    }
  addPasses(complete);
  report.weights = options.weights;
  if (auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr))
    if (auto family = model.getAs<StringAttr>("family"))
      report.family = family.str();
  return std::move(report);
}

Report explainModule(ModuleOp module, const PipelineOptions &options, const Sizes &sizes) {
  return Explainer(module, options, sizes).run();
}

} // namespace encdec::explain
