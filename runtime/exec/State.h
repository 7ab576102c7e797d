//===- State.h - everything one decoding needs ----------------------------===//

#pragma once

#include "runtime/exec/Model.h"
#include "runtime/exec/Profile.h"
#include "runtime/exec/Region.h"
#include "runtime/exec/Slots.h"
#include "runtime/exec/LiveSources.h"
#include "runtime/exec/Team.h"

#include <span>

namespace encdec::runtime {

/// Whether offsets, one more than there are sources, run from 0 to `idCount`
/// and ascend. An error about one source carries its index, and calls the offsets those of
/// `what`.
Status checkOffsets(uint64_t idCount, std::span<const uint64_t> offsets,
                    const char *what = "source");

/// Whether the decoder's vocabulary, of `vocabulary` ids, has all tokens of a `what` (as
/// messages call them: "prefix").
Status checkTokens(std::span<const int32_t> tokens, uint64_t vocabulary, const char *what);

/// Limits of a state; 0 means the default (runtime.h documents each).
struct StateLimits {
  uint64_t maxRows = 0;
  uint64_t maxSources = 0;
  uint64_t maxSourceTokens = 0; ///< Each source rounded up to 16.
  uint64_t maxTargetPositions = 0;
  uint32_t threads = 0;
  uint64_t maxMemory = 0;
  bool probs = false; ///< Whether there is room for them.
  bool encoderStates = false;         ///< The same; each encode then gives them.
};

/// Counts since creation. Tests read from them that a source is encoded once
/// and that a row is stepped no longer than it lives.
struct StateCounters {
  uint64_t encodeCalls = 0, encodedSources = 0, encodedTokens = 0;
  uint64_t steps = 0, stepRows = 0;
  uint64_t prefills = 0, prefillTokens = 0;
  /// Steps whose token a sketch of the vocabulary settled, and the blocks of the
  /// vocabulary that the sketch left as candidates in these steps together.
  uint64_t sketchedSteps = 0, candidateBlocks = 0;
};

/// The most tokens that one call of prefill feeds.
inline constexpr uint64_t prefillRows = 64;

/// The most threads that a state may have.
inline constexpr uint32_t maxThreads = 256;

/// What a step is given besides the rows themselves.
struct StepInput {
  std::span<const int32_t> tokens;  ///< T, all rows' end to end: R, but where `counts` says more.
  /// [row]: how many tokens each row is fed, one after the other, as so many steps would; T in
  /// all, at most stepRoom(). Rows of more than one are their source's only ones. Then no probs.
  /// Empty: one each.
  std::span<const uint32_t> counts{};
  uint64_t topK = 1;                ///< Best tokens to find for each row.
  const float *logitBias = nullptr; ///< Rows of round_up(V, 16), or null.
  uint64_t biasRows = 0;
  std::span<const int32_t> rowBias; ///< T, or empty for row 0.
  bool logits = false, probs = false;
  /// Whether to calculate log-probabilities. A step without them may cost less;
  /// topLogProbs() are NaN then.
  bool logProbs = true;
};

/// Memory, caches, arena and thread team of one caller at a time. Keeps its
/// model alive. After creation nothing here allocates.
class State {
public:
  static Result<std::unique_ptr<State>>
  create(std::shared_ptr<const Model> model, StateLimits limits);

  /// Whether a source can be read by itself.
  Status checkSource(std::span<const int32_t> ids) const;
  /// Whether each of the sources ids[offsets[b] .. offsets[b+1]), however many,
  /// can be read by itself. An error about one of them carries its index.
  Status checkSources(std::span<const int32_t> ids,
                      std::span<const uint64_t> offsets) const;
  /// Ends all rows, reads the sources ids[offsets[b] .. offsets[b+1]) and leaves one row
  /// each at position 0. The rows share the slots of the cache: any row may be continued by
  /// up to maxRows in all, until another source joins.
  Status encode(std::span<const int32_t> ids, std::span<const uint64_t> offsets);
  /// Reads further sources beside the live rows and adds a row at position 0 for each, behind
  /// all others, from which up to rows[b] rows may go on. Live rows stay as they are. Errors:
  /// Limit where there is no room (hasRoom).
  Status join(std::span<const int32_t> ids, std::span<const uint64_t> offsets,
              std::span<const uint64_t> rows);
  /// Whether so many sources, of `places` tokens together (each rounded up to 16) and with
  /// `rows` rows together, could join.
  bool hasRoom(uint64_t sources, uint64_t places, uint64_t rows) const;
  /// Feeds tokens to one row, as so many steps of the row would, and predicts nothing but,
  /// where asked for, logits() [tokens][logitsStride()]. The row is the only one of those
  /// that joined together with it. At most prefillRows tokens; other rows stay as they are.
  Status prefill(size_t row, std::span<const int32_t> tokens, bool logits);
  /// Confines the tokens that later calls predict to a list of the manifest: its number
  /// (findShortlist); 0 ends that. Tokens and logits stay ids: tokens outside of the list have
  /// logits of -inf, and probabilities are of the list alone.
  void useShortlist(uint64_t number) { shortlist = number; }
  uint64_t usedShortlist() const { return shortlist; }
  /// Feeds one token a row, or `counts`; the outputs below hold until the next call.
  Status step(const StepInput &input);
  /// Forgets the last `count` positions of a row that is its source's only one.
  void rewind(size_t row, uint64_t count) { positions[row] -= int32_t(count); }
  /// The most tokens of one step.
  size_t stepRoom() const { return rowBias.size(); }
  /// New row i goes on from old row parents[i]. A source without a row ends, and leaves its
  /// room to others.
  Status reorder(std::span<const uint32_t> parents);

