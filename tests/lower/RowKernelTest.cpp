// exp and its relatives, norm, add, activation, embedding.
#include "KernelCall.h"
#include "compiler/cpu/Math.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::test;
using cpu::CpuKernels;
using lower::KernelBuilder;
using lower::Val;

namespace {

class Math : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Math, everyLevel());
class Rows : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Rows, everyLevel());

/// f(x, y, panels): the function `name` of Math.h on panels of 16.
void defineMath(CpuKernels &kernels, mlir::MLIRContext *context,
                const char *name, Val (*function)(Val)) {
  mlir::OpBuilder types(context);
  KernelBuilder k(types.getUnknownLoc(), context);
  kernels.define(name, {k.ptr(), k.ptr(), k.i64()},
                 [&](KernelBuilder &k, llvm::ArrayRef<Val> a) {
                   k.loop(k.constant(int64_t(0)), a[2], [&](Val i) {
                     Val v = k.load(k.vector(k.f32(), 16), a[0] + i * 64);
                     k.store(function(v), a[1] + i * 64);
                   });
                 });
}

constexpr int64_t widths[] = {1, 15, 16, 17, 64, 300, 512};
constexpr ActivationKind kinds[] = {ActivationKind::relu, ActivationKind::gelu,
                                    ActivationKind::gelu_tanh,
                                    ActivationKind::silu};

/// Every kind of norm of one width.
std::vector<cpu::NormShape> normsOf(int64_t width) {
  std::vector<cpu::NormShape> all;
  for (NormKind kind : {NormKind::layer, NormKind::rms})
    for (bool hasBeta : {true, false}) {
      all.push_back({width, 1e-5f, kind, hasBeta, false, false});
      all.push_back({width, 1e-5f, kind, hasBeta, true, false});
      all.push_back({width, 1e-5f, kind, hasBeta, true, true});
    }
  return all;
}

KernelJit &jit() {
  return levelJit([](CpuKernels &kernels) {
    for (int64_t width : widths) {
      kernels.elementwise(width, {std::nullopt, /*hasOther=*/true});
      for (const cpu::NormShape &shape : normsOf(width))
        kernels.norm(shape);
      for (ActivationKind kind : kinds)
        for (bool isGated : {false, true})
          kernels.elementwise(width, {kind, isGated});
      for (cpu::WeightKind kind : weightKinds)
        kernels.embed(width, kind, 1.5f);
    }
    mlir::MLIRContext *context = kernels.elementwise(1, {std::nullopt, /*hasOther=*/true}).getContext();
    defineMath(kernels, context, "test_exp", cpu::exp);
    defineMath(kernels, context, "test_log", cpu::log);
    defineMath(kernels, context, "test_erf", cpu::erf);
  });
}

std::vector<float> apply(const char *name, std::vector<float> x) {
  x.resize(pad16(x.size()), 1.0f);
  std::vector<float> y(x.size());
  jit().get<void(const float *, float *, int64_t)>(name)(x.data(), y.data(),
                                                         x.size() / 16);
  return y;
}

std::vector<float> range(double from, double to, int64_t count) {
  std::vector<float> x;
  for (int64_t i = 0; i <= count; ++i)
    x.push_back(float(from + (to - from) * i / count));
  return x;
}

TEST_P(Math, Exp) {
  std::vector<float> x = range(-87.3, 88, 100000), y = apply("test_exp", x);
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(y[i] / std::exp(double(x[i])), 1, 2.5e-7) << x[i];
  std::vector<float> edges =
      apply("test_exp", {0.0f, -0.0f, -INFINITY, -1e30f, -88.0f, 1e30f});
  EXPECT_EQ(edges[0], 1);
  EXPECT_EQ(edges[1], 1);
  for (int i : {2, 3, 4})
    EXPECT_EQ(edges[i], 0);
  EXPECT_TRUE(std::isfinite(edges[5]));
}

TEST_P(Math, Log) {
  std::vector<float> x = range(0.5, 60000, 100000), y = apply("test_log", x);
  for (size_t i = 0; i < x.size(); ++i) {
    double expected = std::log(double(x[i]));
    ASSERT_NEAR(y[i], expected, 1e-7 + 2.5e-7 * std::abs(expected)) << x[i];
  }
  EXPECT_EQ(apply("test_log", {1.0f})[0], 0);
}

