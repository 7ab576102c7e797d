//===- Table.cpp - a tokenizer's description as the table of a bundle -----===//

#include "compiler/tokenizer/Table.h"

#include "compiler/tokenizer/TableWriter.h"
#include "runtime/base/Utf8.h"

#include <algorithm>
#include <bit>

namespace encdec::tokenizer {

static Status checkIndex(uint32_t index, size_t count, const char *what) {
  if (index < count)
    return Status::success();
  return badModel(std::string(what) + " " + std::to_string(index) +
                  " is used, but there are " + std::to_string(count));
}

static Status writeVocabulary(TableWriter &table, const VocabularyDescription &vocabulary,
                              uint32_t number) {
  if (vocabulary.names.empty())
    return badModel("a vocabulary has no names");
  int32_t greatest = 0;
  for (const auto &[name, id] : vocabulary.names) {
    if (Status status = checkId(id, false, "the name"); !status.ok())
      return std::move(status).withContext(inQuotes(name));
    greatest = std::max(greatest, id);
  }
  std::vector<encdec_tokenizer_span> names(greatest + 1, {ENCDEC_TOKENIZER_NONE, 0});
  std::vector<uint32_t> slots(std::bit_ceil(2 * vocabulary.names.size()), 0);
  StringIndex seen(vocabulary.names.size());
  for (size_t i = 0; i < vocabulary.names.size(); ++i) {
    const auto &[name, id] = vocabulary.names[i];
    if (seen.insert(name, static_cast<int32_t>(i), [&](int32_t number) {
          return std::string_view(vocabulary.names[number].first);
        }) >= 0)
      return badModel("the name " + inQuotes(name) + " stands in a vocabulary twice");
    if (names[id].offset != ENCDEC_TOKENIZER_NONE)
      return badModel("the name " + inQuotes(name) + " shares id " + std::to_string(id) +
                      " with another one");
    if (!isValidUtf8(name))
      return badModel("the name " + inQuotes(name) + " is not UTF-8");
    names[id] = table.text(name);
    size_t at = encdec_tokenizer_hash_name(name.data(), name.size());
    while (slots[at &= slots.size() - 1] != 0)
      ++at;
    slots[at] = id + 1;
  }
  table.add(ENCDEC_TOKENIZER_NAMES, number, names);
  table.add(ENCDEC_TOKENIZER_NAME_INDEX, number, slots);
  return Status::success();
}

static Status writeSide(TableWriter &table, const SideDescription &side, uint32_t number) {
  for (auto [items, kind] : {std::pair(&side.prefix, ENCDEC_TOKENIZER_PREFIX),
                             std::pair(&side.suffix, ENCDEC_TOKENIZER_SUFFIX)}) {
    std::vector<encdec_tokenizer_item> rows;
    for (const TemplateItem &item : *items) {
      ENCDEC_RETURN_IF_ERROR(checkId(item.id, false, "a prefix or suffix"));
      rows.push_back({static_cast<uint32_t>(item.kind), item.id});
    }
    table.add(kind, number, rows);
  }
  table.addOne(ENCDEC_TOKENIZER_SIDE, number,
               encdec_tokenizer_side{side.pipeline, side.suffixOnce});
  return Status::success();
}

static Status writeLanguages(TableWriter &table, const LanguagePlacement &placement) {
  std::vector<encdec_tokenizer_language> rows;
  std::vector<std::pair<std::string, uint32_t>> aliases;
  for (const LanguageDescription &language : placement.languages) {
    const std::string name = "the language " + inQuotes(language.code);
    ENCDEC_RETURN_IF_ERROR(checkId(language.id, false, name));
    if (!rows.empty() && rows.back().id >= language.id)
      return badModel(name + " does not have a greater id than the one before it");
    for (const std::string &alias : language.aliases)
      aliases.emplace_back(alias, static_cast<uint32_t>(rows.size()));
    rows.push_back({table.text(language.code), language.id});
  }
  std::ranges::sort(aliases);
  std::vector<encdec_tokenizer_alias> aliasRows;
  for (const auto &[name, language] : aliases)
    aliasRows.push_back({table.text(name), language});
  encdec_tokenizer_placement row = {};
  row.default_source = placement.defaultSource;
  row.default_target = placement.defaultTarget;
  for (const int32_t index : {placement.defaultSource, placement.defaultTarget})
    if (index < -1 || index >= static_cast<int32_t>(rows.size()))
      return badModel("default language " + std::to_string(index) + " is none of the " +
                      std::to_string(rows.size()));
  row.forced_first = placement.forcedFirst;
  row.decoder_start = placement.decoderStart;
  row.in_text = placement.inText.has_value();
  row.after = table.text(placement.inText.value_or(""));
  table.add(ENCDEC_TOKENIZER_LANGUAGES, 0, rows);
  table.add(ENCDEC_TOKENIZER_ALIASES, 0, aliasRows);
  table.addOne(ENCDEC_TOKENIZER_PLACEMENT, 0, row);
  return Status::success();
}

/// One more than the greatest id that a source can have. (Names that only an unknown
/// run could spell do not count.)
static uint32_t sourceIdsOf(const TokenizerDescription &description) {
  const PipelineDescription &pipeline = description.pipelines[description.source.pipeline];
  int32_t greatest = std::max({description.eosId, description.unkId, description.padId,
                               description.bosId, pipeline.model.unkId});
  for (const PieceDescription &piece : pipeline.model.pieces)
    greatest = std::max(greatest, piece.id);
  for (const AddedToken &token : pipeline.addedTokens)
    greatest = std::max(greatest, token.id);
  for (const LanguageDescription &language : description.languages.languages)
    greatest = std::max(greatest, language.id);
  for (const auto *items : {&description.source.prefix, &description.source.suffix})
    for (const TemplateItem &item : *items)
      greatest = std::max(greatest, item.id);
  if (pipeline.model.kind == ModelKind::Bytes)
    greatest = std::max(greatest, pipeline.model.firstByteId + 255);
  return static_cast<uint32_t>(greatest + 1);
}

static Status checkIndices(const TokenizerDescription &description) {
  const size_t pipelines = description.pipelines.size();
  const size_t vocabularies = description.vocabularies.size();
  if (vocabularies < 1 || vocabularies > 2 || pipelines < 1 || pipelines > 3)
    return badModel("a tokenizer has 1 or 2 vocabularies and 1 to 3 pipelines, not " +
                    std::to_string(vocabularies) + " and " + std::to_string(pipelines));
  for (const PipelineDescription &pipeline : description.pipelines)
    ENCDEC_RETURN_IF_ERROR(checkIndex(pipeline.vocabulary, vocabularies, "vocabulary"));
  for (const uint32_t index : {description.source.pipeline, description.target.pipeline,
                               description.decoder.pipeline})
    ENCDEC_RETURN_IF_ERROR(checkIndex(index, pipelines, "pipeline"));
  ENCDEC_RETURN_IF_ERROR(
      checkIndex(description.decoder.vocabulary, vocabularies, "vocabulary"));
  for (const int32_t id :
       {description.eosId, description.unkId, description.padId, description.bosId})
    ENCDEC_RETURN_IF_ERROR(checkId(id, true, "a special token"));
  if (description.kind.empty() || description.kind.size() > 23)
    return badModel("the kind " + inQuotes(description.kind) +
                    " has no bytes or more than 23");
  return Status::success();
}

Result<std::string> writeTable(const TokenizerDescription &description) {
  ENCDEC_RETURN_IF_ERROR(checkIndices(description));
  TableWriter table;
  for (uint32_t i = 0; i < description.vocabularies.size(); ++i)
    ENCDEC_RETURN_IF_ERROR(writeVocabulary(table, description.vocabularies[i], i));
  for (uint32_t i = 0; i < description.pipelines.size(); ++i)
    ENCDEC_RETURN_IF_ERROR(writePipeline(table, description.pipelines[i], i));
  ENCDEC_RETURN_IF_ERROR(writeSide(table, description.source, 0));
  ENCDEC_RETURN_IF_ERROR(writeSide(table, description.target, 1));
  ENCDEC_RETURN_IF_ERROR(writeLanguages(table, description.languages));
  const DecoderDescription &decoder = description.decoder;
  ENCDEC_RETURN_IF_ERROR(writeDecoder(table, decoder,
                                      description.vocabularies[decoder.vocabulary],
                                      description.pipelines[decoder.pipeline].model));
  encdec_tokenizer_header header = {};
  std::memcpy(header.kind, description.kind.data(), description.kind.size());
  header.eos_id = description.eosId;
  header.unk_id = description.unkId;
  header.pad_id = description.padId;
  header.bos_id = description.bosId;
  header.source_ids = sourceIdsOf(description);
  header.vocabulary_count = static_cast<uint32_t>(description.vocabularies.size());
  header.pipeline_count = static_cast<uint32_t>(description.pipelines.size());
  return table.finish(header);
}

} // namespace encdec::tokenizer
