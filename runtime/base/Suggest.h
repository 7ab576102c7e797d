//===- Suggest.h - did you mean ... ---------------------------------------===//

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace encdec {

/// "; did you mean 'X'?" for the candidate nearest to `word`, up to one slip of
/// the keyboard in three letters and three in all. Where no candidate is near:
/// "; " and `otherwise`, unless that is empty.
std::string didYouMean(std::string_view word,
                       const std::vector<std::string> &candidates,
                       const std::string &otherwise = {});

} // namespace encdec
