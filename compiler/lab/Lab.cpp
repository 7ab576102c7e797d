// Lab.cpp: the course of a trial, and its record.
#include "compiler/lab/Lab.h"

#include "compiler/lab/Bundle.h"
#include "compiler/lab/Child.h"
#include "compiler/lab/Conclusion.h"
#include "compiler/lab/Folder.h"
#include "compiler/lab/Machine.h"
#include "compiler/lab/Numbers.h"
#include "compiler/lab/Passes.h"
#include "compiler/lab/Timing.h"
#include "runtime/base/Signals.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <fstream>

using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace encdec::lab {

namespace {

constexpr unsigned compileDeadline = 1000;

/// Two bundles of one format.
struct Pair {
  std::string weights; ///< As the record names the format.
  std::string base, idea;
  std::vector<std::string> baseWords, ideaWords; ///< Arguments that made them.
  bool same = false; ///< In code and weights.
};

double finite(double value) { return std::isfinite(value) ? value : 1e308; }

Object asJson(const Difference &difference) {
  return Object{{"count", difference.count},
          {"most", finite(difference.most)},
          {"rms", finite(difference.rms)},
          {"ulps", finite(difference.ulps)},
          {"relative", finite(difference.relative)}};
}

Object asJson(const Numbers &numbers, const std::string &weights) {
  return Object{{"weights", weights},
          {"logits", asJson(numbers.logits)},
          {"log_probs", asJson(numbers.logProbs)},
          {"idea_from_interpreter", asJson(numbers.ideaFromTruth)},
          {"base_from_interpreter", asJson(numbers.baseFromTruth)},
          {"allowed", numbers.allowed},
          {"decisions", numbers.decisions},
          {"decisions_changed", numbers.decisionsChanged},
          {"outputs", numbers.outputs},
          {"outputs_changed", numbers.outputsChanged},
          {"base_tokens", numbers.baseTokens},
          {"idea_tokens", numbers.ideaTokens},
          {"wrong", numbers.wrong.empty() ? Value(nullptr) : Value(numbers.wrong)}};
}

Object asJson(const Timed &timed, double margin) {
  return Object{{"rows", timed.cell.rows},
          {"source_length", timed.cell.sourceLength},
          {"weights", timed.cell.weights},
          {"figure", timed.figure},
          {"finding", nameOf(timed.finding)},
          {"verdict", describe(timed.finding, timed.ratio, margin)},
          {"ratio", timed.ratio.middle},
          {"low", timed.ratio.low},
          {"high", finite(timed.ratio.high)},
          {"rounds", timed.rounds},
          {"base_ms", timed.baseMs},
          {"idea_ms", timed.ideaMs}};
}

class Trial {
public:
  explicit Trial(const LabOptions &options) : options(options) {}
  Result<Object> run();

private:
  Status findPrograms();
  Status compileAll();
  Result<std::string> compile(const std::string &name, const std::vector<std::string> &words);
  Status describeBundles();
  Status readSentences();
  std::vector<unsigned> sourceLengths();
  Status time();
  Status checkNumbers(const Pair &pair);
  Status describePasses();
  Result<std::string> referenceOf(const Pair &pair);
  void say(const std::string &stage) {
    if (options.progress)
      options.progress(stage);
  }
  void note(const std::string &text) {
    if (options.note)
      options.note(text);
  }

  const LabOptions &options;
  HeldSignals signals; // before the folder, which a signal must not leave behind
  TemporaryFolder folder;
  std::string compiler, bencher, runner, encdec;
  std::set<std::string> warned;
  std::vector<Pair> pairs;
  BundleFacts base; ///< Of the first pair.
  std::vector<Timed> timed;
  std::string wrong;
  Object record;
};

Status Trial::findPrograms() {
  const std::tuple<std::string *, std::string, const char *> programs[] = {
      {&compiler, options.compileWith, "compile"},
      {&runner, options.runWith, "run"},
      {&encdec, "", ""}};
  for (const auto &[program, given, name] : programs) {
    *program = given;
    if (given.empty()) {
      ENCDEC_ASSIGN_OR_RETURN(*program, siblingProgram(name));
    }
  }
  bencher = options.benchWith.empty() ? encdec : options.benchWith;
  return Status::success();
}

Result<std::string> Trial::compile(const std::string &name,
                                   const std::vector<std::string> &words) {
  say("compiling " + name);
  const std::string bundle = folder.at(name + ".encdec");
  std::string warnings;
  ENCDEC_RETURN_IF_ERROR(outputOf(compileCommand(compiler, options.model, bundle, words),
                                  compileDeadline, "", &warnings)
                             .status());
  // What the base warns of is known without a lab.
  for (llvm::StringRef line : llvm::split(warnings, '\n'))
    if (line.consume_front("encdec-compile: warning: ") && warned.insert(line.str()).second &&
        llvm::StringRef(name).starts_with("idea-"))
      note(line.str());
  return bundle;
}

/// What `--weights` says among arguments; the last one counts, f32 where there is none.
std::string weightsOf(const std::vector<std::string> &words) {
  std::string format = "f32";
  for (size_t i = 0; i < words.size(); ++i)
    if (words[i] == "--weights" && i + 1 < words.size())
      format = words[i + 1];
    else if (words[i].starts_with("--weights="))
      format = words[i].substr(sizeof "--weights=" - 1);
  return format;
}

Status Trial::compileAll() {
  std::vector<std::string> formats = options.weights;
  const bool asWritten = formats.empty();
  if (asWritten)
    formats = {weightsOf(options.against)};
  for (const std::string &format : formats) {
    Pair pair{.weights = format, .base = {}, .idea = {}, .baseWords = options.against,
              .ideaWords = options.idea, .same = false};
    if (!asWritten)
      for (std::vector<std::string> *words : {&pair.baseWords, &pair.ideaWords})
        words->insert(words->begin(), {"--weights", format});
    ENCDEC_ASSIGN_OR_RETURN(pair.base, compile("base-" + format, pair.baseWords));
    ENCDEC_ASSIGN_OR_RETURN(pair.idea, compile("idea-" + format, pair.ideaWords));
    pairs.push_back(std::move(pair));
  }
  return describeBundles();
}

/// Finds the pairs that there is nothing to time of.
Status Trial::describeBundles() {
  record["equal_bundles"] = std::ranges::all_of(
      pairs, [](const Pair &pair) { return equalFiles(pair.base, pair.idea); });
  for (Pair &pair : pairs) {
    ENCDEC_ASSIGN_OR_RETURN(BundleFacts ofBase, inspectBundle(encdec, pair.base));
    ENCDEC_ASSIGN_OR_RETURN(BundleFacts ofIdea, inspectBundle(encdec, pair.idea));
    pair.same = ofBase.work == ofIdea.work;
    if (pair.same && !options.timeEqual)
      note(fmt::format("{}the idea makes the same code: nothing to time",
                       pairs.size() > 1 ? pair.weights + ": " : ""));
    if (&pair != &pairs.front())
      continue;
    record["base_bundle"] = Object(ofBase.record);
    record["idea_bundle"] = std::move(ofIdea.record);
    base = std::move(ofBase);
  }
  return Status::success();
}

/// Has the base begin an output of each sentence: one that it refuses is known before timing.
/// The idea is not asked, as it must not know what it will be judged on.
Status Trial::readSentences() {
  if (options.sentences.empty())
    return Status::success();
  say("reading sentences");
  auto file = llvm::MemoryBuffer::getFile(options.sentences);
  if (!file)
    return usageError(options.sentences + ": " + file.getError().message());
  return outputOf({encdec, "generate", pairs.front().base, "--json", "--beams", "1", "--fail-fast",
                   "--max-new-tokens", "1"},
                  compileDeadline, (*file)->getBuffer().str())
      .status()
      .withContext("--sentences " + options.sentences);
}

/// Those asked for, as far as the model has positions.
std::vector<unsigned> Trial::sourceLengths() {
  std::vector<unsigned> lengths;
  for (unsigned length : options.sourceLengths) {
    const auto most = unsigned(std::min<uint64_t>(length, base.maxPositions));
    if (most < length)
      note(fmt::format("sources of {} tokens: the model has {} positions, so it is sources of {}",
                       length, most, most));
    if (!llvm::is_contained(lengths, most))
      lengths.push_back(most);
  }
  return lengths;
}

Status Trial::time() {
  const std::vector<unsigned> lengths = sourceLengths();
  std::vector<Cell> cells;
  for (const Pair &pair : pairs)
    for (unsigned length : lengths)
      for (unsigned rows : options.rows)
        if (options.timeEqual || !pair.same)
          cells.push_back({rows, length, pair.weights, pair.base, pair.idea});
  record["times"] = Array();
  if (cells.empty())
    return Status::success();
  TimingOptions timing;
  timing.bench = {bencher, "bench"};
  timing.folder = folder.at("timed");
  timing.seconds = options.seconds;
  timing.threads = options.threads;
  timing.seed = options.seed;
  timing.verdict = options.verdict;
  timing.progress = options.progress;
  timing.shortage = [&](const Shortage &found) {
    note(fmt::format("{:g} seconds have time for {} {}, and with {} figures a verdict needs {} or "
                     "more: give --seconds {:.0f}, or fewer numbers of rows, lengths or formats",
                     options.seconds, found.rounds, found.rounds == 1 ? "round" : "rounds",
                     2 * cells.size(), found.needed, found.seconds));
  };
  ENCDEC_ASSIGN_OR_RETURN(timed, timeBundles(cells, timing));
  for (const Timed &each : timed)
    record.getArray("times")->push_back(asJson(each, options.verdict.margin));
  return Status::success();
}

/// IR for the interpreter: the textbook's, or, where the base has weights in another format,
/// the base's own with these formats, since the idea must compute what the base does.
Result<std::string> Trial::referenceOf(const Pair &pair) {
  ENCDEC_ASSIGN_OR_RETURN(std::string import, siblingProgram("import"));
  ENCDEC_ASSIGN_OR_RETURN(std::string ir,
                          outputOf({import, "--quiet", options.model}, compileDeadline));
  const std::string plain = folder.at("plain.mlir"), placed = folder.at("placed.mlir");
  if (!(std::ofstream(plain) << ir << std::flush))
    return Status(Code::Failure, plain + ": cannot write it");
  const std::string format = weightsOf(pair.baseWords);
  if (format == "f32")
    return plain;
  ENCDEC_ASSIGN_OR_RETURN(std::string opt, siblingProgram("opt"));
  ENCDEC_RETURN_IF_ERROR(outputOf({opt, plain, "--encdec-fuse", "--encdec-place=weights=" + format,
                                   "-o", placed},
                                  compileDeadline)
                             .status());
  return placed;
}

Status Trial::checkNumbers(const Pair &pair) {
  say("comparing numbers");
  NumbersOptions numbers;
  numbers.run = {runner};
  numbers.generate = {encdec, "generate"};
  numbers.checkpoint = options.model;
  numbers.folder = folder.at("");
  numbers.sentences = options.sentences;
  numbers.rows = options.rows;
  numbers.sourceLength = unsigned(
      std::min<uint64_t>(*std::ranges::max_element(options.sourceLengths), base.maxPositions));
  numbers.sourceVocabulary = base.sourceVocabulary;
  numbers.vocabulary = base.vocabulary;
  numbers.steps = unsigned(std::min<uint64_t>(numbers.steps, base.maxPositions));
  numbers.seed = options.seed;
  numbers.tolerance = options.tolerance;
  ENCDEC_ASSIGN_OR_RETURN(numbers.reference, referenceOf(pair));
  ENCDEC_ASSIGN_OR_RETURN(Numbers found, compareNumbers(pair.base, pair.idea, numbers));
  Object row = asJson(found, pair.weights);
  row["same_code"] = pair.same;
  record.getArray("numbers")->push_back(std::move(row));
  if (wrong.empty())
    wrong = found.wrong;
  return Status::success();
}

Status Trial::describePasses() {
  say("measuring each pass");
  PassOptions passes;
  passes.model = options.model;
  passes.pipeline = options.pipeline;
  if (!options.weights.empty())
    passes.pipeline.weights = options.weights.front();
  passes.ablate = options.ablate;
  passes.progress = options.progress;
  ENCDEC_ASSIGN_OR_RETURN(record["passes"], passRows(passes));
  return Status::success();
}

Result<Object> Trial::run() {
  ENCDEC_RETURN_IF_ERROR(folder.status());
  ENCDEC_RETURN_IF_ERROR(findPrograms());
  record["format"] = 1;
  record["producer"] = producerHere();
  record["cpu"] = cpuName();
  record["model"] = options.model;
  record["idea"] = shown(options.idea);
  record["against"] = shown(options.against);
  record["seed"] = options.seed;
  record["margin"] = options.verdict.margin;
  record["error"] = options.verdict.error;
  record["before"] = machineNow();
  ENCDEC_RETURN_IF_ERROR(compileAll());
  ENCDEC_RETURN_IF_ERROR(readSentences());
  ENCDEC_RETURN_IF_ERROR(time());
  record["after"] = machineNow();
  record["numbers"] = Array();
  for (const Pair &pair : pairs)
    ENCDEC_RETURN_IF_ERROR(checkNumbers(pair));
  record["passes"] = Array();
  if (options.passes)
    ENCDEC_RETURN_IF_ERROR(describePasses());
  const Conclusion all = conclude(timed, wrong, options.verdict.margin);
  record["finding"] = all.finding;
  record["verdict"] = all.verdict;
  return std::move(record);
}

} // namespace

Result<Object> runLab(const LabOptions &options) { return Trial(options).run(); }

} // namespace encdec::lab
