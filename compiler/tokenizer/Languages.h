//===- Languages.h - the languages of a tokenizer file --------------------===//

#pragma once

#include "compiler/tokenizer/Layout.h"

namespace encdec::tokenizer {

/// One language before it has an id.
struct LanguageToken {
  std::string code;  ///< "fra_Latn"
  std::string token; ///< As the vocabulary spells it: "__fr__".
};

/// The languages of the tokenizer file's "languages" (null: none). `names` is
/// searched where the vocabulary says which there are; "codes" may also be a
/// list, or lists of which a setting chooses one.
Result<std::vector<LanguageToken>>
listLanguages(const JsonValue *languages, const Settings &settings,
              const std::vector<std::string> &names);

/// Where they stand and what they are called: codes, and ISO 639 codes as
/// aliases. Those without an id in `names` are left out.
Result<LanguagePlacement>
placeLanguages(const JsonValue *languages,
               const std::vector<LanguageToken> &tokens,
               const Settings &settings, const Names &names);

} // namespace encdec::tokenizer
