//===- Profile.cpp --------------------------------------------------------===//

#include "runtime/exec/Profile.h"

#include "runtime/base/Checked.h"

#include <fmt/format.h>

#include <algorithm>

namespace encdec::runtime {

namespace {

uint64_t nanosecondsOf(std::chrono::steady_clock::duration time) {
  return uint64_t(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

/// a * b, or the largest number: a manifest may claim absurd sizes.
uint64_t product(uint64_t a, uint64_t b) {
  return checkedMul(a, b).value_or(UINT64_MAX);
}

} // namespace

Profile::Profile(const Manifest &manifest, Team &team)
    : manifest(manifest), team(team), lanes(team.workers()),
      room(std::max(count(EntryKind::Encode), count(EntryKind::Step))) {
  for (EntryKind kind : {EntryKind::Encode, EntryKind::Step}) {
    Totals &of = totals[size_t(kind)];
    for (auto *sums : {&of.nanoseconds, &of.waits})
      sums->resize(count(kind));
    for (size_t i = 0; i < count(kind); ++i) {
      const SegmentInfo &info = segments(kind)[i];
      if (i == 0 || info.leastRows != segments(kind)[i - 1].leastRows ||
          info.workerRows != segments(kind)[i - 1].workerRows ||
          info.shortlist != segments(kind)[i - 1].shortlist)
        of.ranges.push_back({i, i, 0, {}});
      of.ranges.back().end = i + 1;
    }
  }
  const size_t stride = (room + 7) / 8 * 8 + 8; // lanes share no cache line
  arrivals.resize(stride * lanes.size());
  for (size_t worker = 0; worker < lanes.size(); ++worker)
    lanes[worker].arrived = arrivals.data() + worker * stride;
}

Profile::Range &Profile::rangeOf(EntryKind kind, uint64_t rows, uint64_t shortlist) {
  std::vector<Range> &ranges = totals[size_t(kind)].ranges;
  for (size_t i = ranges.size(); i-- > 1;) {
    const SegmentInfo &info = segments(kind)[ranges[i].first];
    if (info.shortlist == shortlist &&
        rows >= std::max(info.leastRows, product(info.workerRows, team.workers())))
      return ranges[i];
  }
  return ranges[0];
}

void Profile::arrive(size_t worker) {
  Lane &lane = lanes[worker];
  if (lane.at < room) // finish() refuses code with more barriers than segments
    lane.arrived[lane.at] = Clock::now();
  ++lane.at;
  if (team.workers() > 1)
    Team::barrier(&team, int64_t(worker));
}

void Profile::barrier(void *profile, int64_t worker) {
  static_cast<Profile *>(profile)->arrive(size_t(worker));
}

Status Profile::run(EntryKind kind, encdec_abi_entry_fn entry,
                    encdec_abi_context &call, const Work &work) {
  current = &totals[size_t(kind)];
  range = &rangeOf(kind, uint64_t(call.rows), uint64_t(call.shortlist));
  call.barrier = barrier;
  call.barrier_data = this;
  struct Call {
    Profile &profile;
    encdec_abi_entry_fn entry;
    const encdec_abi_context *context;
  } data{*this, entry, &call};
  for (Lane &lane : lanes)
    lane.at = 0;
  auto start = Clock::now();
  ENCDEC_RETURN_IF_ERROR(team.run(
      [](void *data, uint32_t worker, uint32_t workers) {
        auto &call = *static_cast<Call *>(data);
        call.entry(call.context, worker, workers);
        Lane &lane = call.profile.lanes[worker];
        if (lane.at < call.profile.room)
          lane.arrived[lane.at] = Clock::now();
        ++lane.at;
      },
      &data));
  finish(start, Clock::now());
  ++range->calls;
  range->work.rows += work.rows;
  range->work.cachePairs += work.cachePairs;
  range->work.memoryPairs += work.memoryPairs;
  range->work.sourcePairs += work.sourcePairs;
  range->work.memoryKeys += work.memoryKeys;
  return {};
}

// A segment ends when the last worker arrives at its barrier. When a worker
// leaves the barrier says little: on a busy machine that can be long after the
// others have begun the next segment.
void Profile::finish(Clock::time_point start, Clock::time_point end) {
  const size_t count = range->end - range->first;
  for (const Lane &lane : lanes)
    if (lane.at != count) {
      current->otherBarriers = true;
      return;
    }
  for (size_t i = 0; i < count; ++i) {
    Clock::time_point last = i + 1 == count ? end : start;
    for (const Lane &lane : lanes)
      last = std::max(last, lane.arrived[i]);
    current->nanoseconds[range->first + i] += nanosecondsOf(last - start);
    for (const Lane &lane : lanes)
      current->waits[range->first + i] += nanosecondsOf(last - lane.arrived[i]);
    start = last;
  }
}

Result<SegmentProfile> Profile::segment(EntryKind kind, size_t index) const {
  const Totals &of = totals[size_t(kind)];
  if (of.otherBarriers)
    return badModel(fmt::format(
        "the code's {} has other barriers than its manifest says: it cannot be "
        "profiled; compile the model again",
        kind == EntryKind::Encode ? "encode" : "step"));
  const SegmentInfo &info = segments(kind)[index];
  const Range &range = *std::ranges::find_if(
      of.ranges, [&](const Range &range) { return index < range.end; });
  SegmentProfile value{&info};
  value.calls = range.calls;
  value.rows = range.work.rows;
  value.nanoseconds = of.nanoseconds[index];
  value.waited = of.waits[index] / lanes.size();
  value.weightBytes = product(info.weightBytes, range.calls);
  value.weightMadds = product(info.rowMadds, range.work.rows);
  using From = SegmentInfo::Keys::From;
  for (const SegmentInfo::Keys &keys : info.keys) {
    uint64_t pairs = keys.from == From::Cache    ? range.work.cachePairs
                     : keys.from == From::Memory ? range.work.memoryPairs
                                                 : range.work.sourcePairs;
    value.keyMadds += product(keys.madds, pairs);
    value.keyBytes +=
        product(keys.bytes, keys.from == From::Memory ? range.work.memoryKeys : pairs);
  }
  return value;
}

} // namespace encdec::runtime
