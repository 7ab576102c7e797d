// Random encode and step functions of any textbook ops: whatever verifies may stand in
// any place. Most graphs are ones that kernels can run; in the others an operand, a name
// or a type here and there is another one than a model would have. A graph is a function
// of its seed alone.
#pragma once
#include <cstdint>
#include <string>

namespace encdec::test {

struct RandomGraph {
  std::string text; // a module, in any mixture of forms
  int64_t vocabulary, sourceVocabulary;
};

RandomGraph randomGraph(uint64_t seed);

/// Rows of the position tables, more than any index of a run.
inline constexpr int64_t graphPositions = 64;

} // namespace encdec::test
