// Child.cpp: child processes. What they say goes to files in memory: nothing is left behind.
#include "compiler/lab/Child.h"

#include "runtime/base/Signals.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace encdec::lab {

namespace {

/// A file in memory that a child opens by name.
class MemoryFile {
public:
  MemoryFile() : descriptor(memfd_create("child", MFD_CLOEXEC)) {}
  ~MemoryFile() { ::close(descriptor); }
  MemoryFile(const MemoryFile &) = delete;
  std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor); }
  bool fill(const std::string &text) {
    return ::write(descriptor, text.data(), text.size()) == ssize_t(text.size());
  }
  std::string text() const {
    auto buffer = llvm::MemoryBuffer::getOpenFile(descriptor, "child", -1);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }

private:
  int descriptor;
};

} // namespace

ChildEnd runChild(const std::vector<std::string> &words, unsigned deadline,
                  const std::string &input) {
  MemoryFile in, out, err;
  ChildEnd end;
  if (!in.fill(input)) {
    end.err = "no memory for its standard input";
    return end;
  }
  const std::vector<llvm::StringRef> views(words.begin(), words.end());
  const std::string paths[] = {in.path(), out.path(), err.path()};
  const std::optional<llvm::StringRef> redirects[] = {paths[0], paths[1], paths[2]};
  const auto start = std::chrono::steady_clock::now();
  std::string why;
  end.code = llvm::sys::ExecuteAndWait(words.front(), views, std::nullopt, redirects, deadline,
                                       0, &why);
  end.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  end.out = out.text();
  end.err = why + llvm::StringRef(err.text()).trim().str();
  return end;
}

std::string shown(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%") == word.npos;
    std::string quoted = "'";
    for (char letter : word)
      quoted += letter == '\'' ? "'\"'\"'" : std::string(1, letter);
    text += (text.empty() ? "" : " ") + (plain ? word : quoted + "'");
  }
  return text;
}

Result<std::string> outputOf(const std::vector<std::string> &words, unsigned deadline,
                             const std::string &input, std::string *warnings) {
  if (HeldSignals::pending())
    return Status(Code::Failure, "interrupted");
  ChildEnd end = runChild(words, deadline, input);
  if (end.code == 0) {
    if (warnings)
      *warnings = std::move(end.err);
    return std::move(end.out);
  }
  const bool ours = end.code >= int(Code::Failure) && end.code <= int(Code::Limit);
  return Status(ours ? Code(end.code) : Code::Failure,
                fmt::format("`{}` {}: {}", shown(words),
                            end.code < 0 ? "did not end well"
                                         : fmt::format("ended with code {}", end.code),
                            end.err.empty() ? "it said nothing" : end.err));
}

Result<std::vector<std::string>> splitWords(const std::string &text) {
  std::vector<std::string> words;
  bool inside = false; // of a word
  char quote = 0;
  for (char letter : text) {
    if (quote ? letter == quote : letter == '\'' || letter == '"') {
      quote = quote ? 0 : letter;
      if (!inside)
        words.emplace_back();
      inside = true;
    } else if (!quote && (letter == ' ' || letter == '\t' || letter == '\n')) {
      inside = false;
    } else {
      if (!inside)
        words.emplace_back();
      inside = true;
      words.back() += letter;
    }
  }
  if (quote)
    return usageError(fmt::format("{} in \"{}\" does not end", quote, text));
  return words;
}

Result<std::string> siblingProgram(const std::string &name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = self.parent_path() / (name.empty() ? "encdec" : "encdec-" + name);
  if (!error && llvm::sys::fs::can_execute(program))
    return program;
  return Status(Code::Failure, program + ": expected this program, found none; a part of encdec "
                                         "is not built or installed");
}

} // namespace encdec::lab
