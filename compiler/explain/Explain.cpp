// One run of the pipelines, with the IR of each stage kept, and one more for each pass of
// the fuse pipeline, without it.
#include "compiler/explain/Provenance.h"
#include "compiler/explain/Roles.h"
#include "compiler/lower/Segments.h"
#include "compiler/place/Layout.h"
#include "dialect/Ops.h"
#include "dialect/Schema.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"

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

const Stage *Report::stage(StringRef name) const {
  auto found = llvm::find_if(stages, [&](const Stage &stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

namespace {

/// Takes remarks as they are emitted. The context owns it; `out` may end before it does.
struct Collector : remark::detail::MLIRRemarkStreamerBase {
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    if (!*out)
      return;
    Verdict verdict;
    verdict.passed = remark.getRemarkTypeString() == "Passed";
    verdict.pass = remark.getCategoryName().str();
    verdict.code = remark.getRemarkName().str();
    for (const auto &arg : remark.getArgs()) {
      if (arg.key == "Gain" || arg.key == "Reason")
        verdict.text = arg.val;
      else if (arg.key == "Blocker")
        verdict.blocker = arg.val;
      else if (arg.key == "Remedy")
        verdict.remedy = arg.val;
    }
    if (auto place = remark.getLocation()->findInstanceOf<FileLineColLoc>())
      verdict.place = (place.getFilename().getValue() + ":" + Twine(place.getLine()) + ":" +
                       Twine(place.getColumn()))
                          .str();
    auto about = numbersIn(remark.getLocation());
    verdict.about.assign(about.begin(), about.end());
    (*out)->push_back(std::move(verdict));
  }
  std::shared_ptr<std::vector<Verdict> *> out =
      std::make_shared<std::vector<Verdict> *>(nullptr);
};

using Pipeline = void (*)(OpPassManager &, const PipelineOptions &);

class Explainer {
public:
  Explainer(ModuleOp module, const PipelineOptions &options)
      : module(module), context(*module.getContext()), options(options),
        handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            messages += (messages.empty() ? "" : "; ") + diagnostic.str();
          return success();
        }) {}

  Report run();

private:
  bool advance(OwningOpRef<ModuleOp> &work, Pipeline build, StringRef name, StringRef title);
  void addStage(ModuleOp work, StringRef name, StringRef title);
  void addOps();
  void addCalls(ModuleOp scheduled);
  void addPhases(ModuleOp scheduled);
  void link();
  void addTotals(ModuleOp scheduled);
  void addWithout();

  ModuleOp module;
  MLIRContext &context;
  const PipelineOptions &options;
  std::vector<std::string> fusing; // passes that fused something
  std::string messages;
  ScopedDiagnosticHandler handler;
  Report report;
};

/// "encode" or "step"; of another function, its name.
std::string entryName(Operation *op) {
  if (StringRef entry = entryOf(op); !entry.empty())
    return entry.str();
  return op->getParentOfType<func::FuncOp>().getName().str();
}

} // namespace

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
  addStage(*work, name, title);
  return true;
}

void Explainer::addStage(ModuleOp work, StringRef name, StringRef title) {
  Stage stage{name.str(), title.str(), {}};
  AsmState names(work);
  for (Operation *op : workOf(work)) {
    StageOp &out = stage.ops.emplace_back();
    out.entry = entryName(op);
    llvm::raw_string_ostream text(out.text);
    op->print(text, names);
    out.op = op->getName().getStringRef().str();
    if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
      out.name = name.getName().str();
    auto from = numbersIn(op->getLoc());
    // A barrier stands at a call, but works for none.
    if (!isa<kernel::BarrierOp>(op))
      out.from.assign(from.begin(), from.end());
  }
  report.stages.push_back(std::move(stage));
}

namespace {

/// Bytes of a row of what lies in the arena.
int64_t arenaRowBytes(Value value) {
  kernel::BufferAttr buffer = kernel::bufferOf(value);
  return buffer && buffer.getSpace() == kernel::Space::arena ? buffer.getSize().getPerRow() : 0;
}

Work workOfCall(kernel::CallOp call) {
  Work work;
  kernel::CostAttr cost = call.getCost();
  work.rowMadds = cost.getRowMadds();
  if (cost.getKeys())
    work.keys[cost.getKeys().str()] = {cost.getKeyBytes(), cost.getKeyMadds()};
  for (kernel::WeightAttr weight : kernel::weightsOf(call))
    if (weight.getReads() != kernel::Reads::perhaps)
      work.weightBytes += weight.getBytes();
  for (Value operand : call.getOperands())
    work.activationBytes += arenaRowBytes(operand);
  for (Value result : call.getResults())
    if (!result.use_empty())
      work.activationBytes += arenaRowBytes(result);
  return work;
}

} // namespace

void Explainer::addCalls(ModuleOp scheduled) {
  const Stage &stage = report.stages.back();
  int64_t phase = -1;
  std::string entry;
  bool begins = true;
  for (auto [i, op] : llvm::enumerate(workOf(scheduled))) {
    begins |= isa<kernel::BarrierOp>(op) || stage.ops[i].entry != entry;
    entry = stage.ops[i].entry;
    auto call = dyn_cast<kernel::CallOp>(op);
    if (!call)
      continue;
    phase += begins;
    begins = false;
    report.calls.push_back({entry, call.getKernel().str(), call.getName().str(), int64_t(i), phase,
                            workOfCall(call), stage.ops[i].from});
  }
}

