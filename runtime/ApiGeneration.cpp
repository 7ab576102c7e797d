//===- ApiGeneration.cpp - the C API: sources that come and go ------------===//

#include "runtime/ApiGeneration.h"

#include "runtime/ApiOptions.h"
#include "runtime/base/Utf8.h"
#include "runtime/search/Stops.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

namespace {

/// Why a search finds fewer hypotheses than it was asked for.
std::string whyFewer(const GenerationOptions &options) {
  if (*options.return_alternatives && *options.min_alternative_expansion_prob > 0)
    return fmt::format("no further first token has a probability of at least {} "
                       "(min_alternative_expansion_prob)",
                       *options.min_alternative_expansion_prob);
  std::string why = "no further token had a log-probability above -inf (the model's numbers "
                    "overflow, or what options or a hook forbid, force or add leaves none to choose";
  if (options.force_words_ids)
    why += ", or there is no room for force_words_ids";
  return why + ")";
}

/// Keeps what was found for a source, with words for what is missing.
void keep(Output &output, std::vector<Generated> found, Ending ending,
          const GenerationOptions &options) {
  const auto asked = uint64_t(*options.num_return_sequences);
  if (ending == Ending::cancelled)
    output.warn(found.empty() ? "the generation was cancelled before the source's turn came"
                              : "the generation was cancelled; the output ends where it was");
  else if (ending == Ending::maxTime)
    output.warn(fmt::format("max_time of {} seconds has ended the output", *options.max_time));
  if (ending == Ending::cancelled && found.empty())
    return;
  if (found.empty())
    output.warn(fmt::format("no finite hypothesis was found: {}", whyFewer(options)));
  else if (found.size() < asked)
    output.warn(fmt::format("{} of {} hypotheses were found: {}", found.size(), asked,
                            whyFewer(options)));
  for (Generated &one : found) {
    if (std::isinf(one.score) || (one.score == 0 && one.logProb != 0)) {
      output.warn(
          std::isinf(one.logProb)
              ? fmt::format("biases and penalties take the log-probability of {} tokens to {}, "
                            "which orders no hypotheses; choose smaller ones",
                            one.ids.size(), one.logProb)
              : fmt::format("length_penalty {} takes the score of {} tokens to {}, "
                            "which orders no hypotheses; choose one nearer to 1",
                            *options.length_penalty, one.ids.size(), std::abs(one.score)));
      one.score = std::numeric_limits<double>::quiet_NaN();
    }
    if (const auto times = size_t(*options.repetition_guard);
        times && RepetitionGuard::repeats(one.ids, times))
      output.warn(fmt::format("the output repeats itself: its last tokens stand there {} "
                              "times in a row, and repetition_guard has ended it",
                              times));
    if (one.lacksWords)
      output.warn(fmt::format("sequence {} lacks words of force_words_ids, which other options "
                              "forbid, or which had no room",
                              output.sequences.size() + 1));
    output.sequences.push_back({std::move(one), std::nullopt});
  }
}

/// Says where a prefix takes the place of the first token that the caller's options force.
void warnOfPrefix(Input &input, std::span<const int32_t> prefix,
                  const GenerationOptions &given) {
  if (const auto forced = given.forced_bos_token_id;
      forced && !prefix.empty() && prefix.front() != *forced)
    input.warn(fmt::format("token {} is not forced ({}), since a prefix of ids begins the "
                           "output; begin the prefix with it",
                           *forced,
                           given.target_language ? "target_language" : "forced_bos_token_id"));
}

} // namespace

encdec_generation::encdec_generation(encdec_state &owner)
    : engine(*owner.state), owner(owner), model(*owner.state->model) {
  owner.generation = this;
}

encdec_generation::~encdec_generation() { owner.generation = nullptr; }

Status encdec_generation::check(const GenerationOptions &options) {
  GenerationOptions resolved = options;
  if (options.source_language)
    ENCDEC_RETURN_IF_ERROR(readText(model, "", options).status());
  ENCDEC_RETURN_IF_ERROR(forceLanguage(model, resolved));
  return engine.check(resolved);
}

Result<uint64_t> encdec_generation::add(std::vector<int32_t> ids,
                                        std::span<const int32_t> prefix,
                                        const GenerationOptions &options) {
  if (options.source_language)
    return usageError("source_language is given with ids, which hold what stands for it "
                      "already; leave it out");
  Source source;
  source.input.ids = std::move(ids);
  source.options = options;
  return add(std::move(source), prefix);
}

