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

func::FuncOp CpuKernels::norm(const NormShape &shape) {
  return defineKernel(shape.name(), [&](KernelBuilder &k, Frame &f) {
    int64_t panels = (shape.width + 15) / 16, entry = 0;
    NormedRow row{k, shape, k.constant(int64_t(0)), k.constant(panels * 64),
                  k.constant((panels - 1) * 64)};
    VectorType vector = row.vector();
    Val x = f.place(entry++), other = shape.residual ? f.place(entry++) : Val();
    Val gamma = f.weight(entry++), beta = shape.hasBeta ? f.weight(entry) : Val();
    Val y = f.place(++entry), sums = shape.keepsSum ? f.place(entry + 1) : y;
    bool isRms = shape.kind == NormKind::rms;

    auto [first, last] = f.share(f.context("rows"));
    k.loop(first, last, [&](Val number) {
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

func::FuncOp CpuKernels::activation(int64_t width, ActivationKind kind, bool isGated) {
  std::string name =
      ("activation_" + stringifyActivationKind(kind) + (isGated ? "_gated_" : "_")).str() +
      std::to_string(width);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    VectorType vector = k.vector(k.f32(), 16);
    Val x = f.place(0), gate = isGated ? f.place(1) : Val(), y = f.place(isGated ? 2 : 1);
    auto [first, last] = f.share(f.context("rows") * ((width + 15) / 16));
    k.loop(first, last, [&](Val panel) {
      Val at = panel * 64, active = activate(k.load(vector, x + at), kind);
      k.store(isGated ? active * k.load(vector, gate + at) : active, y + at);
    });
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

func::FuncOp CpuKernels::activatePanels(ActivationKind kind, bool isGated) {
  std::string name =
      ("activate_" + stringifyActivationKind(kind) + (isGated ? "_gated" : "")).str();
  // (y, gate or null, ldy, rows, first, last)
  return define(name, {ptr, ptr, i64, i64, i64, i64},
                [&](KernelBuilder &k, ArrayRef<Val> a) {
                  VectorType vector = k.vector(k.f32(), 16);
                  k.loop(k.constant(int64_t(0)), a[3], [&](Val row) {
                    Val begin = row * a[2];
                    k.loop(a[4], a[5], [&](Val panel) {
                      Val at = begin + panel * 64;
                      Val active = activate(k.load(vector, a[0] + at), kind);
                      if (isGated)
                        active = active * k.load(vector, a[1] + at);
                      k.store(active, a[0] + at);
                    });
                  });
                });
}

} // namespace encdec::cpu
