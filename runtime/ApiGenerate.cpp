//===- ApiGenerate.cpp - the C API: whole sequences and text --------------===//

#include "runtime/ApiSupport.h"
#include "runtime/search/Generator.h"
#include "runtime/text/Utf8.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

namespace {

struct Sequence : Generated {
  std::optional<std::string> text;
};

/// What was read of one source and what was made of it.
struct Source {
  std::vector<int32_t> ids;
  uint64_t cut = 0; ///< Ids that truncation has cut off.
  std::string warnings;
  std::vector<Sequence> sequences;

  void warn(std::string_view sentence) {
    warnings.append(warnings.empty() ? "" : "\n").append(sentence);
  }
};

} // namespace

struct encdec_result {
  std::vector<Source> sources;
  uint64_t layers, heads;
};

namespace {

template <typename Number> std::optional<Number> given(Number value) {
  if (value == Number(ENCDEC_FROM_MODEL))
    return std::nullopt;
  return value;
}

Result<encdec_generate_options> chosenFrom(const encdec_generate_options *options) {
  return readSized(options, encdec_generate_options_default(), "options");
}

Result<GenerateRequest> requestFrom(const encdec_generate_options &options) {
  for (int64_t value : {options.max_new_tokens, options.max_length,
                        options.min_new_tokens, options.min_length})
    if (value < ENCDEC_NONE)
      return usageError(fmt::format("a length option is {}, expected a count, "
                                    "ENCDEC_FROM_MODEL or ENCDEC_NONE",
                                    value));
  for (int32_t token : {options.forced_bos_token_id, options.forced_eos_token_id})
    if (token < ENCDEC_NONE)
      return usageError(fmt::format("a forced token is {}, expected an id, "
                                    "ENCDEC_FROM_MODEL or ENCDEC_NONE",
                                    token));
  for (int64_t size :
       {options.no_repeat_ngram_size, options.encoder_no_repeat_ngram_size})
    if (size < ENCDEC_FROM_MODEL)
      return usageError(fmt::format("an n-gram size is {}, expected a count, 0 (off) or "
                                    "ENCDEC_FROM_MODEL",
                                    size));
  GenerateRequest request;
  static_assert(noLimit == ENCDEC_NONE);
  request.maxNewTokens = given(options.max_new_tokens);
  request.maxLength = given(options.max_length);
  request.minNewTokens = given(options.min_new_tokens);
  request.minLength = given(options.min_length);
  request.forcedBos = given(options.forced_bos_token_id);
  request.forcedEos = given(options.forced_eos_token_id);
  if (!std::isnan(options.length_penalty))
    request.lengthPenalty = options.length_penalty;
  if (options.early_stopping < ENCDEC_FROM_MODEL ||
      options.early_stopping > ENCDEC_EARLY_STOPPING_NEVER)
    return usageError(fmt::format("early_stopping is {}, expected 0 (no), 1 (yes), "
                                  "2 (never) or ENCDEC_FROM_MODEL",
                                  options.early_stopping));
  constexpr EarlyStopping ways[] = {EarlyStopping::no, EarlyStopping::yes,
                                    EarlyStopping::never};
  if (options.early_stopping != ENCDEC_FROM_MODEL)
    request.earlyStopping = ways[options.early_stopping];
  if (options.num_beams)
    request.beams = options.num_beams;
  request.returned = options.num_return_sequences;
  if (options.bad_token_count && !options.bad_token_ids)
    return isNull("options.bad_token_ids");
  ENCDEC_RETURN_IF_ERROR(
      checkCount("options.bad_token_count", options.bad_token_count));
  request.badTokens.assign(options.bad_token_ids,
                           options.bad_token_ids + options.bad_token_count);
  request.noRepeatNgramSize = given(options.no_repeat_ngram_size);
  request.encoderNoRepeatNgramSize = given(options.encoder_no_repeat_ngram_size);
  request.probs = options.probs;
  request.scores = !options.no_scores;
  return request;
}

/// Has the target language begin what is generated, as far as the model wants that. A
/// call's own forced token is overridden by a language that the call names, never by the
/// model's default language.
Status forceLanguage(const Model &model, const encdec_generate_options &options,
                     GenerateRequest &request) {
  if (!options.target_language)
    return {};
  ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
  EncodeOptions how;
  ENCDEC_RETURN_IF_ERROR(
      chooseLanguages(*tokenizer, nullptr, options.target_language, how));
  const auto tokens = tokenizer->decoderTokens(how.targetLanguage,
                                               *model.manifest.generation.decoder_start_token_id);
  if (tokens.forcedFirst)
    request.forcedBos = tokens.forcedFirst;
  request.decoderStart = tokens.start;
  for (const auto &token : {tokens.forcedFirst, tokens.start})
    if (token && uint64_t(*token) >= model.manifest.model.vocabSize)
      return badModel(fmt::format("the target language has id {}, the model's target "
                                  "vocabulary ends at {}",
                                  *token, model.manifest.model.vocabSize - 1));
  return {};
}

/// Ids of a text, with nothing cut.
Result<Source> readText(const Model &model, std::string_view text,
                        const encdec_generate_options &options) {
  ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
  EncodeOptions how;
  how.parseSpecialTokens = options.special_tokens;
  ENCDEC_RETURN_IF_ERROR(chooseLanguages(*tokenizer, options.source_language,
                                         options.target_language, how));
  Source source;
  ENCDEC_ASSIGN_OR_RETURN(Encoding encoding, tokenizer->encode(text, how));
  source.ids = std::move(encoding.ids);
  for (const std::string &warning : encoding.warnings)
    source.warn(warning);
  if (!isValidUtf8(text))
    source.warn(
        "the text is not all UTF-8; a byte that is not is read as U+FFFD");
  return source;
}

/// How many ids at the end of a source follow its text: an end token, and the language
/// code that some families put behind it ("x </s> lang").
size_t closingIds(const Model &model, std::span<const int32_t> ids) {
  const option::Tokens ends = model.manifest.generation.eos_token_id.value_or(option::Tokens());
  for (size_t count = 1; count <= std::min<size_t>(ids.size(), 2); ++count) {
    const int32_t id = ids[ids.size() - count];
    if ((model.tokenizer && id == model.tokenizer->eosId()) ||
        std::find(ends.begin(), ends.end(), id) != ends.end())
      return count;
  }
  return 0;
}

/// A source beyond the model's positions is refused, or its text is cut at the end, so
/// that the ids around the text stay.
Status fit(const Model &model, bool truncate, Source &source) {
  const uint64_t most = model.manifest.model.maxPositions;
  std::vector<int32_t> &ids = source.ids;
  if (ids.size() <= most)
    return {};
  if (!truncate)
    return overLimit(
        fmt::format("the source has {} tokens, more than the model's {} "
                    "positions; shorten it or have it cut (truncate); a model whose "
                    "family has no limit can be compiled for more (--max-source-tokens)",
                    ids.size(), most));
  source.cut = ids.size() - most;
  const auto closing = int64_t(std::min(closingIds(model, ids), most));
  ids.erase(ids.end() - closing - int64_t(source.cut), ids.end() - closing);
  source.warn(fmt::format(
      "the source has {} tokens, more than the model's {} positions: "
      "{} were cut off",
      most + source.cut, most, source.cut));
  return {};
}

/// Keeps what was found for a source, with words for what is missing.
void keep(Source &source, std::vector<Generated> found, uint64_t asked,
          double lengthPenalty) {
  constexpr std::string_view why =
      "no further token had a log-probability above -inf (the model's "
      "numbers overflow, or what is banned leaves none to choose)";
  if (found.empty())
    source.warn(fmt::format("no finite hypothesis was found: {}", why));
  else if (found.size() < asked)
    source.warn(fmt::format("{} of {} hypotheses were found: {}", found.size(),
                            asked, why));
  for (Generated &one : found) {
    if (std::isinf(one.score) || (one.score == 0 && one.logProb != 0)) {
      source.warn(
          fmt::format("length_penalty {} takes the score of {} tokens to {}, "
                      "which orders no hypotheses; choose one nearer to 1",
                      lengthPenalty, one.ids.size(), std::abs(one.score)));
      one.score = std::numeric_limits<double>::quiet_NaN();
    }
    source.sequences.push_back({std::move(one), std::nullopt});
  }
}

/// Generates from the sources, which the result then owns.
Result<std::unique_ptr<encdec_result>>
run(State &state, std::vector<Source> sources,
    const encdec_generate_options &options) {
  ENCDEC_ASSIGN_OR_RETURN(GenerateRequest request, requestFrom(options));
  ENCDEC_RETURN_IF_ERROR(forceLanguage(*state.model, options, request));
  std::vector<int32_t> ids;
  std::vector<uint64_t> offsets{0};
  for (size_t b = 0; b < sources.size(); ++b) {
    ENCDEC_RETURN_IF_ERROR(
        fit(*state.model, options.truncate, sources[b]).withInput(b));
    ids.insert(ids.end(), sources[b].ids.begin(), sources[b].ids.end());
    offsets.push_back(ids.size());
  }
  ENCDEC_ASSIGN_OR_RETURN(auto generated, generate(state, ids, offsets, request));
  const Manifest &manifest = state.model->manifest;
  for (size_t b = 0; b < sources.size(); ++b)
    keep(sources[b], std::move(generated[b]), request.returned,
         request.lengthPenalty.value_or(manifest.generation.length_penalty.value_or(1)));
  auto result = std::make_unique<encdec_result>();
  result->sources = std::move(sources);
  result->layers = manifest.model.decoderLayers;
  result->heads = manifest.model.decoderHeads;
  return result;
}

/// The result's entry for `source`.
Result<const Source *> sourceOf(const encdec_result *result, uint64_t source) {
  if (!result)
    return isNull("result");
  if (source >= result->sources.size())
    return usageError(
        fmt::format("source {} was asked for, but the result has {}", source,
                    result->sources.size()));
  return &result->sources[source];
}

} // namespace

