//===- Generator.cpp - runs a search on a state ---------------------------===//

#include "runtime/search/Generator.h"

#include "runtime/search/Beam.h"
#include "runtime/search/Greedy.h"
#include "runtime/search/Processors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace encdec::runtime {

namespace {

Status notAnId(const char *what, int32_t id, uint64_t vocabulary) {
  return usageError(fmt::format("{} {} is outside the vocabulary 0 ... {}",
                                what, id, vocabulary - 1));
}

/// Collects the probabilities of one batch step by step.
class ProbsRecorder {
public:
  explicit ProbsRecorder(const State &state)
      : state(state), sizes(state.model->manifest.model) {}

  /// Keeps the probabilities of this step: [L * H][S] for each row, one row
  /// after the other.
  void record(const Search &search) {
    Step &step = steps.emplace_back();
    for (size_t row = 0; row < state.rows(); ++row) {
      step.first.push_back(step.probs.size());
      for (uint64_t plane = 0; plane < planes(); ++plane) {
        const float *from =
            state.probs() + (plane * state.rows() + row) * state.probsStride();
        step.probs.insert(step.probs.end(), from,
                          from + state.sourceLength(search.sourceOf(row)));
      }
    }
  }

  /// The probabilities of a hypothesis of `source`, put together as
  /// [L][H][T][S].
  std::vector<float> take(size_t source, const Hypothesis &hypothesis) const {
    const uint64_t length = state.sourceLength(source),
                   tokens = hypothesis.ids.size();
    std::vector<float> probs(planes() * tokens * length);
    for (uint64_t t = 0; t < hypothesis.rows.size(); ++t) {
      const Step &step = steps[t];
      auto made = step.probs.begin() + int64_t(step.first[hypothesis.rows[t]]);
      for (uint64_t plane = 0; plane < planes(); ++plane)
        std::copy_n(made + int64_t(plane * length), length,
                    probs.begin() + int64_t((plane * tokens + t) * length));
    }
    return probs;
  }

private:
  struct Step {
    std::vector<size_t> first; ///< Where each row begins in `probs`.
    std::vector<float> probs;
  };
  uint64_t planes() const { return sizes.decoderLayers * sizes.decoderHeads; }

