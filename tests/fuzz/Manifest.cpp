//===- Manifest.cpp - what a bundle says about its model ------------------===//

#include "runtime/bundle/Bundle.h"
#include "tests/bundle/BundleBuilder.h"
#include "tests/fuzz/Fuzz.h"

#include <algorithm>
#include <cmath>

using namespace encdec::runtime;

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  tests::Json full = tests::fakeManifest();
  full["tokenizer"] = {{"kind", "marian"}};
  full["memory"]["key_type"] = "bf16";
  for (const char *key : {"memory_per_key", "cache_per_key"})
    full["memory"][key] = int(FAKE_BYTES_PER_KEY) / 2;
  full["generation"]["max_new_tokens"] = 9;
  full["generation"]["no_repeat_ngram_size"] = 3;
  full["generation"]["forced_eos_token_id"] = {0, 3};
  full["generation"]["sequence_bias"] = {{{3, 4}, -1.5}};
  full["generation"]["stop_strings"] = {"end", "stop"};
  tests::Json bare = tests::fakeManifest();
  bare.erase("segments");
  return {tests::fakeManifest().dump(), full.dump(), bare.dump(1)};
}

static void requireGeneration(const Manifest &manifest) {
  const encdec::GenerationOptions &defaults = manifest.generation;
  require(defaults.decoder_start_token_id && defaults.checkIds(manifest.model.vocabSize).ok(),
          "a start token, and ids of the vocabulary");
  require(defaults.max_length.value_or(1) >= 1 && defaults.max_new_tokens.value_or(1) >= 1 &&
              defaults.num_beams.value_or(1) >= 1 &&
              std::isfinite(defaults.length_penalty.value_or(1)),
          "lengths, beams and a penalty that can be used");
}

/// abi.h: layers * heads * (D + Dp) elements, Dp = D rounded up to 16.
static void requireHeadSize(const Manifest &manifest) {
  if (!manifest.model.hasDecoder())
    return;
  const uint64_t size = manifest.memory.cacheHeadSize;
  const uint64_t element = manifest.memory.keyType == "bf16" ? 2 : 4;
  require(size >= 1 && manifest.model.decoderLayers * manifest.model.decoderHeads *
                               (size + (size + 15) / 16 * 16) * element ==
                           manifest.memory.cachePerKey,
          "the head size that the cache's bytes give");
}

static void requireSegments(const Manifest &manifest) {
  for (const auto *segments : {&manifest.encodeSegments, &manifest.stepSegments})
    for (const SegmentInfo &segment : *segments) {
      const uint64_t layers =
          segment.decoder ? manifest.model.decoderLayers : manifest.model.encoderLayers;
      require(!segment.decoder || manifest.model.hasDecoder(), "a side that there is");
      require(segment.layer.value_or(0) < layers &&
                  segment.weightBytes <= manifest.weightsBytes,
              "segments of layers and weights that there are");
    }
}

static bool run(std::string_view text) {
  auto manifest = parseManifest(text);
  if (!manifest.ok()) {
    requireSentence(manifest.status().message());
    return false;
  }
  const ModelInfo &model = manifest->model;
  for (uint64_t size : {model.dModel, model.encoderLayers, model.encoderHeads,
                        model.encoderFfn, model.sourceVocabSize, model.maxPositions})
    require(size >= 1 && size <= uint64_t(4) << 20, "sizes within their limits");
  for (uint64_t size :
       {model.decoderLayers, model.decoderHeads, model.decoderFfn, model.vocabSize})
    require((size >= 1) == model.hasDecoder() && size <= uint64_t(4) << 20,
            "sizes of a decoder within their limits, or none");
  require(manifest->stepBytes <= manifest->weightsBytes &&
              manifest->sketchBytes <= manifest->weightsBytes &&
              manifest->sketchedBytes <= manifest->stepBytes,
          "bytes of a step and a sketch among those of the weights");
  requireHeadSize(*manifest);
  if (model.hasDecoder())
    requireGeneration(*manifest);
  requireSegments(*manifest);
  // Messages and terminals show these names as they are.
  std::vector<std::string> names = manifest->levels;
  names.insert(names.end(), {model.family, manifest->producer, manifest->tokenizerKind});
  for (const std::string &name : names)
    if (!name.empty())
      requireSentence(name);
  // A bundle whose other sections may contradict it.
  static const std::string code = tests::fakeCode();
  const std::string bytes = tests::buildBundle(tests::fakeParts(std::string(text), code));
  auto contents = readBundle(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
  if (!contents.ok())
    requireSentence(contents.status().message());
  return true;
}

extern const Target manifest = {"manifest", 8192, seeds, run};

} // namespace encdec::fuzz
