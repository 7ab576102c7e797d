//===- Streaming.cpp - when tokens are told --------------------------------===//
//
//   encdec_bench_streaming BUNDLE [--threads N] [--beams K] < SOURCES
//
// A line of SOURCES is the ids of one source, which a generation decodes alone. Before it, the
// same source is encoded and one step of its row is run by the step API, in the same state. The
// program prints one line of JSON for each source:
//
//   encode_ms, step_ms   encdec_encode and the first encdec_step
//   first_ms             from encdec_generation_add to the first event with a token
//   told                 after each step: how many tokens events have given in all
//
// bench/streaming makes the sources and sums up.

#include "bench/Program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using namespace encdec::bench;

namespace {

/// Milliseconds of an encode and of the step that follows.
std::pair<double, double> direct(encdec_state *state, const std::vector<int32_t> &ids,
                                 int32_t start, uint64_t topK) {
  const uint64_t offsets[] = {0, ids.size()};
  const Watch encode;
  check(encdec_encode(state, ids.data(), offsets, 1));
  const double encodeMs = encode.ms();
  auto input = encdec_step_input_default();
  input.tokens = &start;
  input.rows = 1;
  input.top_k = topK;
  encdec_step_output output = {sizeof output, nullptr, nullptr, nullptr, 0, nullptr, 0};
  const Watch step;
  check(encdec_step(state, &input, &output));
  return {encodeMs, step.ms()};
}

struct Streamed {
  double firstMs = 0;
  std::vector<uint64_t> told;
};

Streamed stream(encdec_generation *generation, const std::vector<int32_t> &ids,
                const encdec_options *options) {
  Streamed streamed;
  uint64_t source = 0, told = 0;
  const Watch watch;
  check(encdec_generation_add(generation, ids.data(), ids.size(), nullptr, 0, options,
                              &source));
  for (uint64_t unfinished = 1; unfinished;) {
    check(encdec_generation_advance(generation, &unfinished));
    for (encdec_event event{};;) {
      event.size = sizeof event;
      check(encdec_generation_next_event(generation, &event));
      if (event.kind == ENCDEC_EVENT_NONE)
        break;
      if (!told && event.id_count)
        streamed.firstMs = watch.ms();
      told += event.id_count;
    }
    streamed.told.push_back(told);
  }
  check(encdec_generation_remove(generation, source));
  return streamed;
}

} // namespace

int main(int argc, char **argv) {
  auto numbers = numbersOf(
      argc, argv, 2, "encdec_bench_streaming BUNDLE [--threads N] [--beams K] < SOURCES",
      {{"--threads", 2}, {"--beams", 1}});
  const int64_t beams = numbers["--beams"];
  const Opened opened(argv[1], numbers["--threads"], beams);
  encdec_options *options = nullptr;
  check(encdec_options_create(&options));
  check(encdec_options_set_integer(options, "num_beams", beams));
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<int32_t> ids;
    std::istringstream words(line);
    for (int32_t id; words >> id;)
      ids.push_back(id);
    // A search of beams asks for twice as many tokens where there is one end token.
    const auto [encode, step] = direct(opened.state, ids, opened.info.decoder_start_token_id,
                                       beams == 1 ? 1 : uint64_t(2 * beams));
    encdec_generation *generation = nullptr; // owns the state until it is destroyed
    check(encdec_generation_create(opened.state, &generation));
    const Streamed streamed = stream(generation, ids, options);
    encdec_generation_destroy(generation);
    fmt::print("{{\"encode_ms\": {:.4f}, \"step_ms\": {:.4f}, \"first_ms\": {:.4f}, "
               "\"told\": [{}]}}\n",
               encode, step, streamed.firstMs, fmt::join(streamed.told, ", "));
  }
  encdec_options_destroy(options);
}