  const State &state;
  const ModelInfo &sizes;
  std::vector<Step> steps;
};

std::unique_ptr<Search> makeSearch(const SearchOptions &options) {
  if (options.beams == 1)
    return std::make_unique<GreedySearch>(options);
  return std::make_unique<BeamSearch>(options);
}

/// Generates from the sources of `offsets` in one batch; appends an entry for
/// each to `results`.
Status generatePortion(State &state, std::span<const int32_t> ids,
                       std::span<const uint64_t> offsets,
                       const SearchOptions &options, const GenerateRequest &request,
                       std::vector<std::vector<Generated>> &results) {
  const size_t count = offsets.size() - 1;
  std::vector<uint64_t> own(offsets.begin(), offsets.end());
  for (uint64_t &offset : own)
    offset -= offsets[0];
  ids = ids.subspan(offsets[0], own.back());
  ENCDEC_RETURN_IF_ERROR(state.encode(ids, own));
  std::unique_ptr<Search> search = makeSearch(options);
  ProbsRecorder recorder(state);
  const uint64_t rows = count * options.beams;
  Processors processors(options, ids, own, rows);
  Bans bans(state.biases(), state.logitsStride(), options, rows, processors.mostBans());
  NextStep next = search->start(count);
  while (!next.tokens.empty()) {
    ENCDEC_RETURN_IF_ERROR(state.reorder(next.parents));
    StepInput input;
    input.tokens = next.tokens;
    input.topK = search->candidates();
    bans.begin(next.tokens.size(), next.forbidEos);
    processors.process(next, *search, bans);
    input.logitBias = state.biases().data();
    input.biasRows = state.biases().size() / state.logitsStride();
    input.rowBias = bans.rowBias();
    input.probs = request.probs;
    input.logProbs = options.scores || options.beams > 1;
    ENCDEC_RETURN_IF_ERROR(state.step(input));
    if (request.probs)
      recorder.record(*search);
    next = search->advance(state.topTokens(), state.topLogProbs());
  }
  for (size_t source = 0; source < count; ++source) {
    std::vector<Generated> &found = results.emplace_back();
    for (Hypothesis &hypothesis : search->take(source)) {
      Generated &result =
          found.emplace_back(Generated{std::move(hypothesis), {}});
      if (request.probs)
        result.probs = recorder.take(source, result);
    }
  }
  return {};
}

Status resolveLengthPenalty(const GenerateRequest &request,
                            const GenerationOptions &defaults, SearchOptions &options) {
  options.lengthPenalty = request.lengthPenalty.value_or(defaults.length_penalty.value_or(1));
  if (std::isfinite(options.lengthPenalty))
    return {};
  return usageError(fmt::format("length_penalty is {}, expected a finite number",
                                options.lengthPenalty));
}

/// The length, start token included, that an option asks for: `value` + `extra`. Limit
/// where there are not so many positions.
Result<uint64_t> askedLength(int64_t value, uint64_t extra, const char *name,
                             uint64_t maxTargetPositions) {
  if (value < 1)
    return usageError(fmt::format("{} is {}, expected at least 1", name, value));
  uint64_t length = uint64_t(value) + extra;
  if (length > maxTargetPositions + 1)
    return overLimit(fmt::format("{} is {}, more than the {} target positions that "
                                 "this model or state has room for",
                                 name, value, maxTargetPositions));
  return length;
}

/// A limit of new tokens takes precedence over one of the whole length, and the
/// caller's over the model's. The last token is never fed back, so n positions
/// suffice for n new tokens, which with the start token are a length of n + 1.
Status resolveMaximum(const GenerateRequest &request, const GenerationOptions &defaults,
                      uint64_t maxTargetPositions, SearchOptions &options) {
  auto limits = [](const std::optional<int64_t> &value) {
    return value && *value != noLimit;
  };
  if (limits(request.maxNewTokens)) {
    ENCDEC_ASSIGN_OR_RETURN(options.maxLength,
                            askedLength(*request.maxNewTokens, 1, "max_new_tokens",
                                        maxTargetPositions));
  } else if (limits(request.maxLength)) {
    ENCDEC_ASSIGN_OR_RETURN(
        options.maxLength,
        askedLength(*request.maxLength, 0, "max_length", maxTargetPositions));
  } else {
    const uint64_t most = maxTargetPositions + 1;
    uint64_t length = most;
    if (!request.maxNewTokens && defaults.max_new_tokens)
      length = uint64_t(*defaults.max_new_tokens) + 1;
    else if (!request.maxLength)
      length = uint64_t(defaults.max_length.value_or(int64_t(most)));
    options.maxLength = std::min(most, length);
  }
  if (options.maxLength < 2)
    return usageError(fmt::format("max_length is {}, which leaves no token to "
                                  "generate after the start token",
                                  options.maxLength));
  return {};
}

/// A minimum in tokens, start token included. The model's own may be greater than
/// the maximum, which is resolved before: then no row ends before the maximum. As in
/// Transformers, one of new tokens overrides one of the whole length.
Status resolveMinimum(const GenerateRequest &request, const GenerationOptions &defaults,
                      uint64_t maxTargetPositions, SearchOptions &options) {
  auto least = [&](const std::optional<int64_t> &value, uint64_t fallback,
                   uint64_t extra, const char *name) -> Result<uint64_t> {
    const uint64_t allowed = options.maxLength - extra;
    if (value && *value > int64_t(allowed))
      return usageError(fmt::format("{} is {}, more than the {} that max_length, "
                                    "max_new_tokens and the model's positions allow",
                                    name, *value, allowed));
    const uint64_t number =
        value ? uint64_t(std::max<int64_t>(*value, 0)) : fallback;
    return number ? std::min(number, maxTargetPositions + 1) + extra : 0;
  };
  ENCDEC_ASSIGN_OR_RETURN(const uint64_t minNew,
                          least(request.minNewTokens, uint64_t(defaults.min_new_tokens.value_or(0)),
                                1, "min_new_tokens"));
  ENCDEC_ASSIGN_OR_RETURN(
      const uint64_t minWhole,
      least(request.minLength, uint64_t(defaults.min_length.value_or(0)), 0, "min_length"));
  const bool countsNew = request.minNewTokens ? *request.minNewTokens != noLimit
                                              : defaults.min_new_tokens.has_value();
  options.minLength = countsNew ? minNew : minWhole;
  return {};
}

Status resolveForced(const GenerateRequest &request, const GenerationOptions &defaults,
                     uint64_t vocabulary, SearchOptions &options) {
  options.forcedBos = request.forcedBos ? request.forcedBos : defaults.forced_bos_token_id;
  if (request.forcedEos)
    options.forcedEos = request.forcedEos;
  else if (const auto &ends = defaults.forced_eos_token_id) // of several the lowest id wins the tie
    options.forcedEos =
        *std::min_element(ends->begin(), ends->end());
  for (auto *forced : {&options.forcedBos, &options.forcedEos}) {
    if (*forced && **forced < 0)
      forced->reset();
    if (*forced && uint64_t(**forced) >= vocabulary)
      return notAnId("forced token", **forced, vocabulary);
  }
  return {};
}

Status resolveBeams(const GenerateRequest &request, const GenerationOptions &defaults,
                    SearchOptions &options) {
  options.beams = request.beams.value_or(uint64_t(defaults.num_beams.value_or(1)));
  options.returned = request.returned;
  options.earlyStopping =
      request.earlyStopping.value_or(defaults.early_stopping.value_or(EarlyStopping::no));
  if (options.beams < 1)
    return usageError("num_beams is 0, expected at least 1");
  if (options.returned < 1 || options.returned > options.beams)
    return usageError(
        fmt::format("num_return_sequences is {}, expected 1 ... {} "
                    "(num_beams)",
                    options.returned, options.beams));
  const uint64_t most = ENCDEC_ABI_MAX_BEAMS(options.eos.size());
  if (options.beams > most)
    return overLimit(
        fmt::format("num_beams {} is more than the {} that a step can "
                    "find candidates for; ask for fewer (1: greedy)",
                    options.beams, most));
  return {};
}

Status resolveBadTokens(const GenerateRequest &request,
                        const GenerationOptions &defaults, uint64_t vocabulary,
                        SearchOptions &options) {
  for (const auto &word : defaults.bad_words_ids.value_or(option::TokenLists()))
    if (word.size() == 1)
      options.badTokens.push_back(word[0]);
  for (int32_t token : request.badTokens) {
    if (token < 0 || uint64_t(token) >= vocabulary)
      return notAnId("bad token", token, vocabulary);
    options.badTokens.push_back(token);
  }
  // As in Transformers, an end token among the bad tokens does not count.
  std::erase_if(options.badTokens, [&](int32_t token) {
    return std::count(options.eos.begin(), options.eos.end(), token) != 0;
  });
  return {};
}

} // namespace