Result<uint64_t> encdec_generation::addText(std::string_view text, std::string_view prefix,
                                            const GenerationOptions &options) {
  Source source;
  ENCDEC_ASSIGN_OR_RETURN(source.input, readText(model, text, options));
  source.options = options;
  source.isText = true;
  EncodeOptions how;
  how.targetSide = true;
  how.affixes = false;
  ENCDEC_ASSIGN_OR_RETURN(Encoding read, model.tokenizer->encode(prefix, how));
  if (read.hasUnknown) { // the output would begin with something else
    ENCDEC_ASSIGN_OR_RETURN(const std::string spelled, model.tokenizer->decode(read.ids));
    return usageError(fmt::format("prefix: expected a text that the model's target vocabulary "
                                  "can spell, found {}, of which it has {}",
                                  quote(prefix), quote(spelled)));
  }
  for (const std::string &warning : read.warnings)
    source.input.warn(warning);
  if (read.ids.empty() && !prefix.empty())
    source.input.warn("the prefix has no tokens, so the output has none");
  GenerationOptions resolved = options;
  ENCDEC_RETURN_IF_ERROR(forceLanguage(model, resolved));
  // The forced first token, such as the language, stands before any text.
  if (const auto forced = resolved.over(model.manifest.generation).forced_bos_token_id;
      forced && !read.ids.empty())
    read.ids.insert(read.ids.begin(), *forced);
  return add(std::move(source), read.ids);
}

Result<uint64_t> encdec_generation::add(Source source, std::span<const int32_t> prefix) {
  GenerationOptions resolved = source.options;
  ENCDEC_RETURN_IF_ERROR(forceLanguage(model, resolved));
  ENCDEC_RETURN_IF_ERROR(fit(model, resolved.truncate.value_or(false), source.input));
  warnOfPrefix(source.input, prefix, resolved);
  ENCDEC_ASSIGN_OR_RETURN(const uint64_t number,
                          engine.add(source.input.ids, prefix, resolved));
  sources.emplace(number, std::move(source));
  added = number + 1;
  return number;
}

Status encdec_generation::advance() {
  engine.cancel(cancelled.exchange(0));
  ENCDEC_RETURN_IF_ERROR(engine.advance());
  engine.cancel(cancelled.exchange(0));
  return {};
}

Status encdec_generation::finish() {
  while (engine.unfinished())
    ENCDEC_RETURN_IF_ERROR(advance());
  return {};
}

/// The text that is certain with the event's tokens.
Status encdec_generation::streamText(Source &source, const Event &event) {
  if (!source.isText)
    return {};
  if (!source.stream)
    source.stream = std::make_unique<Detokenizer>(*model.tokenizer);
  for (int32_t id : event.tokens)
    ENCDEC_RETURN_IF_ERROR(source.stream->push(id, text));
  if (event.kind == Event::Finished)
    source.stream->finish(text);
  return {};
}

/// The next warning of the source that no event has given; empty where there is none.
std::string encdec_generation::nextWarning(Source &source) {
  const std::string &all = source.input.warnings;
  const size_t end = std::min(all.find('\n', source.warned), all.size());
  std::string warning = all.substr(source.warned, end - source.warned);
  source.warned = std::min(end + 1, all.size());
  return warning;
}

Status encdec_generation::nextEvent(encdec_event &out) {
  text.clear();
  if (!held && !engine.nextEvent(event))
    return {};
  held = false;
  Source &source = sources.at(event.source);
  out.source = event.source;
  if (text = nextWarning(source); !text.empty()) {
    out.kind = ENCDEC_EVENT_WARNING;
    out.text = text.c_str();
    out.text_size = text.size();
    held = true; // the event comes behind its source's warnings
    return {};
  }
  ENCDEC_RETURN_IF_ERROR(streamText(source, event));
  out.kind = event.kind == Event::Finished ? ENCDEC_EVENT_FINISHED : ENCDEC_EVENT_TOKENS;
  out.ids = event.tokens.data();
  out.id_count = event.tokens.size();
  out.text = source.isText ? text.c_str() : nullptr;
  out.text_size = source.isText ? text.size() : 0;
  return {};
}

Result<Output> encdec_generation::take(uint64_t number) {
  const Ending ending = engine.endingOf(number);
  ENCDEC_ASSIGN_OR_RETURN(auto found, engine.take(number));
  Source &source = sources.at(number);
  Output output;
  static_cast<Input &>(output) = std::move(source.input);
  keep(output, std::move(found), ending, source.options.over(model.manifest.generation));
  if (source.isText)
    for (Sequence &sequence : output.sequences) {
      ENCDEC_ASSIGN_OR_RETURN(sequence.text, model.tokenizer->decode(sequence.ids));
    }
  forget(number);
  return output;
}

Status encdec_generation::remove(uint64_t number) {
  ENCDEC_RETURN_IF_ERROR(engine.remove(number));
  forget(number);
  return {};
}

