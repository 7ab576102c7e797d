// The three standard streams, closed or not.
#pragma once
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>

namespace encdec {

/// Keeps the numbers 0, 1 and 2 from becoming those of the files this program
/// opens, should it have been started without some of them: messages would end
/// up in a bundle. Writing to such a stream stays an error.
inline void holdStandardStreams() {
  for (int stream = 0; stream < 3; ++stream)
    if (::fcntl(stream, F_GETFD) < 0)
      ::open("/dev/null", O_RDONLY); // takes the lowest free number: this one
}

/// The exit code of `program` after all was printed. Left alone, a stream that
/// could not be written ends the program by a signal.
inline int finishOutput(llvm::StringRef program) {
  llvm::outs().flush();
  std::error_code error = llvm::outs().error();
  if (!error)
    return 0;
  llvm::outs().clear_error();
  llvm::errs() << program << ": error: cannot write to standard output: "
               << error.message() << "\n";
  return 1;
}

} // namespace encdec
