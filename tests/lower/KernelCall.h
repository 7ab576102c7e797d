// One call of a kernel as encode or step would make it: buffers, context,
// frame.
#pragma once
#include "compiler/cpu/CpuKernels.h"
#include "encdec/abi.h"
#include "tests/support/Levels.h"
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace encdec::test {

inline int64_t pad16(int64_t n) { return (n + 15) / 16 * 16; }

/// Memory at 64-byte alignment, filled with NaN so that reading what nobody
/// wrote shows.
class Buffer {
public:
  explicit Buffer(size_t floats = 0) : storage(floats + 32, std::nanf("")) {}
  float *data() {
    auto at = reinterpret_cast<uintptr_t>(storage.data());
    return storage.data() + (64 - at % 64) % 64 / 4;
  }
  uint8_t *bytes() { return reinterpret_cast<uint8_t *>(data()); }
  float &operator[](size_t i) { return data()[i]; }
  size_t size() const { return storage.size() - 32; } // in floats

private:
  std::vector<float> storage;
};

/// A row-major matrix in double.
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> values;
  Matrix() = default;
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), values(rows * columns) {}
  double &operator()(int64_t r, int64_t c) { return values[r * columns + c]; }
  double operator()(int64_t r, int64_t c) const {
    return values[r * columns + c];
  }
};

/// Values that f32 holds exactly.
inline Matrix randomMatrix(int64_t rows, int64_t columns, std::mt19937 &random,
                           double scale = 1) {
  Matrix m(rows, columns);
  for (double &v : m.values)
    v = float(std::uniform_real_distribution<double>(-scale, scale)(random));
  return m;
}

/// Arena, weights and context of a call. Regions are handed out one after the other;
/// kernels know them by table entries.
class KernelCall {
public:
  explicit KernelCall(int64_t rows, int64_t units = 0)
      : rows(rows), units(units ? units : rows), arena(1 << 20),
        weights(1 << 21), scratch(4 * 16384) {
    context.arena = arena.bytes();
    context.weights = weights.bytes();
    context.scratch = scratch.bytes();
    context.scratch_stride = 16384 * 4;
    context.rows = rows;
  }

  /// Reserves a region of `floats` for each row unit; returns its table entry.
  int32_t place(int64_t floats) {
    int64_t at = nextPlace;
    nextPlace += pad16(floats) / 16;
    return int32_t(at);
  }
  float *at(int32_t place) {
    return arena.data() + int64_t(place) * 16 * units;
  }
  /// Reserves a region that holds `m`, with padding zero; returns its table entry.
  int32_t input(const Matrix &m) {
    int32_t entry = place(m.columns);
    for (int64_t r = 0; r < m.rows; ++r)
      for (int64_t c = 0; c < pad16(m.columns); ++c)
        at(entry)[r * pad16(m.columns) + c] =
            c < m.columns ? float(m(r, c)) : 0;
    return entry;
  }
  /// `m` [N, K] packed [N/16][K][16] as f32; its table entry.
  int32_t packed(const Matrix &m) {
    float *to = reserve(pad16(m.rows) * m.columns * 4);
    for (int64_t n = 0; n < pad16(m.rows); ++n)
      for (int64_t k = 0; k < m.columns; ++k)
        to[(n / 16 * m.columns + k) * 16 + n % 16] =
            n < m.rows ? float(m(n, k)) : 0;
    return last;
  }
  /// The same as int8, [N/16][K/group][16][group]: values must be whole numbers. In
  /// groups of 4 the values at even k have a zero point of 128.
  int32_t packedInt8(const Matrix &m, int64_t group = 1) {
    int64_t depth = (m.columns + group - 1) / group * group;
    auto *to = reinterpret_cast<int8_t *>(reserve(pad16(m.rows) * depth));
    for (int64_t n = 0; n < pad16(m.rows); ++n)
      for (int64_t k = 0; k < depth; ++k)
        to[n / 16 * depth * 16 + k / group * group * 16 + n % 16 * group +
           k % group] =
            int8_t((n < m.rows && k < m.columns ? int(m(n, k)) : 0) +
                   (group == 4 && k % 2 == 0 ? 128 : 0));
    return last;
  }
  /// The same by kind; `m` holds values that `kind` can store (asStored).
  int32_t packed(const Matrix &m, cpu::WeightKind kind) {
    if (kind == cpu::WeightKind::f32)
      return packed(m);
    if (kind != cpu::WeightKind::bf16)
      return packedInt8(m, cpu::groupOf(kind));
    auto *to =
        reinterpret_cast<uint16_t *>(reserve(pad16(m.rows) * m.columns * 2));
    for (int64_t n = 0; n < pad16(m.rows); ++n)
      for (int64_t k = 0; k < m.columns; ++k)
        to[(n / 16 * m.columns + k) * 16 + n % 16] =
            n < m.rows
                ? uint16_t(std::bit_cast<uint32_t>(float(m(n, k))) >> 16)
                : 0;
    return last;
  }
  /// Rows of a [N, K] table or a [1, K] vector, row after row, padded with
  /// zeros.
  int32_t vector(const Matrix &m) {
    float *to = reserve(m.rows * pad16(m.columns) * 4);
    for (int64_t r = 0; r < m.rows; ++r)
      for (int64_t c = 0; c < pad16(m.columns); ++c)
        to[r * pad16(m.columns) + c] = c < m.columns ? float(m(r, c)) : 0;
    return last;
  }

