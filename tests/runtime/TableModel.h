//===- TableModel.h - a model whose predictions stand in a table ----------===//
//
// The weights are the table: for each source and each sequence of tokens a row of
// log-probabilities. So a test can list all sequences and choose any outcome. The step
// finds a row's past where abi.h puts it, in the slots of the cache.

#pragma once

#include "tests/runtime/FakeModel.h"

#include <random>

namespace encdec::tests {

/// Sizes of all tables; a model may have a smaller vocabulary.
enum { TABLE_SOURCES = 3, TABLE_VOCABULARY = 6, TABLE_STEPS = 5 };

/// The tables of all sources, and where a row of one lies in it. The start token
/// belongs to no sequence.
struct Tables {
  int32_t vocabulary;
  std::vector<float> logProbs;

  explicit Tables(int32_t vocabulary)
      : vocabulary(vocabulary), logProbs(TABLE_SOURCES * rows() * TABLE_VOCABULARY) {}

  /// Sequences shorter than the most steps: 6^0 + 6^1 + … + 6^4.
  static constexpr size_t rows() {
    size_t sum = 0;
    for (int i = 0; i < TABLE_STEPS; ++i)
      sum = sum * TABLE_VOCABULARY + 1;
    return sum;
  }
  /// Numbers sequences as the paths of a tree, its root 0.
  static size_t next(size_t row, int32_t token) {
    return row * TABLE_VOCABULARY + 1 + size_t(token);
  }
  static size_t at(size_t source, size_t row) {
    return (source * rows() + row) * TABLE_VOCABULARY;
  }

  /// Probabilities as a softmax gives them, or multiples of a half, which tie.
  void fill(std::mt19937 &random, bool coarse) {
    std::normal_distribution<double> normal(0, 2);
    for (size_t row = 0; row < TABLE_SOURCES * rows(); ++row) {
      double sum = 0, logits[TABLE_VOCABULARY];
      for (int32_t v = 0; v < vocabulary; ++v)
        sum += std::exp(logits[v] = normal(random));
      for (int32_t v = 0; v < vocabulary; ++v)
        logProbs[row * TABLE_VOCABULARY + size_t(v)] =
            coarse ? -0.5f * float(random() % 5) : float(logits[v] - std::log(sum));
    }
  }
};

/// encode: leaves each source's first token, which names its table, in its memory.
inline void tableEncode(const encdec_abi_context *c, int64_t worker, int64_t workers) {
  for (int64_t b = worker; b < c->sources; b += workers)
    *reinterpret_cast<float *>(c->memory + c->memory_offset[b]) =
        float(c->tokens[c->source_offset[b]]);
}

/// step: one layer and one head of size 1, so that the key of position j is float j
/// of a slot.
inline void tableStep(const encdec_abi_context *c, int64_t worker, int64_t workers) {
  const auto *table = reinterpret_cast<const float *>(c->weights);
  // The first float of the weights is the vocabulary.
  const auto vocabulary = int32_t(*table++);
  if (c->shared_slots) { // a row reads what the rows before it write
    if (worker)
      return;
    workers = 1;
  }
  for (int64_t r = worker; r < c->rows; r += workers) {
    const int32_t *past = c->ancestors + r * c->cache_capacity;
    auto key = [&](int64_t j) -> float & {
      return reinterpret_cast<float *>(c->cache + past[j] * c->cache_stride)[j];
    };
    key(c->positions[r]) = float(c->tokens[r]);
    if (!c->top_k)
      continue;
    size_t row = 0;
    for (int64_t j = 1; j <= c->positions[r]; ++j)
      row = Tables::next(row, int32_t(key(j)));
    const int64_t source = c->row_source[r];
    const float *logProbs =
        table + Tables::at(size_t(*reinterpret_cast<const float *>(
                               c->memory + c->memory_offset[source])),
                           row);
    const float *bias = c->logit_bias + c->row_bias[r] * 16;
    float left[TABLE_VOCABULARY];
    for (int32_t v = 0; v < vocabulary; ++v)
      left[v] = logProbs[v] + bias[v];
    for (int64_t i = 0; i < c->top_k; ++i) {
      const auto best = int32_t(std::max_element(left, left + vocabulary) - left);
      const bool there = left[best] > -INFINITY;
      c->out_tokens[r * c->top_k + i] = there ? best : 0;
      if (c->out_log_probs)
        c->out_log_probs[r * c->top_k + i] = left[best];
      left[best] = -INFINITY;
    }
  }
}

/// A model in process of some tables.
class TableModel {
public:
  /// Its manifest is fakeManifest's with the sizes of a table.
  TableModel(const Tables &tables, const Json &generation) {
    const size_t size = (tables.logProbs.size() + 1) * sizeof(float);
    weights.resize(std::max<size_t>(size / 64 + 1, 256));
    float *floats = weights[0].data();
    *floats = float(tables.vocabulary);
    std::copy(tables.logProbs.begin(), tables.logProbs.end(), floats + 1);
    Json json = fakeManifest();
    for (const char *side : {"decoder_layers", "decoder_heads"})
      json["model"][side] = 1;
    json["model"]["vocab_size"] = tables.vocabulary;
    json["model"]["source_vocab_size"] = int(TABLE_SOURCES);
    json["model"]["max_positions"] = int(TABLE_STEPS);
    json["weights"]["bytes"] = weights.size() * 64;
    for (auto [i, rows] : {std::pair(0, int(TABLE_SOURCES)), std::pair(1, tables.vocabulary),
                           std::pair(2, int(TABLE_STEPS))})
      json["weights"]["list"][i].update(
          {{"rows", rows},
           {"bytes", rows * json["weights"]["list"][i]["columns"].get<int>() * 4}});
    json["memory"]["memory_per_key"] = json["memory"]["cache_per_key"] = (1 + 16) * 4;
    json["generation"].update(generation);
    json.erase("segments");
    manifest = json.dump();
    encdec_model_image image = {};
    image.size = sizeof(image);
    image.manifest = manifest.data();
    image.manifest_size = manifest.size();
    image.weights = reinterpret_cast<const uint8_t *>(floats);
    image.weights_size = weights.size() * 64;
    image.encode = tableEncode;
    image.step = tableStep;
    auto made = runtime::Model::fromMemory(image);
    EXPECT_TRUE(made.ok()) << made.status().message();
    if (made.ok())
      model = *made;
  }

  std::shared_ptr<const runtime::Model> model;

private:
  struct alignas(64) Line : std::array<float, 16> {};
  std::vector<Line> weights;
  std::string manifest;
};

} // namespace encdec::tests
