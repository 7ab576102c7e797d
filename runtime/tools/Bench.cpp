//===- Bench.cpp - encdec bench: how fast a bundle decodes here -----------===//
//
// Lengths are fixed (the end token is suppressed), so every repeat does the
// same work. Passes that measure the read bandwidth lie between the repeats:
// both see the machine in the same minute and on the same threads.

#include "runtime/tools/Bandwidth.h"
#include "runtime/tools/BenchReport.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Profile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <optional>

namespace encdec::tools {
namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

class Bench {
public:
  explicit Bench(const BenchArguments &arguments) : arguments(arguments) {
    auto start = Clock::now();
    model = openModel(arguments.model, arguments.weights, compilerArguments());
    measured.open = millisecondsSince(start);
    info = modelInfo(model.get());
    if (info.decoder_layers == 0)
      throw usageFailure(fmt::format("{}: this model is an encoder only, and bench "
                                     "measures a decoder's steps; time `encdec embed {}`",
                                     arguments.model, arguments.model));
    if (arguments.sourceLength > info.max_positions)
      throw Failure(
          ENCDEC_ERROR_LIMIT,
          fmt::format("--source-length: expected at most {}, the positions of "
                      "this model, got {}",
                      info.max_positions, arguments.sourceLength));
    if (arguments.newTokens > info.max_positions)
      throw Failure(ENCDEC_ERROR_LIMIT,
                    fmt::format("--new-tokens: expected at most {}, the positions of this model, "
                                "got {}",
                                info.max_positions, arguments.newTokens));
    auto created = Clock::now();
    createState();
    measured.create = millisecondsSince(created);
    if (!arguments.shortlist.empty())
      chooseShortlist();
    random = std::max<uint64_t>(arguments.seed, 1);
    makeSources();
    suppressEnd();
    // All is cold, as it is for a user who has just started a program.
    decode(1, /*record=*/false);
    measured.startToFirstToken = millisecondsSince(start);
  }

  int run() {
    std::optional<BandwidthMeter> meter;
    if (!arguments.noBandwidth)
      meter.emplace(state.get());
    auto measureBandwidth = [&] {
      if (meter)
        measured.bandwidth.push_back(meter->pass());
    };
    decode(arguments.newTokens, /*record=*/false);
    if (meter)
      meter->pass();
    for (uint64_t i = 0; i < arguments.repeat; ++i) {
      if (arguments.seed)
        makeSources();
      measureBandwidth();
      decode(arguments.newTokens, /*record=*/true);
      measureBandwidth();
    }
    if (arguments.profile || !arguments.kernel.empty())
      profileSteps();
    BenchReport report{arguments, info, stateInfo(), measured, profile};
    arguments.json ? report.printJson() : report.printTable();
    return 0;
  }

private:
  void createState();
  void chooseShortlist();
  void makeSources();
  void suppressEnd();
  void decode(uint64_t steps, bool record);
  void profileSteps();
  encdec_state_info stateInfo() const;
  void search(uint64_t steps, bool record);
  std::vector<std::string> compilerArguments() const;

