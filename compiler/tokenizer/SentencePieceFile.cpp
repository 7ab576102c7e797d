//===- SentencePieceFile.cpp - reads a SentencePiece model file -----------===//

#include "compiler/tokenizer/SentencePieceFile.h"

#include "compiler/tokenizer/ProtoReader.h"
#include "compiler/tokenizer/StringIndex.h"
#include "runtime/base/Utf8.h"

#include <bit>
#include <bitset>
#include <cmath>

namespace encdec::tokenizer {

namespace {
/// Limits that no honest tokenizer comes near; they bound time and memory.
constexpr size_t maxFileBytes = size_t(256) << 20;
constexpr size_t maxPieces = 4'000'000;
constexpr size_t maxPieceBytes = 1024;

/// Refuses the second of two fields that may stand only once. Protobuf would
/// let the last one win, so two readers could see two different models.
class OnceOnly {
public:
  Status see(const ProtoField &field, const char *name) {
    if (field.number < seen.size() && seen[field.number])
      return badByte(field.offset,
                     std::string("field ") + name + " stands there twice");
    if (field.number < seen.size())
      seen.set(field.number);
    return Status::success();
  }

private:
  std::bitset<64> seen;
};
} // namespace

int byteOfPiece(std::string_view piece) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 55 : -1;
  };
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>')
    return -1;
  const int high = digit(piece[3]), low = digit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// Reads a piece in the layout that SentencePiece writes: text, score, and the type
/// unless it is NORMAL, each tag and length in one byte. False for any other layout and
/// for a mistake; parsePiece then reads the piece field by field.
static bool parseUsualPiece(std::string_view bytes, Piece &piece) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 2 || byte(0) != (1 << 3 | 2) || byte(1) > 127)
    return false;
  const size_t score = 2 + byte(1), type = score + 5;
  if ((bytes.size() != type && bytes.size() != type + 2) ||
      byte(score) != (2 << 3 | 5))
    return false;
  if (bytes.size() == type + 2) {
    if (byte(type) != 3 << 3 || byte(type + 1) < 1 || byte(type + 1) > 6)
      return false;
    piece.type = static_cast<PieceType>(byte(type + 1));
  }
  uint32_t bits = 0;
  for (size_t i = 4; i > 0; --i)
    bits = bits << 8 | byte(score + i);
  piece.score = std::bit_cast<float>(bits);
  piece.text = bytes.substr(2, score - 2);
  return true;
}

static Status readPiece(std::string_view bytes, uint64_t origin, Piece &piece) {
  OnceOnly once;
  ProtoReader reader(bytes, origin);
  while (!reader.atEnd()) {
    ENCDEC_ASSIGN_OR_RETURN(ProtoField field, reader.next());
    if (field.number == 1) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "piece"));
      ENCDEC_ASSIGN_OR_RETURN(piece.text, field.asBytes("piece"));
    } else if (field.number == 2) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "score"));
      ENCDEC_ASSIGN_OR_RETURN(piece.score, field.asFloat("score"));
    } else if (field.number == 3) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "type"));
      ENCDEC_ASSIGN_OR_RETURN(int32_t type, field.asInt32("type"));
      if (type < 1 || type > 6)
        return badByte(field.offset, "expected a piece type of 1..6, found " +
                                         std::to_string(type));
      piece.type = static_cast<PieceType>(type);
    }
  }
  return Status::success();
}

static Status checkPiece(const Piece &piece, uint64_t origin) {
  if (piece.text.empty())
    return badByte(origin, "a piece without text");
  if (piece.text.size() > maxPieceBytes)
    return badByte(origin, "a piece of " + std::to_string(piece.text.size()) +
                               " bytes; the limit is " +
                               std::to_string(maxPieceBytes));
  if (!isValidUtf8(piece.text))
    return badByte(origin, "piece " + inQuotes(piece.text) + " is not UTF-8");
  if (piece.text.find('\0') != std::string_view::npos &&
      piece.type != PieceType::Unused)
    return badByte(origin,
                   "piece " + inQuotes(piece.text) + " contains a zero");
  if (!std::isfinite(piece.score))
    return badByte(origin, "the score of piece " + inQuotes(piece.text) +
                               " is not a finite number");
  return Status::success();
}

