//===- TokenizerFile.cpp - chooses a tokenizer file and its variants ------===//

#include "compiler/tokenizer/TokenizerFile.h"

#include "compiler/import/Fields.h"
#include "runtime/base/Suggest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace encdec::tokenizer {

using checkpoint::Fields;

namespace {

constexpr EmbeddedFile embedded[] = {
#include "compiler/tokenizer/TokenizerData.inc"
};
/// The one file of the folder that is no tokenizer.
constexpr std::string_view languageCodesName = "iso639.json";

std::string stem(std::string_view fileName) {
  return std::string(fileName.substr(0, fileName.rfind('.')));
}

/// The names that --tokenizer takes.
std::vector<std::string> knownNames() {
  std::vector<std::string> names;
  for (const EmbeddedFile &file : tokenizerFiles())
    if (auto read = parseTokenizerFile(file); read.ok() && !read->find("refused"))
      names.push_back(stem(file.name));
  return names;
}

/// What an entry's parts count: a class and a model type fit better than a
/// class, that better than a model type, that better than many files, those
/// better than few.
constexpr int byClass = 10'000, byModelType = 1000;

/// How well an entry of "for" fits; 0: not at all.
Result<int> fit(const JsonValue &entry, const std::string &where,
                const Settings &settings,
                const std::function<bool(const std::string &)> &hasFile) {
  Fields fields(entry, where);
  const std::string name = fields.text("class", ""),
                    type = fields.text("model_type", "");
  const JsonValue *files = fields.get("files");
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (!fields.unused().empty() || (name.empty() && type.empty() && !files))
    return badModel(where + ": expected class, model_type or files");
  if ((!name.empty() && name != settings.tokenizerClass) ||
      (!type.empty() && type != settings.modelType))
    return 0;
  if (files) {
    if (files->kind != JsonValue::Array)
      return badModel(where + ": key \"files\": expected an array");
    for (const JsonValue &file : files->items)
      if (!file.asText() || !hasFile(*file.asText()))
        return 0;
  }
  return (type.empty() ? 0 : byModelType) + (name.empty() ? 0 : byClass) +
         (files ? int(files->items.size()) : 0);
}

Result<int> bestFit(const JsonValue &file, const std::string &name,
                    const Settings &settings,
                    const std::function<bool(const std::string &)> &hasFile) {
  const JsonValue *entries = file.find("for");
  if (!entries || entries->kind != JsonValue::Array)
    return badModel(name + ": key \"for\": expected an array");
  int best = 0;
  for (size_t i = 0; i < entries->items.size(); ++i) {
    ENCDEC_ASSIGN_OR_RETURN(const int one,
                            fit(entries->items[i],
                                fmt::format("{}: for[{}]", name, i), settings,
                                hasFile));
    best = std::max(best, one);
  }
  return best;
}

/// Whether all of a variant's conditions hold.
Result<bool> holds(const JsonValue &when, const std::string &where,
                   const Conditions &conditions) {
  Fields fields(when, where);
  bool all = true;
  if (const JsonValue *as = fields.get("as")) {
    const std::string name = fields.text("as", "");
    if (name != "trained" && name != "transformers")
      fields.fail("as", "\"trained\" or \"transformers\"");
    all &=
        (name == "transformers") == (conditions.as == As::Transformers) && as;
  }
  for (const auto &[key, wanted] :
       {std::pair("has", true), std::pair("lacks", false)})
    if (fields.get(key))
      all &= conditions.hasFile(fields.text(key, "")) == wanted;
  if (fields.get("setting")) {
    const std::string key = fields.text("setting", "");
    const JsonValue *is = fields.get("is");
    if (!is || !is->isScalar()) {
      fields.fail("is", "the value that the setting has");
      return fields.status();
    }
    Fields settings(conditions.settings.keys, "tokenizer_config.json");
    const JsonValue *value = settings.get(key);
    if (is->kind == JsonValue::Bool) // refuses values of another kind
      settings.flag(key, false);
    else if (is->asText())
      settings.text(key, "");
    ENCDEC_RETURN_IF_ERROR(settings.status());
    all &= value && value->show() == is->show();
  }
  if (fields.get("extra")) // whether the settings name tokens beside the roles
    all &= fields.flag("extra", true) ==
           (conditions.settings.extra && !conditions.settings.extra->empty());
  if (fields.get("pieces")) {
    const std::string file = fields.text("pieces", "");
    const uint64_t unk = fields.count("differ_from_unk", 0, 0, 1000);
    if (all && conditions.hasFile(file)) {
      ENCDEC_ASSIGN_OR_RETURN(all, conditions.piecesDiffer(file, unk));
    } else {
      all = false;
    }
  }
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (!fields.unused().empty())
    return badModel(where + ": unknown condition " + quote(fields.unused()[0]));
  return all;
}

} // namespace

