//===- Generate.cpp - encdec generate: text or ids in, text or ids out ----===//

#include "runtime/tools/Generate.h"
#include "runtime/tools/Alignments.h"
#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// Sources that are decoded together. More gains little on a few cores, and the
/// reader of a pipe waits for the whole batch.
constexpr size_t batchLimit = 32;

class Generator {
public:
  explicit Generator(const GenerateArguments &arguments);
  int run();

private:
  void createState(uint64_t sources);
  void generate(const std::vector<Source> &sources);
  Generated call(const std::vector<Source> &sources);
  encdec_status *callIds(const std::vector<Source> &sources,
                         encdec_result **result);
  encdec_status *callTexts(const std::vector<Source> &sources,
                           encdec_result **result);
  std::optional<Failure> refusal(const Source &source) const;
  void checkOptions() const;
  void checkReturned(uint64_t beams, const char *why) const;
  void cut(Source &source) const;
  void emit(const Source &source, const std::vector<encdec_sequence> &best);
  nlohmann::ordered_json toJson(const encdec_sequence &sequence) const;
  void drawPicture(const Source &source, const encdec_sequence &sequence);
  void warn(const char *warnings);
  std::string textOf(const encdec_sequence &sequence) const;
  std::vector<std::string> pieces(bool target, const int32_t *ids,
                                  uint64_t count) const;

  const GenerateArguments &arguments;
  Model model;
  encdec_model_info info;
  State state;
  encdec_generate_options options = encdec_generate_options_default();
  bool fromIds = false;
  uint64_t pictures = 0;
  std::set<std::string> warned;
};

Generator::Generator(const GenerateArguments &arguments)
    : arguments(arguments), fromIds(arguments.ids->count() > 0) {
  checkOptions();
  model = openModel(arguments.model, arguments.weights);
  info = modelInfo(model.get());
  if (!fromIds && !info.has_tokenizer)
    throw usageFailure(fmt::format(
        "{}: this model has no tokenizer, so it reads no text; give token ids, "
        "as in --ids \"5 17 2\"",
        arguments.model));
  if (arguments.alignmentLayer > info.decoder_layers)
    throw usageFailure(fmt::format(
        "--alignment-layer: expected 1 to {}, the decoder layers of "
        "this model, got {}",
        info.decoder_layers, arguments.alignmentLayer));
  if (arguments.maxNewTokens)
    options.max_new_tokens = *arguments.maxNewTokens;
  if (arguments.minNewTokens)
    options.min_new_tokens = *arguments.minNewTokens;
  if (arguments.lengthPenalty)
    options.length_penalty = *arguments.lengthPenalty;
  options.num_beams = arguments.beams ? arguments.beams : info.num_beams;
  options.num_return_sequences = arguments.returned;
  checkReturned(options.num_beams, ", this model's default");
  if (!arguments.earlyStopping.empty())
    options.early_stopping =
        arguments.earlyStopping == "true"    ? ENCDEC_EARLY_STOPPING_YES
        : arguments.earlyStopping == "never" ? ENCDEC_EARLY_STOPPING_NEVER
                                             : ENCDEC_EARLY_STOPPING_NO;
  options.probs = !arguments.alignments.empty();
  options.no_scores = !arguments.json; // text shows none
  options.truncate = arguments.truncate;
  options.special_tokens = arguments.specialTokens;
}

void Generator::checkOptions() const {
  if (!arguments.alignments.empty())
    keepModel(arguments.model, arguments.alignments, "--alignments");
  if (fromIds && arguments.texts->count() > 0)
    throw usageFailure("--text and --ids exclude each other; give one kind");
  if (arguments.maxNewTokens && arguments.minNewTokens &&
      *arguments.minNewTokens > *arguments.maxNewTokens)
    throw usageFailure(
        fmt::format("--min-new-tokens {} is more than --max-new-tokens {}",
                    *arguments.minNewTokens, *arguments.maxNewTokens));
  if (arguments.lengthPenalty && !std::isfinite(*arguments.lengthPenalty))
    throw usageFailure(fmt::format("--length-penalty: expected a finite number, got {}",
                                   *arguments.lengthPenalty));
  if (arguments.beams)
    checkReturned(arguments.beams, "");
}

void Generator::checkReturned(uint64_t beams, const char *why) const {
  if (arguments.returned > beams)
    throw usageFailure(
        fmt::format("--nbest {} is more than --beams {}{}", arguments.returned, beams, why));
}

/// A state for `sources` sources at once, or for fewer when memory is short:
/// results do not depend on it.
void Generator::createState(uint64_t sources) {
  auto stateOptions = encdec_state_options_default();
  stateOptions.threads = arguments.threads;
  stateOptions.probs = options.probs;
  for (;; sources /= 2) {
    stateOptions.max_rows = sources * options.num_beams;
    stateOptions.max_sources = sources;
    encdec_state *created = nullptr;
    encdec_status *status =
        encdec_state_create(model.get(), &stateOptions, &created);
    if (encdec_status_code(status) != ENCDEC_ERROR_LIMIT || sources == 1) {
      check(status);
      state.reset(created);
      return;
    }
    encdec_status_free(status);
  }
}

