// File.cpp: reading a file whole.
#include "compiler/import/File.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace encdec::checkpoint {

static bool staysInside(const std::string &folder, const std::string &name) {
  char realFolder[PATH_MAX], realFile[PATH_MAX];
  if (!::realpath(folder.c_str(), realFolder) ||
      !::realpath((folder + "/" + name).c_str(), realFile))
    return false;
  std::string_view base(realFolder), file(realFile);
  auto below = [&](std::string parent) {
    parent += '/';
    return file.starts_with(parent);
  };
  if (below(std::string(base)))
    return true;
  size_t revision = base.rfind('/');
  if (revision == std::string_view::npos)
    return false;
  std::string_view snapshots = base.substr(0, revision);
  constexpr std::string_view tail = "/snapshots";
  return snapshots.ends_with(tail) &&
         below(
             std::string(snapshots.substr(0, snapshots.size() - tail.size())) +
             "/blobs");
}

Status checkStaysInside(const std::string &folder, const std::string &name,
                        const std::string &label) {
  if (::access((folder + "/" + name).c_str(), F_OK) == 0 && !staysInside(folder, name))
    return badModel(label + ": a link that leads out of the checkpoint folder; copy the "
                            "file into the folder");
  return Status::success();
}

Result<std::string> readFileIn(const std::string &folder, const std::string &name,
                               const std::string &label, uint64_t most) {
  ENCDEC_RETURN_IF_ERROR(checkStaysInside(folder, name, label));
  return readFile(folder + "/" + name, label, most);
}

bool isThere(const std::string &folder, const std::string &name) {
  struct stat info;
  return ::lstat((folder + "/" + name).c_str(), &info) == 0;
}

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
