// Folder.h: files of a measurement, which go with it. Free of MLIR.
#pragma once
#include "runtime/base/Status.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

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
    if (!error)
      return Status::success();
    llvm::SmallString<128> parent;
    llvm::sys::path::system_temp_directory(/*erasedOnReboot=*/true, parent);
    return Status(Code::Failure, parent.str().str() + ": cannot make a temporary folder there "
                                                      "(TMPDIR says where): " + error.message());
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
