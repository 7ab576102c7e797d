//===- DecoderWriter.cpp - how ids become text, as parts of a table -------===//
//
// Most of a decoder's stages work on one name at a time, so they are done here, once for
// each name. What depends on a name's neighbours is left to the runtime: spaces at the
// front, bytes that join to characters, the ends of the text.

#include "compiler/tokenizer/ByteAlphabet.h"
#include "compiler/tokenizer/MergesWriter.h"
#include "compiler/tokenizer/PieceIndex.h"
#include "compiler/tokenizer/SentencePieceFile.h"
#include "compiler/tokenizer/TableWriter.h"
#include "runtime/base/Utf8.h"

#include <optional>

namespace encdec::tokenizer {

namespace {

// Stages may multiply a name; these bound what one id, and what all, decode to.
constexpr size_t kMaxSurfaceBytes = 1 << 16;
constexpr size_t kMaxSurfacesBytes = 64 << 20;

struct Surface {
  uint32_t kind = ENCDEC_TOKENIZER_SURFACE_PLAIN;
  std::string text;
};

/// A stage's part in one name.
class NameDecoder {
public:
  NameDecoder(const ModelDescription &model) : model(model), pieces(model.pieces) {
    // Of a reserved piece and a piece of texts with one spelling, the reserved one counts.
    for (const bool isReserved : {true, false})
      for (size_t i = 0; i < model.pieces.size(); ++i)
        if (isFoundInText(model.pieces[i].type) != isReserved)
          pieces.insert(i);
  }

  Surface decode(std::string_view name, int32_t id, const DecoderDescription &decoder) {
    surface = {ENCDEC_TOKENIZER_SURFACE_PLAIN, std::string(name)};
    this->id = id;
    for (const DecoderStage &stage : decoder.stages) {
      std::visit(*this, stage);
      if (surface.text.size() > kMaxSurfaceBytes)
        break; // writeDecoder() refuses it
    }
    return surface;
  }

  void operator()(const SentencePieceDecoder &stage);
  void operator()(const MetaspaceDecoder &) {
    if (surface.kind != ENCDEC_TOKENIZER_SURFACE_BYTES)
      surface.kind = ENCDEC_TOKENIZER_SURFACE_SPACED;
  }
  void operator()(const ReplaceDecoder &stage) {
    if (surface.kind == ENCDEC_TOKENIZER_SURFACE_BYTES || stage.from.empty())
      return;
    const std::string_view text = surface.text;
    std::string made;
    size_t at = 0;
    for (size_t next; made.size() <= kMaxSurfaceBytes &&
                      (next = text.find(stage.from, at)) != std::string::npos;
         at = next + stage.from.size())
      made.append(text, at, next - at) += stage.to;
    surface.text = made.append(text, at);
  }
  void operator()(const ByteFallbackDecoder &) {
    if (const int byte = byteOfPiece(surface.text); byte >= 0)
      become(std::string(1, static_cast<char>(byte)));
  }
  void operator()(const ByteLevelDecoder &) {
    become(bytesOfAlphabet(surface.text).value_or(surface.text));
  }
  void operator()(const StripDecoder &) {}
  void operator()(const BytesDecoder &) {
    const bool isByte = id >= model.firstByteId && id - model.firstByteId < 256;
    become(isByte ? std::string(1, static_cast<char>(id - model.firstByteId))
                  : surface.text);
  }

private:
  void become(std::string bytes) {
    surface = {ENCDEC_TOKENIZER_SURFACE_BYTES, std::move(bytes)};
  }
  const ModelDescription &model;
  PieceIndex pieces;
  Surface surface;
  int32_t id = 0;
};

/// A stage's part in the whole text.
struct TextDecoder {
  encdec_tokenizer_decoder &out;
  TableWriter &table;

