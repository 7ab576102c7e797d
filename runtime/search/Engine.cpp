//===- Engine.cpp - sources that come, decode together and go -------------===//

#include "runtime/search/Engine.h"

#include "runtime/search/Candidates.h"
#include "runtime/search/EngineSource.h"
#include "runtime/search/Random.h"

#include <fmt/format.h>

#include <numeric>

namespace encdec::runtime {

namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

} // namespace

Engine::Engine(State &theState)
    : state(theState), biases(state.biases(), state.logitsStride()) {
  (void)state.reorder({});
  parents.reserve(state.limits.maxRows);
  tokens.reserve(state.limits.maxRows);
  rowBias.reserve(state.limits.maxRows);
}

Engine::~Engine() { (void)state.reorder({}); }

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
    return usageError(fmt::format("{} asked for, but the state was made without room "
                                  "for them; create it with probs = 1",
                                  *policy->options.probs
                                      ? "probs were"
                                      : "coverage_penalty needs probs: they were"));
  if (policy->needsValues && !values.data()) {
    ENCDEC_ASSIGN_OR_RETURN(values, Region::reserve(state.limits.maxRows *
                                                    state.logitsStride() * sizeof(float)));
  }
  lastPolicy = policy;
  return policy;
}

Result<uint64_t> Engine::add(std::span<const int32_t> ids, std::span<const int32_t> prefix,
                             const GenerationOptions &options) {
  ENCDEC_RETURN_IF_ERROR(state.checkSource(ids));
  const uint64_t vocabulary = state.model->manifest.model.vocabSize;
  for (size_t i = 0; i < prefix.size(); ++i)
    if (prefix[i] < 0 || uint64_t(prefix[i]) >= vocabulary)
      return usageError(fmt::format("token {} at place {} of the prefix is outside the "
                                    "vocabulary 0 ... {}",
                                    prefix[i], i, vocabulary - 1));
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
  if (policy->options.max_time)
    source->deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(
                                              *policy->options.max_time));
  waiting.push_back(source.get());
  const uint64_t number = source->number;
  all.emplace(number, std::move(source));
  return number;
}

