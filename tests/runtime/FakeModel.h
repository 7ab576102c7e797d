//===- FakeModel.h - the fake model in process, and its answers -----------===//
//
// The answers are computed here from the formula in fake_model.c's banner, from
// tokens alone, without caches, rows or batches: what the runtime should give.

#pragma once

#include "runtime/exec/State.h"
#include "runtime/search/Generator.h"
#include "tests/bundle/BundleBuilder.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <utility>

extern "C" {
void fake_encode(const encdec_abi_context *context, int64_t worker, int64_t workers);
void fake_step(const encdec_abi_context *context, int64_t worker, int64_t workers);
}

namespace encdec::tests {

using Ids = std::vector<int32_t>;

/// The best token that is not in `never` after feeding `fed` (start token
/// first) to a row that reads a source beginning with `sourceFirst`, and its
/// log-probability.
inline std::pair<int32_t, double> fakeNext(const Ids &fed, int32_t sourceFirst,
                                           const std::set<int32_t> &never = {}) {
  int64_t sum = 7 * fed.back() + sourceFirst + int64_t(fed.size()) - 1 +
                uint8_t(fakeWeights()[0]);
  for (size_t j = 0; j < fed.size(); ++j)
    sum += int64_t(j + 1) * fed[j];
  int32_t away = 0, token = int32_t(sum % FAKE_VOCABULARY);
  for (; never.count(token); ++away)
    token = (token + 1) % FAKE_VOCABULARY;
  return {token, -0.5 * away};
}

/// What the image points to; one for all tests.
struct FakeImage {
  alignas(64) std::array<uint8_t, FAKE_WEIGHTS> weights;
  std::string manifest;
  encdec_model_image image = {};

  explicit FakeImage(const Json &json) : manifest(json.dump()) {
    std::string bytes = fakeWeights();
    std::copy(bytes.begin(), bytes.end(), weights.begin());
    image.size = sizeof(image);
    image.manifest = manifest.data();
    image.manifest_size = manifest.size();
    image.weights = weights.data();
    image.weights_size = weights.size();
    image.encode = fake_encode;
    image.step = json["model"]["decoder_layers"].is_null() ? nullptr : fake_step;
  }
};

/// A model in process with its image.
struct FakeModel {
  std::unique_ptr<FakeImage> image;
  std::shared_ptr<const runtime::Model> model;

  explicit FakeModel(const Json &json = fakeManifest())
      : image(std::make_unique<FakeImage>(json)) {
    auto made = runtime::Model::fromMemory(image->image);
    EXPECT_TRUE(made.ok()) << made.status().message();
    if (made.ok())
      model = *made;
  }
  std::unique_ptr<runtime::State> state(runtime::StateLimits limits = {}) const {
    if (!limits.threads)
      limits.threads = 2;
    auto made = runtime::State::create(model, limits);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? std::move(*made) : nullptr;
  }
};

/// Sources laid end to end.
struct Sources {
  Ids ids;
  std::vector<uint64_t> offsets{0};

  Sources() = default;
  Sources(std::initializer_list<Ids> all) {
    for (const Ids &source : all)
      add(source);
  }
  void add(const Ids &source) {
    ids.insert(ids.end(), source.begin(), source.end());
    offsets.push_back(ids.size());
  }
  size_t count() const { return offsets.size() - 1; }
  int32_t first(size_t b) const { return ids[offsets[b]]; }
};

/// Sources of every length up to the model's positions; none is lost.
inline Sources manySources(size_t count) {
  Sources sources;
  for (size_t b = 0; b < count; ++b) {
    Ids source(1 + b * 7 % FAKE_POSITIONS);
    for (size_t j = 0; j < source.size(); ++j)
      source[j] = int32_t((b * 13 + j * 5) % FAKE_LOST);
    sources.add(source);
  }
  return sources;
}

} // namespace encdec::tests
