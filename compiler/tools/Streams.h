// The three standard streams, closed or not.
#pragma once
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>

namespace encdec {

/// Opens the standard streams that this program was started without: a file opened later
/// would otherwise get such a stream's number, and messages would end up in a bundle.
/// Writing to such a stream stays an error.
inline void holdStandardStreams() {
  for (int stream = 0; stream < 3; ++stream)
    if (::fcntl(stream, F_GETFD) < 0)
      ::open("/dev/null", O_RDONLY); // takes the lowest free number: this one
}

/// The exit code of `program` once everything is printed. An output stream with an
/// unreported error would end the program by a signal.
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
