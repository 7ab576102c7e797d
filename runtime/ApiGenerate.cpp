//===- ApiGenerate.cpp - the C API: whole sequences and text --------------===//

#include "runtime/ApiSupport.h"
#include "runtime/search/Driver.h"

#include <fmt/format.h>

#include <cmath>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

namespace {

struct Sequence : Generated {
  std::vector<int32_t> sourceIds;
  std::optional<std::string> text;
};

} // namespace

struct encdec_result {
  std::vector<Sequence> sequences;
  uint64_t layers, heads;
  std::string warnings;
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
  GenerateRequest request;
  static_assert(noLimit == ENCDEC_NONE);
  request.maxNewTokens = given(options.max_new_tokens);
  request.maxLength = given(options.max_length);
  auto least = [](int64_t value) {
    return value == ENCDEC_NONE ? std::optional<int64_t>(0) : given(value);
  };
  request.minNewTokens = least(options.min_new_tokens);
  request.minLength = least(options.min_length);
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
  request.badTokens.assign(options.bad_token_ids,
                           options.bad_token_ids + options.bad_token_count);
  request.probs = options.probs;
  request.scores = !options.no_scores;
  return request;
}

Result<const Tokenizer *> tokenizerOf(const Model &model) {
  if (!model.tokenizer)
    return usageError("this model has no tokenizer, so text cannot go in or out; "
                      "use ids");
  return model.tokenizer.get();
}

/// Ids of a text, cut or refused at the model's positions.
Result<std::vector<int32_t>> encodeText(const Model &model, std::string_view text,
                                        const encdec_generate_options &options,
                                        std::vector<std::string> *warnings) {
  ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
  EncodeOptions how;
  how.parseSpecialTokens = options.special_tokens;
  ENCDEC_ASSIGN_OR_RETURN(auto ids, tokenizer->encode(text, how, warnings));
  const uint64_t most = model.manifest.model.maxPositions;
  if (ids.size() > most) {
    if (!options.truncate)
      return Status(Code::Limit,
                    fmt::format("the text has {} tokens, more than the model's {} "
                                "positions; shorten it, or cut it with the option "
                                "truncate",
                                ids.size(), most));
    ids.resize(most);
    ids.back() = tokenizer->eosId();
  }
  return ids;
}

/// Generates, and keeps the sources beside the results.
Result<std::unique_ptr<encdec_result>> run(State &state, std::span<const int32_t> ids,
                                           std::span<const uint64_t> offsets,
                                           const encdec_generate_options &options) {
  ENCDEC_ASSIGN_OR_RETURN(GenerateRequest request, requestFrom(options));
  ENCDEC_ASSIGN_OR_RETURN(auto generated, generate(state, ids, offsets, request));
  auto result = std::make_unique<encdec_result>();
  result->layers = state.model->manifest.model.decoderLayers;
  result->heads = state.model->manifest.model.decoderHeads;
  for (size_t i = 0; i < generated.size(); ++i) {
    size_t b = i / request.returned;
    auto source = ids.subspan(offsets[b], offsets[b + 1] - offsets[b]);
    result->sequences.push_back(
        {std::move(generated[i]), {source.begin(), source.end()}, std::nullopt});
  }
  return result;
}

/// Up to `capacity` bytes; the whole size either way.
void copyOut(std::string_view from, char *text, uint64_t capacity, uint64_t *out_size) {
  if (capacity)
    std::memcpy(text, from.data(), std::min<uint64_t>(capacity, from.size()));
  *out_size = from.size();
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
    if (!state)
      return isNull("state");
    if (!offsets)
      return isNull("offsets");
    if (!ids && source_count)
      return isNull("ids");
    if (!out_result)
      return isNull("out_result");
    ENCDEC_RETURN_IF_ERROR(checkCount("source_count", source_count));
    ENCDEC_ASSIGN_OR_RETURN(auto chosen, chosenFrom(options));
    ENCDEC_ASSIGN_OR_RETURN(auto result,
                            run(*state->state, {ids, offsets[source_count]},
                                {offsets, source_count + 1}, chosen));
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
    if (!state)
      return isNull("state");
    if (!texts && text_count)
      return isNull("texts");
    if (!out_result)
      return isNull("out_result");
    ENCDEC_RETURN_IF_ERROR(checkCount("text_count", text_count));
    for (uint64_t i = 0; i < text_count; ++i)
      if (!texts[i])
        return isNull(fmt::format("texts[{}]", i).c_str());
    ENCDEC_ASSIGN_OR_RETURN(auto chosen, chosenFrom(options));
    const Model &model = *state->state->model;
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
    std::vector<int32_t> ids;
    std::vector<uint64_t> offsets{0};
    std::vector<std::string> warnings;
    for (uint64_t i = 0; i < text_count; ++i) {
      std::string_view text(texts[i],
                            text_sizes ? text_sizes[i] : std::strlen(texts[i]));
      auto encoded = encodeText(model, text, chosen, &warnings);
      if (!encoded.ok())
        return std::move(encoded).status().withContext(fmt::format("text {}", i));
      ids.insert(ids.end(), encoded->begin(), encoded->end());
      offsets.push_back(ids.size());
    }
    ENCDEC_ASSIGN_OR_RETURN(auto result, run(*state->state, ids, offsets, chosen));
    for (Sequence &sequence : result->sequences) {
      ENCDEC_ASSIGN_OR_RETURN(sequence.text, tokenizer->decode(sequence.ids));
    }
    for (const std::string &warning : warnings)
      result->warnings += (result->warnings.empty() ? "" : "\n") + warning;
    *out_result = result.release();
    return {};
  });
}

