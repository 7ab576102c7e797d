//===- Generation.h - what must hold of decoding defaults -----------------===//

#pragma once

#include "compiler/import/Config.h"

namespace encdec::fuzz {

/// Reads the defaults for a vocabulary and positions, requires that all are within
/// them, and returns whether the reader took them.
bool readsGeneration(const checkpoint::ConfigFiles &files, uint64_t vocabulary,
                     uint64_t positions);

} // namespace encdec::fuzz
