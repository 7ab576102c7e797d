//===- Profile.h - where a step's time goes, part by part -----------------===//

#pragma once

#include "runtime/tools/Peak.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace encdec::tools {

/// The machine's limits, in bytes and multiply-adds a second.
struct Limits {
  double bandwidth = 0;
  Peak peak;
  bool wholes = false; ///< Whether products with weights are of whole numbers.
};

/// Some segments of one entry taken together; times in seconds of one call.
struct Part {
  std::string name;
  double time = 0, waiting = 0; ///< Waiting lies within time.
  double bytes = 0, madds = 0;  ///< Of one call.
  double least = 0; ///< Sum of the least time of each segment by the limits.
  /// The share of `least` of segments whose reading takes longer than
  /// multiplying.
  double leastByMemory = 0;

  double limitFraction() const { return time > 0 ? least / time : 0; }
  bool memoryBound() const { return 2 * leastByMemory >= least; }
  void add(const Part &other);
};

/// What the profile of a state (encdec_state_profile_start) says about one
/// entry.
struct EntryProfile {
  uint64_t calls = 0;
  double rows = 0;             ///< Of one call.
  Part whole;                  ///< The call.
  std::vector<Part> kinds;     ///< One for each kind of op, most time first.
  std::vector<Part> layers;    ///< In the order they run.
  std::vector<Part> segments;  ///< In the order they run.
};

struct Profile {
  Limits limits;
  EntryProfile encode, step;
};

/// Reads the state's profile.
Profile readProfile(const encdec_state *state, const Limits &limits);

nlohmann::ordered_json profileJson(const Profile &profile);
/// Tables by kind of op and by layer on standard output.
void printProfile(const Profile &profile);

/// A bar of at most `width` characters that fills `fraction` of it, in eighths.
std::string bar(double fraction, size_t width);

} // namespace encdec::tools
