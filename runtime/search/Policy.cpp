//===- Policy.cpp - the options of a source, resolved ---------------------===//

#include "runtime/search/Policy.h"

#include "encdec/abi.h"
#include "runtime/search/Stops.h"
#include "runtime/search/processors/Processors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

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
Status resolveMaximum(const Policy &policy, uint64_t maxTargetPositions,
                      SearchOptions &search) {
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
      search.maxLength = uint64_t(*policy.options.max_length);
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

/// Groups of beams and words to contain, as Transformers 4 takes them (version 4.49,
/// generation/configuration_utils.py, validate).
Status checkGroups(const GenerationOptions &options, bool hooked,
                   const SearchOptions &search) {
  const bool grouped = search.groups > 1, forced = !search.words.empty();
  if (grouped && search.beams % search.groups)
    return usageError(fmt::format("num_beam_groups is {}, expected a divisor of the {} beams "
                                  "(num_beams)",
                                  search.groups, search.beams));
  if (grouped != (*options.diversity_penalty > 0))
    return usageError(
        fmt::format("{}: groups of beams need num_beam_groups above 1 and diversity_penalty "
                    "above 0, by which they differ; set both or neither",
                    grouped ? "num_beam_groups" : "diversity_penalty"));
  if (grouped && hooked)
    return usageError("num_beam_groups: a function of the caller sees all rows of a step "
                      "together, but groups act one after the other; leave one of them out");
  const char *asked = grouped ? "num_beam_groups" : "force_words_ids";
  if ((grouped || forced) && search.sample)
    return usageError(fmt::format("{}: expected a search that draws no tokens, found "
                                  "do_sample; leave one of them out",
                                  asked));
  if (grouped && forced)
    return usageError("force_words_ids: expected one group of beams, found num_beam_groups "
                      "above 1; leave one of them out");
  if (forced && search.beams == 1)
    return usageError("force_words_ids: expected num_beams above 1, found 1; one beam has no "
                      "choice of where a word stands");
  for (const option::TokenLists &phrases : search.words)
    for (const option::Tokens &phrase : phrases) {
      if (std::ranges::any_of(phrase, [&](int32_t token) { return search.isEos(token); }))
        return usageError("force_words_ids: expected no end token in a phrase, found one; a "
                          "hypothesis ends there");
      const auto begins = [&](const option::Tokens &other) {
        return &other != &phrase && other.size() >= phrase.size() &&
               std::equal(phrase.begin(), phrase.end(), other.begin());
      };
      if (std::ranges::any_of(phrases, begins))
        return usageError(fmt::format("force_words_ids: expected alternatives none of which "
                                      "begins another, found [{}]; leave the longer one out",
                                      fmt::join(phrase, ", ")));
    }
  return {};
}

Status resolveBeams(const GenerationOptions &options, uint64_t maxRows,
                    SearchOptions &search) {
  search.beams = uint64_t(*options.num_beams);
  search.returned = uint64_t(*options.num_return_sequences);
  search.sample = *options.do_sample;
  search.groups = uint64_t(*options.num_beam_groups);
  search.words = options.force_words_ids.value_or(option::Words());
  search.places = search.beams;
  if (search.beams > 1)
    search.places = uint64_t(std::llround(double(search.beams) * *options.patience));
  if (!search.places)
    return usageError(fmt::format("patience: expected num_beams * patience to round to 1 or "
                                  "more, found {} * {}; it says how many hypotheses end the "
                                  "search",
                                  search.beams, *options.patience));
  const bool early = search.earlyStopping == EarlyStopping::yes;
  if (search.places != search.beams &&
      (!early || search.groups > 1 || !search.words.empty()))
    return usageError("patience: expected early_stopping true and neither groups of beams nor "
                      "words to contain, since it says how many hypotheses end such a search; "
                      "set early_stopping or leave patience out");
  search.reranked = *options.coverage_penalty != 0;
  if (*options.return_alternatives) {
    search.alternatives = search.returned;
    search.leastProb = *options.min_alternative_expansion_prob;
    for (const auto &[name, asked] : {std::pair("do_sample", search.sample),
                                      std::pair("coverage_penalty", search.reranked),
                                      std::pair("num_beam_groups", search.groups > 1),
                                      std::pair("force_words_ids", !search.words.empty()),
                                      std::pair("prefix_bias_beta", *options.prefix_bias_beta > 0)})
      if (asked)
        return usageError(fmt::format("return_alternatives: expected no {}, found it; leave one "
                                      "of them out",
                                      name));
  }
  if (search.reranked && !search.words.empty())
    return usageError("coverage_penalty: expected no force_words_ids, by which hypotheses are "
                      "ranked before their scores; leave one of them out");
  if (search.returned > search.places && !search.alternatives && !(search.sample && search.beams == 1))
    return usageError(fmt::format("num_return_sequences is {}, expected 1 ... {} "
                                  "(num_beams{}), or do_sample with num_beams 1",
                                  search.returned, search.places,
                                  search.places == search.beams ? "" : " * patience"));
  const uint64_t rows = search.rows();
  if (rows > maxRows)
    return overLimit(fmt::format(
        "{} {} is more than the {} rows of this state (max_rows); make one with more, or "
        "ask for fewer",
        search.beams > 1 ? "num_beams" : "num_return_sequences", rows, maxRows));
  return {};
}

/// A list without a token that options force, or that ends sequences, would leave steps
/// without a token to choose, or sequences without an end.
Status checkShortlist(const GenerationOptions &options, const ShortlistInfo &list,
                      const SearchOptions &search) {
  Status status;
  auto check = [&](const char *name, int32_t token) {
    if (status.ok() && !std::ranges::binary_search(list.tokens, token))
      status = usageError(fmt::format("shortlist: expected a list with token {} of {}, but '{}' "
                                      "has no such token; compile the model with a list that has",
                                      token, name, list.name));
  };
  for (int32_t token : search.eos)
    check("eos_token_id", token);
  if (options.forced_bos_token_id)
    check("forced_bos_token_id", *options.forced_bos_token_id);
  for (int32_t token : options.forced_eos_token_id.value_or(option::Tokens()))
    check("forced_eos_token_id", token);
  for (const option::TokenLists &phrases : search.words)
    for (const option::Tokens &phrase : phrases)
      for (int32_t token : phrase)
        check("force_words_ids", token);
  for (const auto &[name, biases] : {std::pair("hot_words", &options.hot_words),
                                     std::pair("sequence_bias", &options.sequence_bias)})
    for (const auto &[tokens, bias] : biases->value_or(option::TokenBiases()))
      if (bias > 0)
        for (int32_t token : tokens)
          check(name, token);
  return status;
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
  if (*policy->options.num_beams == 1) { // nothing is in groups
    policy->options.num_beam_groups = 1;
    policy->options.diversity_penalty = 0;
  }
  const GenerationOptions &options = policy->options;
  SearchOptions &search = policy->search;
  search.prompt = prompt;
  search.eos = options.eos_token_id.value_or(std::vector<int32_t>());
  search.lengthPenalty = *options.length_penalty;
  search.earlyStopping = *options.early_stopping;
  ENCDEC_RETURN_IF_ERROR(resolveBeams(options, maxRows, search));
  ENCDEC_RETURN_IF_ERROR(checkGroups(options, hooked, search));
  search.scores = *options.scores || search.beams > 1 || search.alternatives;
  if (options.shortlist) {
    ENCDEC_ASSIGN_OR_RETURN(policy->shortlist, findShortlist(manifest, *options.shortlist));
    ENCDEC_RETURN_IF_ERROR(
        checkShortlist(options, manifest.shortlists[policy->shortlist - 1], search));
  }
  policy->records = *options.probs || search.reranked;
  ENCDEC_RETURN_IF_ERROR(resolveMaximum(*policy, maxTargetPositions, search));
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
  policy->hookPlace = search.groups > 1 ? 0
                      : hooked          ? processorsOf(undrawn).size()
                                        : policy->processors.size();
  const uint64_t candidates = std::max<uint64_t>(
      search.beams > 1 ? search.beams * ENCDEC_ABI_TOP_K_OF_BEAM(search.eos.size()) : 1,
      search.alternatives ? search.alternatives + search.eos.size() : 1);
  if (policy->rows() == 1 && !policy->records && !hooked)
    policy->lookup = uint64_t(options.prompt_lookup_num_tokens.value_or(0));
  policy->needsValues = hooked || policy->lookup || search.sample || !search.words.empty() || candidates > ENCDEC_ABI_MAX_TOP_K;
  for (const auto &processor : policy->processors)
    policy->needsValues |= processor->needsValues();
  return policy;
}

} // namespace encdec::runtime
