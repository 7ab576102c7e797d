// Buffers of a call, and the arithmetic of the limit.
#include "bench/Call.h"
#include <algorithm>
#include <cstring>

namespace encdec::bench {
namespace {

constexpr size_t arenaFloats = 4 << 20, scratchFloats = 64 << 10;

struct Least {
  double seconds;
  const char *bound;
};

/// Seconds that `work` takes at the least, and what they are spent on.
Least leastSeconds(const Work &work, double ram) {
  Least least{work.macs / multiplyAdds(), "FMA"};
  if (work.whole)
    least = {work.macs / wholeMultiplyAdds(), "dot"};
  auto atLeast = [&](double bytes, double bandwidth, const char *place) {
    if (bytes / bandwidth > least.seconds)
      least = {bytes / bandwidth, place};
  };
  atLeast(work.streamed, ram, "memory");
  if (work.near)
    atLeast(work.near, nearBandwidth(work.near), placeOf(work.near));
  return least;
}

} // namespace

Call::Call(int64_t rows, int64_t units)
    : arena(arenaFloats * 4), scratch(scratchFloats * 4) {
  std::memcpy(arena.bytes(), pool().bytes(), arena.size());
  context.arena = arena.bytes();
  context.scratch = scratch.bytes();
  context.scratch_stride = scratchFloats * 4;
  context.weights = pool().bytes();
  context.rows = rows;
  frame = {&context, 0, 1, units ? units : rows};
}

int32_t Call::place(int64_t floats) {
  int64_t at = nextPlace;
  nextPlace += pad16(floats) / 16;
  if (nextPlace * 16 * frame.units > int64_t(arenaFloats))
    std::abort(); // a benchmark asks for more than the arena: raise its size
  return int32_t(at);
}

int64_t copiesOf(size_t bytes) {
  return std::max<int64_t>(1, int64_t(pool().size() / bytes));
}

Product::Product(Call &call, int64_t inputs, Weights weights)
    : call(call), inputs(inputs), rows(call.place(inputs)) {
  if (weights == Weights::int8Dynamic) // compiler/cpu/CpuKernels.h
    quantized = call.place((pad16(inputs) * 2 + 64) / 4);
}

void Product::add(Kernel kernel, std::vector<int32_t> table) {
  if (quantized >= 0) {
    call.add(quantize(inputs), {rows, quantized});
    table.insert(table.begin(), quantized);
  }
  table.insert(table.begin(), rows);
  call.add(kernel, std::move(table));
}

void measure(benchmark::State &state, Call &call, const Work &work,
             int kernels) {
  double before = work.streamed ? ramBandwidth() : 1;
  double start = threadSeconds();
  for (auto _ : state) {
    for (int i = 0; i < kernels; ++i)
      call.run();
    benchmark::ClobberMemory();
  }
  double seconds = (threadSeconds() - start) / double(state.iterations());
  double after = work.streamed ? ramBandwidth() : 1;
  Least least = leastSeconds(work, std::max(before, after));
  state.counters["MAC/s"] = work.macs / seconds;
  state.counters["bytes/s"] = (work.streamed + work.near) / seconds;
  state.counters["fraction_of_limit"] = least.seconds / seconds;
  state.SetLabel(least.bound);
}

} // namespace encdec::bench
