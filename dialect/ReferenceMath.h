// The arithmetic of the reference interpreter: float64, loops as in a textbook,
// no MLIR. Letters: R rows, H heads, D head size, E model width, V vocabulary.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace encdec::reference {

/// Row-major values; integers (ids, offsets) are held exactly as doubles.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> values;

  Tensor() = default;
  /// All zeros.
  explicit Tensor(std::vector<int64_t> shape);
  Tensor(std::vector<int64_t> shape, std::vector<double> values)
      : shape(std::move(shape)), values(std::move(values)) {}

  int64_t rows() const { return shape[0]; }
  int64_t width() const { return shape.back(); }
  double &at(int64_t i, int64_t j) { return values[i * width() + j]; }
  double at(int64_t i, int64_t j) const { return values[i * width() + j]; }
  double &at(int64_t h, int64_t i, int64_t j) {
    return values[(h * shape[1] + i) * width() + j];
  }
  double at(int64_t h, int64_t i, int64_t j) const {
    return values[(h * shape[1] + i) * width() + j];
  }
};

/// The keys each query row sees: [first, end) per row.
using KeyRanges = std::vector<std::pair<int64_t, int64_t>>;

enum class Activation { relu, gelu, geluTanh, silu };

/// y[r] = W x[r] + b.  x [R, in], weight [out, in], bias [out] or null -> [R,
/// out]
Tensor linear(const Tensor &x, const Tensor &weight, const Tensor *bias);
/// Each row as int8 would hold it: q * scale, scale = max|x| / 127, q = x * (127 /
/// max|x|) rounded to nearest, ties to even, all in f32.  x [R, in]
Tensor throughInt8(Tensor x);
/// scale * q·k per head; -inf beyond a row's keys.
/// query [R, H*D], key [K, H*D] -> [H, R, longest segment]
Tensor scores(const Tensor &query, const Tensor &key, const KeyRanges &ranges,
              int64_t heads, double scale);
/// The bucket of the distance from a query to a key, key position - query position
/// (Raffel et al., arXiv:1910.10683). Bidirectional: the upper half of the buckets is for
/// keys after the query; else these are at distance 0. Needs what relative_bias's C4 and
/// C5 ask for.
int64_t relativeBucket(int64_t distance, int64_t buckets, int64_t maxDistance,
                       bool bidirectional);
/// table[bucket(distance)][h] of all distances among `positions` key positions:
/// 1 - positions … positions - 1 if bidirectional, else 1 - positions … 0.
/// table [buckets, H] -> [H, distances]
Tensor relativeBias(const Tensor &table, int64_t positions, int64_t maxDistance,
                    bool bidirectional);
/// Adds bias[h][j - positions[r] + zero] to the score of each row's key j; `zero` is the
/// column of distance 0, and keys beyond the last distance have that one's bias.
/// scores [H, R, K], bias [H, distances], positions [R]
Tensor addBias(Tensor scores, const Tensor &bias, const Tensor &positions, int64_t zero);
/// -inf where key > positions[r].  scores [H, R, K], positions [R]
Tensor causalMask(Tensor scores, const Tensor &positions);
/// Over the last dimension of [H, R, K].
Tensor softmax(Tensor scores);
/// Sum over keys of prob * value, per head.
/// probs [H, R, K of the segment], value [all keys, H*D] -> [R, H*D]
Tensor context(const Tensor &probs, const Tensor &value, const KeyRanges &ranges,
               int64_t heads);
/// x + y, of one shape
Tensor add(Tensor x, const Tensor &y);
/// (x - mean) / sqrt(variance + eps) * gamma + beta.  x [R, E]; gamma, beta [E], beta may
/// be null
Tensor norm(Tensor x, const Tensor &gamma, const Tensor *beta, double eps);
/// x / sqrt(mean(x²) + eps) * gamma + beta, sizes alike
Tensor rmsNorm(Tensor x, const Tensor &gamma, const Tensor *beta, double eps);
Tensor activate(Tensor x, Activation kind);
/// x * y, of one shape
Tensor multiply(Tensor x, const Tensor &y);

/// One [R, count] tensor each.
struct Top {
  Tensor tokens, logProbs;
};
/// The `count` greatest of logits[r] + bias[rowBias[r]] above -inf, best first,
/// lower ids first on ties; their log-probs under the unbiased softmax. Places
/// left over: token 0, -inf.  logits [R, V], bias [any, V], rowBias [R]
Top topTokens(const Tensor &logits, const Tensor &bias, const Tensor &rowBias,
              int64_t count);

} // namespace encdec::reference