int Generator::run() {
  std::vector<Source> given;
  for (const std::string &text : arguments.ids->results()) {
    Source source;
    source.where = fmt::format("--ids {}", given.size() + 1);
    source.ids = parseIds(text, source.where);
    given.push_back(std::move(source));
  }
  for (const std::string &text : arguments.texts->results())
    given.push_back({text, {}, fmt::format("--text {}", given.size() + 1)});
  if (!given.empty()) {
    createState(std::min(given.size(), batchLimit));
    generate(given);
    return 0;
  }
  createState(batchLimit);
  if (isatty(STDIN_FILENO))
    printHint("reading one sentence a line; end with Ctrl-D");
  LineReader lines(STDIN_FILENO);
  Progress progress("sentence");
  for (std::vector<Source> batch; !(batch = lines.batch(batchLimit)).empty();) {
    generate(batch);
    flushResults();
    progress.add(batch.size());
  }
  return 0;
}

/// One batch to the results. Where a source is refused, those before it are
/// still answered, and the message says which it was.
void Generator::generate(const std::vector<Source> &sources) {
  Generated result = call(sources);
  warn(encdec_result_warnings(result.get()));
  for (size_t i = 0; i < sources.size(); ++i) {
    std::vector<encdec_sequence> best(arguments.returned,
                                      sized<encdec_sequence>());
    for (size_t n = 0; n < best.size(); ++n)
      check(encdec_result_get(result.get(), i * best.size() + n, &best[n]));
    emit(sources[i], best);
  }
  flushResults();
}

Generated Generator::call(const std::vector<Source> &sources) {
  encdec_result *result = nullptr;
  encdec_status *status =
      fromIds ? callIds(sources, &result) : callTexts(sources, &result);
  if (!status)
    return Generated(result);
  for (size_t i = 0; i < sources.size(); ++i) {
    auto refused = refusal(sources[i]);
    if (!refused)
      continue;
    encdec_status_free(status);
    if (i > 0)
      generate({sources.begin(), sources.begin() + i});
    throw Failure(refused->code, sources[i].where + ": " + refused->what());
  }
  check(status);
  return nullptr;
}

/// Why this source alone cannot be read, if so.
std::optional<Failure> Generator::refusal(const Source &source) const {
  constexpr std::string_view advice =
      "; shorten it, or pass --truncate to have it cut";
  if (fromIds) {
    if (source.ids.size() > info.max_positions && !arguments.truncate)
      return Failure(ENCDEC_ERROR_LIMIT,
                     fmt::format("the source has {} tokens, but this model has "
                                 "{} positions{}",
                                 source.ids.size(), info.max_positions,
                                 advice));
    for (int32_t id : source.ids)
      if (uint64_t(id) >= info.source_vocab_size)
        return usageFailure(fmt::format(
            "expected token ids below {}, the size of this model's source "
            "vocabulary, got {}",
            info.source_vocab_size, id));
    return std::nullopt;
  }
  uint64_t count = 0;
  try {
    check(encdec_tokenize(model.get(), source.text.data(), source.text.size(),
                          &options, nullptr, 0, &count));
  } catch (const Failure &failure) {
    std::string message = failure.what();
    // The library's own advice names its option struct; ours, the command's.
    if (size_t at = message.find("; shorten it"); at != message.npos)
      message = message.substr(0, at).append(advice);
    return Failure(failure.code, message);
  }
  return std::nullopt;
}

encdec_status *Generator::callIds(const std::vector<Source> &sources,
                                  encdec_result **result) {
  std::vector<int32_t> ids; // all sources laid end to end
  std::vector<uint64_t> offsets = {0};
  for (Source source : sources) {
    cut(source);
    ids.insert(ids.end(), source.ids.begin(), source.ids.end());
    offsets.push_back(ids.size());
  }
  return encdec_generate(state.get(), ids.data(), offsets.data(),
                         sources.size(), &options, result);
}

encdec_status *Generator::callTexts(const std::vector<Source> &sources,
                                    encdec_result **result) {
  std::vector<const char *> texts;
  std::vector<uint64_t> sizes;
  for (const Source &source : sources) {
    texts.push_back(source.text.data());
    sizes.push_back(source.text.size());
  }
  return encdec_generate_text(state.get(), texts.data(), sizes.data(),
                              sources.size(), &options, result);
}

