//===- Profile.cpp --------------------------------------------------------===//

#include "runtime/exec/Profile.h"

#include "runtime/base/Checked.h"

#include <fmt/format.h>

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
    : manifest(manifest), team(team), lanes(team.workers()) {
  for (EntryKind kind : {EntryKind::Encode, EntryKind::Step}) {
    Totals &of = totals[size_t(kind)];
    of.nanoseconds.resize(count(kind));
    of.waitStride = (count(kind) + 7) / 8 * 8; // whole cache lines
    of.waits.resize(of.waitStride * team.workers());
  }
}

// All workers have passed when one has: the segment ends for worker 0 where the
// others may go on, which is where the next one begins.
void Profile::arrive(size_t worker) {
  Lane &lane = lanes[worker];
  auto before = Clock::now();
  if (team.workers() > 1)
    Team::barrier(&team, int64_t(worker));
  auto after = Clock::now();
  size_t at = lane.at++;
  if (at >= current->nanoseconds.size())
    return; // finish() notices
  if (team.workers() > 1)
    current->waits[worker * current->waitStride + at] +=
        nanosecondsOf(after - before);
  if (worker == 0) {
    current->nanoseconds[at] += nanosecondsOf(after - last);
    last = after;
  }
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
  last = Clock::now();
  Status status = team.run(
      [](void *data, uint32_t worker, uint32_t workers) {
        auto &call = *static_cast<Call *>(data);
        call.entry(call.context, worker, workers);
        call.profile.lanes[worker].done = Clock::now();
      },
      &data);
  ENCDEC_RETURN_IF_ERROR(status);
  finish();
  ++current->calls;
  current->work.rows += work.rows;
  current->work.cachePairs += work.cachePairs;
  current->work.memoryPairs += work.memoryPairs;
  current->work.sourcePairs += work.sourcePairs;
  current->work.memoryKeys += work.memoryKeys;
  return status;
}

/// The last segment ends with the call.
void Profile::finish() {
  auto end = Clock::now();
  size_t count = current->nanoseconds.size();
  for (size_t worker = 0; worker < lanes.size(); ++worker) {
    if (lanes[worker].at + 1 != count) {
      current->otherBarriers = true;
      return;
    }
    current->waits[worker * current->waitStride + count - 1] +=
        nanosecondsOf(end - lanes[worker].done);
  }
  current->nanoseconds[count - 1] += nanosecondsOf(end - last);
}

Result<SegmentProfile> Profile::segment(EntryKind kind, size_t index) const {
  const Totals &of = totals[size_t(kind)];
  if (of.otherBarriers)
    return badModel(fmt::format(
        "the code's {} has other barriers than its manifest says: it cannot be "
        "profiled; compile the model again",
        kind == EntryKind::Encode ? "encode" : "step"));
  const SegmentFacts &facts = this->facts(kind)[index];
  SegmentProfile value{&facts};
  value.calls = of.calls;
  value.rows = of.work.rows;
  value.nanoseconds = of.nanoseconds[index];
  for (size_t worker = 0; worker < lanes.size(); ++worker)
    value.waited += of.waits[worker * of.waitStride + index];
  value.waited /= lanes.size();
  value.weightBytes = product(facts.weightBytes, of.calls);
  value.weightMadds = product(facts.rowMadds, of.work.rows);
  using Keys = SegmentFacts::Keys;
  uint64_t pairs = facts.keys == Keys::Cache    ? of.work.cachePairs
                   : facts.keys == Keys::Memory ? of.work.memoryPairs
                   : facts.keys == Keys::Source ? of.work.sourcePairs
                                                : 0;
  value.keyMadds = product(facts.keyMadds, pairs);
  value.keyBytes = product(
      facts.keyBytes, facts.keys == Keys::Memory ? of.work.memoryKeys : pairs);
  return value;
}

} // namespace encdec::runtime
