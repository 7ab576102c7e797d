// The report as JSON, member by member. Names may come from files, so that their bytes are
// made UTF-8 first.
#include "compiler/explain/Print.h"
#include "llvm/Support/JSON.h"

using llvm::StringRef;
using llvm::json::OStream;

namespace encdec::explain {
namespace {

class Printer {
public:
  Printer(const Report &report, const View &view, llvm::raw_ostream &out)
      : report(report), view(view), json(out) {}

  void print();

private:
  void text(StringRef key, StringRef value) { json.attribute(key, llvm::json::fixUTF8(value)); }
  void numbers(StringRef key, const std::vector<int64_t> &values) {
    json.attribute(key, llvm::json::Array(values));
  }
  void maybe(StringRef key, std::optional<double> value) {
    value ? json.attribute(key, *value) : json.attribute(key, nullptr);
  }
  void layer(std::optional<int64_t> layer) {
    layer ? json.attribute("layer", *layer) : json.attribute("layer", nullptr);
  }
  template <typename List, typename Print> void list(StringRef key, const List &all, Print print) {
    json.attributeArray(key, [&] {
      for (const auto &one : all)
        json.object([&] { print(one); });
    });
  }

  void work(const Work &work, StringRef entry);
  void printSizes();
  void saved(const Saving &saving);
  void printOp(const ImportedOp &op);
  void printStage(const Stage &stage);
  void printVerdict(const Verdict &verdict);
  void printCall(const Call &call);
  void printPhase(const Phase &phase);
  void printTotals();

  const Report &report;
  const View &view;
  OStream json;
};

} // namespace

void Printer::work(const Work &work, StringRef entry) {
  json.attribute("weight_bytes", work.weightBytes);
  json.attribute("activation_row_bytes", work.activationBytes);
  json.attribute("row_madds", work.rowMadds);
  json.attributeArray("keys", [&] {
    for (const auto &[name, keys] : work.keys)
      json.object([&] {
        text("from", name);
        json.attribute("bytes", keys.bytes);
        json.attribute("madds", keys.madds);
      });
  });
  if (entry.empty())
    return;
  json.attribute("bytes", bytesOf(work, entry, view.sizes));
  json.attribute("madds", maddsOf(work, entry, view.sizes));
  maybe("limit_seconds", leastTime(work, entry, view.sizes, view.limits,
                                   report.weights == "int8-dynamic"));
}

void Printer::printSizes() {
  json.attributeObject("sizes", [&] {
    json.attribute("source_length", view.sizes.sourceLength);
    json.attribute("threads", view.sizes.threads);
    json.attribute("new_tokens", view.sizes.newTokens);
    json.attribute("batch", view.sizes.batch);
  });
  json.attributeObject("limits", [&] {
    auto known = [](double value) {
      return value > 0 ? std::optional<double>(value) : std::nullopt;
    };
    maybe("read_bandwidth", known(view.limits.bandwidth));
    maybe("peak_f32", known(view.limits.floats));
    maybe("peak_int8", known(view.limits.wholes));
  });
}

void Printer::printOp(const ImportedOp &op) {
  text("entry", op.op.entry);
  text("name", op.op.name);
  text("op", op.op.op);
  text("place", op.place);
  text("side", op.side);
  layer(op.layer);
  text("role", op.role);
  text("runs_in", op.runsIn);
  json.attribute("fused", op.fused);
  numbers("calls", op.calls);
  numbers("verdicts", op.verdicts);
  work(op.work, op.runsIn);
}

void Printer::printStage(const Stage &stage) {
  text("name", stage.name);
  text("title", stage.title);
  bool isFused = stage.name == "fused";
  size_t at = 0;
  list("ops", stage.ops, [&](const StageOp &op) {
    text("entry", op.entry);
    text("name", op.name);
    text("op", op.op);
    numbers("from", op.from);
    text("text", op.text);
    if (!isFused)
      return;
    saved(report.savings[at++]);
  });
}

void Printer::saved(const Saving &saving) {
  json.attributeObject("saved", [&] {
    json.attribute("ops", saving.ops);
    json.attribute("buffers", saving.buffers);
    json.attribute("row_bytes", saving.rowBytes);
    json.attribute("key_bytes", saving.keyBytes);
  });
}

void Printer::printVerdict(const Verdict &verdict) {
  json.attribute("passed", verdict.passed);
  text("pass", verdict.pass);
  text("code", verdict.code);
  text("text", verdict.text);
  text("blocker", verdict.blocker);
  text("remedy", verdict.remedy);
  text("place", verdict.place);
  numbers("about", verdict.about);
}

void Printer::printCall(const Call &call) {
  text("entry", call.entry);
  text("kernel", call.kernel);
  text("serves", call.serves);
  json.attribute("op", call.op);
  json.attribute("phase", call.phase);
  numbers("from", call.from);
  work(call.work, call.entry);
}

void Printer::printPhase(const Phase &phase) {
  text("entry", phase.entry);
  text("ops", phase.ops);
  text("side", phase.side);
  layer(phase.layer);
  work(phase.work, phase.entry);
  maybe("measured_seconds", phase.measured);
}

void Printer::printTotals() {
  json.attributeObject("totals", [&] {
    for (const auto &[name, total] : report.totals)
      json.attributeObject(name, [&] {
        json.attribute("imported_ops", total.imported);
        json.attribute("fused_ops", total.fused);
        json.attribute("calls", total.calls);
        json.attribute("barriers", total.barriers);
        json.attribute("arena_row_bytes", total.arenaRowBytes);
        work(total.work, name);
      });
  });
}

void Printer::print() {
  json.object([&] {
    text("model", report.model);
    text("family", report.family);
    text("weights", report.weights);
    text("stopped", report.stopped);
    json.attributeArray("warnings", [&] {
      for (const std::string &warning : report.warnings)
        json.value(warning);
    });
    printSizes();
    printTotals();
    list("ops", report.ops, [&](const ImportedOp &op) { printOp(op); });
    list("stages", report.stages, [&](const Stage &stage) { printStage(stage); });
    list("verdicts", report.verdicts, [&](const Verdict &verdict) { printVerdict(verdict); });
    list("calls", report.calls, [&](const Call &call) { printCall(call); });
    list("phases", report.phases, [&](const Phase &phase) { printPhase(phase); });
    list("passes", report.passes, [&](const PassGain &gain) {
      text("pass", gain.pass);
      json.attribute("fusions", gain.fusions);
      saved(gain.saving);
      json.attributeObject("without", [&] {
        json.attribute("schedulable", gain.schedulable);
        text("reason", gain.reason);
        json.attribute("more_calls", gain.calls);
        json.attribute("more_barriers", gain.barriers);
        json.attribute("more_arena_row_bytes", gain.arenaRowBytes);
      });
    });
    json.attribute("alignments", llvm::json::Array(view.alignments));
  });
}

void printJson(const Report &report, const View &view, llvm::raw_ostream &out) {
  Printer(report, view, out).print();
}

} // namespace encdec::explain
