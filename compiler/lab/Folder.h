// Folder.h: files of a measurement, which go with it. Free of MLIR.
#pragma once
#include "runtime/base/Status.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <string>

namespace encdec::lab {

/// A folder that goes with this object.
class TemporaryFolder {
public:
  TemporaryFolder() { error = llvm::sys::fs::createUniqueDirectory("encdec-lab", path); }
  ~TemporaryFolder() {
    if (!error)
      llvm::sys::fs::remove_directories(path);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  Status status() const {
    return error ? Status(Code::Failure, "cannot make a temporary folder (TMPDIR): " +
                                             error.message())
                 : Status::success();
  }
  std::string at(const std::string &name) const { return (path + "/" + name).str(); }

private:
  llvm::SmallString<128> path;
  std::error_code error;
};

inline bool equalFiles(const std::string &a, const std::string &b) {
  auto first = llvm::MemoryBuffer::getFile(a), second = llvm::MemoryBuffer::getFile(b);
  return first && second && (*first)->getBuffer() == (*second)->getBuffer();
}

} // namespace encdec::lab