void Explainer::addPhases(ModuleOp scheduled) {
  for (func::FuncOp entry : kernel::entriesOf(scheduled))
    for (auto segment : lower::segmentsOf(entry).getAsRange<DictionaryAttr>()) {
      auto number = [](DictionaryAttr of, StringRef key) {
        return of.getAs<IntegerAttr>(key).getInt();
      };
      Phase phase;
      phase.entry = kernel::entryName(entry).str();
      phase.ops = segment.getAs<StringAttr>("ops").str();
      phase.side = segment.getAs<StringAttr>("side").str();
      if (auto layer = segment.getAs<IntegerAttr>("layer"))
        phase.layer = layer.getInt();
      phase.work.weightBytes = number(segment, "weight_bytes");
      phase.work.rowMadds = number(segment, "row_madds");
      for (auto keys : segment.getAs<ArrayAttr>("keys").getAsRange<DictionaryAttr>())
        phase.work.keys[keys.getAs<StringAttr>("from").str()] = {number(keys, "bytes"),
                                                                 number(keys, "madds")};
      report.phases.push_back(std::move(phase));
    }
  for (const Call &call : report.calls)
    report.phases[call.phase].work.activationBytes += call.work.activationBytes;
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

void Explainer::addTotals(ModuleOp scheduled) {
  for (const ImportedOp &op : report.ops)
    ++report.totals[op.op.entry].imported;
  if (const Stage *fused = report.stage("fused"))
    for (const StageOp &op : fused->ops)
      ++report.totals[op.entry].fused;
  for (const Call &call : report.calls)
    ++report.totals[call.entry].calls;
  for (const Phase &phase : report.phases) {
    Total &total = report.totals[phase.entry];
    total.work += phase.work;
    ++total.barriers;
  }
  for (auto &[name, total] : report.totals)
    total.barriers -= total.barriers > 0; // one less than there are phases
  if (scheduled)
    for (func::FuncOp entry : kernel::entriesOf(scheduled))
      if (auto arena = entry->getAttrOfType<kernel::SizeAttr>(kernel::kArenaAttr))
        report.totals[kernel::entryName(entry).str()].arenaRowBytes = arena.getPerRow();
}

/// Each pass of fuse that changed something is left out once.
void Explainer::addWithout() {
  auto sumOf = [](const Report &report, auto member) {
    int64_t sum = 0;
    for (const auto &[name, total] : report.totals)
      sum += total.*member;
    return sum;
  };
  for (const std::string &omitted : fusing) {
    PassManager pm(&context);
    for (Pipeline build : {buildFusePipeline, buildPlacePipeline, buildSchedulePipeline})
      build(pm, options);
    // The handler decides of each pass whether it is run.
    context.registerActionHandler(
        [&](llvm::function_ref<void()> run, const tracing::Action &action) {
          auto *execution = dyn_cast<PassExecutionAction>(&action);
          if (!execution || execution->getPass().getArgument() != "encdec-" + omitted)
            run();
        });
    OwningOpRef<ModuleOp> work = module.clone();
    messages.clear();
    bool schedulable = succeeded(pm.run(*work));
    context.registerActionHandler(nullptr);
    Without without{omitted, schedulable, messages};
    if (without.schedulable) {
      Explainer other(*work, options);
      other.addStage(*work, "scheduled", "");
      other.addCalls(*work);
      other.addPhases(*work);
      other.addTotals(*work);
      auto more = [&](auto member) {
        return sumOf(other.report, member) - sumOf(report, member);
      };
      without.calls = more(&Total::calls);
      without.barriers = more(&Total::barriers);
      without.arenaRowBytes = more(&Total::arenaRowBytes);
    }
    report.without.push_back(std::move(without));
  }
}

Report Explainer::run() {
  numberOps(module);
  auto collector = std::make_unique<Collector>();
  auto out = collector->out;
  remark::RemarkCategories all{std::nullopt, ".*", ".*", ".*", ".*"};
  *out = &report.verdicts;
  (void)remark::enableOptimizationRemarks(
      context, std::move(collector), std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
  OwningOpRef<ModuleOp> work = module.clone(), placed = module.clone();
  addStage(module, "imported", "as imported");
  report.ops.resize(report.stages[0].ops.size());
  for (auto [op, stageOp] : llvm::zip(report.ops, report.stages[0].ops))
    op.op = stageOp;
  bool complete = advance(work, buildFusePipeline, "fused", "after fuse");
  for (const Verdict &verdict : report.verdicts)
    if (verdict.passed && !llvm::is_contained(fusing, verdict.pass))
      fusing.push_back(verdict.pass);
  complete = complete && advance(work, buildPlacePipeline, "placed", "after place");
  if (complete)
    placed = work->clone();
  complete = complete && advance(work, buildSchedulePipeline, "scheduled", "kernel calls");
  *out = nullptr; // the runs below repeat what has been said
  describeOps(workOf(module), *placed, report.ops);
  if (complete) {
    addCalls(*work);
    addPhases(*work);
  }
  link();
  addTotals(complete ? *work : ModuleOp());
  if (complete)
    addWithout();
  SmallVector<Operation *> imported = workOf(module);
  if (const Stage *fused = report.stage("fused"))
    for (const StageOp &op : fused->ops) {
      SmallVector<Operation *> ops;
      for (int64_t from : op.from)
        ops.push_back(imported[from]);
      report.savings.push_back(ops.empty() ? Saving() : savingOf(ops));
    }
  report.weights = options.weights;
  if (auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr))
    if (auto family = model.getAs<StringAttr>("family"))
      report.family = family.str();
  return std::move(report);
}

Report explainModule(ModuleOp module, const PipelineOptions &options) {
  return Explainer(module, options).run();
}

} // namespace encdec::explain
