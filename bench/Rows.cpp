// Row-wise kernels: norms, sums, embedding at d_model 512, activations at 2048.
//
// Activations are small and have just been written, so they are near. Results count as
// bytes too. Embedding counts the bytes of its result and of one table row; the further
// bytes that the packed layout fetches show as a low fraction.
#include "bench/Call.h"

namespace encdec::bench {
namespace {

constexpr int64_t width = 512, hidden = 2048, vocabularySize = 58101;

/// `operands` activations of `columns` in and out.
Work rowWork(int64_t rows, int64_t columns, int64_t operands) {
  Work work;
  work.near = double(rows * columns * 4 * operands);
  return work;
}

void normBenchmark(benchmark::State &state, int64_t rows, bool residual) {
  Call call(rows);
  std::vector<int32_t> table{call.place(width)};
  if (residual)
    table.push_back(call.place(width));
  table.insert(table.end(),
               {weightAt(0), weightAt(width * 4), call.place(width)});
  call.add(norm(width, residual), table);
  Work work = rowWork(rows, width, residual ? 3 : 2);
  work.near += 2 * width * 4; // gamma and beta
  measure(state, call, work);
}

void addBenchmark(benchmark::State &state, int64_t rows) {
  Call call(rows);
  int32_t x = call.place(width), y = call.place(width);
  call.add(add(width), {x, y, call.place(width)});
  measure(state, call, rowWork(rows, width, 3));
}

void activationBenchmark(benchmark::State &state, int64_t rows,
                         const char *kind) {
  Call call(rows);
  int32_t x = call.place(hidden);
  call.add(activation(hidden, kind), {x, call.place(hidden)});
  measure(state, call, rowWork(rows, hidden, 2));
}

void quantizeBenchmark(benchmark::State &state, int64_t rows) {
  Call call(rows);
  int32_t x = call.place(width);
  call.add(quantize(width), {x, call.place((width * 2 + 64) / 4)});
  Work work;
  work.near = double(rows * width * (4 + 2)); // f32 in, at most i16 out
  measure(state, call, work);
}

void embedBenchmark(benchmark::State &state, int64_t rows, Weights weights) {
  Call call(rows);
  // Each call has other tokens and positions, although the table of positions is near.
  constexpr int64_t calls = 512;
  std::vector<int32_t> tokens(rows), positions(rows);
  uint32_t random = 1;
  for (int64_t r = 0; r < rows; ++r) {
    random = random * 1664525 + 1013904223;
    tokens[r] = int32_t(random >> 8) % vocabularySize;
    positions[r] = int32_t(r % 64);
  }
  call.context.tokens = tokens.data();
  call.context.positions = positions.data();
  int32_t y = call.place(width);
  int64_t tableBytes = pad16(vocabularySize) * width * bytesOf(weights);
  // The table starts elsewhere in each call: a vocabulary too large for caches.
  int64_t room = int64_t(pool().size()) - tableBytes;
  for (int64_t i = 0; i < calls; ++i)
    call.add(embed(width, weights),
             {weightAt(room / calls * i / 64 * 64), hasScales(weights) ? weightAt(0) : -1,
              weightAt(1 << 20), y});
  Work work = rowWork(rows, width, 2);           // positions and the result
  work.streamed = rows * width * bytesOf(weights); // rows of the table
  measure(state, call, work);
}

} // namespace

void registerRows() {
  for (int64_t rows : {1, 16, 256}) {
    std::string suffix = "/rows:" + std::to_string(rows);
    benchmark::RegisterBenchmark(("quantize/512" + suffix).c_str(),
                                 quantizeBenchmark, rows);
    benchmark::RegisterBenchmark(("norm/512" + suffix).c_str(), normBenchmark,
                                 rows, false);
    benchmark::RegisterBenchmark(("add_norm/512" + suffix).c_str(),
                                 normBenchmark, rows, true);
    benchmark::RegisterBenchmark(("add/512" + suffix).c_str(), addBenchmark,
                                 rows);
    for (const char *kind : {"relu", "silu", "gelu"})
      benchmark::RegisterBenchmark((kind + ("/2048" + suffix)).c_str(),
                                   activationBenchmark, rows, kind);
    for (Weights weights : allWeights)
      benchmark::RegisterBenchmark(
          (std::string("embed/") + nameOf(weights) + "/512" + suffix)
              .c_str(),
          embedBenchmark, rows, weights);
  }
}

} // namespace encdec::bench
