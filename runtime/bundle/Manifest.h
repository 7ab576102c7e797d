//===- Manifest.h - what a model says about itself ------------------------===//
//
// The manifest is JSON so that people and tools can read it; here it becomes
// numbers that the rest of the runtime may trust: every value is in its range,
// ids lie in the vocabulary, sizes cannot overflow.

#pragma once

#include "runtime/base/GenerationOptions.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::runtime {

/// Keys, vocabulary and packed tables come in blocks of 16 (ENCDEC_ABI_LANES).
constexpr uint64_t roundUp16(uint64_t n) { return (n + 15) / 16 * 16; }

/// Sizes of the model. All at least 1, but those of a decoder, which are 0 where there is
/// none: the model is an encoder only.
struct ModelInfo {
  std::string family;
  uint64_t dModel;
  uint64_t encoderLayers, decoderLayers;
  uint64_t encoderHeads, decoderHeads;
  uint64_t encoderFfn, decoderFfn;
  uint64_t vocabSize;       ///< Target side.
  uint64_t sourceVocabSize; ///< Source side.
  uint64_t maxPositions;
  /// A source's token that has no position: tables of positions have a row for it, behind
  /// those of maxPositions.
  std::optional<int32_t> uncountedToken;

  uint64_t positionRows() const { return maxPositions + (uncountedToken ? 1 : 0); }

  bool hasDecoder() const { return decoderLayers > 0; }
};

/// Bytes that compiled code needs; abi.h has the formulas.
struct MemoryPlan {
  uint64_t encodeArenaPerRow, encodeArenaPerKey;
  uint64_t stepArenaPerRow, stepArenaPerKey;
  uint64_t scratchFixed, scratchPerKey, scratchPerRow;
  uint64_t memoryPerKey, cachePerKey;
  uint64_t statesPerRow; ///< Of encode's output; 0: encode does not give it.
  std::string keyType; // f32 or bf16
  /// Head size of the caches, solved from cachePerKey; 0 without a decoder.
  uint64_t cacheHeadSize = 0;
};

/// A segment: what encode or step does between two barriers.
struct SegmentInfo {
  /// Keys and values of one kind that the segment reads.
  struct Keys {
    enum class From { Cache, Memory, Source } from;
    uint64_t bytes; ///< Of one position.
    uint64_t madds; ///< Of one row with one position.
  };
  std::string ops; ///< "linear", "cache_append+self_attention".
  bool decoder;    ///< The side of its weights; without weights, of its entry.
  std::optional<uint64_t> layer;
  uint64_t weightBytes;
  uint64_t rowMadds; ///< Multiply-adds of one row with weights.
  /// Its range: calls of at least so many rows, and so many for each worker. Segments of a
  /// range stand together; a call runs the last range that it is in.
  uint64_t leastRows = 0, workerRows = 0;
  uint64_t shortlist = 0; ///< Of the calls of its range: as State::useShortlist.
  std::vector<Keys> keys;
};

/// Tokens that a step may be confined to.
struct ShortlistInfo {
  std::string name;
  uint64_t stepBytes; ///< Weight bytes read by one of its steps.
  std::vector<int32_t> tokens; ///< At least one, ascending, of the vocabulary.
};

/// A weight in the weights section.
struct WeightInfo {
  std::string name, format;
  uint64_t rows, columns; ///< A vector is one row.
  uint64_t offset, bytes; ///< Values and scales.
};

struct Manifest {
  std::string producer;
  ModelInfo model;
  std::string weightType; ///< A format, or "mixed".
  uint64_t weightsBytes;
  uint64_t stepBytes; ///< Weight bytes read by one step.
  uint64_t sketchBytes;   ///< Of the vocabulary's sketch; 0: there is none.
  uint64_t sketchedBytes; ///< Part of stepBytes: the weight that has the sketch.
  std::vector<WeightInfo> weights; ///< In the order of their offsets.
  MemoryPlan memory;
  /// Defaults of the checkpoint. Where there is a decoder, decoder_start_token_id is there and
  /// every id is one of the vocabulary.
  GenerationOptions generation;
  std::vector<ShortlistInfo> shortlists; ///< Of different names; none without a decoder.
  std::string tokenizerKind; ///< Empty: no tokenizer.
  std::vector<std::string> levels;
  /// In the order they run; both empty where the model does not say. Without a decoder
  /// there is no step.
  std::vector<SegmentInfo> encodeSegments, stepSegments;
};

/// The number of the list called `name`: its place in `shortlists`, from 1 on. Errors: Usage,
/// with the names that there are.
Result<uint64_t> findShortlist(const Manifest &manifest, std::string_view name);

/// Reads and checks a manifest. Errors: BadModel, with the key; DoesNotFit when
/// format or ABI are of another version.
Result<Manifest> parseManifest(std::string_view text);

} // namespace encdec::runtime