std::span<const EmbeddedFile> tokenizerFiles() {
  static const std::vector<EmbeddedFile> files = [] {
    std::vector<EmbeddedFile> all(std::begin(embedded), std::end(embedded));
    std::erase_if(all, [](const EmbeddedFile &file) {
      return file.name == languageCodesName;
    });
    return all;
  }();
  return files;
}

std::string_view languageCodesFile() {
  for (const EmbeddedFile &file : embedded)
    if (file.name == languageCodesName)
      return file.text;
  return "{}";
}

Result<JsonValue> parseTokenizerFile(const EmbeddedFile &file) {
  return parseJson(file.text).withContext(std::string(file.name));
}

Result<JsonValue> findTokenizer(std::string_view name) {
  for (const EmbeddedFile &file : tokenizerFiles())
    if (stem(file.name) == name)
      return parseTokenizerFile(file);
  return usageError(fmt::format("tokenizer {} is not known; known: {}",
                                quote(name), fmt::join(knownNames(), ", ")));
}

Result<std::string>
chooseTokenizer(const Settings &settings,
                const std::function<bool(const std::string &)> &hasFile) {
  int best = 0;
  std::vector<std::string> fitting;
  for (const EmbeddedFile &embedded : tokenizerFiles()) {
    ENCDEC_ASSIGN_OR_RETURN(const JsonValue file, parseTokenizerFile(embedded));
    ENCDEC_ASSIGN_OR_RETURN(
        const int one,
        bestFit(file, std::string(embedded.name), settings, hasFile));
    if (one > best)
      fitting.clear();
    best = std::max(best, one);
    if (one > 0 && one == best)
      fitting.push_back(stem(embedded.name));
  }
  if (!settings.tokenizerClass.empty() && best < byClass)
    return badModel(fmt::format(
        "tokenizer_config.json: key \"tokenizer_class\": {} is not known; "
        "choose the "
        "tokenizer that it is with --tokenizer, of {}",
        quote(settings.tokenizerClass), fmt::join(knownNames(), ", ")));
  if (fitting.size() > 1)
    return badModel(
        fmt::format("the folder's tokenizer files may be those of {}; choose "
                    "one with --tokenizer",
                    fmt::join(fitting, ", ")));
  return fitting.empty() ? std::string() : fitting[0];
}

void mergePatch(JsonValue &target, const JsonValue &patch) {
  for (size_t i = 0; i < patch.keys.size(); ++i) {
    const auto at = std::ranges::find(target.keys, patch.keys[i]);
    const auto index = size_t(at - target.keys.begin());
    const JsonValue &value = patch.items[i];
    if (value.isNull()) {
      if (at != target.keys.end()) {
        target.keys.erase(at);
        target.items.erase(target.items.begin() + ptrdiff_t(index));
      }
      continue;
    }
    if (at == target.keys.end()) {
      target.keys.push_back(patch.keys[i]);
      target.items.push_back(value);
    } else if (value.kind == JsonValue::Object &&
               target.items[index].kind == JsonValue::Object) {
      mergePatch(target.items[index], value);
    } else {
      target.items[index] = value;
    }
  }
}

Result<JsonValue> applyVariants(JsonValue file, const std::string &name,
                                const Conditions &conditions) {
  const JsonValue *found = file.find("variants");
  if (!found)
    return file;
  const JsonValue variants = *found;
  for (size_t i = 0; i < variants.items.size(); ++i) {
    const JsonValue *when = variants.items[i].find("when");
    const JsonValue *then = variants.items[i].find("then");
    const std::string where = fmt::format("{}: variants[{}]", name, i);
    if (!when || when->kind != JsonValue::Object || !then ||
        then->kind != JsonValue::Object)
      return badModel(where +
                      ": expected an object with \"when\" and \"then\"");
    ENCDEC_ASSIGN_OR_RETURN(const bool applies,
                            holds(*when, where, conditions));
    if (applies)
      mergePatch(file, *then);
  }
  return file;
}

} // namespace encdec::tokenizer
