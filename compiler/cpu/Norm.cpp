// Row-wise kernels that are not products: norm, add, activation, states.
//
// Norm, of one row of E elements, v = x or x + residual:
//   layer  y = (v - mean) / sqrt(variance + eps) * gamma + beta
//          mean = Σ v / E,  variance = Σ (v - mean)² / E
//   rms    y = v / sqrt(Σ v² / E + eps) * gamma + beta
// (LayerNorm; Ba, Kiros, Hinton, arXiv 1607.06450. RMSNorm; Zhang, Sennrich, arXiv
// 1910.07467.) beta may be absent. Sums run in 16 lanes, column n in lane n mod 16, and end
// in one fixed tree, so that a row has the same bits whoever computes it. x + residual is
// rounded before it is normed, so that add_norm has the bits of add and norm.
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/Math.h"
#include <limits>

using namespace mlir;

namespace encdec::cpu {

std::string NormShape::name() const {
  std::string name = residual ? "add_norm_" : "norm_";
  if (kind != NormKind::layer)
    name += (stringifyNormKind(kind) + "_").str();
  if (!hasBeta)
    name += "unbiased_";
  if (keepsSum)
    name += "sum_";
  return name + std::to_string(width) + "_" + bitsOf(eps);
}

namespace {
/// One row, as panels of 16 columns.
struct NormedRow {
  KernelBuilder &k;
  const NormShape &shape;
  Val zero, rowBytes, lastPanel;

