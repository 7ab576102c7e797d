// OutputFile.h: files that hold the result of long work. That they cannot be written is said
// before the work; a file that was there stays whole until the new one is.
#pragma once
#include "runtime/base/Status.h"

#include <string>

namespace encdec::tools {

/// Whether `path` can be written now; tries it, and leaves nothing behind. Empty: there is
/// nothing to write. Error: Failure, with the path and the system's reason.
Status checkOutput(const std::string &path);

/// Writes all of `text` or, with an error, nothing: a new file takes the name of the old one.
/// What is no file (a device, a pipe) is written where it is.
Status writeOutput(const std::string &path, const std::string &text);

} // namespace encdec::tools
