//===- ProtoReader.cpp - a strict reader of the protobuf wire format ------===//

#include "compiler/tokenizer/ProtoReader.h"

#include "runtime/base/Checked.h"

#include <bit>

namespace encdec::tokenizer {

Status badByte(uint64_t offset, const std::string &message) {
  return badModel("at byte " + std::to_string(offset) + ": " + message);
}

Status ProtoField::expect(WireType wanted, const char *name) const {
  if (type == wanted)
    return Status::success();
  return badByte(offset, std::string("expected wire type ") +
                             std::to_string(static_cast<int>(wanted)) +
                             " for field " + name + ", found " +
                             std::to_string(static_cast<int>(type)));
}

Result<std::string_view> ProtoField::asBytes(const char *name) const {
  ENCDEC_RETURN_IF_ERROR(expect(WireType::Bytes, name));
  return bytes;
}

Result<float> ProtoField::asFloat(const char *name) const {
  ENCDEC_RETURN_IF_ERROR(expect(WireType::Fixed32, name));
  return std::bit_cast<float>(static_cast<uint32_t>(value));
}

Result<int32_t> ProtoField::asInt32(const char *name) const {
  ENCDEC_RETURN_IF_ERROR(expect(WireType::Varint, name));
  // An int32 is written as the 64-bit two's complement of its value.
  if (auto number = checkedCast<int32_t>(static_cast<int64_t>(value)))
    return *number;
  return badByte(offset,
                 std::string("field ") + name + " does not fit 32 bits");
}

Result<bool> ProtoField::asBool(const char *name) const {
  ENCDEC_RETURN_IF_ERROR(expect(WireType::Varint, name));
  if (value <= 1)
    return value == 1;
  return badByte(offset, std::string("expected 0 or 1 for field ") + name +
                             ", found " + std::to_string(value));
}

Result<uint64_t> ProtoReader::readVarint() {
  const uint64_t start = here();
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (atEnd())
      return badByte(start, "the number is cut off by the end of its message");
    const auto byte = static_cast<unsigned char>(message[position++]);
    if (shift == 63 && byte > 1)
      break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80)
      return value;
  }
  return badByte(start, "the number is longer than 64 bits");
}

Result<uint64_t> ProtoReader::readFixed(size_t size) {
  if (message.size() - position < size)
    return badByte(here(), "expected " + std::to_string(size) +
                               " bytes, found only " +
                               std::to_string(message.size() - position));
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i)
    value |=
        static_cast<uint64_t>(static_cast<unsigned char>(message[position + i]))
        << (8 * i);
  position += size;
  return value;
}

Result<ProtoField> ProtoReader::next() {
  ProtoField field;
  field.offset = here();
  ENCDEC_ASSIGN_OR_RETURN(uint64_t tag, readVarint());
  const uint64_t number = tag >> 3;
  if (number == 0 || number > (1u << 29) - 1)
    return badByte(field.offset, "field number " + std::to_string(number) +
                                     " is outside 1..536870911");
  field.number = static_cast<uint32_t>(number);
  switch (tag & 7) {
  case 0: {
    ENCDEC_ASSIGN_OR_RETURN(field.value, readVarint());
    break;
  }
  case 1: {
    ENCDEC_ASSIGN_OR_RETURN(field.value, readFixed(8));
    break;
  }
  case 2: {
    ENCDEC_ASSIGN_OR_RETURN(uint64_t length, readVarint());
    if (!spanFits(position, length, message.size()))
      return badByte(field.offset,
                     "field " + std::to_string(number) + " claims " +
                         std::to_string(length) + " bytes, its message has " +
                         std::to_string(message.size() - position) + " left");
    field.bytes = message.substr(position, length);
    field.bytesOffset = here();
    position += length;
    break;
  }
  case 5: {
    ENCDEC_ASSIGN_OR_RETURN(field.value, readFixed(4));
    break;
  }
  default:
    return badByte(field.offset, "wire type " + std::to_string(tag & 7) +
                                     " is not used by this format");
  }
  field.type = static_cast<WireType>(tag & 7);
  return field;
}

} // namespace encdec::tokenizer
