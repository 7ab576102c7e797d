// OutputFile.cpp: text goes to a temporary file, which then takes the output file's name.
#include "compiler/tools/OutputFile.h"

#include "runtime/base/Signals.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace encdec::tools {

namespace fs = std::filesystem;

namespace {

struct Place {
  std::string file, written; ///< Behind links; where its bytes go first.
  bool replaces;             ///< These two differ.
};

Place placeOf(const std::string &path) {
  std::error_code error;
  const fs::path behind = fs::canonical(path, error);
  const std::string file = error ? path : behind.string();
  const fs::file_status status = fs::status(file, error);
  const bool replaces = !fs::exists(status) || fs::is_regular_file(status);
  return {file, replaces ? file + "." + std::to_string(::getpid()) + ".tmp" : file, replaces};
}

Status failure(const std::string &path, int reason) {
  return Status(Code::Failure, path + ": cannot write it: " + std::strerror(reason));
}

} // namespace

Status checkOutput(const std::string &path) {
  if (path.empty())
    return Status::success();
  const Place place = placeOf(path);
  std::error_code error;
  if (fs::is_directory(place.file, error))
    return failure(path, EISDIR);
  errno = 0;
  if (!place.replaces) // whoever reads a pipe would see it end
    return ::access(path.c_str(), W_OK) ? failure(path, errno) : Status::success();
  HeldSignals signals; // a signal leaves no temporary file
  if (!std::ofstream(place.written))
    return failure(path, errno);
  ::unlink(place.written.c_str());
  return Status::success();
}

Status writeOutput(const std::string &path, const std::string &text) {
  const Place place = placeOf(path);
  HeldSignals signals;
  errno = 0;
  std::ofstream file(place.written, std::ios::binary);
  file << text;
  file.close();
  if (file && (!place.replaces || ::rename(place.written.c_str(), place.file.c_str()) == 0))
    return Status::success();
  const int reason = errno;
  if (place.replaces)
    ::unlink(place.written.c_str());
  return failure(path, reason);
}

} // namespace encdec::tools
