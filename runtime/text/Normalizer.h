//===- Normalizer.h - a text as a model is given it -----------------------===//

#pragma once

#include "runtime/text/Table.h"
#include "runtime/text/Text.h"

namespace encdec {

/// The most bytes of a text and of its normal form: short texts may have long
/// replacements.
inline constexpr size_t kMaxTextBytes = ENCDEC_TOKENIZER_MAX_TEXT_BYTES;
/// A stage stops where this becomes true: a replacement may be a million times as long as
/// what it replaces.
inline bool isTooLong(const Text &text) { return text.size() > kMaxTextBytes; }

/// `fragment` as the normalizers of `pipeline` make it, in `out`, which is empty before.
/// `fragment` starts at byte `begin` of the caller's text and may hold any bytes; each
/// that is no UTF-8 becomes U+FFFD. Limit where the result exceeds 16 MB.
Status normalize(const TokenizerTable &table, const PipelineTable &pipeline,
                 std::string_view fragment, size_t begin, Text &out);

/// SentencePiece's normalizer (src/normalizer.cc): character map, whitespace collapsed and
/// trimmed, a space put in front, spaces written as U+2581, as far as `flags` ask for it.
/// User-defined pieces pass unchanged.
Status normalizeAsSentencePiece(const PipelineTable &pipeline, uint32_t flags,
                                std::string_view fragment, size_t begin, Text &out);

/// NFC, NFD, NFKC or NFKD (0 to 3) of `text`.
void normalizeUnicode(const Text &text, uint32_t form, Text &out);

/// Bytes of the grapheme cluster at the front of `text`, which is UTF-8 and not empty
/// (UAX #29, extended clusters).
size_t graphemeLength(std::string_view text);

/// A character in lower case, by itself (Unicode's full mapping).
void appendLowercase(uint32_t point, std::string &out);

/// \p{L}, \p{N}, and Rust's \w.
bool isLetter(uint32_t point);
bool isNumber(uint32_t point);
bool isWordCharacter(uint32_t point);

} // namespace encdec
