// Weights are streamed: some panels of 16 rows are read, turned and handed on.
// What this costs is one pass over the file, whatever the model's size.
#include "compiler/place/Weights.h"
#include "compiler/import/Halves.h"
#include "compiler/import/Safetensors.h"
#include "dialect/Origin.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace encdec {
namespace {

constexpr int64_t lanes = ENCDEC_ABI_LANES;

/// to[i] = value i of `from`, elements of `type`.
void widen(Type type, const uint8_t *from, MutableArrayRef<float> to) {
  if (type.isF32()) {
    std::memcpy(to.data(), from, to.size() * sizeof(float));
    return;
  }
  bool isHalf = type.isF16();
  for (size_t i = 0; i < to.size(); ++i) {
    uint16_t bits = uint16_t(from[2 * i] | from[2 * i + 1] << 8);
    to[i] = isHalf ? checkpoint::fromF16(bits) : checkpoint::fromBf16(bits);
  }
}

template <class T> ArrayRef<uint8_t> bytesOf(ArrayRef<T> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(T)};
}

} // namespace

struct WeightStore::Files {
  std::map<std::string, checkpoint::SafetensorsFile, std::less<>> open;
};

/// Rows of one weight as stored, widened to f32; a vector is one row.
class WeightStore::Rows {
public:
  int64_t count, width;

  /// Rows `from` … `from + rows` to `to` [rows, width].
  LogicalResult read(int64_t from, int64_t rows, float *to) {
    MutableArrayRef<float> out(to, size_t(rows * width));
    if (!file) {
      std::memcpy(to, made.data() + from * width, out.size() * sizeof(float));
      return checkFinite(from, out);
    }
    int64_t elementBytes = type.getIntOrFloatBitWidth() / 8;
    raw.resize(out.size() * elementBytes);
    if (Status status = file->read(offset + from * width * elementBytes, raw);
        !status.ok())
      return weight.emitError() << status.message();
    widen(type, raw.data(), out);
    return checkFinite(from, out);
  }

  /// One value that is no number makes every result after it none.
  LogicalResult checkFinite(int64_t from, ArrayRef<float> values) {
    const float *bad =
        llvm::find_if_not(values, [](float v) { return std::isfinite(v); });
    if (bad == values.end())
      return success();
    int64_t at = from * width + (bad - values.begin());
    InFlightDiagnostic error = weight.emitError();
    std::string name = weight.getSymName().str();
    if (file) {
      for (const checkpoint::TensorInfo &tensor : file->tensors())
        if (tensor.offset == offset)
          name = tensor.name;
      error << file->name() << ": ";
    }
    error << "tensor \"" << name << "\": element [";
    if (weight.getTensorType().getRank() > 1)
      error << at / width << ", ";
    return error << at % width << "] is " << (std::isnan(*bad) ? "NaN" : "infinite")
                 << "; expected finite weights: this checkpoint is damaged or "
                    "its training diverged";
  }

  Rows(WeightOp weight) : weight(weight) {
    RankedTensorType tensor = weight.getTensorType();
    type = tensor.getElementType();
    bool isVector = tensor.getRank() == 1;
    count = isVector ? 1 : tensor.getDimSize(0);
    width = tensor.getDimSize(isVector ? 0 : 1);
  }

  /// Rows to read at a time: whole panels, a few hundred KB.
  int64_t batch() const {
    constexpr int64_t floats = 128 * 1024;
    return roundUp(std::max<int64_t>(floats / std::max<int64_t>(width, 1), 1),
                   lanes);
  }

  WeightOp weight;
  Type type;
  const checkpoint::SafetensorsFile *file = nullptr;
  uint64_t offset = 0;
  std::vector<float> made; // where there is no file
private:
  std::vector<uint8_t> raw;
};

WeightStore::WeightStore(std::string folder)
    : folder(std::move(folder)), files(std::make_unique<Files>()) {}
WeightStore::~WeightStore() = default;

FailureOr<std::unique_ptr<WeightStore::Rows>>
WeightStore::open(WeightOp weight) {
  auto rows = std::make_unique<Rows>(weight);
  auto origin = dyn_cast<FileAttr>(weight.getOrigin());
  if (!origin) {
    FailureOr<std::vector<float>> values = originValues(weight);
    if (failed(values))
      return failure();
    rows->made = std::move(*values);
    return rows;
  }
  StringRef name = origin.getFile();
  auto found = files->open.find(name);
  if (found == files->open.end()) {
    if (!checkpoint::isPlainName(name.str()))
      return weight.emitError(
                 "expected a file inside the checkpoint's folder, but "
                 "got '")
             << name << "'";
    auto file = checkpoint::SafetensorsFile::open(folder + "/" + name.str(),
                                                  name.str());
    if (!file.ok())
      return weight.emitError() << file.status().message();
    found = files->open.emplace(name.str(), std::move(*file)).first;
  }
  if (origin.getOffset() < 0)
    return weight.emitError("expected an offset in the file, but got ")
           << origin.getOffset();
  rows->file = &found->second;
  rows->offset = origin.getOffset();
  return rows;
}

