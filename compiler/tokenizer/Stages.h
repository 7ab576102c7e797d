//===- Stages.h - the stages of tokenizer.json as descriptions ------------===//
//
// The schema is the tokenizers library's. Tokenizer files (README.md) spell
// their own stages in it, too. A stage or key that is not known is refused by
// its path.

#pragma once

#include "compiler/tokenizer/Description.h"
#include "runtime/base/Json.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <vector>

namespace encdec::tokenizer {

/// A value of a JSON file and its place, "tokenizer.json: normalizer", for
/// messages.
struct JsonPlace {
  const JsonValue *value; ///< Not null; JSON's null stands for no stage.
  std::string where;
};

/// `charsMap` stands for a Precompiled that has none of its own; where it is
/// empty too, that stage is left out.
Result<std::vector<NormalizerStage>> readNormalizer(const JsonPlace &place,
                                                    const CharsMap &charsMap);
Result<std::vector<PreTokenizerStage>> readPreTokenizer(const JsonPlace &place);
Result<std::vector<DecoderStage>> readDecoder(const JsonPlace &place);

/// What a post-processor puts around the ids of a text.
struct Wrapping {
  std::vector<int32_t> prefix, suffix;
  bool trimOffsets = false;
};
Result<Wrapping> readPostProcessor(const JsonPlace &place);

/// The map of the first Precompiled in a normalizer, or none.
Result<CharsMap> findCharsMap(const JsonPlace &normalizer);

} // namespace encdec::tokenizer
