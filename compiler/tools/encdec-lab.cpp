// encdec-lab: whether an idea makes a model faster, and whether it still computes the same.
#include "compiler/lab/Child.h"
#include "compiler/lab/Lab.h"
#include "compiler/lab/Machine.h"
#include "compiler/lab/Passes.h"
#include "compiler/lab/Record.h"
#include "compiler/lab/Report.h"
#include "compiler/tools/CommandLine.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/OutputFile.h"
#include "compiler/tools/PipelineFlags.h"
#include "compiler/tools/Streams.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

#include <filesystem>
#include <fmt/format.h>
#include <random>
#include <unistd.h>

using namespace encdec;
using llvm::json::Object;

namespace {

constexpr const char *program = "encdec-lab";

struct Arguments {
  lab::LabOptions options;
  PipelineOptions own; // of the idea, beside --idea
  std::string idea, against, show, recordFile, htmlFile;
  std::string bisect; ///< A folder.
  bool json = false, all = false, quiet = false;
};

void describe(CLI::App &app, Arguments &arguments) {
  lab::LabOptions &options = arguments.options;
  app.add_option("MODEL", options.model, "checkpoint folder");
  app.add_option("--idea", arguments.idea, "arguments of encdec compile, as one text: the idea");
  app.add_option("--against", arguments.against, "arguments that it is held against; default: none");
  tools::describeExtensions(app, arguments.own);
  app.add_option("--seconds", options.seconds, "for timing, all in all")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str();
  app.add_flag("--all", arguments.all,
               "1, 4, 16 and 64 rows, sources of 8, 32 and 128 tokens, all formats");
  app.add_option("--rows", options.rows, "numbers of rows to time")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--source-length", options.sourceLengths, "lengths of sources to time")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--sentences", options.sentences,
                 "file with a text a line: how many outputs change");
  app.add_option("--tolerance", options.tolerance,
                 "greatest difference of a log-probability that is no wrong number")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--margin", options.verdict.margin, "a difference below is none: 0.01 is 1 %")
      ->check(CLI::Range(0.001, 1.0))
      ->capture_default_str();
  app.add_option("--seed", options.seed,
                 "of the inputs and of the order; default: drawn anew, and in the record")
      ->check(CLI::Range(uint64_t(1), uint64_t(1) << 31));
  app.add_option("--threads", options.threads, "threads of the timed programs; default: all")
      ->check(CLI::Range(1, 256));
  app.add_flag("!--no-passes", options.passes, "leave the table of passes out");
  app.add_flag("--ablate", options.ablate, "the table of passes also leaves each fusion out");
  CLI::Option *bisect = app.add_option(
      "--bisect", arguments.bisect,
      "instead of timing, find the first pass that changes numbers, and write the IR "
      "that it gets into this folder");
  app.add_flag("--time-equal", options.timeEqual,
               "times an idea that makes the same code, too: what the machine makes of equals");
  app.add_flag("--json", arguments.json, "the record on standard output, as JSON");
  app.add_option("--record", arguments.recordFile, "also write the record to this file");
  app.add_option("--html", arguments.htmlFile, "also write a report to this file");
  app.add_option("--show", arguments.show,
                 "show this record instead of measuring; one of another CPU or version is refused");
  for (const char *other : {"--json", "--record", "--html", "--show"})
    bisect->excludes(app.get_option(other)); // it makes no record
  app.add_flag("-q,--quiet", arguments.quiet, "no progress, no notes");
  // For tests: programs that stand in for the real ones.
  for (auto &[name, place] : {std::pair<const char *, std::string *>{"--compile-with", &options.compileWith},
                              {"--bench-with", &options.benchWith},
                              {"--run-with", &options.runWith}})
    app.add_option(name, *place)->group("");
  app.footer("Each measurement is a process of its own; both bundles are measured in each round, in\n"
             "random order. A verdict is wrong for equal bundles in at most 5 of 100 runs.\n\n"
             "examples:\n"
             "  encdec lab models/en-fr --idea '--weights int8' --tolerance 0.5\n"
             "  encdec lab models/en-fr --patterns mine.pdll --html report.html\n"
             "  encdec lab models/en-fr --idea '--sketch' --seconds 20 --record sketch.json\n\n"
             "exit codes: 0 there is a verdict, 1 failure, 2 usage, 3 bad model, 4 a record from\n"
             "elsewhere, 5 limit");
}

