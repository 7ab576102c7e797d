//===- PostProcessor.cpp - reads what is put around a text's ids ----------===//

#include "compiler/tokenizer/Stage.h"
#include "encdec/tokenizer.h"

#include <utility>

namespace encdec::tokenizer {

/// The ids of a template's special token, by its name.
static Status readTemplateToken(const JsonValue &item, const JsonValue *tokens,
                                const std::string &where,
                                std::vector<int32_t> &ids) {
  const JsonValue *name = item.find("id");
  const JsonValue *token = name && name->asText() && tokens
                               ? tokens->find(*name->asText())
                               : nullptr;
  const JsonValue *list = token ? token->find("ids") : nullptr;
  if (!list || list->kind != JsonValue::Array)
    return badModel(
        fmt::format("{}: expected a token that special_tokens names, found {}",
                    where, name ? name->show() : "nothing"));
  for (const JsonValue &id : list->items) {
    if (!id.asUnsigned() || *id.asUnsigned() >= ENCDEC_TOKENIZER_MAX_IDS ||
        ids.size() == maxStages)
      return badModel(
          fmt::format("{}: special token {}: expected a few ids, found {}",
                      where, name->show(), id.show()));
    ids.push_back(int32_t(*id.asUnsigned()));
  }
  return Status::success();
}

static Status readTemplate(Stage &stage, Wrapping &wrapping) {
  const JsonValue *single = stage.get("single");
  const JsonValue *tokens = stage.get("special_tokens");
  stage.use("pair");
  if (!single || single->kind != JsonValue::Array ||
      single->items.size() > maxStages) {
    stage.fail("single", "an array of a few items");
    return stage.status();
  }
  if (tokens && tokens->kind != JsonValue::Object) {
    stage.fail("special_tokens", "an object");
    return stage.status();
  }
  bool sawText = false;
  for (size_t i = 0; i < single->items.size(); ++i) {
    const std::string where = fmt::format("{}.single[{}]", stage.fileName(), i);
    const JsonValue &item = single->items[i];
    const JsonValue *sequence = item.find("Sequence");
    const JsonValue *special = item.find("SpecialToken");
    const JsonValue *name = sequence ? sequence->find("id") : nullptr;
    if (special && !sequence) {
      ENCDEC_RETURN_IF_ERROR(
          readTemplateToken(*special, tokens, where,
                            sawText ? wrapping.suffix : wrapping.prefix));
    } else if (!special && name && name->asText() && *name->asText() == "A" && !sawText) {
      sawText = true;
    } else {
      return badModel(where + ": expected a SpecialToken, or Sequence A once");
    }
  }
  if (!sawText)
    return badModel(stage.fileName() + ".single: Sequence A is missing");
  return stage.finish();
}

/// RobertaProcessing's and BertProcessing's ["</s>", 2].
static void readPair(Stage &stage, const char *key, std::vector<int32_t> &ids) {
  const JsonValue *pair = stage.get(key);
  const bool good = pair && pair->kind == JsonValue::Array &&
                    pair->items.size() == 2 && pair->items[0].asText() &&
                    pair->items[1].asUnsigned() &&
                    *pair->items[1].asUnsigned() < ENCDEC_TOKENIZER_MAX_IDS;
  if (good)
    ids.push_back(int32_t(*pair->items[1].asUnsigned()));
  else
    stage.fail(key, "[token, id]");
}

Result<Wrapping> readPostProcessor(const JsonPlace &place) {
  static constexpr std::string_view known[] = {"Sequence", "TemplateProcessing",
                                               "RobertaProcessing",
                                               "BertProcessing", "ByteLevel"};
  Wrapping wrapping;
  bool wraps = false;
  auto read = [&](const JsonPlace &where, Stage &stage) -> Status {
    if (stage.type == "ByteLevel") {
      wrapping.trimOffsets = stage.flag("trim_offsets", true);
      stage.flag("add_prefix_space", true);
      stage.flag("use_regex", true);
      return stage.finish();
    }
    if (std::exchange(wraps, true))
      return badModel(where.where + ": a second stage that adds tokens");
    if (stage.type == "TemplateProcessing")
      return readTemplate(stage, wrapping);
    if (stage.type != "RobertaProcessing" && stage.type != "BertProcessing")
      return stage.unknown(known);
    readPair(stage, "cls", wrapping.prefix);
    readPair(stage, "sep", wrapping.suffix);
    if (stage.type == "RobertaProcessing") {
      wrapping.trimOffsets = stage.flag("trim_offsets", true);
      stage.flag("add_prefix_space", true);
    }
    return stage.finish();
  };
  ENCDEC_RETURN_IF_ERROR(forEachStage(place, "processors", read));
  return wrapping;
}

} // namespace encdec::tokenizer