static Status parsePiece(std::string_view bytes, uint64_t origin,
                         Piece &piece) {
  if (!parseUsualPiece(bytes, piece)) {
    piece = {};
    ENCDEC_RETURN_IF_ERROR(readPiece(bytes, origin, piece));
  }
  return checkPiece(piece, origin);
}

static Status parseTrainerSpec(const ProtoField &message,
                               SentencePieceFile &file) {
  static constexpr const char *names[] = {"UNIGRAM", "BPE", "WORD", "CHAR"};
  ENCDEC_ASSIGN_OR_RETURN(auto bytes, message.asBytes("trainer_spec"));
  OnceOnly once;
  ProtoReader reader(bytes, message.bytesOffset);
  while (!reader.atEnd()) {
    ENCDEC_ASSIGN_OR_RETURN(ProtoField field, reader.next());
    if (field.number == 3) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "model_type"));
      ENCDEC_ASSIGN_OR_RETURN(int32_t type, field.asInt32("model_type"));
      if (type != 1 && type != 2)
        return badByte(field.offset,
                       "this is a SentencePiece model of type " +
                           (type >= 1 && type <= 4 ? names[type - 1]
                                                   : std::to_string(type)) +
                           "; only UNIGRAM and BPE models are supported");
      file.isBpe = type == 2;
    } else if (field.number == 24) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "treat_whitespace_as_suffix"));
      ENCDEC_ASSIGN_OR_RETURN(file.normalizer.whitespaceAsSuffix,
                              field.asBool("treat_whitespace_as_suffix"));
    } else if (field.number == 35) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "byte_fallback"));
      ENCDEC_ASSIGN_OR_RETURN(file.byteFallback, field.asBool("byte_fallback"));
    } else if (field.number == 44) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "unk_surface"));
      ENCDEC_ASSIGN_OR_RETURN(file.unkSurface, field.asBytes("unk_surface"));
      if (!isValidUtf8(file.unkSurface))
        return badByte(field.offset, "unk_surface is not UTF-8");
    }
  }
  return Status::success();
}

static Status parseNormalizerSpec(const ProtoField &message,
                                  NormalizerOptions &options) {
  ENCDEC_ASSIGN_OR_RETURN(auto bytes, message.asBytes("normalizer_spec"));
  OnceOnly once;
  ProtoReader reader(bytes, message.bytesOffset);
  while (!reader.atEnd()) {
    ENCDEC_ASSIGN_OR_RETURN(ProtoField field, reader.next());
    if (field.number == 2) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "precompiled_charsmap"));
      ENCDEC_ASSIGN_OR_RETURN(options.charsMap,
                              field.asBytes("precompiled_charsmap"));
      options.charsMapOffset = field.bytesOffset;
    } else if (field.number == 3) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "add_dummy_prefix"));
      ENCDEC_ASSIGN_OR_RETURN(options.addDummyPrefix,
                              field.asBool("add_dummy_prefix"));
    } else if (field.number == 4) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "remove_extra_whitespaces"));
      ENCDEC_ASSIGN_OR_RETURN(options.removeExtraWhitespaces,
                              field.asBool("remove_extra_whitespaces"));
    } else if (field.number == 5) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "escape_whitespaces"));
      ENCDEC_ASSIGN_OR_RETURN(options.escapeWhitespaces,
                              field.asBool("escape_whitespaces"));
    }
  }
  return Status::success();
}

