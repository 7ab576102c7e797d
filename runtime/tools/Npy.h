//===- Npy.h - rows of floats as a file of NumPy's ------------------------===//

#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace encdec::tools {

/// A .npy file of one table of f32, row after row, whose number of rows is known only at
/// the end. Rows wait in a temporary file without a name, which is gone however the
/// program ends. Functions throw Failure (code 1) where the system fails.
class NpyTable {
public:
  explicit NpyTable(uint64_t width);

  /// Appends whole rows, [rows][width].
  void append(std::span<const float> rows);
  /// Makes `path` the file, at once (replaceFile). `option` begins messages.
  void write(const std::string &path, const std::string &option);

  uint64_t rows() const { return rowCount; }

private:
  struct Close {
    void operator()(FILE *file) const { std::fclose(file); }
  };
  std::unique_ptr<FILE, Close> file;
  uint64_t width, rowCount = 0;
};

/// The header of version 1.0 of the format, 128 bytes: magic, version, length, and a
/// literal of Python's padded with spaces so that the values begin at a multiple of 64.
std::string npyHeader(uint64_t rows, uint64_t width);

} // namespace encdec::tools
