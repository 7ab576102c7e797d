//===- ProtoReader.h - a strict reader of the protobuf wire format --------===//
//
// SentencePiece models are protobuf messages. A reader of our own saves a large
// dependency and checks every byte before it is used. Wire format:
// protobuf.dev/programming-guides/encoding.

#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace encdec::tokenizer {

enum class WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

/// One field of a message, its value decoded already.
struct ProtoField {
  uint32_t number = 0;
  WireType type = WireType::Varint;
  uint64_t offset = 0;      ///< Of the field's tag, from the start of the file.
  uint64_t value = 0;       ///< Varint, Fixed32 (low half), Fixed64.
  std::string_view bytes;   ///< Bytes: borrowed from the reader's buffer.
  uint64_t bytesOffset = 0; ///< Of `bytes`, from the start of the file.

  /// The value as what the schema says the field is; BadModel when the wire
  /// type is another or the value does not fit. `name` is for the message.
  Result<std::string_view> asBytes(const char *name) const;
  Result<float> asFloat(const char *name) const;
  Result<int32_t> asInt32(const char *name) const;
  Result<bool> asBool(const char *name) const;

private:
  Status expect(WireType wanted, const char *name) const;
};

/// BadModel with the offset in front: "at byte 12: ...".
Status badByte(uint64_t offset, const std::string &message);

/// Walks the fields of one message. Borrows the buffer.
class ProtoReader {
public:
  /// `origin` is where `message` starts in the file, for error messages.
  explicit ProtoReader(std::string_view message, uint64_t origin = 0)
      : message(message), origin(origin) {}

  bool atEnd() const { return position == message.size(); }

  /// The next field. BadModel when it is cut short, longer than the message,
  /// of an unknown wire type, a group, or numbered 0.
  Result<ProtoField> next();

private:
  uint64_t here() const { return origin + position; }
  Result<uint64_t> readVarint();
  Result<uint64_t> readFixed(size_t size);

  std::string_view message;
  uint64_t origin;
  size_t position = 0;
};

} // namespace encdec::tokenizer
