//===- TableModel.h - a model whose predictions stand in a table ----------===//
//
// The weights are the table: for each source and each sequence of tokens a row of
// log-probabilities. So a test can list all sequences and choose any outcome. The step
// finds a row's past where abi.h puts it, in the slots of the cache.

#pragma once

#include "tests/runtime/FakeModel.h"

#include <cmath>
#include <cstring>
#include <random>

namespace encdec::tests {

/// Sizes of trees of sequences; a model may have a smaller vocabulary.
enum { TABLE_SOURCES = 3, TABLE_VOCABULARY = 6, TABLE_STEPS = 5, TABLE_KEYS = 3 };

/// Which row of a table a sequence has, as numbers that a step reads before the tables. A row
/// holds the log-probabilities of all tokens, then how much it attends to each key of its
/// source, of at most TABLE_KEYS.
struct TableShape {
  int32_t vocabulary = TABLE_VOCABULARY;
  size_t width = TABLE_VOCABULARY + TABLE_KEYS;
  size_t factor = TABLE_VOCABULARY;
  size_t rows = 1; ///< Of one source.

  /// The row of a sequence that goes on with a token; the empty one has row 0. Where there
  /// are as many rows as sequences of `factor` tokens, these are paths of a tree.
  size_t next(size_t row, int32_t token) const {
    return (row * factor + 1 + size_t(token)) % rows;
  }
  size_t at(size_t source, size_t row) const { return (source * rows + row) * width; }
};

/// The tables of all sources, and where a row of one lies in it. The start token
/// belongs to no sequence.
struct Tables : TableShape {
  uint64_t steps = TABLE_STEPS; ///< Positions of the model.
  std::vector<float> logProbs;

  /// A row for each sequence of at most 4 tokens: 6^0 + 6^1 + … + 6^4 rows.
  explicit Tables(int32_t tokens) {
    vocabulary = tokens;
    rows = 0;
    for (int i = 0; i < TABLE_STEPS; ++i)
      rows = rows * TABLE_VOCABULARY + 1;
    logProbs.resize(TABLE_SOURCES * rows * width);
  }
  /// Longer sequences, many of which share a row.
  Tables(int32_t tokens, uint64_t steps, size_t theRows)
      : TableShape{tokens, size_t(tokens) + TABLE_KEYS, 31, theRows}, steps(steps),
        logProbs(TABLE_SOURCES * rows * width) {}

  /// Probabilities as a softmax gives them, or multiples of a half, which tie.
  void fill(std::mt19937 &random, bool coarse) {
    std::normal_distribution<double> normal(0, 2);
    for (size_t row = 0; row < TABLE_SOURCES * rows; ++row) {
      fillRow(row, [&] { return normal(random); });
      for (int32_t v = 0; coarse && v < vocabulary; ++v)
        logProbs[row * width + size_t(v)] = -0.5f * float(random() % 5);
    }
  }
  /// The same numbers wherever they are made: logits from -4 to 4 of a linear congruential
  /// generator.
  void fill(uint64_t seed) {
    for (size_t row = 0; row < TABLE_SOURCES * rows; ++row)
      fillRow(row, [&] {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return double(seed >> 40) / double(1 << 24) * 8 - 4;
      });
  }

private:
  template <typename Next> void fillRow(size_t row, Next next) {
    double sum = 0;
    std::vector<double> logits(static_cast<size_t>(vocabulary));
    for (double &logit : logits)
      sum += std::exp(logit = next());
    for (size_t v = 0; v < logits.size(); ++v)
      logProbs[row * width + v] = float(logits[v] - std::log(sum));
    for (size_t key = 0; key < TABLE_KEYS; ++key)
      logProbs[row * width + logits.size() + key] =
          float(std::exp(logProbs[row * width + key % logits.size()]));
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
  TableShape shape;
  std::memcpy(&shape, c->weights, sizeof(shape));
  const auto *table = reinterpret_cast<const float *>(c->weights + sizeof(shape));
  const int32_t vocabulary = shape.vocabulary;
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
      row = shape.next(row, int32_t(key(j)));
    const int64_t source = c->row_source[r];
    const float *logProbs =
        table + shape.at(size_t(*reinterpret_cast<const float *>(
                             c->memory + c->memory_offset[source])),
                         row);
    if (c->out_logits)
      std::copy_n(logProbs, vocabulary, c->out_logits + r * ((vocabulary + 15) / 16 * 16));
    if (c->out_probs) {
      const int64_t keys = c->source_offset[source + 1] - c->source_offset[source];
      for (int64_t j = 0; j < keys; ++j)
        c->out_probs[r * c->probs_stride + j] = logProbs[vocabulary + j];
    }
    const float *bias = c->logit_bias + c->row_bias[r] * 16;
    std::array<float, 16> left;
    for (int32_t v = 0; v < vocabulary; ++v)
      left[size_t(v)] = logProbs[v] + bias[v];
    for (int64_t i = 0; i < c->top_k; ++i) {
      const auto best = std::max_element(left.begin(), left.begin() + vocabulary);
      const bool there = *best > -INFINITY;
      c->out_tokens[r * c->top_k + i] = there ? int32_t(best - left.begin()) : 0;
      if (c->out_log_probs)
        c->out_log_probs[r * c->top_k + i] = *best;
      *best = -INFINITY;
    }
  }
}

/// A model in process of some tables.
class TableModel {
public:
  /// Its manifest is fakeManifest's with the sizes of a table.
  TableModel(const Tables &tables, const Json &generation) {
    const TableShape &shape = tables;
    const size_t size = sizeof(shape) + tables.logProbs.size() * sizeof(float);
    weights.resize(std::max<size_t>(size / 64 + 1, 256));
    float *floats = weights[0].data();
    std::memcpy(floats, &shape, sizeof(shape));
    std::copy(tables.logProbs.begin(), tables.logProbs.end(),
              floats + sizeof(shape) / sizeof(float));
    Json json = fakeManifest();
    for (const char *side : {"decoder_layers", "decoder_heads"})
      json["model"][side] = 1;
    json["model"]["vocab_size"] = tables.vocabulary;
    json["model"]["source_vocab_size"] = int(TABLE_SOURCES);
    json["model"]["max_positions"] = int(tables.steps);
    json["weights"]["bytes"] = weights.size() * 64;
    for (auto [i, rows] : {std::pair(0, int(TABLE_SOURCES)), std::pair(1, tables.vocabulary),
                           std::pair(2, int(tables.steps))})
      json["weights"]["list"][i].update(
          {{"rows", rows},
           {"bytes", rows * json["weights"]["list"][i]["columns"].get<int>() * 4}});
    json["memory"]["memory_per_key"] = json["memory"]["cache_per_key"] = (1 + 16) * 4;
    json["generation"].update(generation);
    json.erase("segments");
    json.erase("shortlists");
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
