// Random encode and step functions of any textbook ops: whatever verifies may stand in
// any place. Kernels can run most graphs; in the others some operands, names or types
// differ from those of a model. A graph is a function of its seed alone.
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