  VectorType vector() const { return k.vector(k.f32(), 16); }
  Val zeros() const { return k.constantOf(vector(), 0.0); }
  Val mean(Val sum) const {
    return k.sum16(sum) / k.constant(float(shape.width));
  }
  /// Σ over the panels of [from, to); term(address offset, sum so far).
  Val sum(Val to, llvm::function_ref<Val(Val, Val)> term) const {
    return k.loop(zero, to, k.constant(int64_t(64)), {zeros()},
                  [&](Val i, ArrayRef<Val> sum) { return Vals{term(i, sum[0])}; })[0];
  }
  /// 1 / sqrt(mean of the squares' sum + eps), in every lane.
  Val inverse(Val squares) const {
    return k.splat(k.constant(1.0f) / sqrt(mean(squares) + k.constant(shape.eps)), 16);
  }
  /// Σ (v - mean)². The padding is zero, but its distance from the mean is not: mask it.
  Val deviations(Val v, Val mean) const {
    int64_t tail = shape.width - (shape.width - 1) / 16 * 16;
    Val squares = sum(lastPanel, [&](Val i, Val sum) {
      Val d = k.load(vector(), v + i) - mean;
      return fma(d, d, sum);
    });
    Val d = k.load(vector(), v + lastPanel) - mean;
    d = select(k.iota(16) < tail, d, zeros());
    return fma(d, d, squares);
  }
};
} // namespace

func::FuncOp CpuKernels::normRows(const NormShape &shape) {
  // (x, residual or null, gamma, beta or null, y, sums, rows); sums are y where none are kept
  return define(shape.name() + "_rows", {ptr, ptr, ptr, ptr, ptr, ptr, i64},
                [&](KernelBuilder &k, ArrayRef<Val> a) {
    int64_t panels = (shape.width + 15) / 16;
    NormedRow row{k, shape, k.constant(int64_t(0)), k.constant(panels * 64),
                  k.constant((panels - 1) * 64)};
    VectorType vector = row.vector();
    Val x = a[0], other = a[1], gamma = a[2], beta = a[3], y = a[4], sums = a[5];
    bool isRms = shape.kind == NormKind::rms;

    k.loop(row.zero, a[6], [&](Val number) {
      Val at = number * row.rowBytes, out = y + at, v = sums + at;
      Val sum = row.sum(row.rowBytes, [&](Val i, Val sum) {
        Val value = k.load(vector, x + at + i);
        if (shape.residual)
          value = value + k.load(vector, other + at + i);
        k.store(value, v + i);
        return isRms ? fma(value, value, sum) : sum + value;
      });
      Val mean = isRms ? Val() : k.splat(row.mean(sum), 16);
      Val scales = row.inverse(isRms ? sum : row.deviations(v, mean));
      k.loop(row.zero, row.rowBytes, k.constant(int64_t(64)), [&](Val i) {
        Val value = k.load(vector, v + i);
        Val n = (isRms ? value : value - mean) * scales;
        // gamma and beta are zero in the padding, and so is y.
        Val g = k.load(vector, gamma + i);
        k.store(shape.hasBeta ? fma(n, g, k.load(vector, beta + i)) : n * g, out + i);
      });
    });
  });
}

func::FuncOp CpuKernels::norm(const NormShape &shape) {
  return defineKernel(shape.name(), [&](KernelBuilder &k, Frame &f) {
    int64_t entry = 0;
    auto [first, last] = f.share(f.context("rows"));
    Val begin = first * rowBytes(shape.width);
    Val x = f.place(entry++) + begin;
    Val other = shape.residual ? f.place(entry++) + begin : k.null();
    Val gamma = f.weight(entry++), beta = f.optionalWeight(entry++);
    Val y = f.place(entry++) + begin, sums = shape.keepsSum ? f.place(entry) + begin : y;
    k.call(normRows(shape), {x, other, gamma, beta, y, sums, last - first});
  });
}

//===-- Elementwise ops ----------------------------------------------------===//

std::string Elementwise::name() const {
  if (!activation)
    return "add";
  return ("activation_" + stringifyActivationKind(*activation) + (hasOther ? "_gated" : "")).str();
}

func::FuncOp CpuKernels::elementwise(const Elementwise &what) {
  // (x, other or null, y, bytes between rows, rows, first, last)
  return define("elementwise_" + what.name(), {ptr, ptr, ptr, i64, i64, i64, i64},
                [&](KernelBuilder &k, ArrayRef<Val> a) {
                  VectorType vector = k.vector(k.f32(), 16);
                  k.loop(k.constant(int64_t(0)), a[4], [&](Val row) {
                    Val begin = row * a[3];
                    k.loop(a[5], a[6], [&](Val panel) {
                      Val at = begin + panel * 64, value = k.load(vector, a[0] + at);
                      if (what.activation)
                        value = activate(value, *what.activation);
                      if (what.hasOther) {
                        Val other = k.load(vector, a[1] + at);
                        value = what.activation ? value * other : value + other;
                      }
                      k.store(value, a[2] + at);
                    });
                  });
                });
}

// Rows lie end to end without gaps, so all of them are one row of panels.
func::FuncOp CpuKernels::elementwise(int64_t width, const Elementwise &what) {
  return defineKernel(what.name() + "_" + std::to_string(width),
                      [&](KernelBuilder &k, Frame &f) {
                        Val x = f.place(0), other = what.hasOther ? f.place(1) : k.null();
                        Val y = f.place(what.hasOther ? 2 : 1);
                        auto [first, last] = f.share(f.context("rows") * ((width + 15) / 16));
                        k.call(elementwise(what), {x, other, y, k.constant(int64_t(0)),
                                                   k.constant(int64_t(1)), first, last});
                      });
}

func::FuncOp CpuKernels::states(int64_t width) {
  return defineKernel(
      "states_" + std::to_string(width), [&](KernelBuilder &k, Frame &f) {
        VectorType vector = k.vector(k.f32(), 16);
        Val x = f.place(0), out = f.contextPointer("out_states");
        k.unless(k.isNull(out), [&] {
          Val rowBytes = k.constant((width + 15) / 16 * 64);
          auto [first, last] = f.share(f.context("rows"));
          k.loop(first * rowBytes, last * rowBytes, k.constant(int64_t(64)),
                 [&](Val at) { k.store(k.load(vector, x + at), out + at); });
        });
      });
}

} // namespace encdec::cpu
