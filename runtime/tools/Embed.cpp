//===- Embed.cpp - encdec embed: text or ids in, vectors out --------------===//

#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Npy.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// The most sources that are encoded together: a reader at the other end of a pipe waits
/// for the whole batch.
constexpr size_t batchLimit = 32;

struct EmbedArguments : SourceArguments {
  std::string pool = "mean", output;
  bool json = false, truncate = false, specialTokens = false, failFast = false;
};

class Embedder {
public:
  explicit Embedder(const EmbedArguments &arguments);
  /// The exit code: that of the first source that could not be read.
  int run();

private:
  void embed(std::vector<Source> &sources);
  void tokenize(Source &source) const;
  void cut(Source &source) const;
  void warnOfCut(const Source &source, uint64_t whole) const;
  void warnOfOverflow(const Source &source, const float *rows, uint64_t stride) const;
  void encode(std::vector<Source *> &sources);
  std::vector<float> read() const;
  void answer(const Source &source, std::span<const float> values);
  void refuse(const Source &source);
  void printText(std::span<const float> values) const;
  void printJson(const Source &source, std::span<const float> values) const;

  const EmbedArguments &arguments;
  std::vector<Source> given;
  const bool fromIds, pooled;
  Model model;
  encdec_model_info info;
  State state;
  std::optional<NpyTable> table; ///< With --output.
  int exitCode = 0;
};

Embedder::Embedder(const EmbedArguments &arguments)
    : arguments(arguments), given(givenSources(arguments)), fromIds(arguments.areIds()),
      pooled(arguments.pool != "none") {
  if (!arguments.output.empty()) {
    keepModel(arguments.model, arguments.output, "--output");
    checkReplaceable(arguments.output, "--output:");
  }
  model = openModel(arguments.model, arguments.weights);
  info = modelInfo(model.get());
  requireTokenizer(arguments, info);
  if (!arguments.output.empty())
    table.emplace(info.d_model);
}

int Embedder::run() {
  auto options = encdec_state_options_default();
  options.threads = threadsToUse(arguments.threads);
  options.encoder_states = 1;
  options.max_target_positions = 1; // nothing is decoded
  state = createState(model.get(), options,
                      given.empty() ? batchLimit : std::min(given.size(), batchLimit),
                      /*rowsOfSource=*/1);
  if (!given.empty()) {
    for (size_t at = 0; at < given.size(); at += batchLimit) {
      auto first = given.begin() + std::ptrdiff_t(at);
      auto last = given.begin() + std::ptrdiff_t(std::min(given.size(), at + batchLimit));
      std::vector<Source> batch(first, last);
      embed(batch);
    }
  } else {
    if (isatty(STDIN_FILENO))
      printHint("reading one text a line; end with Ctrl-D");
    LineReader lines;
    Progress progress("text");
    for (std::vector<Source> batch; !(batch = lines.batch(batchLimit)).empty();) {
      embed(batch);
      progress.add(batch.size());
    }
  }
  if (table)
    table->write(arguments.output, "--output:");
  return exitCode;
}

/// Writes the vectors of one batch, in its order.
void Embedder::embed(std::vector<Source> &sources) {
  std::vector<Source *> open;
  for (Source &source : sources) {
    if (!source.refusal && !fromIds)
      tokenize(source);
    else if (!source.refusal && arguments.truncate)
      cut(source);
    if (!source.refusal)
      open.push_back(&source);
    else if (arguments.failFast)
      break;
  }
  encode(open);
  const std::vector<float> values = open.empty() ? std::vector<float>() : read();
  std::span<const float> rest = values;
  auto states = sized<encdec_encoder_states>();
  if (!open.empty())
    check(encdec_get_encoder_states(state.get(), &states));
  const float *rows = states.states; // of the sources that follow
  for (const Source &source : sources) {
    if (source.refusal) {
      refuse(source);
      continue;
    }
    warnOfOverflow(source, rows, states.stride);
    rows += source.ids.size() * states.stride;
    const size_t count = (pooled ? 1 : source.ids.size()) * info.d_model;
    answer(source, rest.first(count));
    rest = rest.subspan(count);
  }
  flushResults();
}

