// Conclusion.h: what all comparisons of a run say together. Free of MLIR.
#pragma once
#include "compiler/lab/Timing.h"

#include <string>
#include <vector>

namespace encdec::lab {

struct Conclusion {
  std::string finding; ///< README.md of this folder has the words.
  std::string verdict; ///< One line: a few figures by name, many by their number.
};

/// `wrong`: what is wrong with the idea's numbers, or empty. No comparisons: nothing was timed, as
/// the idea makes the same code.
Conclusion conclude(const std::vector<Timed> &timed, const std::string &wrong, double margin);

/// "step of 16 rows", and the length of sources and the format where `all` has several.
std::string nameOf(const Timed &timed, const std::vector<Timed> &all);

} // namespace encdec::lab
