//===- State.cpp - room for rows, and what is read of sources -------------===//

#include "runtime/exec/State.h"

#include "runtime/base/Checked.h"
#include "runtime/exec/Machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace encdec::runtime {

namespace {

StateLimits withDefaults(StateLimits limits, const ModelInfo &model) {
  auto orElse = [](auto &value, auto fallback) {
    if (!value)
      value = fallback;
  };
  orElse(limits.maxRows, uint64_t(32));
  orElse(limits.maxSources, limits.maxRows);
  orElse(limits.maxTargetPositions, model.maxPositions);
  // Where the product overflows, the default becomes a number of tokens that
  // State::create refuses, as it refuses one that RAM cannot hold.
  orElse(limits.maxSourceTokens,
         checkedMul(limits.maxSources, roundUp16(model.maxPositions))
             .value_or(UINT64_MAX / 2));
  orElse(limits.threads, defaultThreads());
  orElse(limits.maxMemory, physicalRam());
  return limits;
}

/// What the sources take of max_source_tokens.
uint64_t placesOf(std::span<const uint64_t> offsets) {
  uint64_t places = 0;
  for (size_t b = 0; b + 1 < offsets.size(); ++b)
    places += roundUp16(offsets[b + 1] - offsets[b]);
  return places;
}

} // namespace

Result<std::unique_ptr<State>>
State::create(std::shared_ptr<const Model> model, StateLimits limits) {
  limits = withDefaults(limits, model->manifest.model);
  if (limits.maxSources > limits.maxRows)
    return overLimit(
        fmt::format("max_sources {} is more than max_rows {} (default 32), and "
                    "each source has a row; raise max_rows",
                    limits.maxSources, limits.maxRows));
  // Rows, tokens and positions are int32 in the ABI.
  constexpr uint64_t most = INT32_MAX / 16;
  if (limits.maxRows > most || limits.maxTargetPositions > most ||
      limits.maxSourceTokens > most)
    return overLimit(
        fmt::format("max_rows {}, max_source_tokens {} and "
                    "max_target_positions {} must each be at most {}",
                    limits.maxRows, limits.maxSourceTokens,
                    limits.maxTargetPositions, most));
  if (limits.maxTargetPositions > model->manifest.model.maxPositions)
    return overLimit(fmt::format(
        "max_target_positions {} is more than the model's {} "
        "positions",
        limits.maxTargetPositions, model->manifest.model.maxPositions));
  if (limits.threads > maxThreads)
    return overLimit(fmt::format("threads is {}; at most {} are started",
                                 limits.threads, maxThreads));
  if (limits.encoderStates && !model->manifest.memory.statesPerRow)
    return usageError("encoder_states were asked for, but this model's code does not give "
                      "them; compile it again with this version of encdec");
  ENCDEC_ASSIGN_OR_RETURN(auto team, Team::create(limits.threads));
  std::unique_ptr<State> state(
      new State(std::move(model), limits, std::move(team)));
  ENCDEC_RETURN_IF_ERROR(state->reserve());
  return state;
}

State::State(std::shared_ptr<const Model> theModel, StateLimits theLimits,
             std::unique_ptr<Team> theTeam)
    : model(std::move(theModel)), limits(theLimits), team(std::move(theTeam)) {
  paddedVocabulary = roundUp16(model->manifest.model.vocabSize);
  cacheCapacity = roundUp16(limits.maxTargetPositions);
  keyCapacity = roundUp16(
      std::max(model->manifest.model.maxPositions, limits.maxTargetPositions));
}

