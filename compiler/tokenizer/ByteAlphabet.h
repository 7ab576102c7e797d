//===- ByteAlphabet.h - GPT-2's spelling of bytes as characters -----------===//

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace encdec::tokenizer {

/// The code point that stands for a byte: itself where it is printable and no space,
/// else 256 and up, in the order of the bytes (bytes_to_unicode of GPT-2's encoder.py).
char32_t alphabetPoint(unsigned char byte);

/// The bytes that `name` spells, or nothing where a character of it stands for none.
std::optional<std::string> bytesOfAlphabet(std::string_view name);

} // namespace encdec::tokenizer
