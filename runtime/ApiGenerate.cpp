//===- ApiGenerate.cpp - the C API: whole sequences and text --------------===//

#include "runtime/ApiGeneration.h"
#include "runtime/ApiOptions.h"

#include <fmt/format.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

namespace {

/// The result of a call that adds `count` sources by `add(generation, index)`. An error
/// about one of them carries its index, and nothing was run then.
template <typename Add>
Result<std::unique_ptr<encdec_result>> generateAll(encdec_state &state, uint64_t count,
                                                   const encdec_options *options, Add add) {
  ENCDEC_RETURN_IF_ERROR(checkFree(state));
  ENCDEC_RETURN_IF_ERROR(checkDecoder(*state.state->model));
  encdec_generation generation(state);
  GenerationOptions wished = optionsOf(options);
  ENCDEC_RETURN_IF_ERROR(generation.check(wished));
  const int64_t firstId = wished.generation_id.value_or(0);
  for (uint64_t b = 0; b < count; ++b) {
    wished.generation_id = firstId + int64_t(b);
    if (Result<uint64_t> added = add(generation, b, wished); !added.ok())
      return std::move(added).status().withInput(b);
  }
  ENCDEC_RETURN_IF_ERROR(generation.finish());
  auto result = generation.makeResult();
  for (uint64_t b = 0; b < count; ++b) {
    ENCDEC_ASSIGN_OR_RETURN(result->sources.emplace_back(), generation.take(b));
  }
  return result;
}

/// The result's entry for `source`.
Result<const Output *> sourceOf(const encdec_result *result, uint64_t source) {
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
                               const encdec_options *options,
                               encdec_result **out_result) {
  if (out_result)
    *out_result = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"offsets", offsets},
                                       {"ids", ids, source_count},
                                       {"out_result", out_result}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("source_count", source_count));
    ENCDEC_RETURN_IF_ERROR(
        checkOffsets(offsets[source_count], {offsets, source_count + 1}));
    ENCDEC_ASSIGN_OR_RETURN(
        auto result,
        generateAll(*state, source_count, options,
                    [&](encdec_generation &generation, uint64_t b,
                        const GenerationOptions &wished) {
                      return generation.add({ids + offsets[b], ids + offsets[b + 1]}, {},
                                            wished);
                    }));
    *out_result = result.release();
    return {};
  });
}

encdec_status *encdec_generate_text(encdec_state *state, const char *const *texts,
                                    const uint64_t *text_sizes, uint64_t text_count,
                                    const encdec_options *options,
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
    ENCDEC_RETURN_IF_ERROR(tokenizerOf(*state->state->model).status());
    ENCDEC_ASSIGN_OR_RETURN(
        auto result,
        generateAll(*state, text_count, options,
                    [&](encdec_generation &generation, uint64_t b,
                        const GenerationOptions &wished) {
                      const uint64_t size =
                          text_sizes ? text_sizes[b] : std::strlen(texts[b]);
                      return generation.addText({texts[b], size}, {}, wished);
                    }));
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
    ENCDEC_ASSIGN_OR_RETURN(const Output *from, sourceOf(result, source));
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
    ENCDEC_ASSIGN_OR_RETURN(const Output *of, sourceOf(result, source));
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
                               const encdec_options *options, int32_t *ids,
                               uint64_t capacity, uint64_t *out_count) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"text", text, text_size},
                                       {"ids", ids, capacity},
                                       {"out_count", out_count}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("text_size", text_size));
    const GenerationOptions &chosen = optionsOf(options);
    ENCDEC_ASSIGN_OR_RETURN(Input source,
                            readText(*model->model, {text, text_size}, chosen));
    ENCDEC_RETURN_IF_ERROR(fit(*model->model, chosen.truncate.value_or(false), source));
    std::copy_n(source.ids.begin(),
                std::min<uint64_t>(capacity, source.ids.size()), ids);
    *out_count = source.ids.size();
    return {};
  });
}

} // extern "C"