  /// Measures the segments of all later calls, from zero. Errors: BadModel where
  /// the manifest names no segments.
  Status startProfile();
  /// Ends measuring; the numbers stay until the next start.
  void stopProfile() { profiling = false; }
  /// The numbers measured so far; null before the first start.
  const Profile *profiled() const { return profile.get(); }

  size_t rows() const { return slots.rows(); }
  /// The source of a row: a number that it has while one of its rows lives.
  size_t sourceOf(size_t row) const { return size_t(rowSource[row]); }
  uint64_t sourceLength(size_t source) const { return live.length(source); }
  uint64_t position(size_t row) const { return uint64_t(positions[row]); }

  /// [T][topK] of the last step, best first, and their log-probabilities; token
  /// 0 and -inf where no further token may be chosen.
  std::span<const int32_t> topTokens() const {
    return {reinterpret_cast<int32_t *>(outTokens.data()), fed * topK};
  }
  std::span<const float> topLogProbs() const {
    return {reinterpret_cast<float *>(outLogProbs.data()), fed * topK};
  }
  const float *logits() const { return reinterpret_cast<float *>(logitsRegion.data()); }
  const float *probs() const { return reinterpret_cast<float *>(probsRegion.data()); }
  /// [encodedRows()][statesStride()]: the output of the last encode that ended well, the
  /// first d_model floats of each row in use; of a state with room for it.
  const float *encoderStates() const {
    return reinterpret_cast<float *>(statesRegion.data());
  }
  uint64_t statesStride() const {
    return model->manifest.memory.statesPerRow / sizeof(float);
  }
  /// Tokens of the last encode or join; 0 before it or where it failed. Its source b has
  /// those of encodedOffsets()[b] .. [b + 1].
  uint64_t encodedRows() const { return encoded; }
  size_t encodedSources() const { return encoded ? encodedCount : 0; }
  const int32_t *encodedOffsets() const { return readOffset.data(); }
  uint64_t logitsStride() const { return paddedVocabulary; }
  uint64_t probsStride() const { return keyCapacity; }
  /// Room for the logit biases of a search, [2 + maxRows][logitsStride()]: one that bans
  /// nothing, and more than one for each row. Zero unless a search is at work.
  std::span<float> biases() {
    return {reinterpret_cast<float *>(biasRegion.data()),
            (2 + limits.maxRows) * paddedVocabulary};
  }

  const std::shared_ptr<const Model> model;
  const StateLimits limits; ///< With the defaults filled in.
  const std::unique_ptr<Team> team;
  StateCounters counters;
  uint64_t reservedBytes() const { return reserved; }

private:
  State(std::shared_ptr<const Model> model, StateLimits limits,
        std::unique_ptr<Team> team);
  Status reserve();
  Status checkStep(const StepInput &input);
  void spread(size_t first, std::span<const int32_t> fed, std::span<const uint32_t> counts,
              encdec_abi_context &call);
  Status checkPrefill(size_t row, std::span<const int32_t> tokens);
  Status read(std::span<const int32_t> ids, std::span<const uint64_t> offsets,
              std::span<const uint64_t> rows);
  encdec_abi_context context();
  const std::vector<int32_t> *listed() const;
  void narrowBiases(const StepInput &input, encdec_abi_context &call);
  void widenLogits(size_t rows);
  Status run(EntryKind kind, encdec_abi_context &context);
  Work workOf(EntryKind kind, const encdec_abi_context &context) const;

  std::unique_ptr<Profile> profile;
  bool profiling = false;
  Slots slots;
  LiveSources live;
  size_t encodedCount = 0;
  uint64_t encoded = 0;
  uint64_t topK = 1, shortlist = 0;
  size_t fed = 0; ///< Tokens of the last step.
  uint64_t paddedVocabulary, keyCapacity, cacheCapacity;
  uint64_t scratchStride = 0, cacheStride = 0, reserved = 0;
  Region arena, scratch, memory, cache, logitsRegion, probsRegion, statesRegion, zeroBias;
  Region biasRegion, shortBias, outTokens, outLogProbs;
  std::vector<int32_t> tokens, positions, rowSource; ///< [row]
  std::vector<int32_t> rowBias;                      ///< [token of a step]
  std::vector<int32_t> nextPosition, nextSource;              ///< [row]
  std::vector<float> shortRow; ///< Logits of one row of a shortlist.
  // What an encode reads, [token]; a prefill and a step of `counts` have a row for each token
  // in them, too.
  std::vector<int32_t> readTokens, readPositions, readSource;
  std::vector<int32_t> readOffset; ///< [source of the encode + 1]
  std::vector<int64_t> readMemory; ///< [source of the encode]
};

} // namespace encdec::runtime
