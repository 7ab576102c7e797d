//===- Suggest.h - did you mean ... ---------------------------------------===//

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace encdec::tools {

/// "; did you mean 'X'?" for the candidate nearest to `word`, or "" when none is
/// near: up to one slip of the keyboard in three letters.
std::string didYouMean(std::string_view word,
                       const std::vector<std::string> &candidates);

} // namespace encdec::tools
