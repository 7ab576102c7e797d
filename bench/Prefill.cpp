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

#include "encdec/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using Ids = std::vector<int32_t>;

void check(encdec_status *status) {
  if (!status)
    return;
  std::cerr << encdec_status_message(status) << '\n';
  std::exit(encdec_status_code(status));
}

/// Milliseconds that `work` takes.
template <typename Work> double timed(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

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
  const double ms = timed([&] { check(encdec_generation_advance(generation, nullptr)); });
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
  return timed([&] {
    for (const int32_t &token : tokens) {
      input.tokens = &token;
      check(encdec_step(state, &input, &output));
    }
  });
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2 || argc % 2) {
    std::cerr << "usage: encdec_bench_prefill BUNDLE [--threads N] [--rounds N]\n";
    return ENCDEC_ERROR_USAGE;
  }
  std::map<std::string, int64_t> numbers{{"--threads", 2}, {"--rounds", 15}};
  for (int i = 2; i + 1 < argc; i += 2)
    numbers[argv[i]] = std::atoll(argv[i + 1]);
  encdec_model *model = nullptr;
  check(encdec_model_open(argv[1], nullptr, &model));
  encdec_model_info info = {};
  info.size = sizeof info;
  check(encdec_model_get_info(model, &info));
  auto limits = encdec_state_options_default();
  limits.threads = uint32_t(numbers["--threads"]);
  encdec_state *state = nullptr;
  check(encdec_state_create(model, &limits, &state));
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
  const Ids source = some(20, info.source_vocab_size);
  fmt::print("tokens  prefill, ms  steps, ms  steps/prefill  a step, ms\n");
  for (size_t tokens : {8, 16, 32, 64}) {
    const Ids prefix = some(tokens + 1, info.vocab_size);
    const std::span<const int32_t> fed = std::span(prefix).first(tokens);
    std::vector<double> prefill, steps;
    for (int64_t round = 0; round < numbers["--rounds"]; ++round) {
      const double without = first(state, source, {}, options);
      prefill.push_back(first(state, source, prefix, options) - without);
      steps.push_back(stepped(state, source, fed));
    }
    const double one = median(prefill), all = median(steps);
    fmt::print("{:6}  {:11.2f}  {:9.2f}  {:13.1f}  {:10.2f}\n", tokens, one, all, all / one,
               all / double(tokens));
  }
  encdec_options_destroy(options);
  encdec_state_destroy(state);
  encdec_model_close(model);
}