  const BenchArguments &arguments;
  Model model;
  encdec_model_info info;
  State state;
  uint64_t random = 1;
  std::vector<int32_t> ids;      // [B * S]
  std::vector<uint64_t> offsets; // [B + 1]
  std::unique_ptr<float[], decltype(&std::free)> bias{nullptr, std::free};
  Measured measured;
  std::optional<Profile> profile;
};

std::vector<std::string> Bench::compilerArguments() const {
  if (arguments.kernel.empty())
    return {};
  if (std::filesystem::is_regular_file(arguments.model))
    throw usageFailure(fmt::format(
        "{}: --kernel compiles a checkpoint folder to code that calls the kernel alone; name "
        "the folder (or time a bundle that `encdec compile --kernel` made, with --profile)",
        arguments.model));
  return {"--kernel", arguments.kernel};
}

void Bench::createState() {
  auto options = encdec_state_options_default();
  options.max_rows = arguments.batch * arguments.beams;
  options.max_sources = arguments.batch;
  options.threads = threadsToUse(arguments.threads);
  encdec_state *created = nullptr;
  check(encdec_state_create(model.get(), &options, &created));
  state.reset(created);
}

/// Of the list's steps, which read fewer bytes.
void Bench::chooseShortlist() {
  check(encdec_use_shortlist(state.get(), arguments.shortlist.c_str()));
  const auto manifest = nlohmann::json::parse(encdec_model_manifest(model.get(), nullptr));
  for (const auto &list : manifest["shortlists"])
    if (list["name"] == arguments.shortlist)
      info.step_bytes = list["step_bytes"].get<uint64_t>();
}

/// Draws ids (a multiplicative generator modulo 2^31 - 1, Park and Miller 1988), the special
/// ones among them: only speed matters.
void Bench::makeSources() {
  ids.clear();
  offsets.clear();
  for (uint64_t b = 0; b <= arguments.batch; ++b)
    offsets.push_back(b * arguments.sourceLength);
  for (uint64_t i = 0; i < offsets.back(); ++i) {
    random = random * 48271 % 2147483647;
    ids.push_back(int32_t(random % info.source_vocab_size));
  }
}

/// One row of biases for all: -inf at the end tokens.
void Bench::suppressEnd() {
  uint64_t width = (info.vocab_size + ENCDEC_ABI_LANES - 1) / ENCDEC_ABI_LANES *
                   ENCDEC_ABI_LANES;
  bias.reset(
      static_cast<float *>(std::aligned_alloc(64, width * sizeof(float))));
  if (!bias)
    throw std::bad_alloc();
  std::fill_n(bias.get(), width, 0.0f);
  for (uint64_t i = 0; i < info.eos_token_count; ++i)
    bias[info.eos_token_ids[i]] = -INFINITY;
}

void Bench::decode(uint64_t steps, bool record) {
  if (arguments.beams > 1)
    return search(steps, record);
  auto start = Clock::now();
  check(
      encdec_encode(state.get(), ids.data(), offsets.data(), arguments.batch));
  double encode = millisecondsSince(start);
  std::vector<int32_t> tokens(arguments.batch, info.decoder_start_token_id);
  for (uint64_t t = 0; t < steps; ++t) {
    auto input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = arguments.batch;
    input.logit_bias = bias.get();
    input.bias_rows = 1;
    input.no_log_probs = arguments.noScores;
    auto output = sized<encdec_step_output>();
    auto before = Clock::now();
    check(encdec_step(state.get(), &input, &output));
    double step = millisecondsSince(before);
    std::copy_n(output.tokens, arguments.batch, tokens.begin());
    if (!record)
      continue;
    measured.step.push_back(step);
    if (t == 0) {
      measured.encode.push_back(encode);
      measured.firstToken.push_back(encode + step);
    }
  }
}

/// Runs a whole beam search of `steps` steps. Its steps cannot be timed one by one, so
/// the time beyond encoding is divided among them.
void Bench::search(uint64_t steps, bool record) {
  auto start = Clock::now();
  check(
      encdec_encode(state.get(), ids.data(), offsets.data(), arguments.batch));
  double encode = millisecondsSince(start);
  const Options options = makeOptions();
  for (const char *length : {"max_new_tokens", "min_new_tokens"})
    check(encdec_options_set_integer(options.get(), length, int64_t(steps)));
  check(encdec_options_set_integer(options.get(), "num_beams", int64_t(arguments.beams)));
  check(encdec_options_set_integer(options.get(), "num_return_sequences", 1));
  check(encdec_options_set_flag(options.get(), "do_sample", 0));
  check(encdec_options_clear(options.get(), "forced_eos_token_id"));
  if (!arguments.shortlist.empty())
    check(encdec_options_set(options.get(), "shortlist", arguments.shortlist.c_str()));
  encdec_result *result = nullptr;
  start = Clock::now();
  check(encdec_generate(state.get(), ids.data(), offsets.data(),
                        arguments.batch, options.get(), &result));
  double all = millisecondsSince(start);
  encdec_result_free(result);
  if (!record)
    return;
  double step = (all - encode) / double(steps);
  measured.encode.push_back(encode);
  measured.step.push_back(step);
  measured.firstToken.push_back(encode + step);
}

encdec_state_info Bench::stateInfo() const {
  auto info = sized<encdec_state_info>();
  check(encdec_state_get_info(state.get(), &info));
  return info;
}

/// Decodes as often again, since the times above are those without a profile.
void Bench::profileSteps() {
  Limits limits;
  limits.peak = measurePeak(state.get());
  limits.wholes = std::string_view(info.weight_type) == "int8-dynamic";
  check(encdec_state_profile_start(state.get()));
  for (uint64_t i = 0; i < arguments.repeat; ++i)
    decode(arguments.newTokens, /*record=*/false);
  check(encdec_state_profile_stop(state.get()));
  limits.bandwidth = *std::ranges::max_element(measured.bandwidth);
  profile = readProfile(state.get(), limits);
}

constexpr const char *footer = R"(Examples:
  encdec bench en-fr.encdec
  encdec bench en-fr.encdec --batch 16 --threads 2 --json | tail -n 1 | jq .step_ms
  encdec bench en-fr.encdec --profile
  encdec bench models/en-fr --kernel cross_attention --batch 16

step_ms is the median time of one decoder step over the whole batch, vocabulary
included; the end token is suppressed, so lengths are fixed. read_bandwidth is the
median over read-only passes through 512 MB on the same threads, between the
repeats, in GB/s (10^9); with beams, step_ms is a search's time without encoding,
shared out among its steps; bandwidth_fraction is bytes_per_step / step time /
read_bandwidth. JSON also has the best pass, and the fraction of that, and the mean
and the best step.

--profile decodes as often again with the time taken at each barrier, for encode and
step: by kind of op, by layer, in JSON also by segment (what lies between two
barriers). The limit of a segment is the longer of reading its weights, keys and
values at the best read_bandwidth and of its multiply-adds (MAC) at their peak in
registers; activations, exp and the like count nothing. wait is how long the average
thread waits at the part's barriers. "other" is what lies in no layer, or in several.

--kernel profiles code that calls one kernel alone, with the model's own weights, in each
layer that has it, and nothing else: no other call brings data into the caches or takes
room there. It computes nothing (values are 0), so what depends on values, like the
choice of tokens, may take another time. The error about a wrong name lists the names;
`encdec explain --asm` shows a kernel's code.)";

} // namespace

