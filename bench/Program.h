//===- Program.h - what the programs that run whole models share ----------===//

#pragma once

#include "encdec/runtime.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

namespace encdec::bench {

/// Ends the program with the status's message and code, where it is an error.
inline void check(encdec_status *status) {
  if (!status)
    return;
  std::cerr << encdec_status_message(status) << '\n';
  std::exit(encdec_status_code(status));
}

/// The whole numbers behind `--name` from argument `first` on, over `defaults`; ends the program
/// with `usage` where one of the arguments is no such name or has no value.
inline std::map<std::string, int64_t> numbersOf(int argc, char **argv, int first,
                                                const char *usage,
                                                std::map<std::string, int64_t> defaults) {
  bool good = argc >= first && (argc - first) % 2 == 0;
  for (int i = first; good && i < argc; i += 2) {
    const auto number = defaults.find(argv[i]);
    good = number != defaults.end();
    if (good)
      number->second = std::atoll(argv[i + 1]);
  }
  if (good)
    return defaults;
  std::cerr << "usage: " << usage << '\n';
  std::exit(ENCDEC_ERROR_USAGE);
}

/// A bundle and a state for it.
struct Opened {
  Opened(const char *path, int64_t threads, int64_t rows) {
    check(encdec_model_open(path, nullptr, &model));
    info.size = sizeof info;
    check(encdec_model_get_info(model, &info));
    auto limits = encdec_state_options_default();
    limits.threads = uint32_t(threads);
    limits.max_rows = uint64_t(rows);
    check(encdec_state_create(model, &limits, &state));
  }
  Opened(const Opened &) = delete;
  ~Opened() {
    encdec_state_destroy(state);
    encdec_model_close(model);
  }

  encdec_model *model = nullptr;
  encdec_model_info info = {};
  encdec_state *state = nullptr;
};

/// Time since it was made.
class Watch {
public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
};

} // namespace encdec::bench