/// Sets the ids of a text, or why it cannot be read.
void Embedder::tokenize(Source &source) const {
  const Options options = makeOptions();
  check(encdec_options_set_flag(options.get(), "truncate", arguments.truncate));
  check(encdec_options_set_flag(options.get(), "special_tokens", arguments.specialTokens));
  source.ids.resize(info.max_positions);
  uint64_t count = 0;
  encdec_status *status =
      encdec_tokenize(model.get(), source.text.data(), source.text.size(), options.get(),
                      source.ids.data(), source.ids.size(), &count);
  if (status)
    source.refusal = failureOf(status);
  source.ids.resize(status ? 0 : count);
  if (status || !arguments.truncate || count < info.max_positions)
    return;
  auto whole = encdec_tokenize_options_default();
  whole.special_tokens = arguments.specialTokens;
  check(encdec_tokenize_text(model.get(), source.text.data(), source.text.size(), &whole,
                             nullptr, nullptr, 0, &count));
  warnOfCut(source, count);
}

/// Cuts ids to the model's positions as encdec_tokenize does with those of a text: in front
/// of the closing ids, which are an end token and perhaps a language behind it.
void Embedder::cut(Source &source) const {
  const uint64_t whole = source.ids.size(), most = info.max_positions;
  if (whole <= most)
    return;
  std::vector<int32_t> ends(info.eos_token_ids, info.eos_token_ids + info.eos_token_count);
  if (ends.empty() && info.has_tokenizer) { // an encoder alone: what ends the empty text
    ends.resize(most);
    uint64_t count = 0;
    check(encdec_tokenize(model.get(), "", 0, nullptr, ends.data(), most, &count));
    ends.resize(count);
  }
  ptrdiff_t closing = 0;
  for (uint64_t count = 1; closing == 0 && count <= std::min<uint64_t>(2, most); ++count)
    if (std::find(ends.begin(), ends.end(), source.ids[whole - count]) != ends.end())
      closing = ptrdiff_t(count);
  const auto last = source.ids.end() - closing;
  source.ids.erase(last - ptrdiff_t(whole - most), last);
  warnOfCut(source, whole);
}

void Embedder::warnOfCut(const Source &source, uint64_t whole) const {
  if (whole > source.ids.size())
    printWarning(fmt::format("{}: the source has {} tokens, more than the model's {} "
                             "positions: {} were cut off",
                             source.where, whole, info.max_positions,
                             whole - source.ids.size()));
}

/// Names the first token whose vector is not all finite: pooled or not, what is printed is
/// of no use then.
void Embedder::warnOfOverflow(const Source &source, const float *rows,
                              uint64_t stride) const {
  for (size_t i = 0; i < source.ids.size(); ++i)
    if (const float *row = rows + i * stride;
        !std::all_of(row, row + info.d_model, [](float x) { return std::isfinite(x); })) {
      printWarning(fmt::format("{}: the vector of token {} of {} (id {}) holds numbers that "
                               "are not finite: the model's numbers overflow",
                               source.where, i + 1, source.ids.size(), source.ids[i]));
      return;
    }
}

/// Encodes the sources that can be read. One that cannot gets its refusal and is taken
/// out of `sources`; with --fail-fast so are all after it.
void Embedder::encode(std::vector<Source *> &sources) {
  while (!sources.empty()) {
    std::vector<int32_t> ids; // all sources laid end to end
    std::vector<uint64_t> offsets = {0};
    for (const Source *source : sources) {
      ids.insert(ids.end(), source->ids.begin(), source->ids.end());
      offsets.push_back(ids.size());
    }
    encdec_status *status =
        encdec_encode(state.get(), ids.data(), offsets.data(), sources.size());
    if (!status)
      return;
    const int64_t input = encdec_status_input(status);
    Failure failure = failureOf(status);
    if (input < 0)
      throw failure;
    sources[size_t(input)]->refusal = failure;
    if (arguments.failFast)
      sources.resize(size_t(input));
    else
      sources.erase(sources.begin() + input);
  }
}

/// What was encoded: [B][d_model], or with --pool none [S][d_model].
std::vector<float> Embedder::read() const {
  if (pooled) {
    auto counts = sized<encdec_state_info>();
    check(encdec_state_get_info(state.get(), &counts));
    std::vector<float> vectors(counts.sources * info.d_model);
    check(encdec_pool_encoder_states(
        state.get(), arguments.pool == "mean" ? ENCDEC_POOL_MEAN : ENCDEC_POOL_FIRST,
        vectors.data(), vectors.size()));
    return vectors;
  }
  auto states = sized<encdec_encoder_states>();
  check(encdec_get_encoder_states(state.get(), &states));
  std::vector<float> rows;
  rows.reserve(states.row_count * states.width);
  for (uint64_t row = 0; row < states.row_count; ++row)
    rows.insert(rows.end(), states.states + row * states.stride,
                states.states + row * states.stride + states.width);
  return rows;
}

void Embedder::answer(const Source &source, std::span<const float> values) {
  if (arguments.json)
    printJson(source, values);
  else if (!table)
    printText(values);
  if (table)
    table->append(values);
}

