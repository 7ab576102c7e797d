// Weights are streamed: a few panels of 16 rows are read, packed and handed on, so one
// pass over the file suffices and memory does not grow with the model.
#include "compiler/place/Weights.h"
#include "compiler/import/Safetensors.h"
#include "dialect/Derived.h"
#include "dialect/Origin.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace encdec {
namespace {

constexpr int64_t lanes = ENCDEC_ABI_LANES;

checkpoint::DType dtypeOf(Type type) {
  return type.isF64()   ? checkpoint::DType::F64
         : type.isF32() ? checkpoint::DType::F32
         : type.isF16() ? checkpoint::DType::F16
                        : checkpoint::DType::BF16;
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
    return readElements(from * width, {to, size_t(rows * width)});
  }

  /// Elements from `from` on, as many as `to` has room for: whole rows, where the weight
  /// is derived.
  LogicalResult readElements(int64_t from, MutableArrayRef<float> to) {
    if (derived) {
      if (failed(derived->read(from, to)))
        return failure();
    } else if (file) {
      int64_t elementBytes = type.getIntOrFloatBitWidth() / 8;
      raw.resize(to.size() * elementBytes);
      if (Status status = file->read(offset + from * elementBytes, raw); !status.ok())
        return weight.emitError() << status.message();
      checkpoint::widen(dtypeOf(type), raw.data(), to);
    } else {
      std::copy_n(made.data() + from, to.size(), to.data());
    }
    return checkFinite(from, to);
  }

