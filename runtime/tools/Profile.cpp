//===- Profile.cpp --------------------------------------------------------===//
//
// Segments come from the state; here they are summed by kind of op and by layer and
// compared with the limits. The least time of a segment is the greater of two: its
// bytes / read bandwidth, and its multiply-adds / peak of their type. Segments run one
// after the other, so the least time of a part is the sum over its segments.

#include "runtime/tools/Profile.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace encdec::tools {
namespace {

Part partOf(const encdec_segment_profile &segment, const Limits &limits) {
  double calls = std::max<double>(1, double(segment.calls));
  Part part;
  part.time = double(segment.nanoseconds) * 1e-9 / calls;
  part.waiting = double(segment.wait_nanoseconds) * 1e-9 / calls;
  part.bytes =
      (double(segment.weight_bytes) + double(segment.key_bytes)) / calls;
  double withWeights = double(segment.weight_multiply_adds) / calls,
         withKeys = double(segment.key_multiply_adds) / calls;
  part.madds = withWeights + withKeys;
  double reading = part.bytes / limits.bandwidth,
         multiplying = withWeights / (limits.wholes ? limits.peak.wholes
                                                    : limits.peak.floats) +
                       withKeys / limits.peak.floats;
  part.least = std::max(reading, multiplying);
  part.leastByMemory = reading >= multiplying ? part.least : 0;
  return part;
}

std::string layerName(const encdec_segment_profile &segment) {
  if (segment.layer < 0)
    return segment.side + std::string(", other");
  return fmt::format("{} {}", segment.side, segment.layer);
}

/// Adds `part` to the one called `name`, which is made on first use.
void addTo(std::vector<Part> &parts, const std::string &name, const Part &part) {
  auto found = std::find_if(parts.begin(), parts.end(),
                            [&](const Part &p) { return p.name == name; });
  if (found == parts.end()) {
    parts.push_back({});
    parts.back().name = name;
    found = parts.end() - 1;
  }
  found->add(part);
}

EntryProfile readEntry(const encdec_state *state, uint32_t entry,
                       const Limits &limits) {
  EntryProfile profile;
  std::vector<encdec_segment_profile> segments(encdec_state_profile_count(state, entry));
  for (uint64_t i = 0; i < segments.size(); ++i) {
    segments[i] = sized<encdec_segment_profile>();
    check(encdec_state_get_profile(state, entry, i, &segments[i]));
  }
  // Of the ranges of rows, the one that most calls were in.
  auto most = std::ranges::max_element(segments, {}, &encdec_segment_profile::calls);
  for (const encdec_segment_profile &segment : segments) {
    if (segment.least_rows != most->least_rows || segment.worker_rows != most->worker_rows)
      continue;
    profile.calls = segment.calls;
    profile.rows =
        double(segment.rows) / std::max<double>(1, double(segment.calls));
    Part part = partOf(segment, limits);
    std::string layer = layerName(segment);
    addTo(profile.kinds, segment.ops, part);
    addTo(profile.layers, layer, part);
    profile.whole.add(part);
    part.name = fmt::format("{}: {}", layer, segment.ops);
    profile.segments.push_back(part);
  }
  std::sort(profile.kinds.begin(), profile.kinds.end(),
            [](const Part &a, const Part &b) { return a.time > b.time; });
  return profile;
}

nlohmann::ordered_json partJson(const Part &part, double whole) {
  return {{"name", part.name},
          {"ms", part.time * 1e3},
          {"share", whole > 0 ? part.time / whole : 0},
          {"waiting_ms", part.waiting * 1e3},
          {"bytes", part.bytes},
          {"multiply_adds", part.madds},
          {"limit_fraction", part.limitFraction()},
          {"limit", part.memoryBound() ? "memory" : "multiply-adds"}};
}

nlohmann::ordered_json entryJson(const EntryProfile &entry) {
  auto list = [&](const std::vector<Part> &parts) {
    auto all = nlohmann::ordered_json::array();
    for (const Part &part : parts)
      all.push_back(partJson(part, entry.whole.time));
    return all;
  };
  nlohmann::ordered_json all = {{"calls", entry.calls}, {"rows", entry.rows}};
  auto whole = partJson(entry.whole, entry.whole.time);
  whole.erase("name");
  whole.erase("share");
  all.update(whole);
  all["ops"] = list(entry.kinds);
  all["layers"] = list(entry.layers);
  all["segments"] = list(entry.segments);
  return all;
}

constexpr size_t barWidth = 20;

void printParts(const char *title, const std::vector<Part> &parts,
                const EntryProfile &entry) {
  size_t width = 20;
  for (const Part &part : parts)
    width = std::max(width, part.name.size());
  print(fmt::format("  {:<{}} {:>9} {:>6} {:<{}} {:>6} {:>6} {:>7}  {}\n", title,
                    width, "ms", "share", "", barWidth, "wait", "GB/s", "GMAC/s",
                    "of limit"));
  for (const Part &part : parts) {
    double share = entry.whole.time > 0 ? part.time / entry.whole.time : 0;
    auto rate = [&](double amount) {
      return amount > 0 && part.time > 0
                 ? fmt::format("{:.1f}", amount / part.time * 1e-9)
                 : std::string("-");
    };
    // A part that hardly reads or multiplies has a limit that is not measured here.
    std::string limit =
        part.limitFraction() >= 0.005
            ? fmt::format("{:>3.0f} % {}", 100 * part.limitFraction(),
                          part.memoryBound() ? "memory" : "MAC")
            : "  -";
    print(fmt::format(
        "  {:<{}} {:>9.3f} {:>4.0f} % {} {:>4.0f} % {:>6} {:>7}  {}\n", part.name,
        width, part.time * 1e3, 100 * share, bar(share, barWidth),
        part.time > 0 ? 100 * part.waiting / part.time : 0, rate(part.bytes),
        rate(part.madds), limit));
  }
}

void printEntry(const char *name, const EntryProfile &entry) {
  if (!entry.calls)
    return;
  print(fmt::format(
      "\n{}: {:.3f} ms, {:.0f} % of it waiting at barriers ({}, {:.1f} rows each)\n",
      bold(name), entry.whole.time * 1e3,
      entry.whole.time > 0 ? 100 * entry.whole.waiting / entry.whole.time : 0,
      counted(entry.calls, "call"), entry.rows));
  printParts("ops", entry.kinds, entry);
  printParts("layer", entry.layers, entry);
}

} // namespace

