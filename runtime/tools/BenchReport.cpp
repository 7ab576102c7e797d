//===- BenchReport.cpp ----------------------------------------------------===//

#include "runtime/tools/BenchReport.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace encdec::tools {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle]
                           : (values[middle - 1] + values[middle]) / 2;
}

/// What a quarter of the values are below: other programs on the machine add to times, and
/// never take away.
double lowerQuartile(std::vector<double> values) {
  auto at = values.begin() + std::ptrdiff_t(values.size() / 4);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

} // namespace

double BenchReport::stepMs() const { return median(measured.step); }

double BenchReport::bestBandwidth() const {
  return *std::ranges::max_element(measured.bandwidth);
}

double BenchReport::candidateBlocks() const {
  return double(state.candidate_blocks) / double(state.sketched_steps);
}

double BenchReport::stepBytes() const {
  double all = double(info.step_bytes), sketched = double(info.sketched_bytes);
  if (!state.sketched_steps)
    return all;
  return all - sketched + double(info.sketch_bytes) +
         sketched * candidateBlocks() / double(blocks());
}

void BenchReport::printJson() const {
  double rate = stepRate();
  nlohmann::ordered_json all = {
      {"bundle", arguments.model},
      {"cpu_level", info.cpu_level},
      {"weights", info.weight_type},
      {"source_length", arguments.sourceLength},
      {"new_tokens", arguments.newTokens},
      {"batch", arguments.batch},
      {"beams", arguments.beams},
      {"shortlist", arguments.shortlist},
      {"threads", state.threads},
      {"repeat", arguments.repeat},
      {"open_ms", measured.open},
      {"start_to_first_token_ms", measured.startToFirstToken},
      {"encode_ms", median(measured.encode)},
      {"encode_ms_quartile", lowerQuartile(measured.encode)},
      {"first_token_ms", median(measured.firstToken)},
      {"step_ms", stepMs()},
      {"step_ms_mean", std::accumulate(measured.step.begin(), measured.step.end(), 0.0) /
                           double(measured.step.size())},
      {"step_ms_quartile", lowerQuartile(measured.step)},
      {"step_ms_best",
       *std::min_element(measured.step.begin(), measured.step.end())},
      {"tokens_per_second", double(arguments.batch) / stepMs() * 1e3},
      {"bytes_per_step", std::llround(stepBytes())}};
  if (!measured.bandwidth.empty()) {
    double bandwidth = median(measured.bandwidth);
    all["read_bandwidth"] = bandwidth / 1e9;
    all["read_bandwidth_best"] = bestBandwidth() / 1e9;
    all["bandwidth_fraction"] = rate / bandwidth;
    all["bandwidth_fraction_of_best"] = rate / bestBandwidth();
  }
  if (state.sketched_steps)
    all["candidate_blocks_per_step"] = candidateBlocks();
  if (!arguments.kernel.empty())
    all["kernel"] = arguments.kernel;
  if (profile)
    all["profile"] = profileJson(*profile);
  print(all.dump() + "\n");
}

void BenchReport::printTable() const {
  auto line = [](const char *name, const std::string &value) {
    print(fmt::format("  {:<20} {}\n", name, value));
  };
  print(fmt::format("{}: {} weights, level {}, {}\n", bold(arguments.model),
                    info.weight_type, info.cpu_level,
                    counted(state.threads, "thread")));
  print(
      fmt::format("batch {}, beams {}, source length {}, {} new tokens, {}; "
                  "medians\n{}",
                  arguments.batch, arguments.beams, arguments.sourceLength,
                  arguments.newTokens,
                  counted(arguments.repeat, "repeat"), arguments.kernel.empty() ? "\n" : ""));
  if (!arguments.kernel.empty()) // nothing but a profile means anything
    return printProfile(*profile);
  line("open",
       fmt::format("{:.1f} ms (file mapped and verified)", measured.open));
  line("start to token", fmt::format("{:.1f} ms (opening included, all cold)",
                                     measured.startToFirstToken));
  line("encode", fmt::format("{:.3f} ms", median(measured.encode)));
  line("first token", fmt::format("{:.3f} ms (encode and one step)",
                                  median(measured.firstToken)));
  line(
      "step",
      fmt::format("{:.3f} ms, best {:.3f} ms, {:.0f} tokens a second", stepMs(),
                  *std::min_element(measured.step.begin(), measured.step.end()),
                  double(arguments.batch) / stepMs() * 1e3));
  if (!arguments.shortlist.empty())
    line("shortlist", arguments.shortlist);
  line("weights a step", humanBytes(uint64_t(stepBytes())));
  if (double rate = stepRate(); !measured.bandwidth.empty()) {
    double bandwidth = median(measured.bandwidth);
    line("read bandwidth", fmt::format("{:.1f} GB/s, best {:.1f} GB/s", bandwidth / 1e9,
                                       bestBandwidth() / 1e9));
    line("step's share", fmt::format("{:.0f} % of it ({:.1f} GB/s of weights){}",
                                     100 * rate / bandwidth, rate / 1e9,
                                     rate > bandwidth ? ", which stay in the caches" : ""));
  }
  if (state.sketched_steps)
    line("sketch", fmt::format("leaves {:.2f} of {} blocks of 128 columns open a step; "
                               "of the others a step reads a quarter of the weights",
                               candidateBlocks(), blocks()));
  if (profile)
    printProfile(*profile);
}

} // namespace encdec::tools