Status State::reserve() {
  const MemoryPlan &plan = model->manifest.memory;
  const ModelInfo &sizes = model->manifest.model;
  const uint64_t sourceTokens = limits.maxSourceTokens;
  uint64_t longestList = 0;
  for (const ShortlistInfo &list : model->manifest.shortlists)
    longestList = std::max<uint64_t>(longestList, list.tokens.size());
  // Of any call: a prefill has more rows than there are hypotheses.
  const uint64_t rows = std::max(limits.maxRows, model->step ? prefillRows : 0);
  constexpr uint64_t tooMuch = UINT64_MAX;
  auto times = [tooMuch](std::initializer_list<uint64_t> factors) {
    return checkedProduct(factors).value_or(tooMuch);
  };
  auto plus = [tooMuch](uint64_t a, uint64_t b) {
    return checkedAdd(a, b).value_or(tooMuch);
  };
  scratchStride = plus(plan.scratchFixed, times({plan.scratchPerKey, keyCapacity}));
  scratchStride = plus(scratchStride, times({plan.scratchPerRow, rows}));
  scratchStride = plus(scratchStride, 63) / 64 * 64;
  cacheStride = times({plan.cachePerKey, cacheCapacity});
  const struct {
    Region &region;
    uint64_t bytes;
  } wanted[] = {
      {arena, std::max(plus(times({plan.encodeArenaPerRow, sourceTokens}),
                            times({plan.encodeArenaPerKey, keyCapacity})),
                       plus(times({plan.stepArenaPerRow, rows}),
                            times({plan.stepArenaPerKey, keyCapacity})))},
      {scratch, times({scratchStride, team->workers()})},
      {memory, times({plan.memoryPerKey, sourceTokens})},
      {cache, times({cacheStride, limits.maxRows})},
      {logitsRegion, model->step ? times({rows, paddedVocabulary, 4}) : 0},
      {probsRegion, limits.probs ? times({sizes.decoderLayers, sizes.decoderHeads,
                                          limits.maxRows, keyCapacity, 4})
                                 : 0},
      {statesRegion, limits.encoderStates ? times({plan.statesPerRow, sourceTokens}) : 0},
      {zeroBias, times({paddedVocabulary, 4})},
      {biasRegion, times({2 + limits.maxRows, paddedVocabulary, 4})},
      {shortBias, times({2 + limits.maxRows, roundUp16(longestList), 4})},
      {outTokens, times({rows, ENCDEC_ABI_MAX_TOP_K, 4})},
      {outLogProbs, times({rows, ENCDEC_ABI_MAX_TOP_K, 4})},
  };
  reserved = Slots::bytes(limits.maxRows, rows, cacheCapacity);
  for (const auto &[region, bytes] : wanted)
    reserved = plus(reserved, bytes);
  if (reserved > limits.maxMemory)
    return overLimit(fmt::format(
        "this state needs {} bytes for {} rows, {} source tokens and {} target "
        "positions, more than max_memory {}; lower those limits or raise it",
        reserved, limits.maxRows, sourceTokens, limits.maxTargetPositions,
        limits.maxMemory));
  for (const auto &[region, bytes] : wanted) {
    ENCDEC_ASSIGN_OR_RETURN(region, Region::reserve(bytes));
  }
  ENCDEC_ASSIGN_OR_RETURN(slots, Slots::create(limits.maxRows, rows, cacheCapacity));
  live = LiveSources(limits.maxSources, sourceTokens, plan.memoryPerKey);
  shortRow.resize(longestList);
  const size_t most = std::max(rows, sourceTokens);
  for (std::vector<int32_t> *entries : {&readTokens, &readPositions, &readSource})
    entries->resize(most);
  for (std::vector<int32_t> *entries :
       {&tokens, &positions, &rowSource, &nextPosition, &nextSource})
    entries->resize(limits.maxRows);
  rowBias.resize(rows);
  readOffset.resize(limits.maxSources + 1);
  readMemory.resize(limits.maxSources);
  return {};
}

Status State::encode(std::span<const int32_t> ids,
                     std::span<const uint64_t> offsets) {
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  if (count == 0)
    return usageError("encode needs at least one source");
  if (count > limits.maxSources)
    return overLimit(
        fmt::format("{} sources are more than max_sources {} of this state "
                    "(by default its max_rows, {})",
                    count, limits.maxSources, limits.maxRows));
  ENCDEC_RETURN_IF_ERROR(checkSources(ids, offsets));
  const uint64_t places = placesOf(offsets);
  if (places > limits.maxSourceTokens)
    return overLimit(
        fmt::format("the sources take {} token places (each source rounded "
                    "up to 16), more than max_source_tokens {}",
                    places, limits.maxSourceTokens));
  slots.clear();
  live.clear();
  return read(ids, offsets, {});
}

bool State::hasRoom(uint64_t sources, uint64_t places, uint64_t rows) const {
  return sources <= live.freeSources() && places <= live.freePlaces() &&
         rows <= slots.free();
}

Status State::join(std::span<const int32_t> ids, std::span<const uint64_t> offsets,
                   std::span<const uint64_t> rows) {
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  if (count == 0 || rows.size() != count || std::count(rows.begin(), rows.end(), 0))
    return usageError("join needs at least one source, and at least one row for each");
  ENCDEC_RETURN_IF_ERROR(checkSources(ids, offsets));
  const uint64_t places = placesOf(offsets);
  uint64_t wanted = 0;
  for (uint64_t each : rows)
    wanted = checkedAdd(wanted, each).value_or(UINT64_MAX);
  if (!hasRoom(count, places, wanted))
    return overLimit(fmt::format(
        "there is room for {} more sources of {} token places together (max_sources, "
        "max_source_tokens) and {} more rows (max_rows), but {} sources of {} places with "
        "{} rows would join; let rows end first, or make a state with more room",
        live.freeSources(), live.freePlaces(), slots.free(), count, places, wanted));
  return read(ids, offsets, rows);
}

