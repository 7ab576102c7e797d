// Lab.cpp: the course of a trial, and its record.
#include "compiler/lab/Lab.h"

#include "compiler/lab/Child.h"
#include "compiler/lab/Folder.h"
#include "compiler/lab/Machine.h"
#include "compiler/lab/Numbers.h"
#include "compiler/lab/Passes.h"
#include "compiler/lab/Timing.h"
#include "runtime/base/Signals.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
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
  Status describeBundle(const std::string &bundle, const char *key);
  Status readSentences();
  Status time();
  Status checkNumbers(const Pair &pair);
  Status describePasses();
  Result<std::string> referenceOf(const Pair &pair);
  void conclude();
  void say(const std::string &stage) {
    if (options.progress)
      options.progress(stage);
  }

  const LabOptions &options;
  HeldSignals signals; // before the folder, which a signal must not leave behind
  TemporaryFolder folder;
  std::string compiler, bencher, runner, encdec;
  std::vector<Pair> pairs;
  uint64_t sourceVocabulary = 0, vocabulary = 0, maxPositions = 0;
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
  std::vector<std::string> command = {compiler, options.model, "-o", bundle, "--quiet"};
  command.insert(command.end(), words.begin(), words.end());
  ENCDEC_RETURN_IF_ERROR(outputOf(command, compileDeadline).status());
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
              .ideaWords = options.idea};
    if (!asWritten)
      for (std::vector<std::string> *words : {&pair.baseWords, &pair.ideaWords})
        words->insert(words->begin(), {"--weights", format});
    ENCDEC_ASSIGN_OR_RETURN(pair.base, compile("base-" + format, pair.baseWords));
    ENCDEC_ASSIGN_OR_RETURN(pair.idea, compile("idea-" + format, pair.ideaWords));
    pairs.push_back(std::move(pair));
  }
  record["equal_bundles"] = std::ranges::all_of(
      pairs, [](const Pair &pair) { return equalFiles(pair.base, pair.idea); });
  ENCDEC_RETURN_IF_ERROR(describeBundle(pairs.front().base, "base_bundle"));
  return describeBundle(pairs.front().idea, "idea_bundle");
}

/// Counts of a bundle from what it says about itself.
Status Trial::describeBundle(const std::string &bundle, const char *key) {
  ENCDEC_ASSIGN_OR_RETURN(std::string text,
                          outputOf({encdec, "inspect", bundle, "--json"}, compileDeadline));
  auto json = llvm::json::parse(text);
  if (!json)
    return Status(Code::Failure, "`encdec inspect`: " + llvm::toString(json.takeError()));
  const Object &all = *json->getAsObject(), &manifest = *all.getObject("manifest"),
               &model = *manifest.getObject("model");
  sourceVocabulary = uint64_t(model.getInteger("source_vocab_size").value_or(1));
  vocabulary = uint64_t(model.getInteger("vocab_size").value_or(1));
  maxPositions = uint64_t(model.getInteger("max_positions").value_or(1));
  int64_t code = 0;
  for (const Value &section : *all.getArray("sections"))
    if (section.getAsObject()->getString("kind") == "code")
      code += section.getAsObject()->getInteger("size").value_or(0);
  const Object &weights = *manifest.getObject("weights"),
               &segments = *manifest.getObject("segments");
  record[key] = Object{{"bytes", all.getInteger("size").value_or(0)},
                       {"code_bytes", code},
                       {"weights_bytes", weights.getInteger("bytes").value_or(0)},
                       {"step_bytes", weights.getInteger("step_bytes").value_or(0)},
                       {"encode_segments", int64_t(segments.getArray("encode")->size())},
                       {"step_segments", segments.getArray("step")
                                             ? int64_t(segments.getArray("step")->size())
                                             : 0},
                       {"memory", Object(*manifest.getObject("memory"))},
                       {"passes", Array(*manifest.getArray("passes"))}};
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

Status Trial::time() {
  std::vector<Cell> cells;
  for (const Pair &pair : pairs)
    for (unsigned length : options.sourceLengths)
      for (unsigned rows : options.rows)
        cells.push_back({rows, unsigned(std::min<uint64_t>(length, maxPositions)), pair.weights,
                         pair.base, pair.idea});
  TimingOptions timing;
  timing.bench = {bencher, "bench"};
  timing.folder = folder.at("timed");
  timing.seconds = options.seconds;
  timing.threads = options.threads;
  timing.seed = options.seed;
  timing.verdict = options.verdict;
  timing.progress = options.progress;
  ENCDEC_ASSIGN_OR_RETURN(timed, timeBundles(cells, timing));
  Array rows;
  for (const Timed &each : timed)
    rows.push_back(asJson(each, options.verdict.margin));
  record["times"] = std::move(rows);
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
      std::min<uint64_t>(*std::ranges::max_element(options.sourceLengths), maxPositions));
  numbers.sourceVocabulary = sourceVocabulary;
  numbers.vocabulary = vocabulary;
  numbers.steps = unsigned(std::min<uint64_t>(numbers.steps, maxPositions));
  numbers.seed = options.seed;
  numbers.tolerance = options.tolerance;
  ENCDEC_ASSIGN_OR_RETURN(numbers.reference, referenceOf(pair));
  ENCDEC_ASSIGN_OR_RETURN(Numbers found, compareNumbers(pair.base, pair.idea, numbers));
  record.getArray("numbers")->push_back(asJson(found, pair.weights));
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

/// One word for all: what each comparison says, if they agree.
void Trial::conclude() {
  auto count = [&](Finding finding) {
    return std::ranges::count(timed, finding, &Timed::finding);
  };
  const auto faster = count(Finding::Faster), slower = count(Finding::Slower);
  std::string finding = !wrong.empty()      ? "wrong-numbers"
                        : faster && slower  ? "mixed"
                        : faster            ? "faster"
                        : slower            ? "slower"
                        : count(Finding::NoDifference) == ptrdiff_t(timed.size())
                            ? "no-difference"
                            : "not-decided";
  record["finding"] = finding;
  std::string text = wrong.empty() ? "" : "wrong numbers: " + wrong;
  for (const Timed &each : timed)
    if (wrong.empty() && (finding == "no-difference" || finding == "not-decided" ||
                          each.finding == Finding::Faster || each.finding == Finding::Slower))
      text += fmt::format("{}{} of {} {}: {}", text.empty() ? "" : "; ", each.figure,
                          each.cell.rows, each.cell.rows == 1 ? "row" : "rows",
                          describe(each.finding, each.ratio, options.verdict.margin));
  record["verdict"] = text;
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
  conclude();
  return std::move(record);
}

} // namespace

Result<Object> runLab(const LabOptions &options) { return Trial(options).run(); }

} // namespace encdec::lab
