// Row-wise kernels that are not products: norm, add, activation.
//
// Norm, of one row of E elements (LayerNorm; Ba, Kiros, Hinton, arXiv
// 1607.06450):
//   mean = Σ v / E,  variance = Σ (v - mean)² / E      v = x or x + residual
//   y = (v - mean) / sqrt(variance + eps) * gamma + beta
// Both sums run in 16 lanes, column n in lane n mod 16, and end in one fixed
// tree, so that a row has the same bits whoever computes it.
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/Math.h"
#include <limits>

using namespace mlir;

namespace encdec::cpu {

func::FuncOp CpuKernels::norm(int64_t width, float eps, bool residual) {
  std::string name = (residual ? "add_norm_" : "norm_") +
                     std::to_string(width) + "_" + bitsOf(eps);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t panels = (width + 15) / 16, tail = width - (panels - 1) * 16;
    VectorType vector = k.vector(k.f32(), 16);
    int64_t entry = 0;
    Val x = f.place(entry++), other = residual ? f.place(entry++) : Val();
    Val gamma = f.weight(entry), beta = f.weight(entry + 1),
        y = f.place(entry + 2);
    Val zeros = k.constantOf(vector, 0.0);
    Val lastPanel = k.constant((panels - 1) * 64),
        rowBytes = k.constant(panels * 64);
    Val zero = k.constant(int64_t(0)), step = k.constant(int64_t(64));
    float count = float(width);

    auto [first, last] = f.share(f.context("rows"));
    k.loop(first, last, [&](Val row) {
      Val at = row * rowBytes, out = y + at;
      Val sum =
          k.loop(zero, rowBytes, step, {zeros}, [&](Val i, ArrayRef<Val> sum) {
            Val v = k.load(vector, x + at + i);
            if (residual)
              v = v + k.load(vector, other + at + i);
            k.store(v, out + i);
            return Vals{sum[0] + v};
          })[0];
      Val mean = k.splat(k.sum16(sum) / k.constant(count), 16);
      Val squares =
          k.loop(zero, lastPanel, step, {zeros}, [&](Val i, ArrayRef<Val> sum) {
            Val d = k.load(vector, out + i) - mean;
            return Vals{fma(d, d, sum[0])};
          })[0];
      // The padding is zero, but its distance from the mean is not: mask it.
      Val d = k.load(vector, out + lastPanel) - mean;
      d = select(k.iota(16) < tail, d, zeros);
      squares = fma(d, d, squares);
      Val variance = k.sum16(squares) / k.constant(count);
      Val scale = k.constant(1.0f) / sqrt(variance + k.constant(eps));
      Val scales = k.splat(scale, 16);
      k.loop(zero, rowBytes, step, [&](Val i) {
        Val n = (k.load(vector, out + i) - mean) * scales;
        // gamma and beta are zero in the padding, and so is y.
        k.store(fma(n, k.load(vector, gamma + i), k.load(vector, beta + i)),
                out + i);
      });
    });
  });
}

// Rows lie end to end without gaps, so elementwise kernels walk one run of panels.

func::FuncOp CpuKernels::add(int64_t width) {
  return defineKernel(
      "add_" + std::to_string(width), [&](KernelBuilder &k, Frame &f) {
        VectorType vector = k.vector(k.f32(), 16);
        Val x = f.place(0), y = f.place(1), sum = f.place(2);
        auto [first, last] = f.share(f.context("rows") * ((width + 15) / 16));
        k.loop(first, last, [&](Val panel) {
          Val at = panel * 64;
          k.store(k.load(vector, x + at) + k.load(vector, y + at), sum + at);
        });
      });
}

func::FuncOp CpuKernels::activation(int64_t width, ActivationKind kind) {
  std::string name =
      ("activation_" + stringifyActivationKind(kind) + "_").str() +
      std::to_string(width);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    VectorType vector = k.vector(k.f32(), 16);
    Val x = f.place(0), y = f.place(1);
    auto [first, last] = f.share(f.context("rows") * ((width + 15) / 16));
    k.loop(first, last, [&](Val panel) {
      Val at = panel * 64;
      k.store(activate(k.load(vector, x + at), kind), y + at);
    });
  });
}

func::FuncOp CpuKernels::activatePanels(ActivationKind kind) {
  std::string name = ("activate_" + stringifyActivationKind(kind)).str();
  // (y, ldy, rows, first, last)
  return define(name, {ptr, i64, i64, i64, i64},
                [&](KernelBuilder &k, ArrayRef<Val> a) {
                  VectorType vector = k.vector(k.f32(), 16);
                  k.loop(k.constant(int64_t(0)), a[2], [&](Val row) {
                    Val y = a[0] + row * a[1];
                    k.loop(a[3], a[4], [&](Val panel) {
                      Val at = y + panel * 64;
                      k.store(activate(k.load(vector, at), kind), at);
                    });
                  });
                });
}

} // namespace encdec::cpu
