// Linear kernels against sums in double; equal bits for all row and worker
// counts.
#include "KernelCall.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::test;
using cpu::CpuKernels;
using cpu::LinearShape;
using cpu::WeightKind;

namespace {

class Linear : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Linear, everyLevel());

struct Case {
  int64_t inputs;
  std::vector<int64_t> outputs;
  WeightKind kind;
  bool bias;
  std::optional<ActivationKind> activation;
};

std::string kernelName(const Case &c) {
  std::string name = "linear_" + std::to_string(c.inputs);
  for (int64_t n : c.outputs)
    name += "_" + nameOf(c.kind).str() + "x" + std::to_string(n);
  if (c.activation)
    name += "_" + stringifyActivationKind(*c.activation).str();
  return name;
}

const std::vector<Case> &cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> every;
    for (WeightKind kind : weightKinds) {
      every.push_back({1, {1}, kind, true, {}});
      every.push_back({7, {15}, kind, false, {}});
      every.push_back({16, {16}, kind, true, {}});
      every.push_back({64, {17}, kind, true, {}});
      every.push_back({67, {150}, kind, true, {}});
      every.push_back({31, {16, 40, 3}, kind, true, {}});
      every.push_back({64, {64, 64, 64}, kind, true, {}});
      every.push_back({48, {333}, kind, true, ActivationKind::relu});
    }
    return every;
  }();
  return all;
}

LinearShape gated(WeightKind kind);

KernelJit &jit() {
  return levelJit([](CpuKernels &kernels) {
    for (WeightKind kind : weightKinds) {
      LinearShape shape = gated(kind);
      kernels.linear(shape);
      shape.activation.reset(), shape.isGated = false;
      kernels.linear(shape);
      kernels.quantize(shape.inputs);
    }
    kernels.elementwise(131, {ActivationKind::gelu_tanh, /*hasOther=*/true});
    for (const Case &c : cases()) {
      LinearShape shape{c.inputs, {}, {}, c.activation};
      for (int64_t n : c.outputs) {
        shape.outputs.push_back(n);
        shape.kinds.push_back(c.kind);
      }
      kernels.linear(shape);
      kernels.quantize(c.inputs);
    }
  });
}

/// up and gate of a gated FFN, at odd sizes.
LinearShape gated(WeightKind kind) {
  return {67, {131, 131}, {kind, kind}, ActivationKind::gelu_tanh, /*isGated=*/true};
}

// One call for both products of a gated FFN gives the bits of two calls and the gated
// activation of their outputs.
TEST_P(Linear, GatedIsTwoProductsAndAnActivation) {
  for (WeightKind kind : weightKinds) {
    LinearShape shape = gated(kind);
    std::mt19937 random(8);
    Matrix weights[2], scales[2], biases[2];
    for (int i : {0, 1}) {
      weights[i] = asStored(randomMatrix(131, 67, random), kind);
      scales[i] = randomMatrix(1, 131, random, 0.05);
      biases[i] = randomMatrix(1, 131, random);
    }
    for (int64_t rows : {1, 2, 5, 13, 49})
      for (int64_t workers = 1; workers <= 4; ++workers) {
        KernelCall call(rows);
        std::vector<int32_t> table =
            call.rowsFor(jit(), randomMatrix(rows, 67, random), kind, workers);
        for (int i : {0, 1}) {
          table.push_back(call.packed(weights[i], kind));
          table.push_back(cpu::hasScales(kind) ? call.vector(scales[i]) : -1);
          table.push_back(i == 0 ? call.vector(biases[i]) : -1); // of one alone
        }
        std::vector<int32_t> both = table, apart = table;
        int32_t hidden = call.place(131), gate = call.place(131), up = call.place(131),
                other = call.place(131), expected = call.place(131);
        both.insert(both.end(), {hidden, gate});
        apart.insert(apart.end(), {up, other});
        std::string type = nameOf(kind).str() + "x131";
        std::string name = "linear_67_" + type + "_" + type;
        call.run(jit(), name, apart);
        call.run(jit(), "activation_gelu_tanh_gated_131", {up, other, expected});
        call.run(jit(), name + "_gelu_tanh_gated", both, workers);
        ASSERT_EQ(bits(call.at(hidden), rows * pad16(131)),
                  bits(call.at(expected), rows * pad16(131)))
            << name << ", " << rows << " rows, " << workers << " workers";
        ASSERT_NE(bits(call.at(up), 16), bits(call.at(hidden), 16));
      }
  }
}

TEST_P(Linear, EveryShapeRowCountAndWorkerCount) {
  for (const Case &c : cases()) {
    SCOPED_TRACE(kernelName(c));
    std::mt19937 random(7);
    bool whole = cpu::hasScales(c.kind);
    Matrix x = randomMatrix(50, c.inputs, random);
    for (int64_t k = 0; k < c.inputs; ++k)
      x(1, k) = 0; // row 1 is zero, so its scale is 0
    Matrix seen = asSeen(x, c.kind);
    std::vector<Matrix> weights, scales, biases;
    for (int64_t n : c.outputs) {
      weights.push_back(asStored(randomMatrix(n, c.inputs, random), c.kind));
      scales.push_back(randomMatrix(1, n, random));
      biases.push_back(randomMatrix(1, n, random));
    }
    std::vector<std::string> alone(c.outputs.size()); // row 0's bits
    for (int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 23, 31, 47, 48, 49, 50})
      for (int64_t workers = 1; workers <= 4; ++workers) {
        KernelCall call(rows);
        Matrix part = x;
        part.rows = rows;
        std::vector<int32_t> table = call.rowsFor(jit(), part, c.kind, workers);
        std::vector<int32_t> places;
        for (size_t i = 0; i < c.outputs.size(); ++i) {
          table.push_back(call.packed(weights[i], c.kind));
          table.push_back(whole ? call.vector(scales[i]) : -1);
          table.push_back(c.bias ? call.vector(biases[i]) : -1);
          places.push_back(call.place(c.outputs[i]));
        }
        table.insert(table.end(), places.begin(), places.end());
        call.run(jit(), kernelName(c), table, workers);
        for (size_t i = 0; i < c.outputs.size(); ++i) {
          int64_t width = c.outputs[i], stride = pad16(width);
          const float *y = call.at(places[i]);
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t n = 0; n < stride; ++n) {
              double sum = 0, size = 0;
              for (int64_t k = 0; n < width && k < c.inputs; ++k) {
                double scale = whole ? scales[i](0, n) : 1;
                sum += seen(r, k) * weights[i](n, k) * scale;
                size += std::abs(seen(r, k) * weights[i](n, k) * scale);
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