Status finishOptions(Arguments &arguments, bool seeded) {
  lab::LabOptions &options = arguments.options;
  if (options.model.empty())
    return usageError("MODEL is required");
  ENCDEC_ASSIGN_OR_RETURN(options.idea, lab::splitWords(arguments.idea));
  ENCDEC_ASSIGN_OR_RETURN(options.against, lab::splitWords(arguments.against));
  if (options.compileWith.empty()) // which may have options of its own
    for (const auto &[name, words] : {std::pair("--idea", &options.idea),
                                      std::pair("--against", &options.against)}) {
      std::vector<std::string> warnings; // which encdec-compile will say again
      ENCDEC_RETURN_IF_ERROR(
          tools::compileArgumentsOf(*words, warnings).status().withContext(name));
    }
  for (std::string &word : tools::wordsOf(arguments.own))
    options.idea.push_back(std::move(word));
  ENCDEC_ASSIGN_OR_RETURN(options.pipeline, tools::pipelineOf(options.idea));
  if (arguments.all) {
    options.rows = {1, 4, 16, 64};
    options.sourceLengths = {8, 32, 128};
    options.weights = {"f32", "bf16", "int8", "int8-dynamic"};
  }
  if (!options.sentences.empty())
    if (auto file = llvm::MemoryBuffer::getFile(options.sentences); !file)
      return usageError(fmt::format("--sentences: cannot read '{}': {}", options.sentences,
                                    file.getError().message()));
  if (!seeded)
    options.seed = std::random_device()() >> 1 | 1;
  if (!arguments.quiet && isatty(STDERR_FILENO))
    options.progress = [](const std::string &stage) {
      std::cerr << "\r\033[K" << stage << " …" << std::flush;
    };
  if (!arguments.quiet)
    options.note = [clear = bool(options.progress)](const std::string &text) {
      std::cerr << (clear ? "\r\033[K" : "") << program << ": note: " << text << std::endl;
    };
  return Status::success();
}

Result<Object> readRecord(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return badModel(path + ": cannot read it: " + file.getError().message());
  auto json = llvm::json::parse((*file)->getBuffer());
  if (!json || !json->getAsObject() || json->getAsObject()->getInteger("format") != 1)
    return badModel(path + ": expected a record of encdec lab (\"format\": 1), found " +
                    (json ? "other JSON" : "no JSON: " + llvm::toString(json.takeError())));
  ENCDEC_RETURN_IF_ERROR(lab::checkRecord(*json->getAsObject()).withContext(path));
  ENCDEC_RETURN_IF_ERROR(lab::checkForm(*json->getAsObject()).withContext(path));
  return std::move(*json->getAsObject());
}

/// "int8", "f32 --weights-for GLOB=FORMAT".
std::string formatsOf(const PipelineOptions &pipeline) {
  std::string formats = pipeline.weights;
  for (const std::string &some : pipeline.weightsFor)
    formats += " --weights-for " + some;
  return formats;
}

/// What bisection says where no pass is guilty.
Result<std::string> innocent(const lab::LabOptions &options, const lab::Bisected &found) {
  ENCDEC_ASSIGN_OR_RETURN(PipelineOptions against, tools::pipelineOf(options.against));
  const std::string with = formatsOf(options.pipeline), without = formatsOf(against);
  std::string text;
  if (with != without)
    text = fmt::format("the formats of weights differ: {} with the idea, {} without it{}\n", with,
                       without,
                       found.format.empty() ? ""
                                            : fmt::format("; that changes a log-probability by {:.2g}",
                                                          found.error));
  return text + fmt::format("no pass {}changes a log-probability by more than {:g}\n",
                            found.format.empty() ? "" : "before the formats ", options.tolerance);
}

