// Linear kernels against sums in double; equal bits for all row and worker
// counts.
#include "KernelCall.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::test;
using lower::CpuKernels;
using lower::LinearShape;

namespace {

struct Case {
  int64_t inputs;
  std::vector<int64_t> outputs;
  bool quantized, bias;
  std::optional<ActivationKind> activation;
};

std::string kernelName(const Case &c) {
  std::string name = "linear_" + std::to_string(c.inputs);
  for (int64_t n : c.outputs)
    name += (c.quantized ? "_i8x" : "_f32x") + std::to_string(n);
  if (c.activation)
    name += "_" + stringifyActivationKind(*c.activation).str();
  return name;
}

const std::vector<Case> &cases() {
  static const std::vector<Case> all = {
      {1, {1}, false, true, {}},
      {7, {15}, false, false, {}},
      {16, {16}, false, true, {}},
      {64, {17}, false, true, {}},
      {67, {150}, false, true, {}},
      {31, {16, 40, 3}, false, true, {}},
      {64, {64, 64, 64}, false, true, {}},
      {48, {333}, false, true, ActivationKind::relu},
      {7, {15}, true, true, {}},
      {67, {150}, true, true, {}},
      {64, {97}, true, false, {}},
      {31, {16, 40, 3}, true, true, {}},
      {48, {333}, true, true, ActivationKind::relu}};
  return all;
}

KernelJit &jit() {
  static KernelJit instance([](CpuKernels &kernels) {
    for (const Case &c : cases()) {
      LinearShape shape{c.inputs, {}, {}, c.activation};
      for (int64_t n : c.outputs) {
        shape.outputs.push_back(n);
        shape.quantized.push_back(c.quantized);
      }
      kernels.linear(shape);
    }
  });
  return instance;
}

TEST(Linear, EveryShapeRowCountAndWorkerCount) {
  for (const Case &c : cases()) {
    SCOPED_TRACE(kernelName(c));
    std::mt19937 random(7);
    Matrix x = randomMatrix(14, c.inputs, random);
    std::vector<Matrix> weights, scales, biases;
    for (int64_t n : c.outputs) {
      Matrix w = randomMatrix(n, c.inputs, random, c.quantized ? 127 : 1);
      if (c.quantized)
        for (double &v : w.values)
          v = std::round(v);
      weights.push_back(w);
      scales.push_back(randomMatrix(1, n, random));
      biases.push_back(randomMatrix(1, n, random));
    }
    std::vector<std::string> alone(c.outputs.size()); // row 0's bits
    for (int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14})
      for (int64_t workers = 1; workers <= 4; ++workers) {
        KernelCall call(rows);
        Matrix part = x;
        part.rows = rows;
        std::vector<int32_t> table{call.input(part)};
        std::vector<int32_t> places;
        for (size_t i = 0; i < c.outputs.size(); ++i) {
          table.push_back(c.quantized ? call.packedInt8(weights[i])
                                      : call.packed(weights[i]));
          table.push_back(c.quantized ? call.vector(scales[i]) : -1);
          table.push_back(c.bias ? call.vector(biases[i]) : -1);
          table.push_back(call.place(c.outputs[i]));
          places.push_back(table.back());
        }
        call.run(jit(), kernelName(c), table, workers);
        for (size_t i = 0; i < c.outputs.size(); ++i) {
          int64_t width = c.outputs[i], stride = pad16(width);
          const float *y = call.at(places[i]);
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t n = 0; n < stride; ++n) {
              double sum = 0, size = 0;
              for (int64_t k = 0; n < width && k < c.inputs; ++k) {
                double scale = c.quantized ? scales[i](0, n) : 1;
                sum += x(r, k) * weights[i](n, k) * scale;
                size += std::abs(x(r, k) * weights[i](n, k) * scale);
              }
              if (n < width && c.bias)
                sum += biases[i](0, n);
              if (c.activation)
                sum = std::max(sum, 0.0);
              ASSERT_NEAR(y[r * stride + n], sum, 1e-6 * (size + 1))
                  << "row " << r << " of " << rows << ", column " << n << ", "
                  << workers << " workers";
            }
          if (alone[i].empty())
            alone[i] = bits(y, stride);
          ASSERT_EQ(bits(y, stride), alone[i])
              << rows << " rows and " << workers << " workers change the bits";
        }
      }
  }
}

} // namespace
