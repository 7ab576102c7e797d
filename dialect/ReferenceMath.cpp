// Slow on purpose: what each op means, one loop per index of its formula.
#include "dialect/ReferenceMath.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace encdec::reference {

static constexpr double kMinusInfinity =
    -std::numeric_limits<double>::infinity();

Tensor::Tensor(std::vector<int64_t> sizes) : shape(std::move(sizes)) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  values.resize(count);
}

Tensor linear(const Tensor &x, const Tensor &weight, const Tensor *bias) {
  Tensor y({x.rows(), weight.rows()});
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int64_t n = 0; n < weight.rows(); ++n) {
      double sum = bias ? bias->values[n] : 0;
      for (int64_t k = 0; k < x.width(); ++k)
        sum += x.at(r, k) * weight.at(n, k);
      y.at(r, n) = sum;
    }
  return y;
}

Tensor throughInt8(Tensor x) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    float most = 0;
    for (int64_t k = 0; k < x.width(); ++k)
      most = std::max(most, std::fabs(float(x.at(r, k))));
    float scale = most / 127.0f, inverse = most > 0 ? 127.0f / most : 0;
    for (int64_t k = 0; k < x.width(); ++k)
      x.at(r, k) = double(std::nearbyint(float(x.at(r, k)) * inverse)) * scale;
  }
  return x;
}

Tensor scores(const Tensor &query, const Tensor &key, const KeyRanges &ranges,
              int64_t heads, double scale) {
  int64_t longest = 0, headSize = query.width() / heads;
  for (auto [first, end] : ranges)
    longest = std::max(longest, end - first);
  Tensor result({heads, query.rows(), longest});
  std::fill(result.values.begin(), result.values.end(), kMinusInfinity);
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t r = 0; r < query.rows(); ++r)
      for (int64_t j = ranges[r].first; j < ranges[r].second; ++j) {
        double sum = 0;
        for (int64_t d = h * headSize; d < (h + 1) * headSize; ++d)
          sum += query.at(r, d) * key.at(j, d);
        result.at(h, r, j - ranges[r].first) = scale * sum;
      }
  return result;
}

int64_t relativeBucket(int64_t distance, int64_t buckets, int64_t maxDistance,
                       bool bidirectional) {
  int64_t first = 0;
  if (bidirectional) {
    buckets /= 2;
    first = distance > 0 ? buckets : 0;
  } else {
    distance = std::min<int64_t>(distance, 0);
  }
  distance = std::abs(distance);
  int64_t exact = buckets / 2;
  if (distance < exact)
    return first + distance;
  double far = std::log(double(distance) / double(exact)) /
               std::log(double(maxDistance) / double(exact)) * double(buckets - exact);
  return first + std::min(exact + int64_t(far), buckets - 1);
}

Tensor relativeBias(const Tensor &table, int64_t positions, int64_t maxDistance,
                    bool bidirectional) {
  Tensor bias({table.width(), bidirectional ? 2 * positions - 1 : positions});
  for (int64_t h = 0; h < bias.rows(); ++h)
    for (int64_t i = 0; i < bias.width(); ++i)
      bias.at(h, i) = table.at(relativeBucket(i - (positions - 1), table.rows(), maxDistance,
                                              bidirectional),
                               h);
  return bias;
}

Tensor addBias(Tensor scores, const Tensor &bias, const Tensor &positions, int64_t zero) {
  for (int64_t h = 0; h < scores.shape[0]; ++h)
    for (int64_t r = 0; r < scores.shape[1]; ++r)
      for (int64_t j = 0; j < scores.width(); ++j)
        scores.at(h, r, j) +=
            bias.at(h, std::min(j - int64_t(positions.values[r]) + zero, bias.width() - 1));
  return scores;
}

Tensor causalMask(Tensor scores, const Tensor &positions) {
  for (int64_t h = 0; h < scores.shape[0]; ++h)
    for (int64_t r = 0; r < scores.shape[1]; ++r)
      for (int64_t j = 0; j < scores.width(); ++j)
        if (j > positions.values[r])
          scores.at(h, r, j) = kMinusInfinity;
  return scores;
}