void addBench(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App *command = root.add_subcommand(
      "bench",
      "Measure a bundle: encode, first token, step, share of bandwidth");
  command->footer(footer);
  command
      ->add_option("BUNDLE", arguments->model,
                   "A bundle, or a checkpoint folder")
      ->type_name("")
      ->required();
  auto number = [&](const char *name, auto &value, const char *help) {
    return command->add_option(name, value, help)
        ->type_name("N")
        ->check(between(1, 1 << 20));
  };
  number("--source-length", arguments->sourceLength, "Tokens of each source")
      ->capture_default_str();
  number("--new-tokens", arguments->newTokens, "Steps of each repeat")
      ->capture_default_str();
  number("--batch", arguments->batch, "Sources decoded together")
      ->capture_default_str();
  number("--beams,--num-beams", arguments->beams,
         "Hypotheses kept of each source; 1: greedy")
      ->capture_default_str();
  number("--repeat", arguments->repeat, "Repeats")->capture_default_str();
  number("--threads", arguments->threads,
         "Threads, at most what this process may use; default: all of them")
      ->envname("ENCDEC_THREADS");
  addWeights(command, arguments->weights);
  number("--seed", arguments->seed,
         "Draws other sources for each repeat; default: always the same ids");
  command
      ->add_option("--shortlist", arguments->shortlist,
                   "Steps that choose among the tokens of this list (encdec compile --shortlist)")
      ->type_name("NAME");
  command->add_flag("--no-bandwidth", arguments->noBandwidth,
                    "Leave the passes that measure the read bandwidth out");
  command->add_option("--kernel", arguments->kernel,
                      "Profile this kernel of a checkpoint folder alone: \"linear\", or "
                      "\"linear_512_f32x512\"")
      ->type_name("NAME");
  command->add_flag("--profile", arguments->profile,
                    "Also where the time goes: by kind of op and by layer");
  command->add_flag("--no-scores", arguments->noScores,
                    "Greedy steps without log-probabilities, as generate --beams 1 takes "
                    "them for text: where a sketch of the vocabulary can help");
  command->add_flag("--json", arguments->json, "As one JSON object");
  command->callback([arguments, &action] {
    action = [arguments] {
      if (arguments->noScores && arguments->beams > 1)
        throw usageFailure(fmt::format("--no-scores measures greedy steps, but --beams {} "
                                       "is a search, which needs scores; leave one out",
                                       arguments->beams));
      bool profiles = arguments->profile || !arguments->kernel.empty();
      if (arguments->noScores && profiles)
        throw usageFailure("--profile counts all weights as read, but with --no-scores a "
                           "step may read fewer; leave one out");
      if (arguments->noBandwidth && profiles)
        throw usageFailure("--profile holds times against the read bandwidth, which "
                           "--no-bandwidth leaves out; leave one out");
      return Bench(*arguments).run();
    };
  });
}

} // namespace encdec::tools
