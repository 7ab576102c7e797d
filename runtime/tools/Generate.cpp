//===- Generate.cpp - encdec generate: text or ids in, text or ids out ----===//

#include "runtime/tools/Generate.h"
#include "runtime/tools/Answers.h"
#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// The most sources that are decoded together. Larger batches gain little on a
/// few cores, and a reader at the other end of a pipe waits for the whole
/// batch.
constexpr size_t batchLimit = 32;

class Generator {
public:
  explicit Generator(const GenerateArguments &arguments);
  /// The exit code: that of the first source that has no answer.
  int run();

private:
  void checkOptions() const;
  void checkBeams() const;
  void chooseLanguages();
  void createState(uint64_t sources);
  void generate(std::vector<Source> &sources);
  Generated call(std::vector<Source *> &sources);
  encdec_status *callIds(const std::vector<Source *> &sources,
                         encdec_result **result);
  encdec_status *callTexts(const std::vector<Source *> &sources,
                           encdec_result **result);
  bool staysBlank(const Source &source) const;
  void answer(const Source &source, const encdec_result *result,
              uint64_t index);
  void refuse(const Source &source, const Failure &failure);

  const GenerateArguments &arguments;
  std::vector<Source> given;
  Model model;
  encdec_model_info info;
  State state;
  encdec_generate_options options = encdec_generate_options_default();
  bool fromIds = false;
  std::optional<Answers> answers;
  int exitCode = 0;
};

Generator::Generator(const GenerateArguments &arguments)
    : arguments(arguments), given(givenSources(arguments)), fromIds(arguments.areIds()) {
  checkOptions();
  model = openModel(arguments.model, arguments.weights);
  info = modelInfo(model.get());
  if (info.decoder_layers == 0)
    throw usageFailure(fmt::format("{}: this model is an encoder only, so it generates "
                                   "nothing; `encdec embed {}` gives what it makes of a text",
                                   arguments.model, arguments.model));
  requireTokenizer(arguments, info);
  if (arguments.alignmentLayer > info.decoder_layers)
    throw usageFailure(fmt::format(
        "--alignment-layer: expected 1 to {}, the decoder layers of "
        "this model, got {}",
        info.decoder_layers, arguments.alignmentLayer));
  if (arguments.maxNewTokens)
    options.max_new_tokens = *arguments.maxNewTokens;
  if (arguments.minNewTokens)
    options.min_new_tokens = *arguments.minNewTokens;
  if (arguments.noRepeatNgramSize)
    options.no_repeat_ngram_size = *arguments.noRepeatNgramSize;
  if (arguments.encoderNoRepeatNgramSize)
    options.encoder_no_repeat_ngram_size = *arguments.encoderNoRepeatNgramSize;
  if (arguments.lengthPenalty)
    options.length_penalty = *arguments.lengthPenalty;
  checkBeams();
  options.num_beams = uint64_t(arguments.beams.value_or(int64_t(info.num_beams)));
  options.num_return_sequences = arguments.returned;
  if (!arguments.earlyStopping.empty())
    options.early_stopping =
        arguments.earlyStopping == "true"    ? ENCDEC_EARLY_STOPPING_YES
        : arguments.earlyStopping == "never" ? ENCDEC_EARLY_STOPPING_NEVER
                                             : ENCDEC_EARLY_STOPPING_NO;
  options.probs = !arguments.alignments.empty();
  // Text shows no scores, and a sketch is faster without them. Without a sketch scores
  // cost next to nothing, and they show where a model's numbers overflow.
  options.no_scores = !arguments.json && info.sketch_bytes > 0;
  options.truncate = arguments.truncate;
  options.special_tokens = arguments.specialTokens;
  chooseLanguages();
  answers.emplace(arguments, model.get());
}

void Generator::checkOptions() const {
  if (!arguments.alignments.empty())
    keepModel(arguments.model, arguments.alignments, "--alignments");
  if (arguments.lengthPenalty && !std::isfinite(*arguments.lengthPenalty))
    throw usageFailure(
        fmt::format("--length-penalty: expected a finite number, got {}",
                    *arguments.lengthPenalty));
}

/// The most beams depend on the model's end tokens, so the model must be open.
void Generator::checkBeams() const {
  const int64_t beams = arguments.beams.value_or(int64_t(info.num_beams));
  const auto most = int64_t(ENCDEC_ABI_MAX_BEAMS(info.eos_token_count));
  if (beams < 1 || beams > most)
    throw usageFailure(
        fmt::format("--beams: expected 1 to {} (a step finds tokens for no "
                    "more, this model having "
                    "{}), got {}",
                    most, counted(info.eos_token_count, "end token"), beams));
  if (arguments.returned > uint64_t(beams))
    throw usageFailure(
        fmt::format("--nbest {} is more than --beams {}{}", arguments.returned,
                    beams, arguments.beams ? "" : ", this model's default"));
}