/// A denormalizer would change decoded text; no family's model has one.
static Status refuseDenormalizer(const ProtoField &message) {
  NormalizerOptions options;
  ENCDEC_RETURN_IF_ERROR(parseNormalizerSpec(message, options));
  if (!options.charsMap.empty())
    return badByte(message.offset,
                   "the model has a denormalizer, which is not supported");
  return Status::success();
}

/// Checks what no single piece can show: there is one unknown piece, no name stands twice
/// among the pieces found in text or among the reserved ones, and byte pieces are
/// complete or absent.
static Status checkPieces(SentencePieceFile &file) {
  StringIndex inText(file.pieces.size()), reserved(file.pieces.size());
  auto textOf = [&](int32_t id) { return file.pieces[id].text; };
  bool hasText = false;
  std::bitset<256> bytes;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const Piece &piece = file.pieces[id];
    auto name = [&] {
      return "piece " + std::to_string(id) + " (" + inQuotes(piece.text) + ")";
    };
    const bool isReserved = piece.type == PieceType::Unknown ||
                            piece.type == PieceType::Control ||
                            piece.type == PieceType::Byte;
    hasText |= !isReserved;
    if ((isReserved ? reserved : inText)
            .insert(piece.text, static_cast<int32_t>(id), textOf) >= 0)
      return badModel(name() + " has the text of an earlier piece");
    if (piece.type == PieceType::Unknown) {
      if (file.unkId >= 0)
        return badModel(name() + " is a second unknown piece beside piece " +
                        std::to_string(file.unkId));
      file.unkId = static_cast<int32_t>(id);
    }
    if (piece.type != PieceType::Byte)
      continue;
    const int byte = byteOfPiece(piece.text);
    if (!file.byteFallback || byte < 0)
      return badModel(name() +
                      (byte < 0 ? " is a byte piece not written <0xNN>"
                                : " is a byte piece without byte_fallback"));
    bytes.set(byte);
  }
  if (file.unkId < 0)
    return badModel("no piece is of type UNKNOWN");
  if (file.byteFallback && !bytes.all())
    return badModel("byte_fallback needs 256 byte pieces, found " +
                    std::to_string(bytes.count()));
  if (!hasText)
    return badModel("the model has no piece that could stand in a text");
  return Status::success();
}

Result<SentencePieceFile> parseSentencePieceFile(std::string_view bytes) {
  if (bytes.size() > maxFileBytes)
    return Status(Code::Limit, "the file has " + std::to_string(bytes.size()) +
                                   " bytes; the limit is 256 MB");
  SentencePieceFile file;
  file.bytes = std::make_shared<const std::string>(bytes);
  OnceOnly once;
  ProtoReader reader(*file.bytes);
  while (!reader.atEnd()) {
    ENCDEC_ASSIGN_OR_RETURN(ProtoField field, reader.next());
    if (field.number == 1) {
      ENCDEC_ASSIGN_OR_RETURN(auto message, field.asBytes("pieces"));
      if (file.pieces.size() == maxPieces)
        return Status(Code::Limit, "the file has more than 4000000 pieces");
      ENCDEC_RETURN_IF_ERROR(parsePiece(message, field.bytesOffset,
                                        file.pieces.emplace_back()));
    } else if (field.number == 2) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "trainer_spec"));
      ENCDEC_RETURN_IF_ERROR(parseTrainerSpec(field, file));
    } else if (field.number == 3) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "normalizer_spec"));
      ENCDEC_RETURN_IF_ERROR(parseNormalizerSpec(field, file.normalizer));
    } else if (field.number == 5) {
      ENCDEC_RETURN_IF_ERROR(once.see(field, "denormalizer_spec"));
      ENCDEC_RETURN_IF_ERROR(refuseDenormalizer(field));
    }
  }
  if (file.pieces.empty())
    return badModel("the file holds no pieces; is it a SentencePiece model?");
  ENCDEC_RETURN_IF_ERROR(checkPieces(file));
  return file;
}

} // namespace encdec::tokenizer
