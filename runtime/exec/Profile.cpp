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
  for (EntryKind kind : {EntryKind::Encode, EntryKind::Step})
    for (auto *sums : {&totals[size_t(kind)].nanoseconds, &totals[size_t(kind)].waits})
      sums->resize(count(kind));
  const size_t stride = (room + 7) / 8 * 8 + 8; // lanes share no cache line
  arrivals.resize(stride * lanes.size());
  for (size_t worker = 0; worker < lanes.size(); ++worker)
    lanes[worker].arrived = arrivals.data() + worker * stride;
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
  ++current->calls;
  current->work.rows += work.rows;
  current->work.cachePairs += work.cachePairs;
  current->work.memoryPairs += work.memoryPairs;
  current->work.sourcePairs += work.sourcePairs;
  current->work.memoryKeys += work.memoryKeys;
  return {};
}

// A segment ends when the last worker arrives at its barrier. When a worker
// leaves the barrier says little: on a busy machine that can be long after the
// others have begun the next segment.
void Profile::finish(Clock::time_point start, Clock::time_point end) {
  const size_t count = current->nanoseconds.size();
  for (const Lane &lane : lanes)
    if (lane.at != count) {
      current->otherBarriers = true;
      return;
    }
  for (size_t i = 0; i < count; ++i) {
    Clock::time_point last = i + 1 == count ? end : start;
    for (const Lane &lane : lanes)
      last = std::max(last, lane.arrived[i]);
    current->nanoseconds[i] += nanosecondsOf(last - start);
    for (const Lane &lane : lanes)
      current->waits[i] += nanosecondsOf(last - lane.arrived[i]);
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
  SegmentProfile value{&info};
  value.calls = of.calls;
  value.rows = of.work.rows;
  value.nanoseconds = of.nanoseconds[index];
  value.waited = of.waits[index] / lanes.size();
  value.weightBytes = product(info.weightBytes, of.calls);
  value.weightMadds = product(info.rowMadds, of.work.rows);
  using From = SegmentInfo::Keys::From;
  for (const SegmentInfo::Keys &keys : info.keys) {
    uint64_t pairs = keys.from == From::Cache    ? of.work.cachePairs
                     : keys.from == From::Memory ? of.work.memoryPairs
                                                 : of.work.sourcePairs;
    value.keyMadds += product(keys.madds, pairs);
    value.keyBytes +=
        product(keys.bytes, keys.from == From::Memory ? of.work.memoryKeys : pairs);
  }
  return value;
}

} // namespace encdec::runtime