  void operator()(const SentencePieceDecoder &stage) {
    out.broken = ENCDEC_TOKENIZER_BROKEN_BYTE;
    if (stage.stripsLeadingSpace)
      out.lead = stage.collapsesSpaces ? ENCDEC_TOKENIZER_LEAD_SPACES
                                       : ENCDEC_TOKENIZER_LEAD_SPACE;
  }
  void operator()(const MetaspaceDecoder &stage) {
    if (stage.prepend != PrependScheme::Never)
      out.lead = ENCDEC_TOKENIZER_LEAD_FIRST_NAME;
  }
  void operator()(const ReplaceDecoder &) {}
  void operator()(const ByteFallbackDecoder &) { out.broken = ENCDEC_TOKENIZER_BROKEN_RUN; }
  void operator()(const ByteLevelDecoder &) { out.broken = ENCDEC_TOKENIZER_BROKEN_PART; }
  void operator()(const BytesDecoder &) { out.broken = ENCDEC_TOKENIZER_BROKEN_DROP; }
  void operator()(const StripDecoder &stage) {
    out.strip = table.text(stage.from);
    out.strip_start = stage.start;
    out.strip_stop = stage.stop;
    if (stage.start)
      out.lead = ENCDEC_TOKENIZER_LEAD_CHARACTERS;
  }
};

} // namespace

void NameDecoder::operator()(const SentencePieceDecoder &stage) {
  const int32_t found = pieces.find(surface.text);
  if (found < 0)
    return; // a name that is no piece stands for itself
  switch (model.pieces[found].type) {
  case PieceType::Byte:
    return become(std::string(1, static_cast<char>(byteOfPiece(surface.text))));
  case PieceType::Control:
    surface = {ENCDEC_TOKENIZER_SURFACE_NONE, {}};
    return;
  case PieceType::Unknown:
    surface.text = stage.unkSurface;
    return;
  case PieceType::Normal:
  case PieceType::UserDefined:
  case PieceType::Unused:
    surface.kind = ENCDEC_TOKENIZER_SURFACE_SPACED;
  }
}

static Status checkStages(const DecoderDescription &decoder) {
  int leads = 0;
  for (const DecoderStage &stage : decoder.stages) {
    const auto *strip = std::get_if<StripDecoder>(&stage);
    if (strip && (strip->from.empty() || strip->from.size() > 4))
      return badModel("the decoder strips " + inQuotes(strip->from) +
                      ", expected one character");
    leads += std::holds_alternative<SentencePieceDecoder>(stage) ||
             std::holds_alternative<MetaspaceDecoder>(stage) ||
             (strip && strip->start);
  }
  if (leads > 1)
    return badModel("two stages of the decoder change the front of the text");
  return Status::success();
}

Status writeDecoder(TableWriter &table, const DecoderDescription &decoder,
                    const VocabularyDescription &vocabulary,
                    const ModelDescription &model) {
  ENCDEC_RETURN_IF_ERROR(checkStages(decoder));
  encdec_tokenizer_decoder row = {};
  row.vocabulary = decoder.vocabulary;
  row.spaces_at_last = decoder.spacesAtLast;
  row.strip_whitespace = decoder.stripWhitespace;
  row.clean_up_spaces = decoder.cleanUpSpaces;
  row.unnamed = table.text(decoder.unnamed);
  for (const DecoderStage &stage : decoder.stages)
    std::visit(TextDecoder{row, table}, stage);
  table.addOne(ENCDEC_TOKENIZER_DECODER, 0, row);

  int32_t greatest = -1;
  for (const auto &[name, id] : vocabulary.names)
    greatest = std::max(greatest, id);
  std::vector<encdec_tokenizer_surface> surfaces(
      greatest + 1, {ENCDEC_TOKENIZER_SURFACE_UNNAMED, {0, 0}});
  NameDecoder names(model);
  size_t total = 0;
  for (const auto &[name, id] : vocabulary.names) {
    const Surface made = names.decode(name, id, decoder);
    total += made.text.size();
    if (made.text.size() > kMaxSurfaceBytes || total > kMaxSurfacesBytes)
      return overLimit("the decoder makes more than " +
                       (total > kMaxSurfacesBytes
                            ? "64 MB of all names"
                            : "64 KB of the name of id " + std::to_string(id)) +
                       "; shorten what its stages replace names by");
    const bool isBytes = made.kind == ENCDEC_TOKENIZER_SURFACE_BYTES;
    surfaces[id] = {made.kind, isBytes ? table.raw(made.text) : table.text(made.text)};
  }
  for (const int32_t id : decoder.skipped) {
    if (id < 0 || id > greatest)
      return badModel("the decoder leaves out id " + std::to_string(id) +
                      ", which has no name");
    surfaces[id] = {ENCDEC_TOKENIZER_SURFACE_NONE, {0, 0}};
  }
  table.add(ENCDEC_TOKENIZER_SURFACES, 0, surfaces);
  return Status::success();
}

} // namespace encdec::tokenizer
