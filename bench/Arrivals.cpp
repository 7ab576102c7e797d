//===- Arrivals.cpp - sentences that arrive while others decode -----------===//
//
//   encdec_bench_arrivals BUNDLE join|batch [--threads N] [--rows N] [--beams K] < TRACE
//
// A line of the trace is one sentence: the second at which it arrives, how many tokens its
// translation has, and its ids. The program waits for each arrival and decodes: `join` lets a
// sentence join while others decode; `batch` collects up to 16 sentences, for up to 10 ms, and
// answers when all of them are done. It prints one line of JSON: latencies from arrival to
// answer in milliseconds, and sentences a second. bench/arrivals makes the traces and draws
// the curve.

#include "bench/Program.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace encdec::bench;

namespace {

using Clock = std::chrono::steady_clock;

struct Sentence {
  double arrival = 0; ///< Seconds from the start.
  int64_t tokens = 0; ///< Of its translation.
  std::vector<int32_t> ids;
  double answered = 0;
};

std::vector<Sentence> readTrace() {
  std::vector<Sentence> trace;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    Sentence one;
    words >> one.arrival >> one.tokens;
    for (int32_t id; words >> id;)
      one.ids.push_back(id);
    trace.push_back(std::move(one));
  }
  return trace;
}

class Server {
public:
  Server(encdec_generation *generation, std::vector<Sentence> &trace, int64_t beams)
      : generation(generation), trace(trace), beams(beams) {}

  /// Each sentence joins as it arrives, and is answered when it ends.
  void join() {
    std::map<uint64_t, size_t> open;
    for (size_t arrived = 0; arrived < trace.size() || !open.empty();) {
      if (open.empty())
        sleepUntil(trace[arrived].arrival);
      for (; arrived < trace.size() && trace[arrived].arrival <= now(); ++arrived)
        open.emplace(add(trace[arrived]), arrived);
      check(encdec_generation_advance(generation, nullptr));
      for (encdec_event event{}; next(event);) {
        if (event.kind != ENCDEC_EVENT_FINISHED)
          continue;
        check(encdec_generation_remove(generation, event.source));
        trace[open.at(event.source)].answered = now();
        open.erase(event.source);
      }
    }
  }

  /// Up to 16 sentences that arrived within 10 ms are answered together.
  void batch() {
    constexpr size_t most = 16;
    constexpr double patience = 0.01;
    for (size_t first = 0; first < trace.size();) {
      // The batch is full when the 16th arrives, and complete 10 ms after the first.
      const size_t last = std::min(first + most, trace.size()) - 1;
      sleepUntil(std::min(trace[first].arrival + patience, trace[last].arrival));
      std::vector<uint64_t> sources;
      size_t end = first;
      for (; end <= last && trace[end].arrival <= now(); ++end)
        sources.push_back(add(trace[end]));
      for (uint64_t unfinished = 1; unfinished;)
        check(encdec_generation_advance(generation, &unfinished));
      for (uint64_t source : sources)
        check(encdec_generation_remove(generation, source));
      for (; first < end; ++first)
        trace[first].answered = now();
    }
  }

private:
  double now() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
  void sleepUntil(double second) const {
    std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(
                                              std::chrono::duration<double>(second)));
  }
  bool next(encdec_event &event) const {
    event.size = sizeof(event);
    check(encdec_generation_next_event(generation, &event));
    return event.kind != ENCDEC_EVENT_NONE;
  }
  uint64_t add(const Sentence &sentence) {
    encdec_options *&options = optionsOf[sentence.tokens];
    if (!options) {
      check(encdec_options_create(&options));
      check(encdec_options_set_integer(options, "num_beams", beams));
      for (const char *name : {"min_new_tokens", "max_new_tokens"})
        check(encdec_options_set_integer(options, name, sentence.tokens));
      check(encdec_options_clear(options, "forced_eos_token_id"));
    }
    uint64_t source = 0;
    check(encdec_generation_add(generation, sentence.ids.data(), sentence.ids.size(), nullptr,
                                0, options, &source));
    return source;
  }

  encdec_generation *generation;
  std::vector<Sentence> &trace;
  const int64_t beams;
  std::map<int64_t, encdec_options *> optionsOf;
  const Clock::time_point start = Clock::now();
};

} // namespace

int main(int argc, char **argv) {
  const char *usage = "encdec_bench_arrivals BUNDLE join|batch [--threads N] [--rows N] "
                      "[--beams K] < TRACE";
  auto numbers = numbersOf(argc, argv, 3, usage,
                           {{"--threads", 2}, {"--rows", 32}, {"--beams", 1}});
  const std::string_view policy = argv[2];
  if (policy != "join" && policy != "batch") {
    std::cerr << "usage: " << usage << '\n';
    return ENCDEC_ERROR_USAGE;
  }
  const Opened opened(argv[1], numbers["--threads"], numbers["--rows"]);
  encdec_generation *generation = nullptr;
  check(encdec_generation_create(opened.state, &generation));
  std::vector<Sentence> trace = readTrace();
  Server server(generation, trace, numbers["--beams"]);
  if (policy == "join")
    server.join();
  else
    server.batch();
  std::vector<double> latencies;
  double end = 0;
  for (const Sentence &one : trace) {
    latencies.push_back((one.answered - one.arrival) * 1e3);
    end = std::max(end, one.answered);
  }
  std::ranges::sort(latencies);
  auto quantile = [&](double q) {
    return latencies.empty() ? 0 : latencies[size_t(q * double(latencies.size() - 1))];
  };
  fmt::print("{{\"sentences\": {}, \"p50_ms\": {:.2f}, \"p95_ms\": {:.2f}, "
             "\"sentences_per_second\": {:.3f}}}\n",
             trace.size(), quantile(0.5), quantile(0.95), double(trace.size()) / end);
  encdec_generation_destroy(generation);
}
