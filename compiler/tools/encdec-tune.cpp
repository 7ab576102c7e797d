// encdec-tune: measures which choices of the target are fastest on this machine.
#include "compiler/lab/Tune.h"
#include "compiler/tools/CommandLine.h"
#include "compiler/tools/OutputFile.h"
#include "compiler/tools/PipelineFlags.h"
#include "compiler/tools/Streams.h"

#include <random>
#include <unistd.h>

using namespace encdec;

namespace {

constexpr const char *program = "encdec-tune";

struct Arguments {
  lab::TuneOptions options;
  PipelineOptions pipeline;
  std::string output;
  bool json = false, quiet = false;
};

void describe(CLI::App &app, Arguments &arguments) {
  lab::TuneOptions &options = arguments.options;
  app.add_option("MODEL", options.model, "checkpoint folder")->required();
  app.add_option("-o,--output", arguments.output, "file to write, for encdec compile --tuning")
      ->required();
  tools::describeFormats(app, arguments.pipeline);
  app.add_option("--seconds", options.seconds, "for timing, all in all")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str();
  app.add_option("--rows", options.rows, "numbers of rows to time")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--source-length", options.sourceLength, "tokens of each source")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads of the timed programs; default: all")
      ->check(CLI::Range(1, 256));
  app.add_option("--seed", options.seed, "of the inputs and of the order; default: drawn anew")
      ->check(CLI::Range(uint64_t(1), uint64_t(1) << 31));
  app.add_flag("--json", arguments.json, "what was chosen on standard output, as in the file");
  app.add_flag("-q,--quiet", arguments.quiet, "no progress, no notes");
  // For tests: programs that stand in for the real ones.
  for (auto &[name, place] :
       {std::pair<const char *, std::string *>{"--compile-with", &options.compileWith},
        {"--bench-with", &options.benchWith}})
    app.add_option(name, *place)->group("");
  app.footer("Each choice changes how fast code is and no bit of what it computes. One is kept where\n"
             "something gets faster and nothing slower, by encdec lab's verdicts; by chance alone\n"
             "some choice is kept in at most 5 of 100 runs.\n\n"
             "examples:\n"
             "  encdec tune models/en-fr -o here.json\n"
             "  encdec tune models/en-fr -o here.json --weights int8 --rows 1 --seconds 600\n"
             "  encdec compile models/en-fr -o en-fr.encdec --tuning here.json\n\n"
             "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model, 4 does not fit, 5 limit");
}

Result<std::string> run(Arguments &arguments, bool seeded) {
  lab::TuneOptions &options = arguments.options;
  ENCDEC_RETURN_IF_ERROR(tools::checkOutput(arguments.output));
  options.words = tools::wordsOf(arguments.pipeline);
  if (!seeded)
    options.seed = std::random_device()() >> 1 | 1;
  const bool progress = !arguments.quiet && isatty(STDERR_FILENO);
  if (progress)
    options.progress = [](const std::string &stage) {
      std::cerr << "\r\033[K" << stage << " …" << std::flush;
    };
  if (!arguments.quiet)
    options.note = [=](const std::string &note) {
      std::cerr << (progress ? "\r\033[K" : "") << program << ": note: " << note << std::endl;
    };
  std::string text;
  options.report = [&](const std::string &line) { text += line + "\n"; };
  auto tuning = lab::tune(options);
  if (progress)
    std::cerr << "\r\033[K";
  if (!tuning.ok())
    return tuning.status();
  const std::string json = tuning->toJson();
  ENCDEC_RETURN_IF_ERROR(tools::writeOutput(arguments.output, json));
  if (arguments.json)
    return json;
  text += "\nchosen: groups=" + tuning->groups;
  for (const std::string &choice : tuning->texts())
    text += " " + choice;
  return text + "\n";
}

} // namespace

int main(int argc, char **argv) {
  holdStandardStreams();
  Arguments arguments;
  CLI::App app("Measures which choices of the target are fastest on this machine.", program);
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
