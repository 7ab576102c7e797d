//===- File.cpp - a whole file mapped read-only ---------------------------===//

#include "runtime/bundle/File.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace encdec::runtime {

namespace {

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0)
      ::close(value);
  }
};

Status failure(const std::string &doing, const std::string &path) {
  return Status(Code::Failure,
                fmt::format("{}: cannot {}: {}", path, doing, strerror(errno)));
}

} // namespace

Result<MappedFile> MappedFile::open(const std::string &path) {
  // O_NONBLOCK: opening a named pipe would otherwise wait for a writer.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.value < 0)
    return failure("open the file", path);
  struct stat info;
  if (fstat(file.value, &info) != 0)
    return failure("ask for the file's size", path);
  if (!S_ISREG(info.st_mode))
    return badModel(
        fmt::format("{}: expected a bundle file, found {}", path,
                    S_ISDIR(info.st_mode)
                        ? "a folder; `encdec compile` makes a bundle from a checkpoint"
                        : "something that is not a regular file"));
  auto size = static_cast<uint64_t>(info.st_size);
  if (size == 0)
    return badModel(fmt::format("{}: the file is empty", path));
  void *data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (data == MAP_FAILED)
    return failure("map the file", path);
  // Verification reads everything from front to back right away.
  madvise(data, size, MADV_WILLNEED);
  return MappedFile({static_cast<const uint8_t *>(data), size});
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : view(std::exchange(other.view, {})) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(view, other.view);
  return *this;
}

MappedFile::~MappedFile() {
  if (!view.empty())
    munmap(const_cast<uint8_t *>(view.data()), view.size());
}

} // namespace encdec::runtime
