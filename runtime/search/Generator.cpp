//===- Generator.cpp - whole outputs of many sources ----------------------===//

#include "runtime/search/Generator.h"

namespace encdec::runtime {

Result<std::vector<std::vector<Generated>>>
generate(State &state, std::span<const int32_t> ids,
         std::span<const uint64_t> offsets, const GenerationOptions &options) {
  ENCDEC_RETURN_IF_ERROR(checkDecoder(*state.model));
  // All sources are checked before the first one is run.
  ENCDEC_RETURN_IF_ERROR(state.checkSources(ids, offsets));
  Engine engine(state);
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  for (size_t b = 0; b < count; ++b) {
    auto added = engine.add(ids.subspan(offsets[b], offsets[b + 1] - offsets[b]), {}, options);
    if (!added.ok())
      return std::move(added).status();
  }
  while (engine.unfinished())
    ENCDEC_RETURN_IF_ERROR(engine.advance());
  std::vector<std::vector<Generated>> results;
  for (size_t b = 0; b < count; ++b) {
    ENCDEC_ASSIGN_OR_RETURN(results.emplace_back(), engine.take(b));
  }
  return results;
}

} // namespace encdec::runtime
