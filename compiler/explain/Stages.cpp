// Ops as lines of text with the imported ops that they stand for; calls with their work.
#include "compiler/explain/Stages.h"
#include "compiler/explain/Provenance.h"
#include "compiler/lower/Segments.h"
#include "dialect/Ops.h"
#include "mlir/IR/AsmState.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace encdec::explain {

std::string entryName(Operation *op) {
  if (StringRef entry = entryOf(op); !entry.empty())
    return entry.str();
  return op->getParentOfType<func::FuncOp>().getName().str();
}

void addStage(ModuleOp module, StringRef name, StringRef title, Report &report) {
  Stage stage{name.str(), title.str(), {}};
  AsmState names(module);
  for (Operation *op : workOf(module)) {
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

static void addCalls(ModuleOp scheduled, Report &report) {
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

static void addPhases(ModuleOp scheduled, Report &report) {
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

static void addTotals(ModuleOp scheduled, Report &report) {
  for (const Call &call : report.calls)
    ++report.totals[call.entry].calls;
  for (const Phase &phase : report.phases) {
    Total &total = report.totals[phase.entry];
    total.work += phase.work;
    ++total.barriers;
  }
  for (auto &[name, total] : report.totals)
    total.barriers -= total.barriers > 0; // one less than there are phases
  for (func::FuncOp entry : kernel::entriesOf(scheduled))
    if (auto arena = entry->getAttrOfType<kernel::SizeAttr>(kernel::kArenaAttr))
      report.totals[kernel::entryName(entry).str()].arenaRowBytes = arena.getPerRow();
}

void addSchedule(ModuleOp scheduled, Report &report) {
  addCalls(scheduled, report);
  addPhases(scheduled, report);
  addTotals(scheduled, report);
}

} // namespace encdec::explain
