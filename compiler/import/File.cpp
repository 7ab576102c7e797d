// File.cpp: reading a file whole.
#include "compiler/import/File.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace encdec::checkpoint {

Result<std::string> readFile(const std::string &path, const std::string &name,
                             uint64_t most) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return badModel(
        fmt::format("{}: cannot be opened: {}", name, std::strerror(errno)));
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat info;
  // A pipe or device has no size that bounds the reads.
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return badModel(fmt::format("{}: not a regular file", name));
  if (uint64_t(info.st_size) > most)
    return overLimit(
        fmt::format("{}: {} bytes, the limit is {}", name, info.st_size, most));
  std::string bytes(size_t(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t got = ::read(file, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return badModel(fmt::format("{}: byte {}: reading failed: {}", name, done,
                                  got < 0 ? std::strerror(errno)
                                          : "the file became shorter"));
    done += size_t(got);
  }
  return bytes;
}

} // namespace encdec::checkpoint
