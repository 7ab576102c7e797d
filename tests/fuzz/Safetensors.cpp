//===- Safetensors.cpp - the header of a file of weights ------------------===//

#include "compiler/import/Safetensors.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/import/TinyCheckpoint.h"

#include <algorithm>
#include <set>
#include <unistd.h>

using namespace encdec::checkpoint;

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  const std::string file = testing::TinyCheckpoint::file(testing::TinyCheckpoint().tensors);
  return {file.substr(8, file.rfind('}') - 7),
          R"({"__metadata__":{"format":"pt"},)"
          R"("s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
          R"("e":{"dtype":"F16","shape":[0,5],"data_offsets":[4,4]},)"
          R"("h":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
          R"("i":{"dtype":"I64","shape":[1],"data_offsets":[16,24]}}   )"};
}

/// The end of the data by the header's own numbers: a mutation would not keep a separate
/// size in step with the header.
static uint64_t largestNumber(std::string_view text) {
  uint64_t largest = 0, number = 0;
  bool word = false; // digits of "F32" are no number
  for (char c : text) {
    const bool digit = c >= '0' && c <= '9' && !word;
    word = (word && c >= '0') || (c >= 'A' && c <= 'z');
    number = digit && number < uint64_t(1) << 40 ? number * 10 + uint64_t(c - '0') : 0;
    largest = std::max(largest, number);
  }
  return largest;
}

static bool run(std::string_view header) {
  static const testing::TempFolder folder;
  static const std::string path = folder.path() + "/model.safetensors";
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i)
    bytes[i] = char(uint64_t(header.size()) >> 8 * i);
  bytes += header;
  folder.write("model.safetensors", bytes);
  const uint64_t size = bytes.size() + largestNumber(header); // sparse beyond `bytes`
  require(::truncate(path.c_str(), off_t(size)) == 0, "room for a sparse file");
  auto file = SafetensorsFile::open(path, "model.safetensors");
  if (!file.ok()) {
    requireSentence(file.status().message());
    return false;
  }
  std::set<std::string> names;
  uint64_t end = bytes.size();
  for (const TensorInfo &tensor : file->tensors()) {
    require(names.insert(tensor.name).second, "each name once");
    require(tensor.offset == end && tensor.size <= size - end,
            "tensors cover the data, one after the other");
    require(tensor.shape.size() <= maxRank, "a rank within the limit");
    end += tensor.size;
    const uint64_t width = tensor.dtype == DType::F64   ? 8
                           : tensor.dtype == DType::F32 ? 4
                                                        : 2;
    if (tensor.dtype == DType::Other)
      continue;
    uint64_t elements = 1;
    for (uint64_t dim : tensor.shape)
      elements *= dim;
    require(elements * width == tensor.size, "as many bytes as elements");
    if (tensor.size > 4096)
      continue;
    std::vector<uint8_t> stored(tensor.size);
    require(file->read(tensor.offset, stored).ok(), "all bytes");
    std::vector<float> values(elements);
    widen(tensor.dtype, stored.data(), values);
  }
  require(end == size, "the data ends with the last tensor");
  return true;
}

extern const Target safetensors = {"safetensors", 8192, seeds, run};

} // namespace encdec::fuzz
