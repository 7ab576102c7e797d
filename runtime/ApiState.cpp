//===- ApiState.cpp - the C API: driving a model step by step -------------===//

#include "runtime/ApiSupport.h"
#include "runtime/exec/Machine.h"
#include "runtime/exec/Pool.h"

#include <fmt/format.h>

#include <algorithm>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

static_assert(prefillRows == ENCDEC_MAX_PREFILL);

namespace {

/// Whether the last encode left its output.
Status checkStates(const State &state) {
  if (!state.limits.encoderStates)
    return usageError("the state was made without room for the encoder's output; create it "
                      "with encoder_states = 1");
  if (!state.encodedRows())
    return usageError("nothing is encoded; call encdec_encode first");
  return {};
}

} // namespace

extern "C" {

encdec_status *encdec_state_create(encdec_model *model,
                                   const encdec_state_options *options,
                                   encdec_state **out_state) {
  if (out_state)
    *out_state = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"out_state", out_state}}));
    ENCDEC_ASSIGN_OR_RETURN(
        auto wanted, readSized(options, encdec_state_options_default(), "options"));
    StateLimits limits;
    limits.maxRows = wanted.max_rows;
    limits.maxSources = wanted.max_sources;
    limits.maxSourceTokens = wanted.max_source_tokens;
    limits.maxTargetPositions = wanted.max_target_positions;
    // More than can run at once would take turns at every barrier. A number that no
    // state may have is refused, not lowered.
    limits.threads = wanted.threads <= maxThreads
                         ? std::min(wanted.threads, defaultThreads())
                         : wanted.threads;
    limits.maxMemory = wanted.max_memory;
    limits.probs = wanted.probs;
    limits.encoderStates = wanted.encoder_states;
    ENCDEC_ASSIGN_OR_RETURN(auto state, State::create(model->model, limits));
    *out_state = new encdec_state{std::move(state)};
    return {};
  });
}

void encdec_state_destroy(encdec_state *state) { delete state; }

encdec_status *encdec_state_get_info(const encdec_state *state, encdec_state_info *info) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"info", info}}));
    const State &from = *state->state;
    encdec_state_info value = {};
    value.rows = from.rows();
    value.sources = from.encodedSources();
    value.threads = from.team->workers();
    value.reserved_bytes = from.reservedBytes();
    value.encode_calls = from.counters.encodeCalls;
    value.encoded_sources = from.counters.encodedSources;
    value.encoded_tokens = from.counters.encodedTokens;
    value.steps = from.counters.steps;
    value.step_rows = from.counters.stepRows;
    value.prefills = from.counters.prefills;
    value.prefill_tokens = from.counters.prefillTokens;
    value.sketched_steps = from.counters.sketchedSteps;
    value.candidate_blocks = from.counters.candidateBlocks;
    return writeSized(info, value);
  });
}

encdec_status *encdec_state_run(encdec_state *state,
                                void (*function)(void *data, uint32_t worker,
                                                 uint32_t workers),
                                void *data) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"function", function}}));
    return state->state->team->run(function, data);
  });
}

encdec_status *encdec_encode(encdec_state *state, const int32_t *ids,
                             const uint64_t *offsets, uint64_t source_count) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"ids", ids},
                                       {"offsets", offsets}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    ENCDEC_RETURN_IF_ERROR(checkCount("source_count", source_count));
    return state->state->encode({ids, offsets[source_count]},
                                {offsets, source_count + 1});
  });
}

encdec_status *encdec_join(encdec_state *state, const int32_t *ids, const uint64_t *offsets,
                           uint64_t source_count, const uint64_t *rows) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"ids", ids}, {"offsets", offsets},
                                       {"rows", rows}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    ENCDEC_RETURN_IF_ERROR(checkCount("source_count", source_count));
    return state->state->join({ids, offsets[source_count]}, {offsets, source_count + 1},
                              {rows, source_count});
  });
}

