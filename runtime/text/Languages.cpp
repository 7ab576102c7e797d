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

Result<size_t> Tokenizer::findLanguage(std::string_view name) const {
  const std::string asked = "language " + inQuotes(name);
  if (languageCount() == 0)
    return usageError(asked + " is asked for, but this model has no languages to choose");
  std::vector<std::string> names;
  for (size_t i = 0; i < languageCount(); ++i) {
    if (languageCode(i) == name)
      return i;
    names.emplace_back(languageCode(i));
  }
  const std::vector<std::string> codes = names;
  std::vector<std::string> candidates;
  size_t found = 0;
  for (const encdec_tokenizer_alias &alias : table.aliases) {
    if (table.text(alias.name) == name) {
      found = alias.language;
      candidates.push_back(codes[found]);
    }
    names.emplace_back(table.text(alias.name));
  }
  if (candidates.size() == 1)
    return found;
  if (!candidates.empty())
    return usageError(asked + " may be " + listOf(candidates) + "; give one of these codes");
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