/// Encodes sources that have room, and adds a row for each. `rowsEach` is empty where they
/// share all slots.
Status State::read(std::span<const int32_t> ids, std::span<const uint64_t> offsets,
                   std::span<const uint64_t> rowsEach) {
  const ModelInfo &sizes = model->manifest.model;
  const size_t count = offsets.size() - 1, before = rows();
  auto move = [this](uint64_t to, uint64_t from, uint64_t bytes) {
    std::memmove(memory.data() + to, memory.data() + from, bytes);
  };
  encoded = 0;
  // Blocks may move while sources are added, so that offsets are read when all are.
  for (size_t b = 0; b < count; ++b)
    rowSource[before + b] = int32_t(live.add(offsets[b + 1] - offsets[b], move));
  for (size_t b = 0; b < count; ++b) {
    readOffset[b] = int32_t(offsets[b]);
    readMemory[b] = live.memory()[rowSource[before + b]];
    int32_t position = 0;
    for (uint64_t j = offsets[b]; j < offsets[b + 1]; ++j) {
      bool counted = ids[j] != sizes.uncountedToken;
      readPositions[j] = counted ? position++ : int32_t(sizes.maxPositions);
      readSource[j] = int32_t(b);
    }
  }
  readOffset[count] = int32_t(ids.size());
  std::copy(ids.begin(), ids.end(), readTokens.begin());

  encdec_abi_context call = context();
  call.rows = int64_t(ids.size());
  call.sources = int64_t(count);
  call.tokens = readTokens.data();
  call.positions = readPositions.data();
  call.row_source = readSource.data();
  call.source_offset = readOffset.data();
  call.memory_offset = readMemory.data();
  call.out_states =
      limits.encoderStates ? reinterpret_cast<float *>(statesRegion.data()) : nullptr;
  Status status = run(EntryKind::Encode, call);
  if (!status.ok()) {
    for (size_t b = 0; b < count; ++b)
      live.remove(size_t(rowSource[before + b]));
    return status;
  }
  encoded = ids.size();
  encodedCount = count;
  std::fill_n(positions.begin() + int64_t(before), count, 0);
  if (rowsEach.empty())
    slots.join(count, limits.maxRows);
  for (uint64_t rows : rowsEach)
    slots.join(1, rows);
  ++counters.encodeCalls;
  counters.encodedSources += count;
  counters.encodedTokens += ids.size();
  return {};
}

encdec_abi_context State::context() {
  encdec_abi_context call = {};
  call.weights = model->weights;
  call.arena = arena.data();
  call.scratch = scratch.data();
  call.scratch_stride = int64_t(scratchStride);
  call.keys = int64_t(keyCapacity);
  call.memory = memory.data();
  call.memory_offset = live.memory();
  call.cache = cache.data();
  call.cache_stride = int64_t(cacheStride);
  call.cache_capacity = int64_t(cacheCapacity);
  call.sources = int64_t(limits.maxSources);
  call.tokens = tokens.data();
  call.positions = positions.data();
  call.row_source = rowSource.data();
  call.source_offset = live.offsets();
  call.ancestors = slots.ancestors();
  call.row_bias = rowBias.data();
  call.out_tokens = reinterpret_cast<int32_t *>(outTokens.data());
  call.out_log_probs = reinterpret_cast<float *>(outLogProbs.data());
  call.probs_stride = int64_t(keyCapacity);
  call.barrier = team->workers() > 1 ? Team::barrier : nullptr;
  call.barrier_data = team.get();
  return call;
}

Status State::startProfile() {
  const Manifest &manifest = model->manifest;
  if (manifest.encodeSegments.empty() ||
      (model->step && manifest.stepSegments.empty()))
    return badModel("the model's manifest does not name the segments of its code, "
                    "so there is nothing to profile by; compile it again with this "
                    "version of encdec");
  profile = std::make_unique<Profile>(manifest, *team);
  profiling = true;
  return {};
}

Work State::workOf(EntryKind kind, const encdec_abi_context &call) const {
  auto length = [&](int64_t source) {
    return uint64_t(call.source_offset[source + 1] - call.source_offset[source]);
  };
  Work work;
  work.rows = uint64_t(call.rows);
  if (kind == EntryKind::Encode) {
    for (int64_t source = 0; source < call.sources; ++source)
      work.sourcePairs += length(source) * length(source);
    return work;
  }
  for (int64_t row = 0; row < call.rows; ++row) {
    const int32_t source = call.row_source[row];
    work.cachePairs += uint64_t(call.positions[row]) + 1;
    work.memoryPairs += length(source);
    // Rows of one source stand beside each other and read its keys together, so
    // only the first of them counts the keys.
    if (row == 0 || call.row_source[row - 1] != source)
      work.memoryKeys += length(source);
  }
  return work;
}

Status State::run(EntryKind kind, encdec_abi_context &call) {
  encdec_abi_entry_fn entry =
      kind == EntryKind::Encode ? model->encode : model->step;
  if (profiling)
    return profile->run(kind, entry, call, workOf(kind, call));
  struct Call {
    encdec_abi_entry_fn entry;
    const encdec_abi_context *context;
  } data{entry, &call};
  return team->run(
      [](void *data, uint32_t worker, uint32_t workers) {
        auto *call = static_cast<Call *>(data);
        call->entry(call->context, worker, workers);
      },
      &data);
}

} // namespace encdec::runtime