extern "C" {

encdec_status *encdec_generate(encdec_state *state, const int32_t *ids,
                               const uint64_t *offsets, uint64_t source_count,
                               const encdec_generate_options *options,
                               encdec_result **out_result) {
  if (out_result)
    *out_result = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"offsets", offsets},
                                       {"ids", ids, source_count},
                                       {"out_result", out_result}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("source_count", source_count));
    ENCDEC_ASSIGN_OR_RETURN(auto chosen, chosenFrom(options));
    if (chosen.source_language)
      return usageError("source_language is given with ids, which hold what stands for it "
                        "already; leave it out");
    ENCDEC_RETURN_IF_ERROR(
        checkOffsets(offsets[source_count], {offsets, source_count + 1}));
    std::vector<Source> sources(source_count);
    for (uint64_t b = 0; b < source_count; ++b)
      sources[b].ids.assign(ids + offsets[b], ids + offsets[b + 1]);
    ENCDEC_ASSIGN_OR_RETURN(auto result,
                            run(*state->state, std::move(sources), chosen));
    *out_result = result.release();
    return {};
  });
}

encdec_status *encdec_generate_text(encdec_state *state, const char *const *texts,
                                    const uint64_t *text_sizes, uint64_t text_count,
                                    const encdec_generate_options *options,
                                    encdec_result **out_result) {
  if (out_result)
    *out_result = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"texts", texts, text_count},
                                       {"out_result", out_result}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("text_count", text_count));
    for (uint64_t i = 0; i < text_count; ++i) {
      if (!texts[i])
        return isNull(fmt::format("texts[{}]", i).c_str());
      if (text_sizes)
        ENCDEC_RETURN_IF_ERROR(
            checkCount("text_sizes", text_sizes[i]).withInput(i));
    }
    ENCDEC_ASSIGN_OR_RETURN(auto chosen, chosenFrom(options));
    const Model &model = *state->state->model;
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
    std::vector<Source> sources;
    for (uint64_t i = 0; i < text_count; ++i) {
      std::string_view text(texts[i],
                            text_sizes ? text_sizes[i] : std::strlen(texts[i]));
      auto source = readText(model, text, chosen);
      if (!source.ok())
        return std::move(source).status().withInput(i);
      sources.push_back(std::move(*source));
    }
    ENCDEC_ASSIGN_OR_RETURN(auto result,
                            run(*state->state, std::move(sources), chosen));
    for (Source &source : result->sources)
      for (Sequence &sequence : source.sequences) {
        ENCDEC_ASSIGN_OR_RETURN(sequence.text, tokenizer->decode(sequence.ids));
      }
    *out_result = result.release();
    return {};
  });
}

