//===- Languages.cpp - names of languages, and where they stand -----------===//

#include "runtime/base/Suggest.h"
#include "runtime/base/Utf8.h"
#include "runtime/text/Tokenizer.h"

#include <algorithm>

namespace encdec {

/// "'a', 'b' and 7 more" of at most about 1,000 bytes.
static std::string listOf(const std::vector<std::string> &names) {
  std::string list;
  size_t shown = 0;
  while (shown < names.size() && list.size() < 1000)
    list += (shown ? ", " : "") + inQuotes(names[shown]), ++shown;
  if (shown < names.size())
    list += " and " + std::to_string(names.size() - shown) + " more";
  return list;
}

/// Codes and their short forms are ASCII.
static bool equalsIgnoringCase(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::vector<size_t> Tokenizer::languagesCalled(std::string_view name,
                                               bool ignoringCase) const {
  auto fits = [&](std::string_view one) {
    return ignoringCase ? equalsIgnoringCase(one, name) : one == name;
  };
  std::vector<size_t> found;
  for (size_t i = 0; i < languageCount(); ++i)
    if (fits(languageCode(i)))
      found.push_back(i);
  if (!found.empty())
    return found;
  for (const encdec_tokenizer_alias &alias : table.aliases)
    if (fits(table.text(alias.name)) &&
        std::ranges::find(found, size_t(alias.language)) == found.end())
      found.push_back(alias.language);
  return found;
}

Result<size_t> Tokenizer::findLanguage(std::string_view name) const {
  const std::string asked = "language " + inQuotes(name);
  if (languageCount() == 0)
    return usageError(asked + " is asked for, but this model has no languages to choose");
  std::vector<size_t> found = languagesCalled(name, /*ignoringCase=*/false);
  if (found.empty())
    found = languagesCalled(name, /*ignoringCase=*/true);
  if (found.size() == 1)
    return found.front();
  std::vector<std::string> codes;
  for (const size_t language : found)
    codes.emplace_back(languageCode(language));
  if (!codes.empty())
    return usageError(asked + " may be " + listOf(codes) + "; give one of these codes");
  for (size_t i = 0; i < languageCount(); ++i)
    codes.emplace_back(languageCode(i));
  std::vector<std::string> names = codes;
  for (const encdec_tokenizer_alias &alias : table.aliases)
    names.emplace_back(table.text(alias.name));
  return usageError(asked + " is unknown to this model" +
                    didYouMean(name, names, "it knows " + listOf(codes)));
}

Tokenizer::DecoderTokens Tokenizer::decoderTokens(int32_t targetLanguage,
                                                  int32_t defaultStart) const {
  const encdec_tokenizer_placement &placement = table.placement;
  const int32_t language =
      targetLanguage < 0 ? placement.default_target : targetLanguage;
  if (language < 0)
    return {};
  const int32_t id = languageId(language);
  const bool startsWithOne = std::ranges::any_of(
      table.languages, [&](const auto &one) { return one.id == defaultStart; });
  if (placement.decoder_start && startsWithOne)
    return {std::nullopt, id};
  if (placement.forced_first)
    return {id, std::nullopt};
  return {};
}

/// Whether a side of the source has an item of this kind.
static bool hasItem(const SideTable &side, uint32_t kind) {
  auto isOne = [&](const encdec_tokenizer_item &item) { return item.kind == kind; };
  return std::ranges::any_of(side.prefix, isOne) || std::ranges::any_of(side.suffix, isOne);
}

bool Tokenizer::hasSourceLanguage() const {
  return hasItem(table.sides[0], ENCDEC_TOKENIZER_ITEM_SOURCE_LANGUAGE);
}

bool Tokenizer::hasTargetLanguage() const {
  const encdec_tokenizer_placement &placement = table.placement;
  return placement.forced_first || placement.decoder_start || placement.in_text ||
         hasItem(table.sides[0], ENCDEC_TOKENIZER_ITEM_TARGET_LANGUAGE);
}

} // namespace encdec
