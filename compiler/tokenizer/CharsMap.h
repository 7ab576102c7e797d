//===- CharsMap.h - the precompiled character map of SentencePiece --------===//
//
// Which characters become which, as a trie with replacement strings. Layout
// (SentencePiece, src/normalizer.cc): <u32 trie bytes><trie><strings, each
// ended by a zero>. The trie is a double array of little-endian u32 units as
// darts-clone writes them (its include/darts.h, DoubleArrayUnit):
//   bits 0..7   label: the byte that leads here; with bit 31 set this is a
//               leaf whose low 31 bits are the value
//   bit 8       has leaf: child 0 holds a value
//   bits 9..31  offset: bits 10..30, shifted left by 8 if bit 9 is set
// The child of unit i for byte c is unit i ^ offset(i) ^ c, if its label is c.

#pragma once

#include "compiler/tokenizer/Description.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string_view>

namespace encdec::tokenizer {

/// The map of a blob; an empty one for an empty `blob`. BadModel with the offset in the
/// file (`origin` is where the blob starts) for a map that leaves its bytes, loops, or has
/// keys or replacements of more than 256 bytes; Limit for one of more than 16 MB.
Result<CharsMap> readCharsMap(std::string_view blob, uint64_t origin);

} // namespace encdec::tokenizer