uint64_t encdec_result_count(const encdec_result *result) {
  return result ? result->sequences.size() : 0;
}

encdec_status *encdec_result_get(const encdec_result *result, uint64_t index,
                                 encdec_sequence *out_sequence) {
  return guarded([&]() -> Status {
    if (!result)
      return isNull("result");
    if (!out_sequence)
      return isNull("out_sequence");
    if (index >= result->sequences.size())
      return usageError(fmt::format("sequence {} of {}", index,
                                    result->sequences.size()));
    const Sequence &from = result->sequences[index];
    encdec_sequence value = {};
    value.ids = from.ids.data();
    value.id_count = from.ids.size();
    value.log_prob = from.logProb;
    value.score = from.score;
    value.text = from.text ? from.text->c_str() : nullptr;
    value.text_size = from.text ? from.text->size() : 0;
    value.source_ids = from.sourceIds.data();
    value.source_id_count = from.sourceIds.size();
    value.probs = from.probs.empty() ? nullptr : from.probs.data();
    value.layers = result->layers;
    value.heads = result->heads;
    return writeSized(out_sequence, value);
  });
}

const char *encdec_result_warnings(const encdec_result *result) {
  return result ? result->warnings.c_str() : "";
}

void encdec_result_free(encdec_result *result) { delete result; }

encdec_status *encdec_tokenize(const encdec_model *model, const char *text,
                               uint64_t text_size,
                               const encdec_generate_options *options, int32_t *ids,
                               uint64_t capacity, uint64_t *out_count) {
  return guarded([&]() -> Status {
    if (!model)
      return isNull("model");
    if (!text && text_size)
      return isNull("text");
    if (!ids && capacity)
      return isNull("ids");
    if (!out_count)
      return isNull("out_count");
    ENCDEC_ASSIGN_OR_RETURN(auto chosen, chosenFrom(options));
    ENCDEC_ASSIGN_OR_RETURN(
        auto made, encodeText(*model->model, {text, text_size}, chosen, nullptr));
    std::copy_n(made.begin(), std::min<uint64_t>(capacity, made.size()), ids);
    *out_count = made.size();
    return {};
  });
}

encdec_status *encdec_detokenize(const encdec_model *model, const int32_t *ids,
                                 uint64_t id_count, char *text, uint64_t capacity,
                                 uint64_t *out_size) {
  return guarded([&]() -> Status {
    if (!model)
      return isNull("model");
    if (!ids && id_count)
      return isNull("ids");
    if (!text && capacity)
      return isNull("text");
    if (!out_size)
      return isNull("out_size");
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(*model->model));
    ENCDEC_ASSIGN_OR_RETURN(std::string made, tokenizer->decode({ids, id_count}));
    copyOut(made, text, capacity, out_size);
    return {};
  });
}

encdec_status *encdec_piece(const encdec_model *model, uint32_t target_side, int32_t id,
                            char *text, uint64_t capacity, uint64_t *out_size) {
  return guarded([&]() -> Status {
    if (!model)
      return isNull("model");
    if (!text && capacity)
      return isNull("text");
    if (!out_size)
      return isNull("out_size");
    if (target_side > 1)
      return usageError(fmt::format("target_side is {}, expected 0 (source) or 1",
                                    target_side));
    const ModelFacts &sizes = model->model->manifest.model;
    const uint64_t count = target_side ? sizes.vocabSize : sizes.sourceVocabSize;
    if (id < 0 || uint64_t(id) >= count)
      return usageError(fmt::format("id is {}, expected 0 to {}, an id of that "
                                    "side's vocabulary",
                                    id, count - 1));
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(*model->model));
    auto pieces = target_side ? tokenizer->targetPieces({&id, 1})
                              : tokenizer->sourcePieces({&id, 1});
    copyOut(pieces.front(), text, capacity, out_size);
    return {};
  });
}

} // extern "C"
