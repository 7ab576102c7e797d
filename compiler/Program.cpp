// Streams go to files in memory: a full disk, which the program may have to report, cannot
// swallow the report.
#include "compiler/Program.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace llvm;

namespace encdec {
namespace {
/// What a child writes to one stream.
class Stream {
public:
  explicit Stream(const char *name) : file(memfd_create(name, MFD_CLOEXEC)) {}
  ~Stream() {
    if (file >= 0)
      close(file);
  }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  bool isOpen() const { return file >= 0; }
  /// The child opens this before it becomes the program.
  std::string path() const { return "/proc/self/fd/" + std::to_string(file); }
  std::string text() const {
    auto buffer = MemoryBuffer::getOpenFile(file, "stream", -1);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }

private:
  int file;
};
} // namespace

ProgramEnd runProgram(ArrayRef<StringRef> words, unsigned deadline, Output output,
                      unsigned megabytes) {
  Stream log("log"), out("output");
  if (!log.isOpen() || !out.isOpen())
    return {-1, std::string("no memory for its messages: ") + std::strerror(errno)};
  std::string logPath = log.path(), outPath = out.path();
  std::optional<StringRef> redirects[] = {
      "", output == Output::kept ? StringRef(outPath) : StringRef(), StringRef(logPath)};
  ProgramEnd end;
  end.code = sys::ExecuteAndWait(words.front(), words, std::nullopt, redirects, deadline,
                                 megabytes, &end.said);
  std::string messages = log.text();
  if (StringRef words = StringRef(messages).trim(); !words.empty())
    end.said += (end.said.empty() ? "" : ": ") + words.str();
  if (output == Output::kept)
    end.wrote = out.text();
  return end;
}

} // namespace encdec
