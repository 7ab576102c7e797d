// Safetensors.cpp: header checks and value reads of one .safetensors file.
#include "compiler/import/Safetensors.h"

#include "compiler/import/Halves.h"
#include "runtime/base/Checked.h"
#include "runtime/base/Json.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace encdec::checkpoint {

namespace {

struct DTypeRow {
  std::string_view name;
  unsigned bits;
  DType dtype;
};
// Names and widths as the format's README lists them.
constexpr DTypeRow dtypes[] = {
    {"F32", 32, DType::F32},      {"F16", 16, DType::F16},
    {"BF16", 16, DType::BF16},    {"F64", 64, DType::F64},
    {"BOOL", 8, DType::Other},    {"U8", 8, DType::Other},
    {"I8", 8, DType::Other},      {"U16", 16, DType::Other},
    {"I16", 16, DType::Other},    {"U32", 32, DType::Other},
    {"I32", 32, DType::Other},    {"U64", 64, DType::Other},
    {"I64", 64, DType::Other},    {"C64", 64, DType::Other},
    {"F8_E5M2", 8, DType::Other}, {"F8_E4M3", 8, DType::Other},
    {"F8_E8M0", 8, DType::Other}, {"F6_E2M3", 6, DType::Other},
    {"F6_E3M2", 6, DType::Other}, {"F4", 4, DType::Other}};

const DTypeRow *findDType(std::string_view name) {
  for (const DTypeRow &row : dtypes)
    if (row.name == name)
      return &row;
  return nullptr;
}

/// Reads {name: {dtype, shape, data_offsets}} from the parser's events: the tree of a
/// hostile header of 100 MB would take gigabytes.
class HeaderReader : public JsonEvents {
public:
  std::string beginObject() override {
    if (depth > 1 || inArray)
      return "an object where a value of a tensor entry was expected";
    if (++depth == 2) {
      metadata = current == "__metadata__";
      if (!metadata) {
        tensor = {};
        tensor.name = current;
        seenShape = seenOffsets = false;
        bounds.clear();
      }
    }
    return {};
  }
  std::string key(std::string_view name) override {
    current = name;
    if (depth == 2 && !metadata && name != "dtype" && name != "shape" &&
        name != "data_offsets")
      return at() + "unknown key " + quote(name) +
             "; expected dtype, shape, data_offsets";
    return {};
  }
  std::string endObject() override {
    if (--depth != 1 || metadata)
      return {};
    if (tensor.dtypeName.empty() || !seenShape || !seenOffsets)
      return at() + "expected dtype, shape and data_offsets, found less";
    if (bounds.size() != 2)
      return at() + fmt::format("data_offsets has {} numbers, expected 2",
                                bounds.size());
    if (bounds[0] > bounds[1])
      return at() + fmt::format("data_offsets end at {}, before their begin {}",
                                bounds[1], bounds[0]);
    tensor.offset = bounds[0];
    tensor.size = bounds[1] - bounds[0];
    tensors.push_back(std::move(tensor));
    return {};
  }
  std::string beginArray() override {
    if (depth != 2 || metadata || inArray || current == "dtype")
      return "an array where none was expected";
    inArray = true;
    (current == "shape" ? seenShape : seenOffsets) = true;
    return {};
  }
  std::string endArray() override {
    inArray = false;
    return {};
  }
  std::string scalar(JsonValue value) override {
    if (depth == 1)
      return current == "__metadata__" && value.kind == JsonValue::Null
                 ? std::string()
                 : "entry " + quote(current) + ": expected an object";
    if (metadata)
      return value.kind == JsonValue::String
                 ? std::string()
                 : "__metadata__ " + quote(current) + ": expected a string";
    if (inArray) {
      if (value.kind != JsonValue::Unsigned)
        return at() + current + ": expected whole numbers from 0 to 2^64-1";
      std::vector<uint64_t> &list = current == "shape" ? tensor.shape : bounds;
      if (list.size() == (current == "shape" ? maxRank : 2u))
        return at() +
               fmt::format("{} has more than {} numbers", current, list.size());
      list.push_back(value.integer);
      return {};
    }
    if (current != "dtype" || value.kind != JsonValue::String)
      return at() + current + ": a value of the wrong type";
    const DTypeRow *row = findDType(value.text);
    if (!row)
      return at() + "unknown dtype " + quote(value.text, 20);
    tensor.dtypeName = std::move(value.text);
    tensor.dtype = row->dtype;
    return {};
  }

