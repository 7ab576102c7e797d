// TinyCheckpoint.h: a small valid Marian folder that a test then breaks in one
// place. Free of MLIR.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::testing {

/// A temporary folder, removed with all it holds.
class TempFolder {
public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder &) = delete;
  const std::string &path() const { return folder; }
  void write(const std::string &name, std::string_view bytes) const;
  void remove(const std::string &name) const;

private:
  std::string folder;
};

struct TinyTensor {
  std::string dtype;
  std::vector<uint64_t> shape;
};

/// d_model 4, 2 heads, ffn 6, one layer a side, 7 ids, 8 positions; shared and
/// tied. `config` and `generation` map keys to JSON text; erase or replace.
struct TinyCheckpoint {
  TinyCheckpoint();
  std::map<std::string, std::string> config, generation;
  std::map<std::string, TinyTensor> tensors;
  bool generationFile = true;

  /// Writes all files into `folder`.
  void write(const TempFolder &folder) const;
  /// The bytes of a safetensors file; values are small and nonzero.
  static std::string file(const std::map<std::string, TinyTensor> &tensors);
};

/// A safetensors file of `header` and `dataBytes` bytes of data.
std::string rawFile(const std::string &header, size_t dataBytes);
std::string jsonObject(const std::map<std::string, std::string> &keys);

} // namespace encdec::testing
