// A vocabulary's kernels, called on random rows and weights.
#pragma once
#include "KernelCall.h"
#include <cmath>
#include <random>

namespace encdec::test::vocabulary {

using cpu::CpuKernels;
using cpu::WeightKind;

inline constexpr int64_t inputs = 40;
inline constexpr int64_t sizes[] = {1, 16, 37, 128, 129, 211, 2500};

inline KernelJit &jit() {
  return levelJit([](CpuKernels &kernels) {
    kernels.quantize(inputs);
    for (int64_t v : sizes) {
      for (WeightKind kind : weightKinds)
        kernels.vocabulary({inputs, v, kind});
      kernels.vocabulary({inputs, v, WeightKind::f32, WeightKind::int8});
      kernels.chooseVocabulary({inputs, v, WeightKind::f32, WeightKind::int8});
      kernels.topTokens(v);
      kernels.mergeVocabulary(v);
    }
  });
}

inline int64_t recordFloats(int64_t columns) {
  return 2 * pad16((pad16(columns) / 16 + 7) / 8);
}

struct Output {
  std::vector<int32_t> tokens;
  std::vector<float> logProbs, logits;
};

struct Model {
  Matrix x, weight, scales, bias;
  Matrix logitBias; // [3, V]
  std::vector<int32_t> rowBias;
  WeightKind kind;
};

inline Output run(const Model &m, int64_t rows, int64_t workers, bool stored,
           int64_t top = 1) {
  int64_t columns = m.weight.rows;
  KernelCall call(rows);
  Buffer biases(3 * pad16(columns));
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < columns; ++c)
      biases[r * pad16(columns) + c] = float(m.logitBias(r, c));
  Output result{std::vector<int32_t>(rows * top), std::vector<float>(rows * top),
                std::vector<float>(rows * pad16(columns))};
  call.context.logit_bias = biases.data();
  call.context.row_bias = m.rowBias.data();
  call.context.top_k = top;
  call.context.out_tokens = result.tokens.data();
  call.context.out_log_probs = result.logProbs.data();
  call.context.out_logits = result.logits.data();
  Matrix x = m.x;
  x.rows = rows;
  int32_t records = call.place(recordFloats(columns));
  std::string size = std::to_string(columns);
  if (stored) {
    // top_tokens reads the logits of vocabulary and must give the same bits.
    Output other = run(m, rows, 1, false);
    Matrix logits(rows, columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        logits(r, c) = other.logits[r * pad16(columns) + c];
    int32_t place = call.input(logits);
    call.run(jit(), "top_tokens_" + size, {place, records, 0, 0, 0}, workers);
  } else {
    bool whole = cpu::hasScales(m.kind);
    std::vector<int32_t> table = call.rowsFor(jit(), x, m.kind, workers);
    table.push_back(call.packed(m.weight, m.kind));
    table.push_back(whole ? call.vector(m.scales) : -1);
    table.push_back(call.vector(m.bias));
    // Lists of the best, then a block's logits behind those of all rows.
    for (int32_t entry : {records, 0, 0, 0, 0, 0, 768})
      table.push_back(entry);
    call.run(jit(),
             "vocabulary_40_" + nameOf(m.kind).str() + "x" + size,
             table, workers);
  }
  call.run(jit(), "merge_vocabulary_" + size, {records, 0, 0, 0}, workers);
  return result;
}

inline Model randomModel(int64_t columns, WeightKind kind, std::mt19937 &random) {
  Model m{randomMatrix(30, inputs, random),
          asStored(randomMatrix(columns, inputs, random), kind),
          randomMatrix(1, columns, random, 0.01),
          randomMatrix(1, columns, random),
          Matrix(3, columns),
          {},
          kind};
  for (double &v : m.logitBias.values)
    v = random() % 3 ? 0 : -INFINITY;
  for (int64_t c = 0; c < columns; ++c)
    m.logitBias(0, c) = 0;
  m.logitBias(1, columns - 1) = 0; // something is left
  m.logitBias(2, 0) = 0;
  for (int32_t r = 0; r < 30; ++r)
    m.rowBias.push_back(r % 3);
  return m;
}

} // namespace encdec::test::vocabulary