TEST_P(Math, Erf) {
  std::vector<float> x = range(-6, 6, 100000), y = apply("test_erf", x);
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(y[i], std::erf(double(x[i])), 3e-7) << x[i];
}

double activated(double x, ActivationKind kind) {
  switch (kind) {
  case ActivationKind::relu:
    return std::max(x, 0.0);
  case ActivationKind::gelu:
    return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case ActivationKind::gelu_tanh:
    return x / 2 *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case ActivationKind::silu:
    return x / (1 + std::exp(-x));
  }
  return NAN;
}

/// Runs `kernel` at rows 1 … 5 and 1 … 4 workers; hands each result,
/// [rows][pad16 (width)], to check and compares its first row's bits with those
/// of one row.
template <typename Prepare, typename Check>
void everyCount(int64_t width, const std::string &kernel, Prepare prepare,
                Check check) {
  SCOPED_TRACE(kernel);
  std::string alone;
  for (int64_t rows : {1, 2, 5})
    for (int64_t workers = 1; workers <= 4; ++workers) {
      KernelCall call(rows);
      std::vector<int32_t> table = prepare(call);
      call.run(jit(), kernel, table, workers);
      const float *y = call.at(table.back());
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < pad16(width); ++n)
          if (n < width)
            ASSERT_NO_FATAL_FAILURE(check(r, n, y[r * pad16(width) + n]));
          else
            ASSERT_EQ(y[r * pad16(width) + n], 0) << "padding of row " << r;
      if (alone.empty())
        alone = bits(y, pad16(width));
      ASSERT_EQ(bits(y, pad16(width)), alone);
    }
}

Matrix firstRows(const Matrix &m, int64_t rows) {
  Matrix part = m;
  part.rows = rows;
  return part;
}

TEST_P(Rows, AddAndActivation) {
  std::mt19937 random(3);
  for (int64_t width : widths) {
    Matrix x = randomMatrix(5, width, random, 4),
           y = randomMatrix(5, width, random);
    everyCount(
        width, "add_" + std::to_string(width),
        [&](KernelCall &call) {
          return std::vector{call.input(firstRows(x, call.rows)),
                             call.input(firstRows(y, call.rows)),
                             call.place(width)};
        },
        [&](int64_t r, int64_t n, float got) {
          ASSERT_EQ(got, float(x(r, n)) + float(y(r, n)));
        });
    for (ActivationKind kind : kinds)
      everyCount(
          width,
          "activation_" + stringifyActivationKind(kind).str() + "_" +
              std::to_string(width),
          [&](KernelCall &call) {
            return std::vector{call.input(firstRows(x, call.rows)),
                               call.place(width)};
          },
          [&](int64_t r, int64_t n, float got) {
            ASSERT_NEAR(got, activated(x(r, n), kind), 1e-6);
          });
  }
}

TEST_P(Rows, GatedActivationIsTheActivationTimesTheGate) {
  std::mt19937 random(3);
  for (int64_t width : widths)
    for (ActivationKind kind : kinds) {
      Matrix x = randomMatrix(5, width, random, 4), gate = randomMatrix(5, width, random);
      everyCount(
          width,
          "activation_" + stringifyActivationKind(kind).str() + "_gated_" +
              std::to_string(width),
          [&](KernelCall &call) {
            return std::vector{call.input(firstRows(x, call.rows)),
                               call.input(firstRows(gate, call.rows)), call.place(width)};
          },
          [&](int64_t r, int64_t n, float got) {
            ASSERT_NEAR(got, activated(x(r, n), kind) * gate(r, n), 1e-6);
          });
    }
}