Result<SearchOptions> resolve(const GenerateRequest &request,
                              const Manifest &manifest,
                              uint64_t maxTargetPositions) {
  const GenerationOptions &defaults = manifest.generation;
  const uint64_t vocabulary = manifest.model.vocabSize;
  SearchOptions options;
  options.scores = request.scores;
  options.decoderStart = request.decoderStart.value_or(*defaults.decoder_start_token_id);
  options.eos = defaults.eos_token_id.value_or(option::Tokens());
  ENCDEC_RETURN_IF_ERROR(resolveLengthPenalty(request, defaults, options));
  ENCDEC_RETURN_IF_ERROR(resolveMaximum(request, defaults, maxTargetPositions, options));
  ENCDEC_RETURN_IF_ERROR(resolveMinimum(request, defaults, maxTargetPositions, options));
  ENCDEC_RETURN_IF_ERROR(resolveForced(request, defaults, vocabulary, options));
  ENCDEC_RETURN_IF_ERROR(resolveBeams(request, defaults, options));
  ENCDEC_RETURN_IF_ERROR(resolveBadTokens(request, defaults, vocabulary, options));
  options.noRepeatNgramSize =
      request.noRepeatNgramSize.value_or(uint64_t(defaults.no_repeat_ngram_size.value_or(0)));
  options.encoderNoRepeatNgramSize =
      request.encoderNoRepeatNgramSize.value_or(uint64_t(defaults.encoder_no_repeat_ngram_size.value_or(0)));
  return options;
}

Result<std::vector<std::vector<Generated>>>
generate(State &state, std::span<const int32_t> ids,
         std::span<const uint64_t> offsets, const GenerateRequest &request) {
  ENCDEC_RETURN_IF_ERROR(checkDecoder(*state.model));
  if (request.probs && !state.limits.probs)
    return usageError(
        "probs were asked for, but the state was made without room "
        "for them; create it with probs = 1");
  ENCDEC_ASSIGN_OR_RETURN(
      SearchOptions options,
      resolve(request, state.model->manifest, state.limits.maxTargetPositions));
  if (options.beams > state.limits.maxRows)
    return overLimit(
        fmt::format("num_beams {} is more than the {} rows of this state "
                    "(max_rows); make one with more, or ask for fewer "
                    "beams (1: greedy)",
                    options.beams, state.limits.maxRows));
  const size_t most =
      std::min(state.limits.maxRows / options.beams, state.limits.maxSources);
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  // All sources are checked before the first portion is run.
  ENCDEC_RETURN_IF_ERROR(state.checkSources(ids, offsets));
  std::vector<std::vector<Generated>> results;
  results.reserve(count);
  for (size_t first = 0; first < count;) {
    size_t last = first;
    for (uint64_t places = 0; last < count && last - first < most; ++last) {
      places += roundUp16(offsets[last + 1] - offsets[last]);
      if (last > first && places > state.limits.maxSourceTokens)
        break;
    }
    ENCDEC_RETURN_IF_ERROR(
        generatePortion(state, ids, offsets.subspan(first, last - first + 1),
                        options, request, results));
    first = last;
  }
  return results;
}

} // namespace encdec::runtime
