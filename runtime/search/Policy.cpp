//===- Policy.cpp - the options of a source, resolved ---------------------===//

#include "runtime/search/Policy.h"

#include "encdec/abi.h"
#include "runtime/search/Stops.h"
#include "runtime/search/processors/Processors.h"

#include <fmt/format.h>

namespace encdec::runtime {

namespace {

/// The length, prompt included, that an option asks for: `value` + `extra`. Limit where
/// there are not so many positions.
Result<uint64_t> askedLength(int64_t value, uint64_t extra, const char *name,
                             uint64_t maxTargetPositions) {
  const uint64_t length = uint64_t(value) + extra;
  if (length > maxTargetPositions + 1)
    return overLimit(fmt::format("{} is {}, more than the {} target positions that "
                                 "this model or state has room for",
                                 name, value, maxTargetPositions));
  return length;
}

/// A limit of new tokens takes precedence over one of the whole length, and the
/// caller's over the model's. The last token is never fed back, so n positions
/// suffice for n + 1 tokens.
Status resolveMaximum(const Policy &policy, const GenerationOptions &model,
                      uint64_t maxTargetPositions, SearchOptions &search) {
  const GenerationOptions &given = policy.given;
  const uint64_t most = maxTargetPositions + 1;
  if (given.max_new_tokens) {
    ENCDEC_ASSIGN_OR_RETURN(search.maxLength,
                            askedLength(*given.max_new_tokens, search.prompt,
                                        "max_new_tokens", maxTargetPositions));
  } else if (given.max_length) {
    ENCDEC_ASSIGN_OR_RETURN(
        search.maxLength,
        askedLength(*given.max_length, 0, "max_length", maxTargetPositions));
  } else {
    search.maxLength = most;
    if (policy.options.max_new_tokens)
      search.maxLength = uint64_t(*policy.options.max_new_tokens) + search.prompt;
    else if (policy.options.max_length)
      search.maxLength = uint64_t(*model.max_length);
    search.maxLength = std::min(most, search.maxLength);
  }
  if (search.maxLength > search.prompt)
    return {};
  return usageError(fmt::format("max_length is {}, which leaves no token to generate after "
                                "the {} tokens of start and prefix",
                                search.maxLength, search.prompt));
}

/// The model's own minimum may be greater than the maximum, which is resolved before: then
/// no row ends before the maximum. The caller's may not.
Status checkMinimum(const Policy &policy) {
  const SearchOptions &search = policy.search;
  auto check = [&](const std::optional<int64_t> &value, uint64_t extra, const char *name) {
    const uint64_t allowed = search.maxLength - extra;
    if (!value || *value <= int64_t(allowed))
      return Status();
    return usageError(fmt::format("{} is {}, more than the {} that max_length, "
                                  "max_new_tokens and the model's positions allow",
                                  name, *value, allowed));
  };
  ENCDEC_RETURN_IF_ERROR(
      check(policy.given.min_new_tokens, search.prompt, "min_new_tokens"));
  return check(policy.given.min_length, 0, "min_length");
}

Status resolveBeams(const GenerationOptions &options, uint64_t maxRows,
                    SearchOptions &search) {
  search.beams = uint64_t(*options.num_beams);
  search.returned = uint64_t(*options.num_return_sequences);
  search.sample = *options.do_sample;
  if (search.returned > search.beams && !(search.sample && search.beams == 1))
    return usageError(fmt::format("num_return_sequences is {}, expected 1 ... {} "
                                  "(num_beams), or do_sample with num_beams 1",
                                  search.returned, search.beams));
  const uint64_t rows = std::max(search.beams, search.returned);
  if (rows > maxRows)
    return overLimit(fmt::format(
        "{} {} is more than the {} rows of this state (max_rows); make one with more, or "
        "ask for fewer",
        search.beams > 1 ? "num_beams" : "num_return_sequences", rows, maxRows));
  return {};
}

} // namespace

Result<std::shared_ptr<Policy>> Policy::make(const GenerationOptions &given,
                                             uint64_t prompt, const Manifest &manifest,
                                             const Tokenizer *tokenizer,
                                             uint64_t maxTargetPositions,
                                             uint64_t maxRows, bool hooked) {
  const GenerationOptions &model = manifest.generation;
  const uint64_t vocabulary = manifest.model.vocabSize;
  ENCDEC_RETURN_IF_ERROR(given.checkIds(vocabulary));
  auto policy = std::make_shared<Policy>();
  policy->given = given;
  policy->options = given.over(model);
  const GenerationOptions &options = policy->options;
  SearchOptions &search = policy->search;
  search.prompt = prompt;
  search.eos = options.eos_token_id.value_or(std::vector<int32_t>());
  search.lengthPenalty = *options.length_penalty;
  search.earlyStopping = *options.early_stopping;
  ENCDEC_RETURN_IF_ERROR(resolveBeams(options, maxRows, search));
  search.scores = *options.scores || search.beams > 1;
  ENCDEC_RETURN_IF_ERROR(resolveMaximum(*policy, model, maxTargetPositions, search));
  ENCDEC_RETURN_IF_ERROR(checkMinimum(*policy));
  if (options.stop_strings) {
    if (!tokenizer)
      return usageError("stop_strings: expected a model with a tokenizer, found none; leave "
                        "the option out");
    search.stops.push_back(
        std::make_shared<StopStrings>(*tokenizer, *options.stop_strings));
  }
  if (*options.repetition_guard == 1)
    return usageError("repetition_guard: expected 0 (off) or at least 2, found 1: every token "
                      "stands there once");
  if (*options.repetition_guard)
    search.stops.push_back(std::make_shared<RepetitionGuard>(
        size_t(*options.repetition_guard), size_t(prompt)));
  ENCDEC_RETURN_IF_ERROR(checkProcessors(options));
  auto processorsOf = [&](const GenerationOptions &options) {
    return makeProcessors({options, vocabulary, search.maxLength, search.beams > 1});
  };
  policy->processors = processorsOf(options);
  GenerationOptions undrawn = options;
  undrawn.do_sample = undrawn.renormalize_logits = false;
  policy->hooked = hooked;
  policy->hookPlace = hooked ? processorsOf(undrawn).size() : policy->processors.size();
  const uint64_t candidates =
      search.beams > 1 ? search.beams * ENCDEC_ABI_TOP_K_OF_BEAM(search.eos.size()) : 1;
  policy->needsValues = hooked || search.sample || candidates > ENCDEC_ABI_MAX_TOP_K;
  for (const auto &processor : policy->processors)
    policy->needsValues |= processor->needsValues();
  return policy;
}

} // namespace encdec::runtime
