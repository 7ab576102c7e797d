//===- Prefill.cpp - a prefix in one call against a step for each token ---===//
//
//   encdec_bench_prefill BUNDLE [--threads N] [--rounds N]
//
// How long a prefix of P tokens takes: `prefill` is a generation's first advance with a prefix
// of P + 1 ids, of which all but the last are fed in one call, less one without a prefix; both
// encode the source and run one step. `steps` is P calls of encdec_step, which feed the same
// ids to the row of an encoded source. Source and prefix are random ids. Both take turns; times
// are medians of all rounds. A prefill reads the weights of the decoder's layers as often as
// one step does, so the time of a step bounds it from below while memory is the limit.

#include "bench/Program.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

using namespace encdec::bench;

namespace {

using Ids = std::vector<int32_t>;

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + int64_t(values.size() / 2));
  return values[values.size() / 2];
}

/// Of encoding a source and its first step, behind a prefix.
double first(encdec_state *state, const Ids &source, std::span<const int32_t> prefix,
             const encdec_options *options) {
  encdec_generation *generation = nullptr;
  check(encdec_generation_create(state, &generation));
  uint64_t number = 0;
  check(encdec_generation_add(generation, source.data(), source.size(), prefix.data(),
                              prefix.size(), options, &number));
  const Watch watch;
  check(encdec_generation_advance(generation, nullptr));
  const double ms = watch.ms();
  encdec_generation_destroy(generation);
  return ms;
}

/// Of the steps that feed `tokens`, one after the other.
double stepped(encdec_state *state, const Ids &source, std::span<const int32_t> tokens) {
  const uint64_t offsets[] = {0, source.size()};
  check(encdec_encode(state, source.data(), offsets, 1));
  auto input = encdec_step_input_default();
  input.rows = 1;
  encdec_step_output output = {sizeof output, nullptr, nullptr, nullptr, 0, nullptr, 0};
  const Watch watch;
  for (const int32_t &token : tokens) {
    input.tokens = &token;
    check(encdec_step(state, &input, &output));
  }
  return watch.ms();
}

} // namespace

int main(int argc, char **argv) {
  auto numbers = numbersOf(argc, argv, 2,
                           "encdec_bench_prefill BUNDLE [--threads N] [--rounds N]",
                           {{"--threads", 2}, {"--rounds", 15}});
  const Opened opened(argv[1], numbers["--threads"], /*rows=*/1);
  encdec_options *options = nullptr;
  check(encdec_options_create(&options));
  for (const char *name : {"num_beams", "max_new_tokens"}) // one, behind any prefix
    check(encdec_options_set_integer(options, name, 1));

  std::mt19937 random(1);
  const auto some = [&](size_t count, uint64_t vocabulary) {
    std::uniform_int_distribution<int32_t> id(1, int32_t(vocabulary) - 2);
    Ids ids(count);
    std::ranges::generate(ids, [&] { return id(random); });
    return ids;
  };
  const Ids source = some(20, opened.info.source_vocab_size);
  fmt::print("tokens  prefill, ms  steps, ms  steps/prefill  a step, ms\n");
  for (size_t tokens : {8, 16, 32, 64}) {
    const Ids prefix = some(tokens + 1, opened.info.vocab_size);
    const std::span<const int32_t> fed = std::span(prefix).first(tokens);
    std::vector<double> prefill, steps;
    for (int64_t round = 0; round < numbers["--rounds"]; ++round) {
      const double without = first(opened.state, source, {}, options);
      prefill.push_back(first(opened.state, source, prefix, options) - without);
      steps.push_back(stepped(opened.state, source, fed));
    }
    const double one = median(prefill), all = median(steps);
    fmt::print("{:6}  {:11.2f}  {:9.2f}  {:13.1f}  {:10.2f}\n", tokens, one, all, all / one,
               all / double(tokens));
  }
  encdec_options_destroy(options);
}
