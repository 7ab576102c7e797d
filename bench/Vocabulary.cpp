// The vocabulary projection with its best tokens, 512 x 58101 as in OPUS-MT
// models.
#include "bench/Call.h"

namespace encdec::bench {
namespace {

constexpr int64_t inputs = 512, columns = 58101;
/// Blocks of 128 columns; each has a record of two floats a row (recordFloats).
constexpr int64_t blocks = (columns + 127) / 128;
/// Bytes of one row's lists of the best tokens; the logits of a block follow them.
constexpr int32_t listBytes = 3 * ENCDEC_ABI_MAX_TOP_K * 4;
constexpr int64_t recordFloats = 2 * ((blocks + 15) / 16 * 16);

/// One pass over the weights, then the merging of its blocks.
void vocabularyBenchmark(benchmark::State &state, Weights weights, int64_t rows,
                         int64_t top) {
  Call call(rows);
  std::vector<int32_t> rowBias(rows, 0), tokens(rows * top);
  std::vector<float> logProbs(rows * top);
  Allocation logitBias(pad16(columns) * 4); // nothing forbidden
  call.context.logit_bias = logitBias.floats();
  call.context.row_bias = rowBias.data();
  call.context.top_k = top;
  call.context.out_tokens = tokens.data();
  call.context.out_log_probs = logProbs.data();
  size_t bytes = pad16(columns) * inputs * bytesOf(weights);
  Product product(call, inputs, weights);
  int32_t records = call.place(recordFloats);
  int32_t scales = hasScales(weights) ? weightAt(0) : -1, bias = weightAt(columns / 16 * 64);
  for (int64_t i = 0; i < copiesOf(bytes); ++i) {
    product.add(vocabulary(inputs, columns, weights),
                {weightAt(i * bytes), scales, bias, records, 0, 0, 0, 0, 0, listBytes});
    call.add(mergeVocabulary(columns), {records, 0, 0, 0});
  }
  Work work;
  work.setMacs(double(rows) * inputs * columns, weights);
  // Weights, scales, biases, and which tokens are allowed.
  work.streamed = double(bytes) + pad16(columns) * 4.0 * (hasScales(weights) ? 3 : 2);
  measure(state, call, work, product.kernels() + 1);
}

} // namespace

void registerVocabulary() {
  for (Weights weights : allWeights)
    for (int64_t rows : {1, 4, 16, 64})
      for (int64_t top : {1, 8})
        benchmark::RegisterBenchmark(
            (std::string("vocabulary/") + nameOf(weights) +
             "/512x58101/rows:" + std::to_string(rows) +
             "/top:" + std::to_string(top))
                .c_str(),
            vocabularyBenchmark, weights, rows, top)
            ->Unit(benchmark::kMicrosecond);
}

} // namespace encdec::bench
