// Standard error goes to a file in memory: a full disk, which the program may have to
// report, cannot swallow the report.
#include "compiler/emit/Program.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace llvm;

namespace encdec {

ProgramEnd runProgram(ArrayRef<StringRef> words, unsigned deadline) {
  int log = memfd_create("log", MFD_CLOEXEC);
  if (log < 0)
    return {-1, std::string("no memory for its messages: ") + std::strerror(errno)};
  // The child opens this before it becomes the program.
  std::string path = "/proc/self/fd/" + std::to_string(log);
  std::optional<StringRef> redirects[] = {"", "", StringRef(path)};
  ProgramEnd end;
  end.code = sys::ExecuteAndWait(words.front(), words, std::nullopt, redirects, deadline,
                                 0, &end.said);
  if (auto text = MemoryBuffer::getOpenFile(log, "log", -1))
    if (StringRef words = (*text)->getBuffer().trim(); !words.empty())
      end.said += (end.said.empty() ? "" : ": ") + words.str();
  close(log);
  return end;
}

} // namespace encdec
