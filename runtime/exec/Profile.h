//===- Profile.h - where the time of encode and step goes -----------------===//
//
// Compiled code is a sequence of segments with a barrier between each two, the
// same sequence in every call of one range of rows. A profile takes the place of the team's barrier
// and notes the time at which each worker arrives. A state without a profile
// calls the team's barrier itself and pays nothing.

#pragma once

#include "encdec/abi.h"
#include "runtime/bundle/Manifest.h"
#include "runtime/exec/Team.h"

#include <array>
#include <chrono>

namespace encdec::runtime {

enum class EntryKind { Encode, Step };

/// What one call works on.
struct Work {
  uint64_t rows = 0; ///< Source tokens of an encode.
  /// Pairs of a row and a position that it attends to.
  uint64_t cachePairs = 0, memoryPairs = 0, sourcePairs = 0;
  /// Positions of memory that are read: rows of one source read them together.
  uint64_t memoryKeys = 0;
};

/// Sums over all profiled calls.
struct SegmentProfile {
  const SegmentInfo *info;
  uint64_t calls = 0, rows = 0;
  uint64_t nanoseconds = 0;
  uint64_t waited = 0; ///< The nanoseconds that the average worker waited.
  uint64_t weightBytes = 0, keyBytes = 0, weightMadds = 0, keyMadds = 0;
};

/// Times of the segments of a model. One caller at a time; allocates on construction
/// only.
class Profile {
public:
  /// Both must outlive the profile.
  Profile(const Manifest &manifest, Team &team);

  /// Puts the profile's barrier into `call` and runs it on the team.
  Status run(EntryKind kind, encdec_abi_entry_fn entry, encdec_abi_context &call,
             const Work &work);

  size_t count(EntryKind kind) const { return segments(kind).size(); }
  /// Segment `index` below count(kind). Errors: BadModel when the code was seen
  /// to have other barriers than its manifest says.
  Result<SegmentProfile> segment(EntryKind kind, size_t index) const;

private:
  using Clock = std::chrono::steady_clock;
  /// What one worker writes during a call; no two lanes share a cache line.
  struct alignas(64) Lane {
    size_t at = 0;              ///< The segment that the worker is in.
    Clock::time_point *arrived; ///< When it came to the end of each segment.
  };
  /// The calls that ran the segments of one range of rows.
  struct Range {
    size_t first, end; ///< Its segments.
    uint64_t calls = 0;
    Work work;
  };
  struct Totals {
    std::vector<Range> ranges;
    std::vector<uint64_t> nanoseconds, waits; ///< Of each segment; all workers.
    bool otherBarriers = false;
  };
  Range &rangeOf(EntryKind kind, uint64_t rows, uint64_t shortlist);
  static void barrier(void *profile, int64_t worker);
  void arrive(size_t worker);
  void finish(Clock::time_point start, Clock::time_point end);
  const std::vector<SegmentInfo> &segments(EntryKind kind) const {
    return kind == EntryKind::Encode ? manifest.encodeSegments
                                     : manifest.stepSegments;
  }

  const Manifest &manifest;
  Team &team;
  std::array<Totals, 2> totals; ///< [EntryKind]
  std::vector<Lane> lanes;      ///< [worker]
  size_t room;                  ///< Segments of the longer entry.
  std::vector<Clock::time_point> arrivals; ///< What the lanes point into.
  Totals *current = nullptr; ///< Of the entry that runs at the moment, and its range.
  Range *range = nullptr;
};

} // namespace encdec::runtime