/// A language that the model does not know is wrong for all texts, so it is refused first.
void Generator::chooseLanguages() {
  const auto given = [](const std::string &name) {
    return name.empty() ? nullptr : name.c_str();
  };
  if (fromIds && !arguments.sourceLanguage.empty())
    throw usageFailure("--source-lang says how to read text; with --ids, the ids say it");
  options.source_language = given(arguments.sourceLanguage);
  options.target_language = given(arguments.targetLanguage);
  uint64_t count = 0;
  if (options.source_language || options.target_language)
    check(encdec_tokenize(model.get(), "", 0, &options, nullptr, 0, &count));
}

void Generator::createState(uint64_t sources) {
  auto stateOptions = encdec_state_options_default();
  stateOptions.threads = threadsToUse(arguments.threads);
  stateOptions.probs = options.probs;
  state = tools::createState(model.get(), stateOptions, sources, options.num_beams);
}

int Generator::run() {
  if (!given.empty()) {
    createState(std::min(given.size(), batchLimit));
    generate(given);
    return exitCode;
  }
  createState(batchLimit);
  if (isatty(STDIN_FILENO))
    printHint("reading one sentence a line; end with Ctrl-D");
  LineReader lines(STDIN_FILENO);
  Progress progress("sentence");
  for (std::vector<Source> batch; !(batch = lines.batch(batchLimit)).empty();) {
    generate(batch);
    progress.add(batch.size());
  }
  return exitCode;
}

/// Writes the answers to one batch, in its order.
void Generator::generate(std::vector<Source> &sources) {
  std::vector<Source *> open;
  for (Source &source : sources) {
    if (source.refusal && arguments.failFast)
      break;
    if (!source.refusal && !staysBlank(source))
      open.push_back(&source);
  }
  Generated result = call(open);
  uint64_t next = 0;
  for (const Source &source : sources) {
    if (source.refusal)
      refuse(source, *source.refusal);
    else if (staysBlank(source))
      answers->blank();
    else
      answer(source, result.get(), next++);
  }
  flushResults();
}

/// Generates from the sources that can be read. A source that cannot be read gets its
/// refusal and is taken out of `sources`; with --fail-fast so are all after it.
Generated Generator::call(std::vector<Source *> &sources) {
  while (!sources.empty()) {
    encdec_result *result = nullptr;
    encdec_status *status =
        fromIds ? callIds(sources, &result) : callTexts(sources, &result);
    if (!status)
      return Generated(result);
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
  return nullptr;
}

/// Whether a source is a blank line, which stays blank. The reference would
/// translate it as the empty sentence.
bool Generator::staysBlank(const Source &source) const {
  return !fromIds && !arguments.keepEmpty &&
         source.text.find_first_not_of(" \t\v\f\r") == std::string::npos;
}

void Generator::answer(const Source &source, const encdec_result *result,
                       uint64_t index) {
  auto read = sized<encdec_source>();
  check(encdec_result_source(result, index, &read));
  if (read.sequence_count == 0) {
    std::string why = read.warnings;
    std::replace(why.begin(), why.end(), '\n', ';');
    return refuse(source, Failure(ENCDEC_ERROR_FAILURE, why));
  }
  std::istringstream warnings(read.warnings);
  for (std::string line; std::getline(warnings, line);)
    printWarning(source.where + ": " + line);
  answers->found(result, index);
  if (arguments.alignments.empty())
    return;
  try {
    answers->draw(source, result, index);
  } catch (const Failure &failure) { // the text has its answer, and so have those after it
    if (arguments.failFast)
      throw;
    printError(source.where + ": " + failure.what());
    if (!exitCode)
      exitCode = failure.code;
  }
}

/// Reports why a source has no answer. The sources before it have been
/// answered.
void Generator::refuse(const Source &source, const Failure &failure) {
  if (arguments.failFast)
    throw Failure(failure.code, source.where + ": " + failure.what());
  printError(source.where + ": " + failure.what());
  answers->missing(failure.what());
  if (!exitCode)
    exitCode = failure.code;
}

encdec_status *Generator::callIds(const std::vector<Source *> &sources,
                                  encdec_result **result) {
  std::vector<int32_t> ids; // all sources laid end to end
  std::vector<uint64_t> offsets = {0};
  for (const Source *source : sources) {
    ids.insert(ids.end(), source->ids.begin(), source->ids.end());
    offsets.push_back(ids.size());
  }
  return encdec_generate(state.get(), ids.data(), offsets.data(),
                         sources.size(), &options, result);
}

encdec_status *Generator::callTexts(const std::vector<Source *> &sources,
                                    encdec_result **result) {
  std::vector<const char *> texts;
  std::vector<uint64_t> sizes;
  for (const Source *source : sources) {
    texts.push_back(source->text.data());
    sizes.push_back(source->text.size());
  }
  return encdec_generate_text(state.get(), texts.data(), sizes.data(),
                              sources.size(), &options, result);
}

} // namespace

int generate(const GenerateArguments &arguments) {
  return Generator(arguments).run();
}

} // namespace encdec::tools
