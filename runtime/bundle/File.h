//===- File.h - a whole file mapped read-only -----------------------------===//
//
// Weights are used where the file system cache holds them: no copy, and all
// processes that run one model share its pages.

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string>

namespace encdec::runtime {

/// A private read-only mapping of a regular file; unmapped on destruction. The
/// size is the file's at the time of opening: a file cut short later by another
/// process would fault, so files must be replaced by renaming.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return view; }

private:
  explicit MappedFile(std::span<const uint8_t> view) : view(view) {}

  std::span<const uint8_t> view;
};

} // namespace encdec::runtime
