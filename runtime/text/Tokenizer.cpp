//===- Tokenizer.cpp - text to ids and back -------------------------------===//

#include "runtime/text/Tokenizer.h"

#include "runtime/text/Detokenizer.h"
#include "runtime/text/Encoder.h"
#include "runtime/text/Normalizer.h"

namespace encdec {

Result<Tokenizer> Tokenizer::open(std::span<const uint8_t> table) {
  Tokenizer tokenizer;
  ENCDEC_ASSIGN_OR_RETURN(tokenizer.table, TokenizerTable::open(table));
  return tokenizer;
}

namespace {
/// The ids of a prefix or suffix; languages that there are none of are left out.
struct Affix {
  const TokenizerTable &table;
  int32_t sourceLanguage, targetLanguage;

  void add(std::span<const encdec_tokenizer_item> items, uint32_t at, bool offsets,
           Encoding &out) const {
    for (const encdec_tokenizer_item &item : items) {
      int32_t id = item.id;
      if (item.kind != ENCDEC_TOKENIZER_ITEM_ID) {
        const bool isSource = item.kind == ENCDEC_TOKENIZER_ITEM_SOURCE_LANGUAGE;
        const int32_t language = isSource ? sourceLanguage : targetLanguage;
        if (language < 0)
          continue;
        id = table.languages[language].id;
      }
      out.ids.push_back(id);
      if (offsets)
        out.offsets.push_back({at, at});
    }
  }
};
} // namespace

Result<Encoding> Tokenizer::encode(std::string_view text,
                                   const EncodeOptions &options) const {
  if (text.size() > kMaxTextBytes)
    return overLimit("the text has " + std::to_string(text.size()) +
                     " bytes; the limit is 16 MB");
  const encdec_tokenizer_placement &placement = table.placement;
  auto chosen = [&](int32_t language, int32_t otherwise) {
    return language < 0 ? otherwise : language;
  };
  const Affix affix{table, chosen(options.sourceLanguage, placement.default_source),
                    chosen(options.targetLanguage, placement.default_target)};
  for (const int32_t language : {affix.sourceLanguage, affix.targetLanguage})
    if (language >= static_cast<int64_t>(languageCount()))
      return usageError("language " + std::to_string(language) + " is asked for, of " +
                        std::to_string(languageCount()));
  const SideTable &side = table.sides[options.targetSide];
  const PipelineTable &pipeline = table.pipelines[side.info.pipeline];
  Encoding out;
  out.ids.reserve(8 + text.size() / 4); // what most texts need
  if (options.affixes)
    affix.add(side.prefix, 0, options.offsets, out);
  // A language in the text is encoded as if the user had written it there.
  std::string withLanguage;
  uint32_t added = 0;
  if (placement.in_text && !options.targetSide && options.affixes &&
      affix.targetLanguage >= 0) {
    const int32_t id = table.languages[affix.targetLanguage].id;
    withLanguage = table.name(pipeline.info.vocabulary, id);
    withLanguage += table.text(placement.after);
    added = static_cast<uint32_t>(withLanguage.size());
    withLanguage += text;
    text = withLanguage;
  }
  const size_t first = out.ids.size();
  ENCDEC_RETURN_IF_ERROR(Encoder(table, pipeline, options, out).encode(text));
  for (Origin &origin : out.offsets) {
    origin.begin -= std::min(added, origin.begin);
    origin.end -= std::min(added, origin.end);
  }
  const bool hasSuffix = side.info.suffix_once && !side.suffix.empty() &&
                         out.ids.size() > first &&
                         out.ids.back() == side.suffix.front().id;
  if (options.affixes && !hasSuffix)
    affix.add(side.suffix, static_cast<uint32_t>(text.size()) - added, options.offsets,
              out);
  return out;
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids) const {
  Detokenizer detokenizer(*this);
  std::string text;
  for (const int32_t id : ids)
    ENCDEC_RETURN_IF_ERROR(detokenizer.push(id, text));
  detokenizer.finish(text);
  return text;
}

static std::vector<std::string> piecesOf(const TokenizerTable &table, uint32_t vocabulary,
                                         std::span<const int32_t> ids) {
  std::vector<std::string> pieces;
  for (const int32_t id : ids)
    pieces.push_back(table.hasName(vocabulary, id)
                         ? std::string(table.name(vocabulary, id))
                         : "<" + std::to_string(id) + ">");
  return pieces;
}

std::vector<std::string> Tokenizer::sourcePieces(std::span<const int32_t> ids) const {
  const uint32_t pipeline = table.sides[0].info.pipeline;
  return piecesOf(table, table.pipelines[pipeline].info.vocabulary, ids);
}

std::vector<std::string> Tokenizer::targetPieces(std::span<const int32_t> ids) const {
  return piecesOf(table, table.decoder.vocabulary, ids);
}

} // namespace encdec
