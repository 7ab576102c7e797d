//===- Languages.cpp - codes, their aliases and their places --------------===//

#include "compiler/tokenizer/Languages.h"

#include "compiler/import/Fields.h"
#include "compiler/tokenizer/TokenizerFile.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace encdec::tokenizer {

using checkpoint::Fields;

namespace {

/// ISO 639: which codes mean one language. Codes of two letters, and for each
/// the codes of three letters, those of single languages of a group included
/// ("ar": "ara", "arb"). A language may be one of a group and have a code of its
/// own ("nob": "nb", "no").
class LanguageCodes {
public:
  static Result<LanguageCodes> read() {
    LanguageCodes codes;
    ENCDEC_ASSIGN_OR_RETURN(
        const JsonValue root,
        parseJson(languageCodesFile()).withContext("iso639.json"));
    for (size_t i = 0; i < root.keys.size(); ++i)
      for (const JsonValue &item : root.items[i].items)
        if (item.asText()) {
          codes.longOf[root.keys[i]].push_back(*item.asText());
          codes.shortOf[*item.asText()].push_back(root.keys[i]);
        }
    return codes;
  }

  /// Other names of a language: "fra_Latn": fra, fr; "fr_XX": fr, fra.
  std::vector<std::string> aliases(const std::string &code) const {
    std::vector<std::string> found;
    const std::string base = code.substr(0, code.find('_'));
    auto add = [&](const std::string &alias) {
      if (alias != code && std::ranges::find(found, alias) == found.end())
        found.push_back(alias);
    };
    add(base);
    for (const auto *table : {&shortOf, &longOf})
      if (const auto at = table->find(base); at != table->end())
        std::ranges::for_each(at->second, add);
    return found;
  }

private:
  std::map<std::string, std::vector<std::string>> longOf, shortOf;
};

/// The list of codes, or the list that a setting chooses.
Result<const JsonValue *> chooseCodes(Fields &fields,
                                      const Settings &settings) {
  const JsonValue *codes = fields.get("codes");
  if (!codes || codes->kind == JsonValue::Array || codes->asText())
    return codes;
  Fields choice(*codes, "languages.codes");
  const std::string key = choice.text("key", "");
  Fields own(settings.keys, "tokenizer_config.json");
  const std::string chosen = own.text(key, choice.text("default", ""));
  const JsonValue *lists = choice.get("lists");
  ENCDEC_RETURN_IF_ERROR(own.status());
  ENCDEC_RETURN_IF_ERROR(choice.status());
  const JsonValue *list = lists ? lists->find(chosen) : nullptr;
  if (!list) {
    own.fail(key, "the name of a list of languages that is known");
    return own.status();
  }
  return list;
}

/// The language that a setting names, else the file's default; -1: neither.
Result<int32_t> defaultLanguage(Fields &fields, const char *key,
                                const char *settingKey,
                                const Settings &settings,
                                const LanguagePlacement &placed,
                                const std::vector<LanguageToken> &tokens) {
  const std::string fallback = fields.text(key, "");
  Fields own(settings.keys, "tokenizer_config.json");
  const std::string wanted = own.text(settingKey, fallback);
  ENCDEC_RETURN_IF_ERROR(own.status());
  if (wanted.empty())
    return -1;
  const auto at =
      std::ranges::find_if(placed.languages, [&](const auto &language) {
        return language.code == wanted ||
               std::ranges::any_of(tokens, [&](const auto &one) {
                 return one.code == language.code && one.token == wanted;
               });
      });
  if (at != placed.languages.end())
    return int32_t(at - placed.languages.begin());
  // A default that is no language of this vocabulary is no mistake of anybody.
  if (own.get(settingKey) && !placed.languages.empty())
    own.fail(settingKey, "a language of the vocabulary");
  ENCDEC_RETURN_IF_ERROR(own.status());
  return -1;
}

} // namespace

Result<std::vector<LanguageToken>>
listLanguages(const JsonValue *languages, const Settings &settings,
              const std::vector<std::string> &names) {
  std::vector<LanguageToken> tokens;
  if (!languages)
    return tokens;
  Fields fields(*languages, "languages");
  const std::string pattern = fields.text("token", "{}");
  ENCDEC_ASSIGN_OR_RETURN(const JsonValue *codes,
                          chooseCodes(fields, settings));
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (codes && codes->asText() && *codes->asText() == "vocabulary") {
    for (const std::string &name : names)
      if (const auto code = matchPattern(pattern, name))
        tokens.push_back({*code, name});
    return tokens;
  }
  if (!codes || codes->kind != JsonValue::Array)
    return badModel(
        "languages: key \"codes\": expected an array or \"vocabulary\"");
  for (const JsonValue &code : codes->items)
    if (code.asText())
      tokens.push_back({*code.asText(), fillIn(pattern, *code.asText())});
  return tokens;
}

Result<LanguagePlacement>
placeLanguages(const JsonValue *languages,
               const std::vector<LanguageToken> &tokens,
               const Settings &settings, const Names &names) {
  LanguagePlacement placed;
  if (!languages)
    return placed;
  Fields fields(*languages, "languages");
  fields.use("token");
  fields.use("codes");
  fields.use("added"); // Describe.cpp reads it
  placed.forcedFirst = fields.flag("forced_first", false);
  const std::string start = fields.text("decoder_start", "");
  if (!start.empty() && start != "always" && start != "config")
    fields.fail("decoder_start", "\"always\" or \"config\"");
  const bool inText = fields.get("in_text");
  const std::string after = fields.text("in_text", "");
  ENCDEC_ASSIGN_OR_RETURN(const LanguageCodes iso, LanguageCodes::read());
  for (const LanguageToken &one : tokens) {
    const int32_t id = names.find(one.token);
    if (id < 0)
      continue;
    LanguageDescription language{.code = one.code,
                                 .aliases = iso.aliases(one.code)};
    language.id = id;
    if (inText) { // known by what stands in the text
      language.aliases.insert(language.aliases.begin(), one.code);
      language.code = one.token;
    } else if (one.token != one.code) {
      language.aliases.push_back(one.token);
    }
    placed.languages.push_back(std::move(language));
  }
  std::ranges::sort(placed.languages, {}, &LanguageDescription::id);
  if (inText && !placed.languages.empty())
    placed.inText = after;
  // "config": where the model's own start is a language, the chosen one stands
  // there, and is not forced behind it.
  placed.decoderStart =
      start == "always" ||
      (start == "config" &&
       std::ranges::any_of(placed.languages, [&](const auto &one) {
         return settings.decoderStart == uint64_t(one.id);
       }));
  placed.forcedFirst &= !placed.decoderStart && !placed.languages.empty();
  ENCDEC_ASSIGN_OR_RETURN(
      placed.defaultSource,
      defaultLanguage(fields, "source", "src_lang", settings, placed, tokens));
  ENCDEC_ASSIGN_OR_RETURN(
      placed.defaultTarget,
      defaultLanguage(fields, "target", "tgt_lang", settings, placed, tokens));
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (!fields.unused().empty())
    return badModel("languages: unknown key " + quote(fields.unused()[0]));
  return placed;
}

} // namespace encdec::tokenizer
