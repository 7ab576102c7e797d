//===- Engine.cpp - sources that come, decode together and go -------------===//

#include "runtime/search/Engine.h"

#include "runtime/exec/Joining.h"
#include "runtime/search/EngineSource.h"
#include "runtime/search/ForcedWords.h"

#include <fmt/format.h>

#include <numeric>

namespace encdec::runtime {

Engine::Engine(State &theState)
    : state(theState), biases(state.biases(), state.logitsStride()) {
  (void)state.reorder({});
  state.useShortlist(0);
  parents.reserve(state.limits.maxRows);
  tokens.reserve(state.limits.maxRows);
  rowBias.reserve(state.limits.maxRows);
}

Engine::~Engine() {
  (void)state.reorder({});
  state.useShortlist(0);
}

Result<std::shared_ptr<Policy>> Engine::policyFor(const GenerationOptions &options,
                                                  uint64_t prompt) {
  if (lastPolicy && lastPolicy->search.prompt == prompt && lastPolicy->given == options &&
      lastPolicy->hooked == bool(hook))
    return lastPolicy;
  ENCDEC_ASSIGN_OR_RETURN(auto policy,
                          Policy::make(options, prompt, state.model->manifest,
                                       state.model->tokenizer.get(),
                                       state.limits.maxTargetPositions,
                                       state.limits.maxRows, bool(hook)));
  if (policy->records && !state.limits.probs)
    return usageError(fmt::format("{}: expected a state with room for cross-attention "
                                  "probabilities, found one without; create it with probs = 1",
                                  *policy->options.probs ? "probs" : "coverage_penalty"));
  if (policy->needsValues && !values.data()) {
    ENCDEC_ASSIGN_OR_RETURN(values, Region::reserve(state.stepRoom() * state.logitsStride() *
                                                    sizeof(float)));
  }
  lastPolicy = policy;
  return policy;
}

Result<uint64_t> Engine::add(std::span<const int32_t> ids, std::span<const int32_t> prefix,
                             const GenerationOptions &options) {
  ENCDEC_RETURN_IF_ERROR(state.checkSource(ids));
  ENCDEC_RETURN_IF_ERROR(
      checkTokens(prefix, state.model->manifest.model.vocabSize, "prefix"));
  GenerationOptions shared = options;
  shared.generation_id.reset(); // the source's own
  // A prefix that sequences may leave is no part of the prompt.
  const bool soft =
      !prefix.empty() &&
      shared.over(state.model->manifest.generation).prefix_bias_beta.value_or(0) > 0;
  ENCDEC_ASSIGN_OR_RETURN(auto policy, policyFor(shared, soft ? 1 : 1 + prefix.size()));
  auto source = std::make_unique<Source>();
  source->drawId = uint64_t(options.generation_id.value_or(0));
  source->number = next++;
  source->ids.assign(ids.begin(), ids.end());
  source->prompt.push_back(*policy->options.decoder_start_token_id);
  std::vector<int32_t> &place = soft ? source->wanted : source->prompt;
  place.insert(place.end(), prefix.begin(), prefix.end());
  source->policy = policy;
  if (policy->options.max_time) {
    constexpr double longest = 1e9; // seconds: 30 years, which the clock's nanoseconds can count
    const std::chrono::duration<double> time(std::min(*policy->options.max_time, longest));
    source->deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  }
  waiting.push_back(source.get());
  const uint64_t number = source->number;
  all.emplace(number, std::move(source));
  return number;
}

/// Lets the sources join that wait and have room, in order, all in one encode.
Status Engine::admit() {
  Joining joining(state);
  // A step chooses among the tokens of one list, so that sources of another one wait.
  if (live.empty() && !waiting.empty())
    state.useShortlist(waiting.front()->policy->shortlist);
  for (const Source *source : waiting)
    if (source->policy->shortlist != state.usedShortlist() ||
        !joining.add(source->ids, source->policy->rows()))
      break;
  if (!joining.count())
    return {};
  size_t row = state.rows();
  ENCDEC_RETURN_IF_ERROR(joining.join());
  for (size_t i = 0; i < joining.count(); ++i) {
    Source *source = waiting.front();
    waiting.pop_front();
    const SearchOptions &options = source->policy->search;
    source->first = row++;
    source->count = 1;
    source->parents.assign(1, 0);
    source->search = makeSearch(options);
    source->recorder = Recorder(state.model->manifest.model, source->ids.size());
    source->tokens =
        RowTokens(source->prompt, source->policy->rows(), options.maxLength);
    live.push_back(source);
  }
  return {};
}

/// Feeds the prompt but its last token to the source's one row, and starts its search.
Status Engine::begin(Source &source) {
  while (source.fed + 1 < source.prompt.size()) {
    const size_t part =
        std::min<size_t>(prefillRows, source.prompt.size() - 1 - source.fed);
    ENCDEC_RETURN_IF_ERROR(state.prefill(
        source.first, std::span(source.prompt).subspan(source.fed, part), false));
    source.fed += part;
  }
  source.begun = true;
  proceed(source, source.search->start(source.prompt.back()));
  return {};
}

/// Takes the rows that the source has next, and what its rules ban there. Where rules force
/// every row's last token, no step is needed.
void Engine::proceed(Source &source, const NextRows &rows) {
  const Policy &policy = *source.policy;
  source.parents.assign(rows.parents.begin(), rows.parents.end());
  source.next.assign(rows.tokens.begin(), rows.tokens.end());
  if (source.next.empty())
    return finish(source);
  source.tokens.extend(rows);
  bool forced = source.tokens.of(0).size() + 1 == policy.search.maxLength;
  source.bans.resize(std::max(source.bans.size(), rows.tokens.size()));
  for (size_t row = 0; row < rows.tokens.size(); ++row) {
    RowBans &bans = source.bans[row];
    bans.begin();
    if (!policy.needsValues)
      for (const auto &processor : policy.processors)
        processor->process(source.see(row), bans);
    forced = forced && bans.isForced();
  }
  if (!forced)
    return;
  source.makeRoom(source.search->candidates());
  source.force();
  proceed(source, source.search->advance(source.predictions(), true, false));
}

/// Makes the rows of all live sources the state's rows, in order.
Status Engine::arrange() {
  parents.clear();
  for (const Source *source : live)
    for (uint32_t parent : source->parents)
      parents.push_back(uint32_t(source->first + parent));
  ENCDEC_RETURN_IF_ERROR(state.reorder(parents));
  size_t row = 0;
  for (Source *source : live) {
    source->first = row;
    source->count = source->parents.size();
    std::iota(source->parents.begin(), source->parents.end(), 0u);
    row += source->count;
  }
  return {};
}

void Engine::dropFinished() {
  std::erase_if(live, [](const Source *source) { return source->finished; });
}

Status Engine::step() {
  StepInput input;
  tokens.clear();
  rowBias.clear();
  counts.clear();
  biases.begin();
  input.logProbs = false;
  const bool guessed = guess();
  for (Source *source : live) {
    const Policy &policy = *source->policy;
    source->place = tokens.size();
    tokens.insert(tokens.end(), source->next.begin(), source->next.end());
    tokens.insert(tokens.end(), source->guess.begin(), source->guess.end());
    counts.insert(counts.end(), source->count, uint32_t(1 + source->guess.size()));
    input.logits |= policy.needsValues;
    input.probs |= policy.records;
    input.logProbs |= policy.search.scores;
    if (!policy.needsValues)
      input.topK = std::max<uint64_t>(input.topK, source->search->candidates());
    for (size_t row = 0; row < source->count + source->guess.size(); ++row)
      rowBias.push_back(policy.needsValues ? 0
                                           : biases.rowFor(source->bans[row].banned));
  }
  input.tokens = tokens;
  if (guessed)
    input.counts = counts;
  input.logitBias = biases.data();
  input.biasRows = biases.rows();
  input.rowBias = rowBias;
  ENCDEC_RETURN_IF_ERROR(state.step(input));
  found = input.topK;
  for (Source *source : live)
    if (source->policy->records)
      source->recorder.record(state, source->place, source->count);
  return {};
}

Status Engine::advance() {
  if (!stepped) {
    ENCDEC_RETURN_IF_ERROR(arrange());
    ENCDEC_RETURN_IF_ERROR(admit());
    bool joined = false;
    for (Source *source : live)
      if (!source->begun) {
        ENCDEC_RETURN_IF_ERROR(begin(*source));
        joined = true;
      }
    if (joined) { // with more rows than the one that joined, or ended already
      dropFinished();
      ENCDEC_RETURN_IF_ERROR(arrange());
    }
    if (live.empty())
      return {};
    ENCDEC_RETURN_IF_ERROR(step());
    stepped = true;
  }
  ENCDEC_RETURN_IF_ERROR(readScores()); // where a hook fails, it is called again
  stepped = false;
  const Clock::time_point now = Clock::now();
  for (Source *source : live) {
    readCandidates(*source);
    proceed(*source, source->search->advance(source->predictions(),
                                             source->deadline <= now, true));
    if (!source->search->wasCut()) // the search has ended by itself, or goes on
      source->ending = Ending::ownRules;
    else if (source->ending != Ending::cancelled)
      source->ending = Ending::maxTime;
    follow(*source, now);
    if (!source->finished)
      announce(*source);
  }
  dropFinished();
  return {};
}

void Engine::finish(Source &source) {
  const Policy &policy = *source.policy;
  const ModelInfo &model = state.model->manifest.model;
  source.finished = true;
  const ForcedWords words(policy.search.words);
  for (Hypothesis &hypothesis : source.search->take()) {
    Generated &result = source.results.emplace_back(Generated{std::move(hypothesis), {}});
    if (!words.empty()) {
      std::vector<int32_t> row = source.prompt;
      row.insert(row.end(), result.ids.begin(), result.ids.end());
      result.lacksWords = !words.after(row, std::nullopt).complete;
    }
    if (!policy.records)
      continue;
    result.probs = source.recorder.take(result);
    if (policy.search.reranked)
      result.score += *policy.options.coverage_penalty *
                      coverage(result.probs, model.decoderLayers, model.decoderHeads,
                               result.ids.size(), source.ids.size());
  }
  if (policy.search.reranked)
    std::ranges::sort(source.results, std::greater(), &Generated::score);
  source.results.resize(std::min<size_t>(source.results.size(), policy.search.returned));
  for (Generated &result : source.results)
    if (!*policy.options.probs)
      result.probs = {};
  announce(source);
}

void Engine::announce(Source &source) {
  if (source.announced)
    return;
  source.announced = true;
  news.push_back(source.number);
}

bool Engine::nextEvent(Event &event) {
  event = {};
  while (!news.empty()) {
    const auto found = all.find(news.front());
    if (found == all.end()) { // removed since
      news.pop_front();
      continue;
    }
    Source &source = *found->second;
    event.source = source.number;
    if (!source.finished)
      source.search->appendCertain(source.told, event.tokens);
    else if (!source.results.empty())
      event.tokens.assign(source.results[0].ids.begin() + int64_t(source.told),
                          source.results[0].ids.end());
    source.told += event.tokens.size();
    event.kind = event.tokens.empty() ? Event::Finished : Event::Tokens;
    if (!source.finished || event.tokens.empty()) {
      news.pop_front(); // a finished source comes again, after its last tokens
      source.announced = false;
    }
    if (source.finished || !event.tokens.empty())
      return true;
  }
  return false;
}

Result<Engine::Source *> Engine::find(uint64_t number) {
  const auto found = all.find(number);
  if (found == all.end())
    return usageError(fmt::format("there is no source {}; it was never added, or it was "
                                  "taken or removed",
                                  number));
  return found->second.get();
}

Result<std::vector<Generated>> Engine::take(uint64_t number) {
  ENCDEC_ASSIGN_OR_RETURN(Source * source, find(number));
  if (!source->finished)
    return usageError(fmt::format("source {} has not ended; advance until it has, or remove "
                                  "it",
                                  number));
  std::vector<Generated> results = std::move(source->results);
  all.erase(number);
  return results;
}

void Engine::cancel(uint64_t below) {
  for (Source *source : live)
    if (source->number < below) {
      source->deadline = Clock::time_point::min();
      source->ending = Ending::cancelled;
    }
  while (!waiting.empty() && waiting.front()->number < below) { // in the order of numbers
    Source *source = waiting.front();
    waiting.pop_front();
    source->finished = true;
    source->ending = Ending::cancelled;
    announce(*source);
  }
}

Ending Engine::endingOf(uint64_t number) const {
  const auto found = all.find(number);
  return found == all.end() ? Ending::ownRules : found->second->ending;
}

Status Engine::remove(uint64_t number) {
  ENCDEC_ASSIGN_OR_RETURN(Source * source, find(number));
  std::erase(waiting, source);
  std::erase(live, source); // its rows disappear as the next step's are arranged
  all.erase(number);
  return {};
}

} // namespace encdec::runtime