/// Finds the pass, and says how to repeat it.
Result<std::string> bisect(Arguments &arguments) {
  ENCDEC_RETURN_IF_ERROR(finishOptions(arguments, /*seeded=*/true));
  std::error_code error;
  const bool made = std::filesystem::create_directories(arguments.bisect, error);
  if (error)
    return Status(Code::Failure, arguments.bisect + ": cannot make this folder: " +
                                     error.message());
  const std::string before = arguments.bisect + "/before.mlir",
                    reduced = arguments.bisect + "/reduced.mlir";
  ENCDEC_RETURN_IF_ERROR(tools::checkOutput(before));
  const lab::LabOptions &options = arguments.options;
  lab::PassOptions passes;
  passes.model = options.model;
  passes.tolerance = options.tolerance;
  passes.pipeline = options.pipeline;
  passes.progress = options.progress;
  auto bisected = lab::bisectPasses(passes);
  if (options.progress)
    std::cerr << "\r\033[K";
  if (made && (!bisected.ok() || bisected->pass.empty()))
    std::filesystem::remove(arguments.bisect, error); // nothing goes into it
  ENCDEC_ASSIGN_OR_RETURN(lab::Bisected found, std::move(bisected));
  if (found.pass.empty())
    return innocent(options, found);
  ENCDEC_RETURN_IF_ERROR(tools::writeOutput(before, found.before));
  if (!found.reduced.empty())
    ENCDEC_RETURN_IF_ERROR(tools::writeOutput(reduced, found.reduced));
  auto opt = [&](const std::string &from, const lab::Fusions &some, const char *to) {
    std::vector<std::string> words = {"encdec-opt", from};
    for (const std::string &plugin : options.pipeline.plugins)
      words.push_back("--load-pass-plugin=" + plugin);
    words.push_back("--pass-pipeline=builtin.module(" + found.pass + ")");
    if (found.fusions)
      words.push_back(fmt::format("--mlir-debug-counter=encdec-fusion-skip={},encdec-fusion-count={}",
                                  some.skip, some.count));
    words.insert(words.end(), {"-o", arguments.bisect + "/" + to});
    return "  " + lab::shown(words) + "\n";
  };
  auto ask = [&](const std::string &ir) {
    return "  " + lab::shown({"encdec", "run", ir, "--interpret", "--checkpoint", options.model,
                              "--ids", "1 2 3", "--json"}) + "\n";
  };
  auto draw = [&](const std::string &ir) {
    return "  " + lab::shown({"encdec-run-reference", ir, "--function", found.function, "--seed",
                              "1", "--checkpoint", options.model}) + "\n";
  };
  std::string text = fmt::format("{} changes a log-probability by {:.2g}, more than {:g}\n",
                                 found.pass, found.error, passes.tolerance);
  if (found.fusions)
    text += found.guilty.skip || found.guilty.count == 1
                ? fmt::format("fusion {} of {} alone does\n", found.guilty.skip + 1, found.fusions)
                : fmt::format("the first {} of {} fusions do, fewer do not\n", found.guilty.count,
                              found.fusions);
  text += "\nto repeat it:\n" + opt(before, found.guilty, "after.mlir") +
          ask(before) + ask(arguments.bisect + "/after.mlir");
  if (!found.reduced.empty())
    text += "\nthe function alone, on drawn inputs:\n" +
            opt(reduced, found.inReduced, "reduced-after.mlir") + draw(reduced) +
            draw(arguments.bisect + "/reduced-after.mlir");
  return text;
}

Result<std::string> run(Arguments &arguments, bool seeded) {
  if (!arguments.bisect.empty())
    return bisect(arguments);
  for (const std::string &path : {arguments.recordFile, arguments.htmlFile})
    ENCDEC_RETURN_IF_ERROR(tools::checkOutput(path));
  Object record;
  if (!arguments.show.empty()) {
    if (!arguments.options.model.empty())
      return usageError("--show shows a record and measures nothing: did not expect MODEL '" +
                        arguments.options.model + "'");
    ENCDEC_ASSIGN_OR_RETURN(record, readRecord(arguments.show));
  } else {
    ENCDEC_RETURN_IF_ERROR(finishOptions(arguments, seeded));
    auto measured = lab::runLab(arguments.options);
    if (arguments.options.progress)
      std::cerr << "\r\033[K";
    ENCDEC_ASSIGN_OR_RETURN(record, std::move(measured));
  }
  const std::string json = llvm::formatv("{0:2}\n", llvm::json::Value(Object(record))).str();
  if (!arguments.recordFile.empty())
    ENCDEC_RETURN_IF_ERROR(tools::writeOutput(arguments.recordFile, json));
  if (!arguments.htmlFile.empty())
    ENCDEC_RETURN_IF_ERROR(tools::writeOutput(arguments.htmlFile, lab::reportHtml(record)));
  return arguments.json ? json : lab::reportText(record);
}

} // namespace

int main(int argc, char **argv) {
  holdStandardStreams();
  Arguments arguments;
  CLI::App app("Tries an idea: compiles a model with and without it, times both, and compares "
               "their numbers.",
               program);
  describe(app, arguments);
  if (auto code = parseWords(app, argc, argv))
    return *code;
  auto text = run(arguments, app.count("--seed") > 0);
  if (!text.ok()) {
    std::cerr << program << ": error: " << text.status().message() << "\n";
    return int(text.status().code());
  }
  return printResult(program, *text);
}
