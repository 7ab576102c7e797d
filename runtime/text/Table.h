//===- Table.h - a view of a tokenizer's table ----------------------------===//

#pragma once

#include "encdec/tokenizer.h"
#include "runtime/base/Status.h"
#include "runtime/text/CharsMap.h"
#include "runtime/text/Trie.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace encdec {

/// Names of ids. Views into the table, as all of these structs.
struct VocabularyTable {
  std::span<const encdec_tokenizer_span> names; ///< By id.
  std::span<const uint32_t> index;
};

struct PipelineTable {
  encdec_tokenizer_pipeline info{};
  std::span<const encdec_tokenizer_stage> stages;
  CharsMap chars;
  std::span<const encdec_tokenizer_added> added;
  Trie rawAdded, normalizedAdded; ///< Values index `added`.
  Trie literals; ///< Words by themselves; values are ranks.
  std::span<const encdec_tokenizer_piece> pieces;
  Trie inText, userDefined; ///< Values index `pieces`.
  std::span<const uint32_t> bytePieces; ///< None or 256.
  std::span<const encdec_tokenizer_merge> merges;

  bool has(uint32_t flag) const { return info.flags & flag; }
};

struct SideTable {
  encdec_tokenizer_side info{};
  std::span<const encdec_tokenizer_item> prefix, suffix;
};

/// A verified table. Borrows its bytes; immutable, for any number of threads.
class TokenizerTable {
public:
  /// Checks all that `bytes` say: structure, bounds, and each number that indexes
  /// something. BadModel with the part otherwise; DoesNotFit for another version. Time:
  /// linear in the bytes; nothing is built. `bytes` starts at a multiple of 8.
  static Result<TokenizerTable> open(std::span<const uint8_t> bytes);

  std::string_view text(encdec_tokenizer_span span) const {
    return {chars.data() + span.offset, span.length};
  }
  std::string_view rawBytes(encdec_tokenizer_span span) const {
    return {raw.data() + span.offset, span.length};
  }
  /// Whether an id has a name, and the name.
  bool hasName(uint32_t vocabulary, int32_t id) const {
    const auto &names = vocabularies[vocabulary].names;
    return id >= 0 && static_cast<size_t>(id) < names.size() &&
           names[id].offset != ENCDEC_TOKENIZER_NONE;
  }
  std::string_view name(uint32_t vocabulary, int32_t id) const {
    return text(vocabularies[vocabulary].names[id]);
  }
  /// The id of a name, or -1.
  int32_t findName(uint32_t vocabulary, std::string_view name) const;

  encdec_tokenizer_header header{};
  std::span<const char> chars, raw; ///< TEXT and RAW.
  std::array<VocabularyTable, 2> vocabularies;
  std::array<PipelineTable, 3> pipelines;
  std::array<SideTable, 2> sides; ///< Source and target.
  std::span<const encdec_tokenizer_language> languages;
  std::span<const encdec_tokenizer_alias> aliases;
  encdec_tokenizer_placement placement{};
  encdec_tokenizer_decoder decoder{};
  std::span<const encdec_tokenizer_surface> surfaces;
};

} // namespace encdec
