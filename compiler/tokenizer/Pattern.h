//===- Pattern.h - the regexes that tokenizer.json files search with ------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

/// An alternative of a regex: what it matches, and whether only at the start or
/// the end of a text (\A, \z).
struct Alternative {
  ReplacePattern what;
  bool atStart = false, atEnd = false;
};

/// The alternatives that `regex` describes: literals, runs of one character, of
/// a class or of \s ("\s{2,}|[\n\r\t]"). BadModel for any other regex; so none
/// can blow up.
Result<std::vector<Alternative>> parsePattern(std::string_view regex);

/// What puts `content` in the place of each match; none where no stage does. Runs
/// at the ends that are left out are a Strip's: a search for " +\z" would try each
/// place of a long run.
std::optional<NormalizerStage>
replaceStage(const std::vector<Alternative> &alternatives, std::string content);

} // namespace encdec::tokenizer
