// File.h: a small file of a checkpoint as a whole.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace encdec::checkpoint {

/// A file that is compiled in (compiler/Embed.cmake).
struct EmbeddedFile {
  std::string_view name; ///< As "x.json".
  std::string_view text;
};

/// Reads a whole file of at most `most` bytes. `name` is used in messages.
Result<std::string> readFile(const std::string &path, const std::string &name,
                             uint64_t most);

/// An error that calls the file `label`, unless it lies in the folder once links are
/// followed, or where a model cache keeps it: snapshots/<revision>/ of a hub's cache holds
/// links into blobs/, which lies beside snapshots/. None for a file that is not there.
Status checkStaysInside(const std::string &folder, const std::string &name,
                        const std::string &label);

/// Whether the folder has an entry of that name, though it be a link to nothing.
bool isThere(const std::string &folder, const std::string &name);

/// Reads a file of a folder, which a link must not lead out of; messages call it `label`.
Result<std::string> readFileIn(const std::string &folder, const std::string &name,
                               const std::string &label, uint64_t most);

} // namespace encdec::checkpoint
