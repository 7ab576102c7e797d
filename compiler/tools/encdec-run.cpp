// encdec-run: runs IR, or a bundle, on given token ids and prints what each step found
// best.
#include "compiler/emit/Jit.h"
#include "compiler/run/Run.h"
#include "compiler/tools/CommandLine.h"
#include "compiler/tools/OutputFile.h"
#include "compiler/tools/Streams.h"
#include "encdec/runtime.h"
#include "runtime/base/WeightTypes.h"

#include <charconv>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>

using namespace encdec;

namespace {

constexpr const char *program = "encdec-run";

struct Arguments {
  std::string file, bundle, logits;
  RunOptions options;
  std::vector<std::string> ids, forced;
  Query query;
  uint32_t threads = 0;
  bool json = false, interpret = false;
};

/// Who answered, and why it was not code.
struct Outcome {
  std::vector<StepAnswer> steps;
  std::string by, code, why;
};

Status statusOf(encdec_status *status) {
  if (!status)
    return Status::success();
  Status result{Code(encdec_status_code(status)), encdec_status_message(status)};
  encdec_status_free(status);
  return result;
}

Result<std::vector<std::vector<int64_t>>> parseIds(const char *option,
                                                   const std::vector<std::string> &texts) {
  std::vector<std::vector<int64_t>> lists;
  for (const std::string &text : texts) {
    std::istringstream words(text);
    lists.emplace_back();
    for (std::string word; words >> word;) {
      int64_t id = -1;
      auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
      if (error != std::errc() || end != word.data() + word.size() || id < 0 || id > INT32_MAX)
        return usageError(fmt::format("{}: expected token ids, found '{}'", option, word));
      lists.back().push_back(id);
    }
    if (lists.back().empty())
      return usageError(fmt::format("{}: expected one token id or more, found none", option));
  }
  return lists;
}

/// A model opened by the runtime, and its state.
class Runtime {
public:
  ~Runtime() {
    encdec_state_destroy(state);
    encdec_model_close(model);
  }
  /// Owns `jit`, or opens `bundle` if it is null.
  Status open(std::unique_ptr<JitModel> jit, const std::string &bundle) {
    code = std::move(jit);
    return statusOf(code ? encdec_model_from_memory(&code->image(), &model)
                         : encdec_model_open(bundle.c_str(), nullptr, &model));
  }
  Result<std::vector<StepAnswer>> ask(const Arguments &arguments);

private:
  Status prepare(const Arguments &arguments);
  Result<StepAnswer> step(const std::vector<int32_t> &tokens, std::ofstream *logits);