/// The rows, residual and weights of a norm, whose mean is far from zero.
struct Normed {
  Matrix x, other, gamma, beta;
  Normed(int64_t width, std::mt19937 &random)
      : x(randomMatrix(5, width, random)), other(randomMatrix(5, width, random)),
        gamma(randomMatrix(1, width, random)), beta(randomMatrix(1, width, random)) {
    for (double &v : x.values)
      v += 3;
  }
  /// Up to the results.
  std::vector<int32_t> table(KernelCall &call, const cpu::NormShape &shape) const {
    std::vector<int32_t> table{call.input(firstRows(x, call.rows))};
    if (shape.residual)
      table.push_back(call.input(firstRows(other, call.rows)));
    table.push_back(call.vector(gamma));
    table.push_back(shape.hasBeta ? call.vector(beta) : -1);
    return table;
  }
  double expected(const cpu::NormShape &shape, int64_t r, int64_t n) const {
    auto value = [&](int64_t i) {
      return double(float(float(x(r, i)) + (shape.residual ? float(other(r, i)) : 0)));
    };
    double mean = 0, variance = 0, width = double(shape.width);
    for (int64_t i = 0; shape.kind == NormKind::layer && i < shape.width; ++i)
      mean += value(i) / width;
    for (int64_t i = 0; i < shape.width; ++i)
      variance += std::pow(value(i) - mean, 2) / width;
    return (value(n) - mean) / std::sqrt(variance + 1e-5f) * gamma(0, n) +
           (shape.hasBeta ? beta(0, n) : 0);
  }
};

TEST_P(Rows, Norm) {
  std::mt19937 random(4);
  for (int64_t width : widths)
    for (const cpu::NormShape &shape : normsOf(width)) {
      Normed of(width, random);
      everyCount(
          width, shape.name(),
          [&](KernelCall &call) {
            std::vector<int32_t> table = of.table(call, shape);
            int32_t y = call.place(width);
            table.push_back(y);
            if (shape.keepsSum) // the test below looks at it
              table.insert(table.end(), {call.place(width), y});
            return table;
          },
          [&](int64_t r, int64_t n, float got) {
            ASSERT_NEAR(got, of.expected(shape, r, n), 1e-5)
                << "row " << r << " column " << n;
          });
    }
}

// A fused op has the bits of the ops that it stands for.
TEST_P(Rows, AddNormIsAddThenNorm) {
  std::mt19937 random(6);
  for (int64_t width : widths)
    for (const cpu::NormShape &shape : normsOf(width)) {
      if (!shape.residual)
        continue;
      SCOPED_TRACE(shape.name());
      Normed of(width, random);
      KernelCall call(5);
      std::vector<int32_t> table = of.table(call, shape);
      int32_t y = call.place(width), kept = call.place(width), sum = call.place(width),
              plain = call.place(width);
      call.run(jit(), "add_" + std::to_string(width), {table[0], table[1], sum});
      cpu::NormShape alone = shape;
      alone.residual = alone.keepsSum = false;
      call.run(jit(), alone.name(), {sum, table[2], table[3], plain});
      table.push_back(y);
      if (shape.keepsSum)
        table.push_back(kept);
      call.run(jit(), shape.name(), table, 2);
      int64_t count = 5 * pad16(width);
      EXPECT_EQ(bits(call.at(y), count), bits(call.at(plain), count));
      if (shape.keepsSum)
        EXPECT_EQ(bits(call.at(kept), count), bits(call.at(sum), count));
    }
}

TEST_P(Rows, Embed) {
  std::mt19937 random(5);
  std::vector<int32_t> tokens{49, 0, 17, 16, 49}, positions{0, 3, 1, 1, 6};
  for (int64_t width : widths)
    for (cpu::WeightKind kind : weightKinds)
      for (bool withPositions : {false, true}) {
        Matrix w = asStored(randomMatrix(50, width, random), kind);
        bool quantized = cpu::hasScales(kind);
        Matrix scales = randomMatrix(1, 50, random),
               places = randomMatrix(7, width, random);
        everyCount(
            width,
            "embed_" + std::to_string(width) + "_" + nameOf(kind).str() + "_" +
                cpu::bitsOf(1.5f),
            [&](KernelCall &call) {
              call.context.tokens = tokens.data();
              call.context.positions = positions.data();
              std::vector<int32_t> table{call.packed(w, kind)};
              table.push_back(quantized ? call.vector(scales) : -1);
              table.push_back(withPositions ? call.vector(places) : -1);
              table.push_back(call.place(width));
              return table;
            },
            [&](int64_t r, int64_t n, float got) {
              double value =
                  w(tokens[r], n) * (quantized ? scales(0, tokens[r]) : 1);
              double expected =
                  1.5 * value + (withPositions ? places(positions[r], n) : 0);
              ASSERT_NEAR(got, expected, 1e-6 * (std::abs(expected) + 10));
            });
      }
}

} // namespace