void encdec_generation::forget(uint64_t number) {
  held = held && event.source != number;
  sources.erase(number);
}

std::unique_ptr<encdec_result> encdec_generation::makeResult() const {
  auto result = std::make_unique<encdec_result>();
  result->layers = model.manifest.model.decoderLayers;
  result->heads = model.manifest.model.decoderHeads;
  return result;
}

extern "C" {

encdec_status *encdec_generation_create(encdec_state *state,
                                        encdec_generation **out_generation) {
  if (out_generation)
    *out_generation = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(
        checkGiven({{"state", state}, {"out_generation", out_generation}}));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    ENCDEC_RETURN_IF_ERROR(checkDecoder(*state->state->model));
    *out_generation = new encdec_generation(*state);
    return {};
  });
}

void encdec_generation_destroy(encdec_generation *generation) { delete generation; }

encdec_status *encdec_generation_check(encdec_generation *generation,
                                       const encdec_options *options) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"generation", generation}}));
    return generation->check(optionsOf(options));
  });
}

encdec_status *encdec_generation_add(encdec_generation *generation, const int32_t *ids,
                                     uint64_t id_count, const int32_t *prefix,
                                     uint64_t prefix_count, const encdec_options *options,
                                     uint64_t *out_source) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"generation", generation},
                                       {"ids", ids, id_count},
                                       {"prefix", prefix, prefix_count},
                                       {"out_source", out_source}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("id_count", id_count));
    ENCDEC_RETURN_IF_ERROR(checkCount("prefix_count", prefix_count));
    ENCDEC_ASSIGN_OR_RETURN(*out_source,
                            generation->add({ids, ids + id_count}, {prefix, prefix_count},
                                            optionsOf(options)));
    return {};
  });
}

encdec_status *encdec_generation_add_text(encdec_generation *generation, const char *text,
                                          uint64_t text_size, const char *prefix,
                                          uint64_t prefix_size,
                                          const encdec_options *options,
                                          uint64_t *out_source) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"generation", generation},
                                       {"text", text, text_size},
                                       {"prefix", prefix, prefix_size},
                                       {"out_source", out_source}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("text_size", text_size));
    ENCDEC_RETURN_IF_ERROR(checkCount("prefix_size", prefix_size));
    ENCDEC_ASSIGN_OR_RETURN(*out_source,
                            generation->addText({text, text_size}, {prefix, prefix_size},
                                                optionsOf(options)));
    return {};
  });
}

encdec_status *encdec_generation_advance(encdec_generation *generation,
                                         uint64_t *out_unfinished) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"generation", generation}}));
    ENCDEC_RETURN_IF_ERROR(generation->advance());
    if (out_unfinished)
      *out_unfinished = generation->engine.unfinished();
    return {};
  });
}

encdec_status *encdec_generation_next_event(encdec_generation *generation,
                                            encdec_event *out_event) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(
        checkGiven({{"generation", generation}, {"out_event", out_event}}));
    encdec_event value = {};
    ENCDEC_RETURN_IF_ERROR(generation->nextEvent(value));
    return writeSized(out_event, value);
  });
}

encdec_status *encdec_generation_take(encdec_generation *generation, uint64_t source,
                                      encdec_result **out_result) {
  if (out_result)
    *out_result = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(
        checkGiven({{"generation", generation}, {"out_result", out_result}}));
    auto result = generation->makeResult();
    ENCDEC_ASSIGN_OR_RETURN(result->sources.emplace_back(), generation->take(source));
    *out_result = result.release();
    return {};
  });
}

encdec_status *encdec_generation_remove(encdec_generation *generation, uint64_t source) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"generation", generation}}));
    return generation->remove(source);
  });
}

void encdec_generation_cancel(encdec_generation *generation) {
  if (generation)
    generation->cancel();
}

encdec_status *encdec_generation_set_hook(encdec_generation *generation,
                                          encdec_hook_fn hook, void *data) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"generation", generation}}));
    if (!hook) {
      generation->engine.setHook(nullptr);
      return {};
    }
    generation->engine.setHook([hook, data](HookRows seen) -> Status {
      std::vector<encdec_hook_row> rows;
      for (const HookRows::Row &row : seen.rows)
        rows.push_back({row.source, row.row.tokens.data(), row.row.tokens.size(),
                        row.row.prompt, row.row.source.data(), row.row.source.size(),
                        row.scores.data()});
      const int code = hook(data, rows.data(), rows.size(), seen.rows[0].scores.size());
      if (code == 0)
        return {};
      return Status(Code::Failure,
                    fmt::format("the logits hook returned {}, expected 0", code));
    });
    return {};
  });
}

} // extern "C"