uint64_t encdec_result_count(const encdec_result *result) {
  return result ? result->sources.size() : 0;
}

encdec_status *encdec_result_source(const encdec_result *result,
                                    uint64_t source,
                                    encdec_source *out_source) {
  return guarded([&]() -> Status {
    ENCDEC_ASSIGN_OR_RETURN(const Source *from, sourceOf(result, source));
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"out_source", out_source}}));
    encdec_source value = {};
    value.ids = from->ids.data();
    value.id_count = from->ids.size();
    value.cut_count = from->cut;
    value.sequence_count = from->sequences.size();
    value.warnings = from->warnings.c_str();
    return writeSized(out_source, value);
  });
}

encdec_status *encdec_result_get(const encdec_result *result, uint64_t source,
                                 uint64_t rank, encdec_sequence *out_sequence) {
  return guarded([&]() -> Status {
    ENCDEC_ASSIGN_OR_RETURN(const Source *of, sourceOf(result, source));
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"out_sequence", out_sequence}}));
    if (rank >= of->sequences.size())
      return usageError(
          fmt::format("sequence {} of source {} was asked for, but {} "
                      "were found",
                      rank, source, of->sequences.size()));
    const Sequence &from = of->sequences[rank];
    encdec_sequence value = {};
    value.ids = from.ids.data();
    value.id_count = from.ids.size();
    value.log_prob = from.logProb;
    value.score = from.score;
    value.text = from.text ? from.text->c_str() : nullptr;
    value.text_size = from.text ? from.text->size() : 0;
    value.probs = from.probs.empty() ? nullptr : from.probs.data();
    value.layers = result->layers;
    value.heads = result->heads;
    return writeSized(out_sequence, value);
  });
}

void encdec_result_free(encdec_result *result) { delete result; }

encdec_status *encdec_tokenize(const encdec_model *model, const char *text,
                               uint64_t text_size,
                               const encdec_generate_options *options, int32_t *ids,
                               uint64_t capacity, uint64_t *out_count) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"text", text, text_size},
                                       {"ids", ids, capacity},
                                       {"out_count", out_count}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("text_size", text_size));
    ENCDEC_ASSIGN_OR_RETURN(auto chosen, chosenFrom(options));
    ENCDEC_ASSIGN_OR_RETURN(Source source,
                            readText(*model->model, {text, text_size}, chosen));
    ENCDEC_RETURN_IF_ERROR(fit(*model->model, chosen.truncate, source));
    std::copy_n(source.ids.begin(),
                std::min<uint64_t>(capacity, source.ids.size()), ids);
    *out_count = source.ids.size();
    return {};
  });
}

} // extern "C"