/// Lets the sources join that wait and have room, in order, all in one encode.
Status Engine::admit() {
  std::vector<int32_t> ids;
  std::vector<uint64_t> offsets{0}, rows;
  uint64_t places = 0, rowsTogether = 0;
  for (Source *source : waiting) {
    places += roundUp16(source->ids.size());
    rowsTogether += source->policy->rows();
    if (!state.hasRoom(rows.size() + 1, places, rowsTogether))
      break;
    ids.insert(ids.end(), source->ids.begin(), source->ids.end());
    offsets.push_back(ids.size());
    rows.push_back(source->policy->rows());
  }
  if (rows.empty())
    return {};
  size_t row = state.rows();
  ENCDEC_RETURN_IF_ERROR(state.join(ids, offsets, rows));
  for (size_t i = 0; i < rows.size(); ++i) {
    Source *source = waiting.front();
    waiting.pop_front();
    const SearchOptions &options = source->policy->search;
    source->first = row++;
    source->count = 1;
    source->parents.assign(1, 0);
    source->search = makeSearch(options);
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
  biases.begin();
  input.logProbs = false;
  for (const Source *source : live) {
    const Policy &policy = *source->policy;
    tokens.insert(tokens.end(), source->next.begin(), source->next.end());
    input.logits |= policy.needsValues;
    input.probs |= policy.records;
    input.logProbs |= policy.search.scores;
    if (!policy.needsValues)
      input.topK = std::max<uint64_t>(input.topK, source->search->candidates());
    for (size_t row = 0; row < source->count; ++row)
      rowBias.push_back(policy.needsValues ? 0
                                           : biases.rowFor(source->bans[row].banned));
  }
  input.tokens = tokens;
  input.logitBias = biases.data();
  input.biasRows = biases.rows();
  input.rowBias = rowBias;
  ENCDEC_RETURN_IF_ERROR(state.step(input));
  found = input.topK;
  for (Source *source : live)
    if (source->policy->records)
      source->recorder.record(state, source->first, source->count);
  return {};
}

Status Engine::advance() {
  if (!stepped) {
    ENCDEC_RETURN_IF_ERROR(arrange());
    if (!waiting.empty()) {
      ENCDEC_RETURN_IF_ERROR(admit());
      for (Source *source : live)
        if (!source->begun)
          ENCDEC_RETURN_IF_ERROR(begin(*source));
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
    if (!source->finished)
      announce(*source);
  }
  dropFinished();
  return {};
}

/// Makes numbers of the scores where sources need them, up to the caller's hook.
Status Engine::readScores() {
  const uint64_t vocabulary = state.model->manifest.model.vocabSize;
  const uint64_t stride = state.logitsStride();
  hookRows.clear();
  for (Source *source : live) {
    Policy &policy = *source->policy;
    if (!policy.needsValues)
      continue;
    for (size_t i = 0; i < source->count; ++i) {
      const size_t row = source->first + i;
      const float *logits = state.logits() + row * stride;
      RowScores scores(valuesOf(row), source->bans[i]);
      if (policy.search.beams > 1) {
        const auto sum = float(logSum(row));
        for (uint64_t token = 0; token < vocabulary; ++token)
          scores.values[token] = logits[token] - sum;
      } else {
        std::copy_n(logits, vocabulary, scores.values.data());
      }
      for (size_t p = 0; p < policy.hookPlace; ++p)
        policy.processors[p]->process(source->see(i), scores);
      if (policy.hooked)
        hookRows.push_back({source->number, source->see(i), scores.values});
    }
  }
  return hookRows.empty() ? Status() : hook({hookRows});
}

/// The candidates of all rows of the source, from what compiled code has found or from the
/// scores.
void Engine::readCandidates(Source &source) {
  Policy &policy = *source.policy;
  if (!policy.needsValues) {
    source.makeRoom(found);
    const size_t first = source.first * found, count = source.count * found;
    std::copy_n(state.topTokens().begin() + int64_t(first), count,
                source.candidateTokens.begin());
    for (auto *scores : {&source.candidateScores, &source.candidateKeys})
      std::copy_n(state.topLogProbs().begin() + int64_t(first), count, scores->begin());
    return source.force();
  }
  const size_t count = source.search->candidates();
  source.makeRoom(count);
  source.valueStride = state.logitsStride();
  source.values = {valuesOf(source.first).data(), source.count * source.valueStride};
  for (size_t row = 0; row < source.count; ++row) {
    RowScores scores(valuesOf(source.first + row), source.bans[row]);
    LiveRow live = source.see(row);
    live.taken = source.search->taken(row, source.predictions());
    for (size_t p = policy.hookPlace; p < policy.processors.size(); ++p)
      policy.processors[p]->process(live, scores);
    const auto ids = std::span(source.candidateTokens).subspan(row * count, count);
    const auto keys = std::span(source.candidateKeys).subspan(row * count, count);
    if (policy.search.sample)
      draw(source, row, scores.values, ids, keys);
    else
      chooseBest(scores.values, ids, keys);
    for (size_t i = 0; i < count; ++i)
      source.candidateScores[row * count + i] = scoreOf(source, row, ids[i]);
  }
}

/// What a token adds to its row's sum: for beams its processed log-probability; elsewhere the
/// model's own, whatever the processors have made of it.
float Engine::scoreOf(const Source &source, size_t row, int32_t token) {
  const Policy &policy = *source.policy;
  const size_t at = source.first + row;
  if (policy.search.beams > 1)
    return valuesOf(at)[size_t(token)];
  if (source.bans[row].isForced(token))
    return 0;
  if (!policy.search.scores)
    return std::numeric_limits<float>::quiet_NaN();
  return float(double(state.logits()[at * state.logitsStride() + size_t(token)]) -
               logSum(at));
}

/// log(Σ exp(logits)) of a row, from the logit and the log-probability of its best token.
double Engine::logSum(size_t row) const {
  const size_t at = row * found;
  const auto best = size_t(state.topTokens()[at]);
  return double(state.logits()[row * state.logitsStride() + best]) -
         double(state.topLogProbs()[at]);
}

std::span<float> Engine::valuesOf(size_t row) {
  return {reinterpret_cast<float *>(values.data()) + row * state.logitsStride(),
          state.model->manifest.model.vocabSize};
}

void Engine::Source::force() {
  for (size_t row = 0; row < next.size(); ++row) {
    const RowBans &rules = bans[row];
    if (!rules.isForced())
      continue;
    const size_t at = row * candidateCount;
    for (auto *scores : {&candidateScores, &candidateKeys}) // no other may be chosen
      std::fill_n(scores->begin() + int64_t(at), candidateCount, never);
    for (size_t i = 0; i < std::min(candidateCount, rules.forced.size()); ++i) {
      candidateTokens[at + i] = rules.forced[i];
      candidateScores[at + i] = candidateKeys[at + i] = 0;
    }
  }
}

/// Draws the row's candidates by the probabilities that its scores stand for: one, or those
/// with the greatest keys (Random.h), which is a draw without replacement. Rows of beams draw
/// from one distribution together, so that their keys differ by the token alone.
void Engine::draw(const Source &source, size_t row, std::span<const float> scores,
                  std::span<int32_t> ids, std::span<float> keys) {
  const Policy &policy = *source.policy;
  const Draw here{uint64_t(*policy.options.seed), source.drawId,
                  uint32_t(source.tokens.of(row).size())};
  std::fill(ids.begin(), ids.end(), 0);
  std::fill(keys.begin(), keys.end(), never);
  if (policy.search.beams == 1) {
    const auto token = drawToken(scores, here.uniform(uint32_t(source.search->sequenceOf(row))));
    if (!token)
      return;
    ids[0] = *token;
    keys[0] = scores[size_t(*token)];
    return;
  }
  drawn.resize(scores.size());
  for (size_t token = 0; token < scores.size(); ++token)
    drawn[token] = std::isfinite(scores[token])
                       ? float(double(scores[token]) +
                               here.gumbel(uint32_t(row * scores.size() + token)))
                       : never;
  chooseBest(drawn, ids, keys);
}

void Engine::finish(Source &source) {
  const Policy &policy = *source.policy;
  const ModelInfo &model = state.model->manifest.model;
  source.finished = true;
  for (Hypothesis &hypothesis : source.search->take()) {
    Generated &result = source.results.emplace_back(Generated{std::move(hypothesis), {}});
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

void Engine::cancel() {
  for (Source *source : live)
    source->deadline = Clock::time_point::min();
  for (Source *source : waiting) {
    source->finished = true;
    announce(*source);
  }
  waiting.clear();
}

Status Engine::remove(uint64_t number) {
  ENCDEC_ASSIGN_OR_RETURN(Source * source, find(number));
  std::erase(waiting, source);
  std::erase(live, source); // its rows disappear as the next step's are arranged
  all.erase(number);
  return {};
}

} // namespace encdec::runtime