  /// The rows `m` and, for a kind that wants them, those quantized by `jit`: the
  /// first entries of a product's table.
  std::vector<int32_t> rowsFor(KernelJit &jit, const Matrix &m,
                            cpu::WeightKind kind, int64_t workers = 1) {
    std::vector<int32_t> table{input(m)};
    if (kind == cpu::WeightKind::int8Dynamic) {
      table.push_back(place(cpu::quantizedRowBytes(m.columns) / 4));
      run(jit, "quantize_" + std::to_string(m.columns), table, workers);
    }
    return table;
  }

  /// Runs `kernel` as `workers` workers, one after the other.
  void run(KernelJit &jit, llvm::StringRef kernel, std::vector<int32_t> table,
           int64_t workers = 1) {
    struct Frame {
      const encdec_abi_context *context;
      int64_t worker, workers, units;
    };
    auto *function = jit.get<void(const Frame *, const int32_t *)>(kernel);
    for (int64_t w = 0; w < workers; ++w) {
      Frame frame{&context, w, workers, units};
      function(&frame, table.data());
    }
  }

  encdec_abi_context context = {};
  const int64_t rows, units;

private:
  float *reserve(int64_t bytes) {
    last = int32_t(nextWeight);
    nextWeight += (bytes + 63) / 64;
    return weights.data() + int64_t(last) * 16;
  }
  Buffer arena, weights, scratch;
  int64_t nextPlace = 0, nextWeight = 0;
  int32_t last = 0;
};

/// The values that `kind` stores of `m`; of int8, before its scale.
inline Matrix asStored(Matrix m, cpu::WeightKind kind) {
  for (double &v : m.values)
    if (cpu::hasScales(kind))
      v = std::round(v * 127);
    else if (kind == cpu::WeightKind::bf16)
      v = std::bit_cast<float>(std::bit_cast<uint32_t>(float(v)) & 0xffff0000);
  return m;
}

/// x as a product of `kind` reads it: int8Dynamic rounds each row.
inline Matrix asSeen(const Matrix &x, cpu::WeightKind kind) {
  if (kind != cpu::WeightKind::int8Dynamic)
    return x;
  Matrix seen = x;
  for (int64_t r = 0; r < x.rows; ++r) {
    float most = 0;
    for (int64_t k = 0; k < x.columns; ++k)
      most = std::max(most, std::abs(float(x(r, k))));
    for (int64_t k = 0; k < x.columns; ++k)
      seen(r, k) = most == 0 ? 0
                             : std::nearbyint(float(x(r, k)) * (127.0f / most)) *
                                   double(most / 127.0f);
  }
  return seen;
}

constexpr cpu::WeightKind weightKinds[] = {
    cpu::WeightKind::f32, cpu::WeightKind::bf16, cpu::WeightKind::int8,
    cpu::WeightKind::int8Dynamic};

/// The bytes of `count` floats: equal bits, not equal values.
inline std::string bits(const float *data, int64_t count) {
  return std::string(reinterpret_cast<const char *>(data), count * 4);
}

} // namespace encdec::test