/// With --truncate: ids beyond the model's positions go, an end token stays.
void Generator::cut(Source &source) const {
  auto &ids = source.ids;
  if (!arguments.truncate || ids.size() <= info.max_positions)
    return;
  int32_t last = ids.back();
  ids.resize(info.max_positions);
  const int32_t *ends = info.eos_token_ids;
  if (std::find(ends, ends + info.eos_token_count, last) !=
      ends + info.eos_token_count)
    ids.back() = last;
}

std::string Generator::textOf(const encdec_sequence &sequence) const {
  if (sequence.text)
    return {sequence.text, sequence.text_size};
  uint64_t size = 0;
  check(encdec_detokenize(model.get(), sequence.ids, sequence.id_count, nullptr,
                          0, &size));
  std::string text(size, 0);
  check(encdec_detokenize(model.get(), sequence.ids, sequence.id_count,
                          text.data(), text.size(), &size));
  return text;
}

nlohmann::ordered_json
Generator::toJson(const encdec_sequence &sequence) const {
  nlohmann::ordered_json all;
  all["ids"] =
      std::vector<int32_t>(sequence.ids, sequence.ids + sequence.id_count);
  all["text"] = nullptr;
  if (info.has_tokenizer)
    all["text"] = textOf(sequence);
  all["score"] = sequence.score;
  all["log_prob"] = sequence.log_prob;
  return all;
}

/// The hypotheses of one source, best first.
void Generator::emit(const Source &source,
                     const std::vector<encdec_sequence> &best) {
  if (!arguments.alignments.empty())
    drawPicture(source, best.front());
  if (arguments.json) {
    nlohmann::ordered_json line = toJson(best.front());
    if (best.size() > 1)
      for (const encdec_sequence &sequence : best)
        line["alternatives"].push_back(toJson(sequence));
    print(line.dump(-1, ' ', false,
                    nlohmann::ordered_json::error_handler_t::replace) +
          "\n");
    return;
  }
  for (const encdec_sequence &sequence : best) {
    const int32_t *ids = sequence.ids;
    std::string text =
        info.has_tokenizer
            ? textOf(sequence)
            : fmt::format("{}", fmt::join(ids, ids + sequence.id_count, " "));
    // One line a hypothesis, whatever the model says.
    std::replace(text.begin(), text.end(), '\n', ' ');
    print(text + "\n");
  }
}

/// Labels of ids: the tokenizer's pieces, or the numbers.
std::vector<std::string> Generator::pieces(bool target, const int32_t *ids,
                                           uint64_t count) const {
  std::vector<std::string> labels;
  for (uint64_t i = 0; i < count; ++i) {
    if (!info.has_tokenizer) {
      labels.push_back(std::to_string(ids[i]));
      continue;
    }
    uint64_t size = 0;
    check(encdec_piece(model.get(), target, ids[i], nullptr, 0, &size));
    std::string piece(size, 0);
    check(encdec_piece(model.get(), target, ids[i], piece.data(), piece.size(),
                       &size));
    labels.push_back(std::move(piece));
  }
  return labels;
}

/// FILE.svg for the first source, FILE-2.svg for the second, and so on.
void Generator::drawPicture(const Source &source,
                            const encdec_sequence &sequence) {
  AlignmentPicture picture;
  const uint64_t S = sequence.source_id_count, T = sequence.id_count;
  picture.sourcePieces = pieces(false, sequence.source_ids, S);
  picture.targetPieces = pieces(true, sequence.ids, T);
  picture.sourceText =
      fromIds ? fmt::format("{}", fmt::join(source.ids, " ")) : source.text;
  if (info.has_tokenizer)
    picture.targetText = textOf(sequence);
  picture.heads = sequence.heads;
  picture.layers = sequence.layers;
  picture.layer =
      arguments.alignmentLayer ? arguments.alignmentLayer : sequence.layers;
  const float *layer =
      sequence.probs + (picture.layer - 1) * picture.heads * T * S; // [H][T][S]
  picture.probs.assign(layer, layer + picture.heads * T * S);

  std::string path = arguments.alignments;
  if (++pictures > 1) {
    size_t name = path.find_last_of('/') + 1; // npos + 1 is 0
    size_t dot = path.find_last_of('.');
    if (dot == std::string::npos || dot <= name)
      dot = path.size();
    path.insert(dot, fmt::format("-{}", pictures));
  }
  keepModel(arguments.model, path, "--alignments");
  std::ofstream file(path, std::ios::binary);
  file << drawAlignments(picture);
  file.close();
  if (!file)
    throw Failure(ENCDEC_ERROR_FAILURE,
                  fmt::format("--alignments: cannot write {}", path));
}

void Generator::warn(const char *warnings) {
  std::istringstream lines(warnings);
  for (std::string line; std::getline(lines, line);)
    if (warned.insert(line).second)
      printWarning(line);
}

} // namespace

int generate(const GenerateArguments &arguments) {
  return Generator(arguments).run();
}

} // namespace encdec::tools