Tensor softmax(Tensor scores) {
  for (int64_t h = 0; h < scores.shape[0]; ++h)
    for (int64_t r = 0; r < scores.shape[1]; ++r) {
      double most = kMinusInfinity, sum = 0;
      for (int64_t j = 0; j < scores.width(); ++j)
        most = std::max(most, scores.at(h, r, j));
      for (int64_t j = 0; j < scores.width(); ++j)
        sum += scores.at(h, r, j) = std::exp(scores.at(h, r, j) - most);
      for (int64_t j = 0; j < scores.width(); ++j)
        scores.at(h, r, j) /= sum;
    }
  return scores;
}

Tensor context(const Tensor &probs, const Tensor &value, const KeyRanges &ranges,
               int64_t heads) {
  Tensor result({probs.shape[1], value.width()});
  int64_t headSize = value.width() / heads;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t r = 0; r < result.rows(); ++r)
      for (int64_t j = ranges[r].first; j < ranges[r].second; ++j)
        for (int64_t d = h * headSize; d < (h + 1) * headSize; ++d)
          result.at(r, d) += probs.at(h, r, j - ranges[r].first) * value.at(j, d);
  return result;
}

Tensor add(Tensor x, const Tensor &y) {
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] += y.values[i];
  return x;
}

Tensor multiply(Tensor x, const Tensor &y) {
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] *= y.values[i];
  return x;
}

Tensor norm(Tensor x, const Tensor &gamma, const Tensor *beta, double eps) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    double mean = 0, variance = 0;
    for (int64_t k = 0; k < x.width(); ++k)
      mean += x.at(r, k) / x.width();
    for (int64_t k = 0; k < x.width(); ++k)
      variance += (x.at(r, k) - mean) * (x.at(r, k) - mean) / x.width();
    for (int64_t k = 0; k < x.width(); ++k)
      x.at(r, k) =
          (x.at(r, k) - mean) / std::sqrt(variance + eps) * gamma.values[k] +
          (beta ? beta->values[k] : 0);
  }
  return x;
}

// Zhang and Sennrich, arXiv:1910.07467.
Tensor rmsNorm(Tensor x, const Tensor &gamma, const Tensor *beta, double eps) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    double squares = 0;
    for (int64_t k = 0; k < x.width(); ++k)
      squares += x.at(r, k) * x.at(r, k) / x.width();
    for (int64_t k = 0; k < x.width(); ++k)
      x.at(r, k) = x.at(r, k) / std::sqrt(squares + eps) * gamma.values[k] +
                   (beta ? beta->values[k] : 0);
  }
  return x;
}

// gelu: x Φ(x); gelu_tanh: its tanh approximation (Hendrycks and Gimpel,
// arXiv:1606.08415); silu: x σ(x).
static double activate(double x, Activation kind) {
  switch (kind) {
  case Activation::relu:
    return std::max(x, 0.0);
  case Activation::gelu:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::geluTanh:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::silu:
    return x / (1 + std::exp(-x));
  }
  return x;
}

Tensor activate(Tensor x, Activation kind) {
  for (double &value : x.values)
    value = activate(value, kind);
  return x;
}

Top topTokens(const Tensor &logits, const Tensor &bias, const Tensor &rowBias,
              int64_t count) {
  Top top{Tensor({logits.rows(), count}), Tensor({logits.rows(), count})};
  std::fill(top.logProbs.values.begin(), top.logProbs.values.end(),
            kMinusInfinity);
  for (int64_t r = 0; r < logits.rows(); ++r) {
    auto biased = [&](int64_t v) {
      return logits.at(r, v) + bias.at(int64_t(rowBias.values[r]), v);
    };
    std::vector<int64_t> order;
    double most = kMinusInfinity, sum = 0;
    for (int64_t v = 0; v < logits.width(); ++v) {
      most = std::max(most, logits.at(r, v));
      if (biased(v) > kMinusInfinity)
        order.push_back(v);
    }
    for (int64_t v = 0; v < logits.width(); ++v)
      sum += std::exp(logits.at(r, v) - most);
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return biased(a) != biased(b) ? biased(a) > biased(b) : a < b;
    });
    for (int64_t i = 0; i < std::min(count, int64_t(order.size())); ++i) {
      top.tokens.at(r, i) = double(order[i]);
      top.logProbs.at(r, i) = logits.at(r, order[i]) - most - std::log(sum);
    }
  }
  return top;
}

} // namespace encdec::reference
