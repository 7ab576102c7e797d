// Safetensors.h: a strict reader of .safetensors files and of folders that hold
// one file, or shards with an index.
//
// Format (github.com/huggingface/safetensors, README): 8 bytes little-endian
// header length N, N bytes of JSON {name: {dtype, shape, data_offsets}}, data.
// Offsets count from the end of the header; together the tensors cover the
// data without holes or overlaps.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::checkpoint {

inline constexpr uint64_t maxHeaderBytes = 100'000'000;
inline constexpr uint64_t maxTensors = 1'000'000;
inline constexpr unsigned maxRank = 8;

/// Types whose values can be read. A file may also hold tensors of other types, as
/// long as no weight is made of them.
enum class DType { F64, F32, F16, BF16, Other };

/// The size of one value; 0 for Other.
unsigned bytesOf(DType dtype);
/// values[i] = value i of `bytes`, which hold values.size() values of `dtype`. F64 is
/// rounded to nearest; every value of the other types is a float.
void widen(DType dtype, const uint8_t *bytes, std::span<float> values);

struct TensorInfo {
  std::string name;
  std::string dtypeName; // as the file says: "F16"
  DType dtype = DType::Other;
  std::vector<uint64_t> shape; // may be empty (a scalar) or hold zeros
  uint64_t offset = 0;         // of the first byte, from the file's start
  uint64_t size = 0;           // in bytes

  std::string shapeText() const; // "[6002, 256]"
};

/// Checks a header against the number of data bytes that follow it. Returned
/// tensors are sorted by offset; `dataStart` is added to their offsets.
Result<std::vector<TensorInfo>> parseSafetensorsHeader(std::string_view json,
                                                       uint64_t dataBytes,
                                                       uint64_t dataStart,
                                                       const std::string &file);

/// An open file, its header checked whole. Values are read on demand and not mapped:
/// a file that is cut short while it is open gives an error, not a signal. Movable,
/// not copyable; several threads may read at once.
class SafetensorsFile {
public:
  /// `name` is the file name used in messages and in IR.
  static Result<SafetensorsFile> open(const std::string &path,
                                      const std::string &name);
  SafetensorsFile(SafetensorsFile &&other) noexcept;
  SafetensorsFile &operator=(SafetensorsFile &&other) noexcept;
  ~SafetensorsFile();

  const std::string &name() const { return fileName; }
  const std::vector<TensorInfo> &tensors() const { return infos; }
  uint64_t size() const { return fileSize; }

  /// Fills `bytes` from `offset` (from the file's start) on.
  Status read(uint64_t offset, std::span<uint8_t> bytes) const;

private:
  SafetensorsFile() = default;
  int descriptor = -1;
  uint64_t fileSize = 0;
  std::string fileName;
  std::vector<TensorInfo> infos;
};

/// All tensors of a checkpoint folder: of model.safetensors, or of the shards that
/// model.safetensors.index.json names. Owns the open files.
class CheckpointFiles {
public:
  static Result<CheckpointFiles> open(const std::string &folder);

  struct Entry {
    const SafetensorsFile *file;
    const TensorInfo *info;
  };
  /// Null when the checkpoint has no tensor of that name. "model.x" is also found as
  /// "x" in a folder where no name begins with "model.": a base model saved alone.
  const Entry *find(std::string_view name) const;
  /// All tensors, by their names in the files.
  const std::map<std::string, Entry, std::less<>> &entries() const { return byName; }
  /// Whether two tensors hold the same bytes under the same type and shape.
  Result<bool> same(const Entry &a, const Entry &b) const;

private:
  Status add(const std::string &folder, const std::string &name);
  Status readIndex(const std::string &folder);
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::map<std::string, Entry, std::less<>> byName;
};

/// Whether `name` names a file directly inside a folder: no slash, no "..",
/// nothing hidden.
bool isPlainName(std::string_view name);

} // namespace encdec::checkpoint