FailureOr<std::vector<float>> WeightStore::values(WeightOp weight) {
  FailureOr<std::unique_ptr<Rows>> rows = open(weight);
  if (failed(rows))
    return failure();
  std::vector<float> stored(size_t((*rows)->count * (*rows)->width));
  if (failed((*rows)->read(0, (*rows)->count, stored.data())))
    return failure();
  return logicalValues(weight, std::move(stored));
}

LogicalResult WeightStore::stream(WeightOp weight, Sink sink) {
  FailureOr<std::unique_ptr<Rows>> rows = open(weight);
  if (failed(rows))
    return failure();
  return weight.isQuantized() && weight.getLayout()
             ? streamBytes(weight, **rows, sink)
             : streamFloats(weight, **rows, sink);
}

/// Row-major with padded rows, or [N/16][K][16] as f32 or bf16.
LogicalResult WeightStore::streamFloats(WeightOp weight, Rows &rows,
                                        Sink sink) {
  bool packed = bool(weight.getLayout());
  int64_t width = rows.width, stride = rowStride(width);
  bool isBf16 = packed && weight.getStorage() && weight.getStorage()->isBF16();
  std::vector<float> in, out;
  std::vector<uint16_t> halves;
  for (int64_t from = 0; from < rows.count; from += rows.batch()) {
    int64_t some = std::min(rows.batch(), rows.count - from);
    in.resize(some * width);
    if (failed(rows.read(from, some, in.data())))
      return failure();
    out.assign(packed ? roundUp(some, lanes) * width : some * stride, 0.0f);
    for (int64_t r = 0; r < some; ++r) {
      const float *row = &in[r * width];
      float *to = packed ? &out[r / lanes * width * lanes + r % lanes]
                         : &out[r * stride];
      int64_t step = packed ? lanes : 1;
      for (int64_t k = 0; k < width; ++k)
        to[k * step] = row[k];
    }
    if (isBf16) {
      // The high half of a value that bf16 holds is that value.
      halves.resize(out.size());
      for (auto [half, value] : llvm::zip_equal(halves, out))
        half = uint16_t(llvm::bit_cast<uint32_t>(
                            roundTo(*weight.getStorage(), value)) >>
                        16);
    }
    if (failed(sink(isBf16 ? bytesOf(ArrayRef<uint16_t>(halves))
                           : bytesOf(ArrayRef<float>(out)))))
      return failure();
  }
  return success();
}

/// int8 [N/16][K/group][16][group], in groups of 4 with 128 added at even k, zeros up
/// to scale_offset, f32 scales [round_up(N, 16)].
LogicalResult WeightStore::streamBytes(WeightOp weight, Rows &rows, Sink sink) {
  int64_t width = rows.width, group = weight.getLayout()->getGroup();
  int64_t padded = roundUp(width, group);
  std::vector<float> in, scales;
  std::vector<uint8_t> out;
  for (int64_t from = 0; from < rows.count; from += rows.batch()) {
    int64_t some = std::min(rows.batch(), rows.count - from);
    in.resize(some * width);
    if (failed(rows.read(from, some, in.data())))
      return failure();
    Quantized quantized = quantizeRows(in, some);
    for (auto [row, scale] : llvm::enumerate(quantized.scales))
      if (!std::isfinite(scale))
        return weight.emitError("row ")
               << from + row
               << " holds a value that is not finite, which int8 cannot store; "
                  "compile with f32 weights";
    out.assign(roundUp(some, lanes) * padded, 0);
    for (size_t i = 0; group == 4 && i < out.size(); i += 2)
      out[i] = 128;
    for (int64_t r = 0; r < some; ++r) {
      const int8_t *row = &quantized.values[r * width];
      uint8_t *to = &out[r / lanes * padded * lanes + r % lanes * group];
      for (int64_t k = 0; k < width; ++k)
        to[k / group * group * lanes + k % group] += uint8_t(row[k]);
    }
    llvm::append_range(scales, quantized.scales);
    if (failed(sink(out)))
      return failure();
  }
  scales.resize(rowStride(rows.count));
  int64_t gap = *weight.getScaleOffset() - *weight.getOffset() -
                weightBytes(weight).values;
  out.assign(gap, 0);
  if (failed(sink(out)))
    return failure();
  return sink(bytesOf(ArrayRef<float>(scales)));
}

LogicalResult WeightStore::write(WeightOp weight,
                                 MutableArrayRef<uint8_t> section) {
  uint64_t at = *weight.getOffset();
  return stream(weight, [&](ArrayRef<uint8_t> piece) -> LogicalResult {
    if (piece.size() > section.size() || at > section.size() - piece.size())
      return weight.emitError("does not fit the weights section of ")
             << section.size() << " bytes";
    std::memcpy(section.data() + at, piece.data(), piece.size());
    at += piece.size();
    return success();
  });
}

} // namespace encdec
