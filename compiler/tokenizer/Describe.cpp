//===- Describe.cpp - puts a tokenizer's description together -------------===//
//
// The order: choose the tokenizer file, read and number the vocabularies that
// it names, read the stages, and place what stands around a text.

#include "compiler/tokenizer/Describe.h"

#include "compiler/import/Fields.h"
#include "compiler/import/File.h"
#include "compiler/tokenizer/SentencePieceFile.h"
#include "compiler/tokenizer/Stages.h"
#include "compiler/tokenizer/Vocabularies.h"

#include <fmt/format.h>

#include <algorithm>
#include <sys/stat.h>

namespace encdec::tokenizer {

using checkpoint::Fields;

namespace {

constexpr uint64_t maxFileBytes = uint64_t(256) << 20;

class Describer {
public:
  Describer(const Settings &settings, const JsonValue &file,
            Vocabularies vocabularies)
      : settings(settings), file(file), roles(file, settings),
        read(std::move(vocabularies)) {}

  Result<TokenizerDescription> describe();

private:
  JsonPlace stages(const char *key) const;
  JsonPlace postProcessor() const;
  Result<PipelineDescription> pipeline(const SideVocabulary &side,
                                       uint32_t vocabulary) const;
  Status describePipelines();
  Result<std::vector<TemplateItem>> items(const JsonValue &list, size_t first,
                                          size_t last, bool isTarget) const;
  Status side(const char *key, bool isTarget, SideDescription &out) const;
  Status describeSides();
  Status describeDecoder();
  const Names &namesOf(bool isTarget) const {
    return isTarget ? read.target().names : read.source.names;
  }