  /// A value that is not finite spoils every result that depends on it, unless it bans a
  /// token.
  LogicalResult checkFinite(int64_t from, ArrayRef<float> values) {
    const float *bad = llvm::find_if_not(values, [&](float v) {
      return std::isfinite(v) || (v < 0 && weight.getBans());
    });
    if (bad == values.end())
      return success();
    int64_t at = from + (bad - values.begin());
    InFlightDiagnostic error = weight.emitError();
    if (derived)
      return error << "derived weight @" << weight.getSymName() << ": element " << at
                   << " of " << weight.getOrigin() << " is "
                   << (std::isnan(*bad) ? "NaN" : "beyond the range of f32")
                   << "; expected an expression whose values are finite";
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

  /// The weight's bytes are rows of one tensor: IR beside the wrong checkpoint would read any.
  LogicalResult checkTensor() {
    uint64_t bytes = uint64_t(count) * uint64_t(width) * type.getIntOrFloatBitWidth() / 8;
    for (const checkpoint::TensorInfo &tensor : file->tensors())
      if (offset >= tensor.offset && offset - tensor.offset <= tensor.size &&
          bytes <= tensor.size - (offset - tensor.offset) && isOfType(tensor.dtype) &&
          (weight.getTensorType().getRank() == 1 || tensor.shape.back() == uint64_t(width)))
        return success();
    return weight.emitError("weight @")
           << weight.getSymName() << ": expected rows of a tensor at byte " << offset << " of "
           << file->name() << ", for " << weight.getTensorType()
           << ", but found none; is this the checkpoint that the IR was imported from?";
  }
  bool isOfType(checkpoint::DType dtype) const {
    using checkpoint::DType;
    return type.isF64()    ? dtype == DType::F64
           : type.isF32()  ? dtype == DType::F32
           : type.isF16()  ? dtype == DType::F16
           : type.isBF16() ? dtype == DType::BF16
                           : false;
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
  std::unique_ptr<DerivedWeight> derived;
  std::vector<float> made; // where there is neither
private:
  std::vector<uint8_t> raw;
};

WeightStore::WeightStore(std::string folder)
    : folder(std::move(folder)), files(std::make_unique<Files>()) {}
WeightStore::~WeightStore() = default;

FailureOr<std::unique_ptr<WeightStore::Rows>>
WeightStore::open(WeightOp weight) {
  auto rows = std::make_unique<Rows>(weight);
  if (isDerived(weight.getOrigin())) {
    rows->derived = std::make_unique<DerivedWeight>(weight, elementReader());
    return rows;
  }
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
  if (failed(rows->checkTensor()))
    return failure();
  return rows;
}

ElementReader WeightStore::elementReader() {
  auto opened = std::make_shared<std::map<Operation *, std::unique_ptr<Rows>>>();
  return [this, opened](WeightOp weight, int64_t from,
                        MutableArrayRef<float> to) -> LogicalResult {
    std::unique_ptr<Rows> &rows = (*opened)[weight];
    if (!rows) {
      FailureOr<std::unique_ptr<Rows>> made = open(weight);
      if (failed(made))
        return failure();
      rows = std::move(*made);
    }
    return rows->readElements(from, to);
  };
}

FailureOr<std::vector<float>> WeightStore::stored(WeightOp weight) {
  FailureOr<std::unique_ptr<Rows>> rows = open(weight);
  if (failed(rows))
    return failure();
  std::vector<float> stored(size_t((*rows)->count * (*rows)->width));
  if (failed((*rows)->readElements(0, stored)))
    return failure();
  return stored;
}

FailureOr<std::vector<float>> WeightStore::values(WeightOp weight) {
  FailureOr<std::vector<float>> values = stored(weight);
  if (failed(values))
    return failure();
  return logicalValues(weight, std::move(*values));
}

LogicalResult WeightStore::stream(WeightOp weight, Sink sink) {
  FailureOr<std::unique_ptr<Rows>> rows = open(weight);
  if (failed(rows))
    return failure();
  return weight.getLayout() ? streamPacked(weight, **rows, sink)
                            : streamRows(**rows, sink);
}

/// Row after row, each padded to whole lanes, as f32.
LogicalResult WeightStore::streamRows(Rows &rows, Sink sink) {
  int64_t width = rows.width, stride = rowStride(width);
  std::vector<float> in, out;
  for (int64_t from = 0; from < rows.count; from += rows.batch()) {
    int64_t some = std::min(rows.batch(), rows.count - from);
    in.resize(some * width);
    if (failed(rows.read(from, some, in.data())))
      return failure();
    out.assign(some * stride, 0.0f);
    for (int64_t r = 0; r < some; ++r)
      std::copy_n(&in[r * width], width, &out[r * stride]);
    if (failed(sink(bytesOf(ArrayRef<float>(out)))))
      return failure();
  }
  return success();
}

namespace {

/// Calls store(index, code) for each element of the panels [N/16][K/group][16][group] of
/// `rows` rows; `zeros` are the codes of 0 at even and odd columns, for the padding.
template <typename Store>
void forEachCode(const Encoded &encoded, int64_t rows, int64_t width, int64_t group,
                 const uint32_t (&zeros)[2], Store store) {
  int64_t padded = roundUp(width, group);
  for (int64_t r = 0; r < roundUp(rows, lanes); ++r) {
    const uint32_t *row = encoded.codes.data() + r * width;
    int64_t known = r < rows ? width : 0;
    int64_t first = r / lanes * padded * lanes + r % lanes * group;
    for (int64_t k = 0; k < padded; ++k)
      store(first + k / group * group * lanes + k % group, k < known ? row[k] : zeros[k % 2]);
  }
}

/// Packs the codes into `out`, `bits` bits each, lowest bits first.
void packCodes(const WeightFormat &format, const Encoded &encoded, int64_t rows,
               int64_t width, std::vector<uint8_t> &out) {
  uint32_t zeros[2];
  format.encode({0, 0}, 0, zeros);
  out.assign(format.bytes(roundUp(rows, lanes) * roundUp(width, format.group)), 0);
  auto pack = [&](auto store) {
    forEachCode(encoded, rows, width, format.group, zeros, store);
  };
  auto store = [&](auto *to) {
    pack([to](int64_t i, uint32_t code) {
      to[i] = std::remove_reference_t<decltype(*to)>(code);
    });
  };
  if (format.bits == 32)
    store(reinterpret_cast<uint32_t *>(out.data()));
  else if (format.bits == 16)
    store(reinterpret_cast<uint16_t *>(out.data()));
  else if (format.bits == 8)
    store(out.data());
  else
    pack([&](int64_t i, uint32_t code) {
      out[i * format.bits / 8] |= uint8_t(code << i * format.bits % 8);
    });
}

} // namespace

/// Panels of codes, in whole panels, zeros up to scale_offset, then the scales of each
/// row.
LogicalResult WeightStore::streamPacked(WeightOp weight, Rows &rows, Sink sink) {
  const WeightFormat &format = weight.getStored();
  int64_t width = rows.width;
  std::vector<float> in, scales;
  std::vector<uint8_t> out;
  for (int64_t from = 0; from < rows.count; from += rows.batch()) {
    int64_t some = std::min(rows.batch(), rows.count - from);
    in.resize(some * width);
    if (failed(rows.read(from, some, in.data())))
      return failure();
    Encoded encoded = encodeRows(format, in, some);
    for (auto [i, scale] : llvm::enumerate(encoded.scales))
      if (!std::isfinite(scale))
        return weight.emitError("row ")
               << from + int64_t(i) / format.scalesOf(width)
               << " holds a value that is not finite, which " << format.name
               << " cannot store; compile with f32 weights";
    packCodes(format, encoded, some, width, out);
    llvm::append_range(scales, encoded.scales);
    if (failed(sink(out)))
      return failure();
  }
  if (!format.hasScales())
    return success();
  scales.resize(rowStride(rows.count) * format.scalesOf(width));
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