  std::vector<TensorInfo> tensors;

private:
  std::string at() { return "tensor " + quote(tensor.name) + ": "; }
  unsigned depth = 0;
  bool inArray = false, metadata = false;
  bool seenShape = false, seenOffsets = false;
  std::string current;
  TensorInfo tensor;
  std::vector<uint64_t> bounds;
};

/// Whether a file that begins with these bytes is a Git LFS pointer: its first key is
/// "version" (git-lfs, docs/spec.md). As a header's length the bytes exceed any limit.
bool isLfsPointer(const uint8_t (&first)[8]) {
  return std::memcmp(first, "version ", 8) == 0;
}

/// What is wrong if shape and type do not make the tensor's size; empty if they do.
std::string checkSpan(const TensorInfo &tensor) {
  std::optional<uint64_t> bits = findDType(tensor.dtypeName)->bits;
  for (uint64_t dim : tensor.shape)
    if (bits)
      bits = checkedMul(*bits, dim);
  // A tensor with a dimension of 0 is empty, however large the others are.
  if (std::ranges::find(tensor.shape, 0u) != tensor.shape.end())
    bits = 0;
  if (!bits)
    return fmt::format("shape {} has more elements than 64 bits count",
                       tensor.shapeText());
  if (*bits % 8 != 0 || *bits / 8 != tensor.size)
    return fmt::format("shape {} of {} needs {} bytes, data_offsets span {}",
                       tensor.shapeText(), tensor.dtypeName, *bits / 8,
                       tensor.size);
  return {};
}

} // namespace

unsigned bytesOf(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return 8;
  case DType::F32:
    return 4;
  case DType::F16:
  case DType::BF16:
    return 2;
  case DType::Other:
    break;
  }
  return 0;
}

void widen(DType dtype, const uint8_t *bytes, std::span<float> values) {
  auto each = [&](auto stored, auto convert) {
    for (float &value : values) {
      std::memcpy(&stored, bytes, sizeof(stored));
      value = convert(stored);
      bytes += sizeof(stored);
    }
  };
  if (dtype == DType::F64)
    each(double(), [](double stored) { return float(stored); });
  else if (dtype == DType::F16)
    each(uint16_t(), [](uint16_t stored) { return fromF16(stored); });
  else if (dtype == DType::BF16)
    each(uint16_t(), [](uint16_t stored) { return fromBf16(stored); });
  else if (dtype == DType::F32)
    std::memcpy(values.data(), bytes, values.size_bytes());
}

