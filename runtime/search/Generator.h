//===- Generator.h - whole outputs of many sources ------------------------===//

#pragma once

#include "runtime/search/Engine.h"

namespace encdec::runtime {

/// Generates for any number of sources (ids[offsets[b] .. offsets[b+1])). Entry b of the
/// answer holds the hypotheses of source b, best first (Engine::take). Errors about one
/// source carry its index.
Result<std::vector<std::vector<Generated>>>
generate(State &state, std::span<const int32_t> ids,
         std::span<const uint64_t> offsets, const GenerationOptions &options);

} // namespace encdec::runtime
