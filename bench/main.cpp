// encdec_bench: the compiler's kernels against what this machine can do.
#include "bench/Call.h"
#include <cstdio>

using namespace encdec::bench;

namespace {

std::string giga(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value / 1e9);
  return text;
}

/// The limits go with every result, in the JSON output too.
void addLimits() {
  benchmark::AddCustomContext("cpu_level", levelName());
  benchmark::AddCustomContext("threads", "1");
  for (int level : {1, 2, 3})
    benchmark::AddCustomContext("limit_read_L" + std::to_string(level) +
                                    "_GB/s",
                                giga(nearBandwidth(cacheBytes(level) / 2)));
  benchmark::AddCustomContext("limit_read_memory_GB/s", giga(ramBandwidth()));
  benchmark::AddCustomContext("limit_GMAC/s", giga(multiplyAdds()));
  benchmark::AddCustomContext("limit_dot_GMAC/s", giga(wholeMultiplyAdds()));
}

} // namespace

int main(int argc, char **argv) {
  // Columns, unless the caller says otherwise: later flags win.
  std::string columns = "--benchmark_counters_tabular=true";
  std::vector<char *> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, columns.data());
  int count = int(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data()))
    return 1;
  if (!levelName()) {
    std::fprintf(stderr, "this machine runs no level the compiler emits code "
                         "for (x86-64-v3, x86-64-v4, aarch64)\n");
    return 1;
  }
  addLimits();
  registerLinear();
  registerAttention();
  registerRows();
  registerVocabulary();
  return benchmark::RunSpecifiedBenchmarks() ? 0 : 1;
}
