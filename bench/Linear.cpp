// Products at the sizes of OPUS-MT models: d_model 512, d_ff 2048.
#include "bench/Call.h"

namespace encdec::bench {
namespace {

struct Shape {
  int64_t inputs, outputs;
};
constexpr Shape shapes[] = {{512, 512}, {512, 2048}, {2048, 512}};
// A step: one hypothesis, beams or a small batch. Encoding: many tokens.
constexpr int64_t rowCounts[] = {1, 2, 3, 4, 6, 8, 16, 64, 128, 512};

void linearBenchmark(benchmark::State &state, Shape s, Weights weights,
                     int64_t rows) {
  Call call(rows);
  size_t bytes = s.inputs * s.outputs * bytesOf(weights);
  Product product(call, s.inputs, weights);
  int32_t y = call.place(s.outputs);
  // Scales and biases: any numbers do.
  int32_t scales = hasScales(weights) ? weightAt(0) : -1, bias = weightAt(s.outputs * 4);
  for (int64_t i = 0; i < copiesOf(bytes); ++i)
    product.add(linear(s.inputs, s.outputs, weights),
                {weightAt(i * bytes), scales, bias, y});
  Work work;
  work.setMacs(double(rows) * s.inputs * s.outputs, weights);
  work.streamed = bytes;
  measure(state, call, work, product.kernels());
}

/// Keys and values of one layer of the decoder, for all source tokens.
void memoryProjectBenchmark(benchmark::State &state, Weights weights,
                            int64_t length) {
  constexpr int64_t heads = 8, size = 64, width = heads * size;
  Call call(length);
  Product product(call, width, weights);
  int32_t k = call.place(width), v = call.place(width);
  std::vector<int32_t> offsets{0, int32_t(length)};
  std::vector<int64_t> start{0};
  Allocation memory(pad16(length) * width * 2 * 4);
  call.context.source_offset = offsets.data();
  call.context.sources = 1;
  call.context.memory = memory.bytes();
  call.context.memory_offset = start.data();
  size_t bytes = width * width * bytesOf(weights);
  int32_t scales = hasScales(weights) ? weightAt(0) : -1, bias = weightAt(width * 4);
  for (int64_t i = 0; i + 1 < copiesOf(bytes); i += 2)
    product.add(memoryProject(heads, size, weights),
                {0, weightAt(i * bytes), scales, bias, weightAt((i + 1) * bytes),
                 scales, bias, k, v});
  Work work;
  work.setMacs(double(length) * width * width * 2, weights);
  work.streamed = bytes * 2;
  measure(state, call, work, product.kernels());
}

} // namespace

void registerLinear() {
  for (Weights weights : allWeights) {
    std::string type = nameOf(weights);
    for (Shape s : shapes)
      for (int64_t rows : rowCounts)
        benchmark::RegisterBenchmark(
            ("linear/" + type + "/" + std::to_string(s.inputs) + "x" +
             std::to_string(s.outputs) + "/rows:" + std::to_string(rows))
                .c_str(),
            linearBenchmark, s, weights, rows);
    for (int64_t length : {16, 128})
      benchmark::RegisterBenchmark(("memory_project/" + type +
                                    "/512x512/tokens:" + std::to_string(length))
                                       .c_str(),
                                   memoryProjectBenchmark, weights, length);
  }
}

} // namespace encdec::bench
