// SynthFiles.h: the texts and numbers of a random checkpoint. Free of MLIR.
#pragma once
#include "compiler/import/Description.h"
#include "compiler/synth/Synth.h"

#include <span>

namespace encdec {

/// The ids of the special tokens: those of the vocabulary's first pieces.
struct SpecialIds {
  static constexpr unsigned bos = 0, pad = 1, eos = 2, unk = 3;
};

/// The text of config.json: the sizes under the keys that the family's file reads.
Result<std::string> configText(const checkpoint::FamilyFile &family,
                               const SynthOptions &options);
std::string generationText(uint64_t maxPositions);

/// A unigram tokenizer.json of `size` pieces: special tokens, printable ASCII and
/// syllables, so that English text is read and any ids are shown. At least
/// smallestVocabulary pieces and at most largestVocabulary.
std::string tokenizerText(uint64_t size);
inline constexpr uint64_t smallestVocabulary = 128, largestVocabulary = 400'000;
std::string tokenizerConfigText();

/// A tensor of the checkpoint; its numbers are uniform in ± reach.
struct SynthTensor {
  std::string name;
  std::vector<uint64_t> shape;
  double reach = 0;

  uint64_t count() const;
};

/// The tensors of `model`, as its importer asks for them, in the order of their names.
/// Scales keep activations near 1 (fan-in) and logits, too.
std::vector<SynthTensor> synthTensors(const checkpoint::ModelDescription &model);

/// Writes a safetensors file. Errors: Failure.
Result<SynthReport> writeSafetensors(const std::string &path,
                                     std::span<const SynthTensor> tensors,
                                     const SynthOptions &options);

} // namespace encdec