  std::unique_ptr<JitModel> code; // outlives the model that points into it
  encdec_model *model = nullptr;
  encdec_state *state = nullptr;
  encdec_model_info info = {};
};

Status Runtime::prepare(const Arguments &arguments) {
  info.size = sizeof info;
  ENCDEC_RETURN_IF_ERROR(statusOf(encdec_model_get_info(model, &info)));
  auto options = encdec_state_options_default();
  options.max_rows = options.max_sources = arguments.query.sources.size();
  options.threads = arguments.threads;
  ENCDEC_RETURN_IF_ERROR(statusOf(encdec_state_create(model, &options, &state)));
  std::vector<int32_t> ids;
  std::vector<uint64_t> offsets = {0};
  for (const std::vector<int64_t> &source : arguments.query.sources) {
    ids.insert(ids.end(), source.begin(), source.end());
    offsets.push_back(ids.size());
  }
  return statusOf(encdec_encode(state, ids.data(), offsets.data(), offsets.size() - 1));
}

Result<StepAnswer> Runtime::step(const std::vector<int32_t> &tokens, std::ofstream *logits) {
  auto input = encdec_step_input_default();
  input.tokens = tokens.data();
  input.rows = tokens.size();
  input.logits = logits != nullptr;
  encdec_step_output output = {sizeof output, 0, 0, 0, 0, 0, 0};
  ENCDEC_RETURN_IF_ERROR(statusOf(encdec_step(state, &input, &output)));
  for (uint64_t row = 0; logits && row < input.rows; ++row)
    logits->write(reinterpret_cast<const char *>(output.logits + row * output.logits_stride),
                  std::streamsize(info.vocab_size * sizeof(float)));
  StepAnswer answer;
  answer.tokens.assign(output.tokens, output.tokens + input.rows);
  answer.logProbs.assign(output.log_probs, output.log_probs + input.rows);
  return answer;
}

Result<std::vector<StepAnswer>> Runtime::ask(const Arguments &arguments) {
  ENCDEC_RETURN_IF_ERROR(prepare(arguments));
  const Query &query = arguments.query;
  std::ofstream file;
  if (!arguments.logits.empty())
    file.open(arguments.logits, std::ios::binary);
  std::vector<int32_t> tokens(query.sources.size(), info.decoder_start_token_id);
  std::vector<StepAnswer> answers;
  for (int64_t t = 0; t < query.steps; ++t) {
    ENCDEC_ASSIGN_OR_RETURN(StepAnswer answer,
                            step(tokens, arguments.logits.empty() ? nullptr : &file));
    for (size_t row = 0; row < tokens.size(); ++row)
      tokens[row] = int32_t(query.forced.empty()
                                ? answer.tokens[row]
                                : query.forced[row][std::min<size_t>(
                                      size_t(t), query.forced[row].size() - 1)]);
    answers.push_back(std::move(answer));
  }
  if (!arguments.logits.empty() && !file.flush())
    return Status(Code::Failure, fmt::format("{}: cannot write it: {}", arguments.logits,
                                            std::strerror(errno)));
  return answers;
}

bool isBundle(const std::string &path) {
  char magic[sizeof(encdec_bundle_header::magic)] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == std::string_view(ENCDEC_BUNDLE_MAGIC, sizeof magic);
}

Result<Outcome> askBundle(const Arguments &arguments, const std::string &bundle) {
  Runtime runtime;
  ENCDEC_RETURN_IF_ERROR(runtime.open(nullptr, bundle));
  ENCDEC_ASSIGN_OR_RETURN(std::vector<StepAnswer> steps, runtime.ask(arguments));
  return Outcome{std::move(steps), "bundle", {}, {}};
}

Result<Outcome> interpret(const Arguments &arguments, const IrModel &ir, std::string why) {
  if (!arguments.logits.empty())
    return usageError("--logits: the interpreter gives none" + (why.empty() ? "" : "; " + why));
  ENCDEC_ASSIGN_OR_RETURN(std::vector<StepAnswer> steps, ir.interpret(arguments.query));
  return Outcome{std::move(steps), "interpreter", notLowerable(why), std::move(why)};
}

Result<Outcome> answer(const Arguments &arguments) {
  ENCDEC_RETURN_IF_ERROR(tools::checkOutput(arguments.logits).withContext("--logits"));
  if (isBundle(arguments.file))
    return askBundle(arguments, arguments.file);
  ENCDEC_ASSIGN_OR_RETURN(IrModel ir, IrModel::read(arguments.file, arguments.options));
  if (arguments.interpret)
    return interpret(arguments, ir, "");
  if (!arguments.bundle.empty()) {
    std::vector<std::string> warnings;
    Status status = ir.bundle(arguments.bundle, warnings);
    for (const std::string &warning : warnings)
      std::cerr << program << ": warning: " << warning << "\n";
    if (!notLowerable(status.message()).empty())
      return interpret(arguments, ir, status.message());
    ENCDEC_RETURN_IF_ERROR(std::move(status));
    return askBundle(arguments, arguments.bundle);
  }
  auto jit = ir.jit();
  if (!jit.ok() && !notLowerable(jit.status().message()).empty())
    return interpret(arguments, ir, jit.status().message());
  ENCDEC_RETURN_IF_ERROR(jit.status());
  Runtime runtime;
  ENCDEC_RETURN_IF_ERROR(runtime.open(std::move(*jit), ""));
  ENCDEC_ASSIGN_OR_RETURN(std::vector<StepAnswer> steps, runtime.ask(arguments));
  return Outcome{std::move(steps), "jit", {}, {}};
}

/// What is no number is null: JSON knows no other.
std::string asJson(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

std::string asJson(const Outcome &outcome) {
  std::string tokens, logProbs; // [step][source]
  for (const StepAnswer &step : outcome.steps) {
    const char *comma = tokens.empty() ? "" : ", ";
    tokens += fmt::format("{}[{}]", comma, fmt::join(step.tokens, ", "));
    std::vector<std::string> texts;
    for (double logProb : step.logProbs)
      texts.push_back(asJson(logProb));
    logProbs += fmt::format("{}[{}]", comma, fmt::join(texts, ", "));
  }
  return fmt::format("{{\"by\": \"{}\", \"code\": {}, \"tokens\": [{}], \"log_probs\": [{}]}}\n",
                     outcome.by, outcome.code.empty() ? "null" : '"' + outcome.code + '"',
                     tokens, logProbs);
}

/// A line for each source: its tokens.
std::string asText(const Outcome &outcome) {
  std::string text;
  for (size_t row = 0; row < outcome.steps.front().tokens.size(); ++row) {
    for (size_t t = 0; t < outcome.steps.size(); ++t)
      text += fmt::format("{}{}", t ? " " : "", outcome.steps[t].tokens[row]);
    text += "\n";
  }
  return text;
}

void describe(CLI::App &app, Arguments &arguments) {
  app.add_option("FILE", arguments.file, "IR, decomposed, fused or placed; or a bundle")
      ->required();
  app.add_option("--ids", arguments.ids, "token ids of one source, \"5 17 2\"; may be repeated")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--steps", arguments.query.steps, "steps of decoding")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--force", arguments.forced,
                 "the tokens that a source's steps are fed after the first one, instead of the "
                 "best ones; as often as --ids, or never")
      ->allow_extra_args(false);
  app.add_option("--checkpoint", arguments.options.checkpoint,
                 "folder with the files that the IR's weights name");
  app.add_option("--weights", arguments.options.weights,
                 "format of the weights of IR that is not placed yet")
      ->check(CLI::IsMember(weightTypeNames()))
      ->capture_default_str();
  app.add_flag("--fuse", arguments.options.fuse,
               "run the fusions first; else the IR is lowered as it is");
  app.add_flag("--interpret", arguments.interpret, "ask the float64 interpreter, not code");
  app.add_option("--bundle", arguments.bundle,
                 "write this bundle and run it, instead of compiling into this process");
  app.add_option("--logits", arguments.logits,
                 "file for all logits: little-endian f32, [step][source][vocabulary]");
  app.add_flag("--perf-map", arguments.options.perfMap,
               "name the kernels for `perf report`, in /tmp/perf-PID.map, which stays")
      ->excludes("--interpret")
      ->excludes("--bundle");
  app.add_option("--threads", arguments.threads, "threads of the run; default: all")
      ->check(CLI::Range(1, 256));
  app.add_flag("--json", arguments.json, "one JSON object, with log-probabilities");
  app.footer("Ops without a kernel (scores, mask, softmax and context that no fusion has taken)\n"
             "are no error: the interpreter answers, and a note gives the op and the code.\n\n"
             "examples:\n"
             "  encdec import models/en-fr > model.mlir\n"
             "  encdec run model.mlir --checkpoint models/en-fr --ids \"282 5 277 17 0\"\n"
             "  encdec run model.mlir --fuse --checkpoint models/en-fr --ids \"282 0\" --json\n"
             "  perf record encdec run model.mlir --fuse --checkpoint models/en-fr --ids \"282 0\" "
             "--perf-map --steps 60\n\n"
             "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model, 4 does not fit, 5 limit");
}

Status readQuery(Arguments &arguments) {
  ENCDEC_ASSIGN_OR_RETURN(arguments.query.sources, parseIds("--ids", arguments.ids));
  ENCDEC_ASSIGN_OR_RETURN(arguments.query.forced, parseIds("--force", arguments.forced));
  if (!arguments.forced.empty() && arguments.forced.size() != arguments.ids.size())
    return usageError(fmt::format("--force: expected {} lists, one for each --ids, found {}",
                                  arguments.ids.size(), arguments.forced.size()));
  for (const std::vector<int64_t> &tokens : arguments.query.forced)
    if (int64_t(tokens.size()) > arguments.query.steps)
      return usageError(fmt::format("--force: expected at most {} token{}, one for each of --steps, "
                                    "found {}",
                                    arguments.query.steps, arguments.query.steps == 1 ? "" : "s",
                                    tokens.size()));
  return Status::success();
}

} // namespace

int main(int argc, char **argv) {
  holdStandardStreams();
  Arguments arguments;
  CLI::App app("Runs IR on token ids: compiles it in this process and prints the best token of "
               "each step.",
               program);
  describe(app, arguments);
  if (auto code = parseWords(app, argc, argv))
    return *code;
  Status status = readQuery(arguments);
  Result<Outcome> outcome = status.ok() ? answer(arguments) : Result<Outcome>(status);
  if (!outcome.ok()) {
    std::cerr << program << ": error: " << outcome.status().message() << "\n";
    return int(outcome.status().code());
  }
  if (!outcome->why.empty())
    std::cerr << program << ": note: no code for this IR, so the interpreter answers: "
              << outcome->why << "\n";
  return printResult(program, arguments.json ? asJson(*outcome) : asText(*outcome));
}
