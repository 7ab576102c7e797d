// File.h: a small file of a checkpoint as a whole.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

namespace encdec::checkpoint {

/// Reads a whole file of at most `most` bytes. `name` is used in messages.
Result<std::string> readFile(const std::string &path, const std::string &name,
                             uint64_t most);

/// Whether the file lies in the folder once links are followed, or where a model cache
/// keeps it: snapshots/<revision>/ of a hub's cache holds links into blobs/, which lies
/// beside snapshots/.
bool staysInside(const std::string &folder, const std::string &name);

/// Whether the folder has an entry of that name, though it be a link to nothing.
bool isThere(const std::string &folder, const std::string &name);

/// Reads a file of a folder, which a link must not lead out of; messages call it `label`.
Result<std::string> readFileIn(const std::string &folder, const std::string &name,
                               const std::string &label, uint64_t most);

} // namespace encdec::checkpoint