/// Reports why a source has no vectors; what stands in for them keeps the lines, and with
/// pooling the rows of the table, those of the input.
void Embedder::refuse(const Source &source) {
  const Failure &failure = *source.refusal;
  if (arguments.failFast)
    throw Failure(failure.code, source.where + ": " + failure.what());
  printError(source.where + ": " + failure.what());
  if (arguments.json)
    printJson(source, {});
  else if (!table)
    print("\n");
  if (table && pooled)
    table->append(std::vector<float>(info.d_model, std::numeric_limits<float>::quiet_NaN()));
  if (!exitCode)
    exitCode = failure.code;
}

/// A line of numbers for each row; without pooling an empty line ends a source.
void Embedder::printText(std::span<const float> values) const {
  std::string text;
  for (size_t at = 0; at < values.size(); at += info.d_model)
    text += fmt::format("{}\n", fmt::join(values.subspan(at, info.d_model), " "));
  print(text + (pooled ? "" : "\n"));
}

/// {"ids":[5,0],"vector":[0.5,-1.25]}, or "vectors" without pooling; null where there is an
/// "error". With --output, "rows" says which rows of the table they are: [first, count].
void Embedder::printJson(const Source &source, std::span<const float> values) const {
  std::string object = fmt::format("{{\"ids\":[{}],", fmt::join(source.ids, ","));
  std::vector<std::string> rows;
  for (size_t at = 0; at < values.size(); at += info.d_model) {
    std::vector<std::string> row; // a number that is not finite is null, as in any JSON
    for (float value : values.subspan(at, info.d_model))
      row.push_back(std::isfinite(value) ? fmt::format("{}", value) : "null");
    rows.push_back(fmt::format("[{}]", fmt::join(row, ",")));
  }
  if (table)
    object += fmt::format("\"rows\":[{},{}]", table->rows(), source.refusal && pooled ? 1 : rows.size());
  else if (pooled)
    object += "\"vector\":" + (rows.empty() ? "null" : rows.front());
  else
    object += "\"vectors\":" +
              (source.refusal ? "null" : fmt::format("[{}]", fmt::join(rows, ",")));
  if (source.refusal) {
    nlohmann::json message = source.refusal->what();
    object += ",\"error\":" + message.dump(-1, ' ', false,
                                           nlohmann::json::error_handler_t::replace);
  }
  print(object + "}\n");
}

constexpr const char *footer = R"(Examples:
  encdec embed en-fr.encdec < english.txt > vectors.txt
  encdec embed en-fr.encdec --text "Hello." --pool first --json
  encdec embed en-fr.encdec --output vectors.npy < english.txt
  encdec embed random.encdec --ids "5 17 2" --pool none

With neither --text nor --ids, each line of standard input is one text. A vector is a line
of d_model numbers; with --pool none each token has a line and an empty line ends a text.
With --output standard output stays empty, but for the --json objects, which then say where
the rows of a text stand: "rows":[first,count]. A text that cannot be read gets an empty
line, an object with "error", or a row of NaN; a message says which it is, and the exit code
is that of the first one.)";

void addOutputs(CLI::App *command, EmbedArguments &arguments) {
  command
      ->add_option("--pool", arguments.pool,
                   "One vector a text, the mean over its tokens or that of the first one "
                   "(mean, first), or one a token (none)")
      ->type_name("HOW")
      ->capture_default_str()
      ->check(CLI::IsMember({"mean", "first", "none"}));
  command->add_flag("--json", arguments.json, "One JSON object a text: ids, vector or vectors");
  command
      ->add_option("--output", arguments.output,
                   "Write the vectors into FILE, a .npy table of f32")
      ->type_name("FILE")
      ->check(notEmpty());
}

void addSourceRules(CLI::App *command, EmbedArguments &arguments) {
  command->add_flag("--truncate", arguments.truncate,
                    "Cut a source that is longer than the model's positions at the end of "
                    "its text, with a warning, instead of refusing it");
  command->add_flag("--fail-fast", arguments.failFast,
                    "End at the first text that cannot be read");
  addSpecialTokens(command, arguments.specialTokens);
}

} // namespace

void addEmbed(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<EmbedArguments>();
  CLI::App *command = root.add_subcommand(
      "embed", "Run a model's encoder alone: text (or token ids) in, vectors out");
  command->footer(footer);
  addSources(command, *arguments); // --help shows them in this order
  addOutputs(command, *arguments);
  addExecution(command, *arguments);
  addSourceRules(command, *arguments);
  command->callback([arguments, &action] {
    action = [arguments] { return Embedder(*arguments).run(); };
  });
}

} // namespace encdec::tools