std::string TensorInfo::shapeText() const {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::vector<TensorInfo>>
parseSafetensorsHeader(std::string_view json, uint64_t dataBytes,
                       uint64_t dataStart, const std::string &file) {
  // The format demands '{' here, which keeps byte order marks and white space out.
  if (json.empty() || json.front() != '{')
    return badModel(file + ": byte 8: the header must begin with '{'");
  HeaderReader reader;
  JsonLimits limits{.depth = 4, .values = maxHeaderBytes};
  ENCDEC_RETURN_IF_ERROR(
      scanJson(json, reader, limits).withContext(file + ": header"));
  std::vector<TensorInfo> tensors = std::move(reader.tensors);
  std::ranges::sort(tensors, {}, [](const TensorInfo &tensor) {
    return std::tuple<uint64_t, uint64_t, const std::string &>(
        tensor.offset, tensor.size, tensor.name);
  });
  uint64_t end = 0; // of the tensors so far
  for (TensorInfo &tensor : tensors) {
    auto at = [&] { return file + ": tensor " + quote(tensor.name) + ": "; };
    if (tensor.offset != end)
      return badModel(at() + fmt::format("data_offsets begin at {}, expected {}"
                                         " ({})",
                                         tensor.offset, end,
                                         tensor.offset < end
                                             ? "it overlaps another tensor"
                                             : "a hole before it"));
    if (tensor.size > dataBytes - end)
      return badModel(at() + fmt::format("data_offsets end at {}, but the file "
                                         "has {} bytes of data",
                                         tensor.offset + tensor.size,
                                         dataBytes));
    if (std::string wrong = checkSpan(tensor); !wrong.empty())
      return badModel(at() + wrong);
    end += tensor.size;
    tensor.offset += dataStart;
  }
  if (end != dataBytes)
    return badModel(fmt::format("{}: tensors cover {} bytes, but the file has "
                                "{} bytes of data",
                                file, end, dataBytes));
  return tensors;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path,
                                              const std::string &name) {
  SafetensorsFile file;
  file.fileName = name;
  file.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor < 0)
    return badModel(
        fmt::format("{}: cannot be opened: {}", name, std::strerror(errno)));
  struct stat info;
  if (::fstat(file.descriptor, &info) != 0 || !S_ISREG(info.st_mode))
    return badModel(name + ": not a regular file");
  file.fileSize = uint64_t(info.st_size);
  if (file.fileSize < 8)
    return badModel(fmt::format("{}: {} bytes, too short for the 8-byte header "
                                "length",
                                name, file.fileSize));
  uint8_t raw[8];
  ENCDEC_RETURN_IF_ERROR(file.read(0, raw));
  if (isLfsPointer(raw))
    return badModel(fmt::format("{}: this is a Git LFS pointer, not the weights "
                                "it stands for; run `git lfs pull` in the "
                                "folder",
                                name));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | raw[i];
  if (length > file.fileSize - 8)
    return badModel(fmt::format("{}: byte 0: header length {}, but only {} "
                                "bytes follow; the file is cut short or is no "
                                "safetensors file",
                                name, length, file.fileSize - 8));
  if (length > maxHeaderBytes)
    return overLimit(fmt::format("{}: byte 0: header length {}, the limit is {}"
                                 " bytes",
                                 name, length, maxHeaderBytes));
  std::string json(size_t(length), '\0');
  ENCDEC_RETURN_IF_ERROR(
      file.read(8, {reinterpret_cast<uint8_t *>(json.data()), json.size()}));
  ENCDEC_ASSIGN_OR_RETURN(std::vector<TensorInfo> tensors,
                          parseSafetensorsHeader(json,
                                                 file.fileSize - 8 - length,
                                                 8 + length, name));
  file.infos = std::move(tensors);
  return file;
}

SafetensorsFile::SafetensorsFile(SafetensorsFile &&other) noexcept {
  *this = std::move(other);
}

SafetensorsFile &SafetensorsFile::operator=(SafetensorsFile &&other) noexcept {
  std::swap(descriptor, other.descriptor);
  fileSize = other.fileSize;
  fileName = std::move(other.fileName);
  infos = std::move(other.infos);
  return *this;
}

SafetensorsFile::~SafetensorsFile() {
  if (descriptor >= 0)
    ::close(descriptor);
}

Status SafetensorsFile::read(uint64_t offset, std::span<uint8_t> bytes) const {
  if (offset > fileSize || bytes.size() > fileSize - offset)
    return badModel(fmt::format("{}: bytes {} … +{} lie outside the file of {} "
                                "bytes",
                                fileName, offset, bytes.size(), fileSize));
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t got = ::pread(descriptor, bytes.data() + done, bytes.size() - done,
                          off_t(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return badModel(fmt::format(
          "{}: byte {}: reading failed: {}", fileName, offset + done,
          got < 0 ? std::strerror(errno) : "the file became shorter"));
    done += size_t(got);
  }
  return Status::success();
}

} // namespace encdec::checkpoint