encdec_status *encdec_prefill(encdec_state *state, uint64_t row, const int32_t *tokens,
                              uint64_t token_count, const float **out_logits,
                              uint64_t *out_stride) {
  if (out_logits)
    *out_logits = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"tokens", tokens},
                                       {"out_stride", out_stride, out_logits ? 1u : 0u}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    ENCDEC_RETURN_IF_ERROR(checkCount("token_count", token_count));
    State &to = *state->state;
    ENCDEC_RETURN_IF_ERROR(to.prefill(row, {tokens, token_count}, out_logits));
    if (out_logits) {
      *out_logits = to.logits();
      *out_stride = to.logitsStride();
    }
    return {};
  });
}

encdec_status *encdec_get_encoder_states(const encdec_state *state,
                                         encdec_encoder_states *out_states) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"out_states", out_states}}));
    const State &from = *state->state;
    ENCDEC_RETURN_IF_ERROR(checkStates(from));
    encdec_encoder_states value = {};
    value.states = from.encoderStates();
    value.row_count = from.encodedRows();
    value.width = from.model->manifest.model.dModel;
    value.stride = from.statesStride();
    return writeSized(out_states, value);
  });
}

encdec_status *encdec_pool_encoder_states(const encdec_state *state, uint32_t pooling,
                                          float *vectors, uint64_t capacity) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"vectors", vectors}}));
    if (pooling != ENCDEC_POOL_MEAN && pooling != ENCDEC_POOL_FIRST)
      return usageError(fmt::format("pooling is {}, expected ENCDEC_POOL_MEAN or "
                                    "ENCDEC_POOL_FIRST",
                                    pooling));
    const State &from = *state->state;
    ENCDEC_RETURN_IF_ERROR(checkStates(from));
    const uint64_t width = from.model->manifest.model.dModel;
    if (capacity / width < from.encodedSources())
      return usageError(fmt::format("capacity is {}, expected at least {} floats: {} sources "
                                    "of {}",
                                    capacity, from.encodedSources() * width, from.encodedSources(), width));
    pooling == ENCDEC_POOL_MEAN ? poolMean(from, vectors) : poolFirst(from, vectors);
    return {};
  });
}

encdec_status *encdec_step(encdec_state *state, const encdec_step_input *input,
                           encdec_step_output *output) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"input", input},
                                       {"output", output}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    if (output->size < sizeof(output->size)) // before the rows move on
      return sizeNotSet("an out-struct");
    ENCDEC_ASSIGN_OR_RETURN(
        auto given, readSized(input, encdec_step_input_default(), "input"));
    if (!given.tokens)
      return isNull("input.tokens");
    ENCDEC_RETURN_IF_ERROR(checkCount("input.rows", given.rows));
    State &to = *state->state;
    StepInput step;
    step.tokens = {given.tokens, given.rows};
    step.logitBias = given.logit_bias;
    step.biasRows = given.bias_rows;
    if (given.logit_bias && given.bias_rows == 0)
      return usageError("logit_bias is given, but bias_rows is 0");
    if (given.logit_bias && given.row_bias)
      step.rowBias = {given.row_bias, given.rows};
    step.topK = given.top_k ? given.top_k : 1;
    step.logits = given.logits;
    step.probs = given.probs;
    step.logProbs = !given.no_log_probs;
    ENCDEC_RETURN_IF_ERROR(to.step(step));
    encdec_step_output value = {};
    value.tokens = to.topTokens().data();
    value.log_probs = given.no_log_probs ? nullptr : to.topLogProbs().data();
    value.logits = given.logits ? to.logits() : nullptr;
    value.logits_stride = to.logitsStride();
    value.probs = given.probs ? to.probs() : nullptr;
    value.probs_stride = to.probsStride();
    return writeSized(output, value);
  });
}

encdec_status *encdec_use_shortlist(encdec_state *state, const char *name) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    uint64_t number = 0;
    if (name) {
      ENCDEC_ASSIGN_OR_RETURN(number,
                              findShortlist(state->state->model->manifest, name));
    }
    state->state->useShortlist(number);
    return {};
  });
}

encdec_status *encdec_reorder(encdec_state *state, const uint32_t *parents,
                              uint64_t row_count) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state},
                                       {"parents", parents, row_count}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    ENCDEC_RETURN_IF_ERROR(checkCount("row_count", row_count));
    return state->state->reorder({parents, row_count});
  });
}

} // extern "C"