  const Settings &settings;
  const JsonValue &file;
  Roles roles;
  Vocabularies read;
  TokenizerDescription result;
};

} // namespace

JsonPlace Describer::stages(const char *key) const {
  static const JsonValue none;
  const JsonValue *value = file.find(key);
  if (value && value->asText() && *value->asText() == "file") {
    value = read.json ? read.json->document.find(key) : nullptr;
    return {value ? value : &none, fileOfRole(file, "json") + ": " + key};
  }
  return {value ? value : &none, std::string("tokenizer file: ") + key};
}

JsonPlace Describer::postProcessor() const {
  static const JsonValue none;
  const JsonValue *value =
      read.json ? read.json->document.find("post_processor") : nullptr;
  return {value ? value : &none, fileOfRole(file, "json") + ": post_processor"};
}

Result<PipelineDescription> Describer::pipeline(const SideVocabulary &side,
                                                uint32_t vocabulary) const {
  PipelineDescription made;
  made.vocabulary = vocabulary;
  made.model = side.base.model;
  made.addedTokens = side.added;
  const JsonValue *model = file.find("model");
  const JsonValue *code = model ? model->find("leading_code") : nullptr;
  made.leadingCode = code && code->boolean;
  if (isSentencePiece(file, "normalizer")) {
    if (!side.base.normalizer)
      return badModel(
          "the pipeline is SentencePiece's, but the folder has no model of it");
    made.normalizers.push_back(*side.base.normalizer);
  } else {
    ENCDEC_ASSIGN_OR_RETURN(
        made.normalizers,
        readNormalizer(stages("normalizer"), side.base.charsMap));
    ENCDEC_ASSIGN_OR_RETURN(made.preTokenizers,
                            readPreTokenizer(stages("pre_tokenizer")));
  }
  for (const PreTokenizerStage &stage : made.preTokenizers)
    if (std::holds_alternative<ByteLevelSplit>(stage)) {
      if (made.model.kind != ModelKind::MergesByRank)
        return badModel("pre_tokenizer ByteLevel needs a model of type BPE");
      made.model.byteLevel = true;
    }
  if (made.model.unknownByName)
    for (PieceDescription &piece : made.model.pieces)
      // Text never becomes a special token by way of its pieces.
      if (piece.type != PieceType::Unknown && side.control.contains(piece.id))
        piece.id = -1;
  if (const JsonValue *trim = file.find("trim_offsets"))
    made.trimOffsets = trim->boolean;
  if (const JsonValue *source = file.find("source");
      source && source->asText()) {
    ENCDEC_ASSIGN_OR_RETURN(const Wrapping wrapping,
                            readPostProcessor(postProcessor()));
    made.trimOffsets = wrapping.trimOffsets;
  }
  return made;
}

Result<std::vector<TemplateItem>> Describer::items(const JsonValue &list,
                                                   size_t first, size_t last,
                                                   bool isTarget) const {
  using Kind = TemplateItem::Kind;
  std::vector<TemplateItem> made;
  for (size_t i = first; i < last; ++i) {
    const std::string *name = list.items[i].asText();
    if (!name)
      return badModel("a side's items are strings");
    if (*name == "language" || *name == "source_language" ||
        *name == "target_language") {
      const bool target =
          *name == "language" ? isTarget : *name == "target_language";
      made.push_back({target ? Kind::TargetLanguage : Kind::SourceLanguage, 0});
      continue;
    }
    ENCDEC_ASSIGN_OR_RETURN(const auto token, roles.find(*name));
    const int32_t id = token ? namesOf(isTarget).find(token->content) : -1;
    if (id < 0)
      return badModel(
          fmt::format("the special token {} ({}) is not in the vocabulary",
                      *name, token ? quote(token->content, 40) : "none"));
    made.push_back({Kind::Id, id});
  }
  return made;
}

Status Describer::side(const char *key, bool isTarget,
                       SideDescription &out) const {
  const JsonValue *list = file.find(key);
  if (!list)
    return badModel(std::string(key) + ": expected what stands around a text");
  if (list->asText()) { // "file"
    ENCDEC_ASSIGN_OR_RETURN(const Wrapping wrapping,
                            readPostProcessor(postProcessor()));
    for (int32_t id : wrapping.prefix)
      out.prefix.push_back({TemplateItem::Kind::Id, id});
    for (int32_t id : wrapping.suffix)
      out.suffix.push_back({TemplateItem::Kind::Id, id});
    return Status::success();
  }
  const auto text =
      std::ranges::find_if(list->items, [](const JsonValue &item) {
        return item.asText() && *item.asText() == "$A";
      });
  const auto at = size_t(text - list->items.begin());
  if (at == list->items.size())
    return badModel(std::string(key) + ": \"$A\" is missing");
  ENCDEC_ASSIGN_OR_RETURN(out.prefix, items(*list, 0, at, isTarget));
  ENCDEC_ASSIGN_OR_RETURN(out.suffix,
                          items(*list, at + 1, list->items.size(), isTarget));
  const JsonValue *once = file.find("suffix_once");
  out.suffixOnce = once && once->boolean;
  return Status::success();
}

Status Describer::describeDecoder() {
  DecoderDescription &decoder = result.decoder;
  const SideVocabulary &side = read.target();
  decoder.vocabulary = decoder.pipeline = read.targetVocabulary ? 1 : 0;
  decoder.skipped.assign(side.special.begin(), side.special.end());
  if (isSentencePiece(file, "decoder")) {
    if (!side.base.decoder)
      return badModel(
          "the decoder is SentencePiece's, but the folder has no model of it");
    decoder.stages.push_back(*side.base.decoder);
  } else if (side.base.model.kind == ModelKind::Bytes) {
    decoder.stages.push_back(BytesDecoder{});
  } else {
    ENCDEC_ASSIGN_OR_RETURN(decoder.stages, readDecoder(stages("decoder")));
  }
  static const JsonValue none{.kind = JsonValue::Object};
  const JsonValue *own = file.find("decode");
  Fields fields(own ? *own : none, "decode");
  decoder.stripWhitespace = fields.flag("strip", false);
  decoder.unnamed = fields.text("unnamed", "");
  decoder.spacesAtLast = fields.flag("spaces_at_last", false);
  const std::string cleanUp = fields.text("clean_up", "setting");
  const bool cleansUp = fields.flag("cleans_up", false);
  ENCDEC_RETURN_IF_ERROR(fields.status());
  Fields keys(settings.keys, "tokenizer_config.json");
  if (cleanUp == "setting")
    decoder.cleanUpSpaces = keys.flag("clean_up_tokenization_spaces", cleansUp);
  return keys.status();
}

Status Describer::describeSides() {
  ENCDEC_RETURN_IF_ERROR(side("source", false, result.source));
  ENCDEC_RETURN_IF_ERROR(side("target", true, result.target));
  result.target.pipeline = read.targetPieces || read.targetVocabulary ? 1 : 0;
  for (const auto &[role, id] : {std::pair("eos_token", &result.eosId),
                                 std::pair("unk_token", &result.unkId),
                                 std::pair("pad_token", &result.padId),
                                 std::pair("bos_token", &result.bosId)}) {
    ENCDEC_ASSIGN_OR_RETURN(const auto token, roles.find(role));
    if (token)
      *id = read.source.names.find(token->content);
  }
  return Status::success();
}

Status Describer::describePipelines() {
  result.vocabularies.push_back(read.source.names.describe());
  ENCDEC_ASSIGN_OR_RETURN(result.pipelines.emplace_back(),
                          pipeline(read.source, 0));
  if (read.targetVocabulary)
    result.vocabularies.push_back(read.targetVocabulary->names.describe());
  const auto &target =
      read.targetVocabulary ? read.targetVocabulary : read.targetPieces;
  if (target) {
    ENCDEC_ASSIGN_OR_RETURN(result.pipelines.emplace_back(),
                            pipeline(*target, read.targetVocabulary ? 1 : 0));
  }
  return Status::success();
}

Result<TokenizerDescription> Describer::describe() {
  ENCDEC_RETURN_IF_ERROR(describePipelines());
  ENCDEC_RETURN_IF_ERROR(describeSides());
  ENCDEC_ASSIGN_OR_RETURN(result.languages,
                          placeLanguages(file.find("languages"), read.languages,
                                         settings, read.source.names));
  ENCDEC_RETURN_IF_ERROR(describeDecoder());
  return std::move(result);
}

Folder folderAt(const std::string &path) {
  return {[path](const std::string &name) {
            return checkpoint::isThere(path, name);
          },
          [path](const std::string &name) {
            return checkpoint::readFileIn(path, name, name, maxFileBytes);
          }};
}

Result<Described> describeTokenizer(const Folder &folder,
                                    const Options &options) {
  Described described;
  FilesRead files(folder, described.files);
  ENCDEC_ASSIGN_OR_RETURN(const std::string config,
                          files.readIfThere("tokenizer_config.json"));
  ENCDEC_ASSIGN_OR_RETURN(const std::string map,
                          files.readIfThere("special_tokens_map.json"));
  ENCDEC_ASSIGN_OR_RETURN(const std::string added,
                          files.readIfThere("added_tokens.json"));
  ENCDEC_ASSIGN_OR_RETURN(const std::string model,
                          files.readIfThere("config.json"));
  ENCDEC_ASSIGN_OR_RETURN(const std::string generation,
                          files.readIfThere("generation_config.json"));
  ENCDEC_ASSIGN_OR_RETURN(
      const Settings settings,
      readSettings({config, map, added, model, generation}));
  std::string name = options.name;
  if (name.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(name, chooseTokenizer(settings, folder.has));
  }
  if (name.empty())
    return described;
  const Conditions conditions{
      options.as, settings, folder.has,
      [&](const std::string &file, uint64_t unk) -> Result<bool> {
        ENCDEC_ASSIGN_OR_RETURN(const std::string bytes, files.read(file));
        ENCDEC_ASSIGN_OR_RETURN(
            const SentencePieceFile pieces,
            parseSentencePieceFile(bytes).withContext(file));
        return pieces.byteFallback || uint64_t(pieces.unkId) != unk;
      }};
  ENCDEC_ASSIGN_OR_RETURN(JsonValue file, findTokenizer(name));
  if (const JsonValue *refused = file.find("refused");
      refused && refused->asText()) {
    described.refused =
        fmt::format("{} is not supported: {}", name, *refused->asText());
    if (!options.name.empty())
      return badModel("tokenizer " + described.refused);
    return described;
  }
  ENCDEC_ASSIGN_OR_RETURN(
      file, applyVariants(std::move(file), name + ".json", conditions));
  if (const JsonValue *needed = file.find("files"))
    for (const JsonValue &item : needed->items)
      if (item.asText() && !folder.has(*item.asText()))
        described.missing.push_back(*item.asText());
  if (!described.missing.empty() && options.name.empty())
    return described;
  ENCDEC_ASSIGN_OR_RETURN(Vocabularies vocabularies,
                          VocabularyReader(files, settings, file).read());
  Describer describer(settings, file, std::move(vocabularies));
  ENCDEC_ASSIGN_OR_RETURN(described.description, describer.describe());
  described.description->kind = name;
  return described;
}

} // namespace encdec::tokenizer