void Part::add(const Part &other) {
  time += other.time;
  waiting += other.waiting;
  bytes += other.bytes;
  madds += other.madds;
  least += other.least;
  leastByMemory += other.leastByMemory;
}

Profile readProfile(const encdec_state *state, const Limits &limits) {
  return {limits, readEntry(state, ENCDEC_PROFILE_ENCODE, limits),
          readEntry(state, ENCDEC_PROFILE_STEP, limits)};
}

nlohmann::ordered_json profileJson(const Profile &profile) {
  const Limits &limits = profile.limits;
  return {{"read_bandwidth", limits.bandwidth / 1e9},
          {"peak_f32", limits.peak.floats / 1e9},
          {"peak_int8", limits.peak.wholes / 1e9},
          {"encode", entryJson(profile.encode)},
          {"step", entryJson(profile.step)}};
}

void printProfile(const Profile &profile) {
  const Limits &limits = profile.limits;
  print(fmt::format("\n{}: limits {:.1f} GB/s, {:.1f} GMAC/s of f32{}\n",
                    bold("profile"), limits.bandwidth / 1e9,
                    limits.peak.floats / 1e9,
                    limits.wholes ? fmt::format(", {:.1f} of int8",
                                                limits.peak.wholes / 1e9)
                                  : ""));
  printEntry("encode", profile.encode);
  printEntry("step", profile.step);
}

std::string bar(double fraction, size_t width) {
  // U+2588 is a whole block, U+2589 ... U+258F seven eighths down to one.
  auto eighths =
      size_t(std::lround(std::clamp(fraction, 0.0, 1.0) * double(width) * 8));
  std::string text;
  for (size_t i = 0; i < width; ++i) {
    size_t filled = std::min<size_t>(8, eighths - std::min(eighths, 8 * i));
    if (filled)
      text += {char(0xe2), char(0x96), char(0x90 - filled)};
    else
      text += ' ';
  }
  return text;
}

} // namespace encdec::tools
