// Tune.cpp: a walk through the choices, one at a time.
#include "compiler/lab/Tune.h"

#include "compiler/lab/Bundle.h"
#include "compiler/lab/Child.h"
#include "compiler/lab/Conclusion.h"
#include "compiler/lab/Folder.h"
#include "compiler/lab/Machine.h"
#include "compiler/lower/Target.h"
#include "runtime/base/Signals.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace encdec::lab {

namespace {

constexpr unsigned compileDeadline = 1000;

/// A tuning that differs from another in one choice.
struct Change {
  std::string name, value;
  Tuning after;
};

class Tuner {
public:
  explicit Tuner(const TuneOptions &options) : options(options) {}
  Result<Tuning> run();

private:
  Status compile(const Tuning &tuning, const std::string &bundle);
  Status tryChange(const Change &change);
  std::vector<Change> changesOf(const Choice &choice) const;
  std::vector<Change> groupChanges() const;
  void report(const Change &change, const std::string &verdict) {
    if (options.report)
      options.report(fmt::format("{}={}: {}", change.name, change.value, verdict));
  }

  const TuneOptions &options;
  HeldSignals signals; // before the folder, which a signal must not leave behind
  TemporaryFolder folder;
  std::string compiler, bencher;
  Tuning best;
  double seconds = 0;  // left for timing
  unsigned trials = 0, mostTrials = 0; // left at most; of all
  bool shortageNoted = false;
  double error = 0;    // of one trial
};

Status Tuner::compile(const Tuning &tuning, const std::string &bundle) {
  if (options.progress)
    options.progress("compiling");
  std::vector<std::string> command =
      compileCommand(compiler, options.model, bundle, options.words);
  command.push_back("--quiet");
  command.insert(command.end(), {"--groups", tuning.groups});
  for (const std::string &text : tuning.texts())
    command.insert(command.end(), {"--tune", text});
  return outputOf(command, compileDeadline).status();
}

std::vector<Change> Tuner::groupChanges() const {
  std::vector<Change> changes;
  for (llvm::StringRef groups : kGroupChoices)
    if (groups != best.groups) {
      changes.push_back({"groups", groups.str(), best});
      changes.back().after.groups = groups.str();
    }
  return changes;
}

std::vector<Change> Tuner::changesOf(const Choice &choice) const {
  std::vector<Change> changes;
  for (int64_t value : {choice.value / 2, choice.value * 2}) {
    if (value < choice.least || value > choice.most || value == choice.value)
      continue;
    changes.push_back({choice.name.str(), std::to_string(value), best});
    for (auto &[name, number] : changes.back().after.choices)
      if (choice.name == name)
        number = value;
  }
  return changes;
}

/// Whether something is faster and nothing slower; the words of all go to `text`.
bool isBetter(const std::vector<Timed> &timed, double margin, std::string &text) {
  unsigned faster = 0, slower = 0;
  for (const Timed &each : timed) {
    faster += each.finding == Finding::Faster;
    slower += each.finding == Finding::Slower;
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", nameOf(each, timed),
                        describe(each.finding, each.ratio, margin));
  }
  return faster && !slower;
}

Status Tuner::tryChange(const Change &change) {
  const std::string base = folder.at("base.encdec"), idea = folder.at("idea.encdec");
  ENCDEC_RETURN_IF_ERROR(compile(change.after, idea));
  const double share = seconds / trials--;
  if (equalFiles(base, idea)) {
    report(change, "changes nothing of this model");
    return Status::success();
  }
  TimingOptions timing;
  timing.bench = {bencher, "bench"};
  timing.folder = folder.at("timed");
  timing.seconds = share;
  timing.threads = options.threads;
  timing.seed = options.seed + trials;
  timing.verdict = options.verdict;
  timing.verdict.error = error;
  timing.progress = options.progress;
  timing.shortage = [&](const Shortage &found) {
    if (options.note && !std::exchange(shortageNoted, true))
      options.note(fmt::format("{:.1f} seconds of a trial have time for {} {}, and a verdict needs {} "
                               "or more: give --seconds {:.0f}, or fewer numbers of rows",
                               share, found.rounds, found.rounds == 1 ? "round" : "rounds",
                               found.needed, found.seconds * mostTrials));
  };
  std::vector<Cell> cells;
  for (unsigned rows : options.rows)
    cells.push_back({rows, options.sourceLength, "", base, idea});
  const auto start = std::chrono::steady_clock::now();
  ENCDEC_ASSIGN_OR_RETURN(std::vector<Timed> timed, timeBundles(cells, timing));
  seconds -= std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  seconds = std::max(seconds, 1.0 * trials); // the first rounds of what is left
  std::string text;
  const bool better = isBetter(timed, options.verdict.margin, text);
  report(change, text + (better ? " (kept)" : ""));
  if (!better)
    return Status::success();
  best = change.after;
  if (std::error_code failed = llvm::sys::fs::rename(idea, base))
    return Status(Code::Failure, base + ": " + failed.message());
  return Status::success();
}

Result<Tuning> Tuner::run() {
  ENCDEC_RETURN_IF_ERROR(folder.status());
  const Target *target = findTarget(options.target);
  if (!target)
    return usageError("unknown target '" + options.target + "'");
  for (auto [program, given, name] :
       {std::tuple(&compiler, &options.compileWith, "compile"),
        std::tuple(&bencher, &options.benchWith, "")}) {
    *program = *given;
    if (given->empty()) {
      ENCDEC_ASSIGN_OR_RETURN(*program, siblingProgram(name));
    }
  }
  best = defaultTuning(options.target);
  best.cpu = cpuName();
  best.versions = producerHere();
  seconds = options.seconds;
  trials = unsigned(std::size(kGroupChoices)) - 1 + 2 * unsigned(target->choices().size());
  mostTrials = trials;
  error = options.verdict.error / trials;
  ENCDEC_RETURN_IF_ERROR(compile(best, folder.at("base.encdec")));
  for (const Change &change : groupChanges())
    ENCDEC_RETURN_IF_ERROR(tryChange(change));
  for (const Choice &choice : target->choices())
    for (const Change &change : changesOf(choice))
      ENCDEC_RETURN_IF_ERROR(tryChange(change));
  return best;
}

} // namespace

Result<Tuning> tune(const TuneOptions &options) { return Tuner(options).run(); }

} // namespace encdec::lab
