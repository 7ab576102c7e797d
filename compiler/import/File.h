// File.h: a small file of a checkpoint as a whole.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

namespace encdec::checkpoint {

/// Reads a whole file of at most `most` bytes. `name` is used in messages.
Result<std::string> readFile(const std::string &path, const std::string &name,
                             uint64_t most);

} // namespace encdec::checkpoint
