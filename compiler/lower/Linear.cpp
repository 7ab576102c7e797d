// y = x Wᵀ + b over packed weights [N/16][K][16], f32 or int8.
//
//   y[r][n] = (Σ_k x[r][k] * w[n][k]) * scale[n] + b[n]        (scale: int8
//   only)
//
// Each output has one accumulator and k ascends, in every tile, so its bits
// depend neither on how many rows there are nor on who computes it.
#include "compiler/lower/CpuKernels.h"

using namespace mlir;

namespace encdec::lower {
namespace {

/// Rows that share a pass over the weights: their x, 2 KB each at K = 512, stay
/// in L2 while panel after panel goes by. A multiple of the most rows of a tile.
constexpr int64_t kRowBlock = 96;

std::string typed(StringRef name, bool quantized) {
  return (name + (quantized ? "_i8" : "_f32")).str();
}

/// What linearTile is made of; one accumulator for each (row, vector of
/// columns).
struct Tile {
  KernelBuilder &k;
  int64_t rows, panels, lanes;
  bool quantized;

  int64_t weightBytes() const { return quantized ? 1 : 4; }
  int64_t vectors() const { return panels * 16 / lanes; } // of a row
  VectorType type() const { return k.vector(k.f32(), lanes); }

  /// Vector `j` of the weights at `at[panel]`, one k of each panel, as f32.
  Val weight(ArrayRef<Val> at, int64_t j) const {
    int64_t parts = 16 / lanes, offset = j % parts * lanes * weightBytes();
    Val pointer = at[j / parts] + offset;
    if (!quantized)
      return k.load(type(), pointer);
    Val bytes = k.load(k.vector(k.getI8Type(), lanes), pointer);
    return k.toFloat(k.signExtend(bytes, k.vector(k.i32(), lanes)));
  }

  /// acc + x w for one k. Whichever are fewer, rows or vectors of weights, stay in
  /// registers, the others come one at a time. Any other order spills.
  Vals multiply(ArrayRef<Val> x, ArrayRef<Val> at, Vals acc) const {
    auto broadcast = [&](int64_t r) {
      return k.splat(k.load(k.f32(), x[r]), lanes);
    };
    if (rows <= vectors()) {
      Vals xs;
      for (int64_t r = 0; r < rows; ++r)
        xs.push_back(broadcast(r));
      for (int64_t j = 0; j < vectors(); ++j) {
        Val w = weight(at, j);
        for (int64_t r = 0; r < rows; ++r) {
          Val &sum = acc[r * vectors() + j];
          sum = fma(xs[r], w, sum);
        }
      }
      return acc;
    }
    Vals weights;
    for (int64_t j = 0; j < vectors(); ++j)
      weights.push_back(weight(at, j));
    for (int64_t r = 0; r < rows; ++r) {
      Val one = broadcast(r);
      for (int64_t j = 0; j < vectors(); ++j) {
        Val &sum = acc[r * vectors() + j];
        sum = fma(one, weights[j], sum);
      }
    }
    return acc;
  }

  /// y = acc * scale + bias.
  void finish(ArrayRef<Val> acc, Val scales, Val bias, Val y, Val ldy) const {
    Val noBias = k.isNull(bias);
    for (int64_t j = 0; j < vectors(); ++j) {
      int64_t column = j * lanes * 4;
      // -0.0 added changes nothing, not even the sign of a zero.
      Val b = k.choose(
          noBias, [&] { return Vals{k.constantOf(type(), -0.0)}; },
          [&] { return Vals{k.load(type(), bias + column)}; })[0];
      Val row = y;
      for (int64_t r = 0; r < rows; ++r, row = row + ldy) {
        Val sum = acc[r * vectors() + j];
        if (quantized)
          sum = sum * k.load(type(), scales + column);
        k.store(sum + b, row + column);
      }
    }
  }
};

} // namespace

func::FuncOp CpuKernels::linearTile(int64_t rows, int64_t panels,
                                    bool quantized) {
  std::string name = typed("linear_tile", quantized) + "_" +
                     std::to_string(rows) + "x" + std::to_string(panels);
  // (x, ldx, w, K, scales, bias, y, ldy)
  SmallVector<Type> types{ptr, i64, ptr, i64, ptr, ptr, ptr, i64};
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val x = a[0], ldx = a[1], w = a[2], depth = a[3];
    Tile tile{k, rows, panels, level.lanes, quantized};
    Val panelBytes = depth * (16 * tile.weightBytes());
    Vals xRows{x}, panel{w};
    while (int64_t(xRows.size()) < rows)
      xRows.push_back(xRows.back() + ldx);
    while (int64_t(panel.size()) < panels)
      panel.push_back(panel.back() + panelBytes);

    Vals acc(rows * tile.vectors(), k.constantOf(tile.type(), 0.0));
    acc = k.loop(k.constant(int64_t(0)), depth, k.constant(int64_t(1)), acc,
                 [&](Val i, ArrayRef<Val> acc) {
                   Vals xs, at;
                   for (Val row : xRows)
                     xs.push_back(row + i * 4);
                   for (Val p : panel)
                     at.push_back(p + i * (16 * tile.weightBytes()));
                   return tile.multiply(xs, at, Vals(acc));
                 });
    tile.finish(acc, a[4], a[5], a[6], a[7]);
  });
}

// Rows are dealt evenly to as few tiles as can hold them: 8 are 4 and 4, where 6
// and 2 would read the weights as often and multiply less for it. Panels go by in
// groups as wide as the widest tile, and each stays near while all rows use it.
func::FuncOp CpuKernels::linearBlock(bool quantized) {
  int64_t weightBytes = quantized ? 1 : 4;
  ArrayRef<TileShape> shapes = level.tiles(quantized);
  // (x, ldx, rows, w, K, scales, bias, y, ldy, first, last)
  SmallVector<Type> types{ptr, i64, i64, ptr, i64, ptr,
                          ptr, ptr, i64, i64, i64};
  // Tiles first: a function cannot be defined within another.
  int64_t widest = 1;
  for (const TileShape &shape : shapes)
    widest = std::max(widest, shape.panels);
  for (const TileShape &shape : shapes)
    for (int64_t panels = shape.panels; panels; panels /= 2)
      linearTile(shape.rows, panels, quantized);

  return define(
      typed("linear_block", quantized), types,
      [&](KernelBuilder &k, ArrayRef<Val> a) {
        Val x = a[0], ldx = a[1], rows = a[2], w = a[3], depth = a[4],
            scales = a[5], bias = a[6], y = a[7], ldy = a[8], first = a[9],
            last = a[10];
        Val panelBytes = depth * (16 * weightBytes);
        Val noBias = k.isNull(bias), zero = k.constant(int64_t(0));
        auto tile = [&](func::FuncOp function, Val row, Val panel) {
          Val column = panel * 64;
          Val b = select(noBias, bias, bias + column);
          k.call(function, {x + row * ldx, ldx, w + panel * panelBytes, depth,
                            scales + column, b, y + row * ldy + column, ldy});
        };
        k.loop(zero, rows, k.constant(kRowBlock), [&](Val block) {
          Val count = min(rows - block, k.constant(kRowBlock));
          Val tiles = (count + (shapes[0].rows - 1)) / shapes[0].rows;
          Val least = count / tiles, larger = count % tiles;
          Val from = first;
          for (int64_t group = widest; group; group /= 2) {
            Val to = from + (last - from) / group * group;
            k.loop(from, to, k.constant(group), [&](Val panel) {
              // `larger` tiles have a row more than the others, and come first.
              for (const TileShape &shape : shapes) {
                Val isLeast = least == k.constant(shape.rows);
                Val isLarger = least == k.constant(shape.rows - 1);
                Val start = select(isLeast, larger * (least + 1), zero);
                Val number = select(isLeast, tiles - larger,
                                    select(isLarger, larger, zero));
                Val row = block + start;
                int64_t width = std::min(group, shape.panels);
                func::FuncOp function =
                    linearTile(shape.rows, width, quantized);
                for (int64_t p = 0; p < group; p += width)
                  k.loop(row, row + number * shape.rows,
                         k.constant(shape.rows),
                         [&](Val r) { tile(function, r, panel + p); });
              }
            });
            from = to;
          }
        });
      });
}

void CpuKernels::emitLinear(KernelBuilder &k, const LinearOperands &o,
                            int64_t inputs, bool quantized,
                            std::optional<ActivationKind> activation, Val first,
                            Val last) {
  k.call(linearBlock(quantized),
         {o.x, o.ldx, o.rows, o.weight, k.constant(inputs), o.scales, o.bias,
          o.y, o.ldy, first, last});
  // On what this worker has just written and still has near.
  if (activation)
    k.call(activatePanels(*activation), {o.y, o.ldy, o.rows, first, last});
}

func::FuncOp CpuKernels::linear(const LinearShape &shape) {
  std::string name = "linear_" + std::to_string(shape.inputs);
  int64_t panels = 0;
  for (auto [outputs, quantized] :
       llvm::zip_equal(shape.outputs, shape.quantized)) {
    name += (quantized ? "_i8x" : "_f32x") + std::to_string(outputs);
    panels += (outputs + 15) / 16;
  }
  if (shape.activation)
    name += ("_" + stringifyActivationKind(*shape.activation)).str();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    LinearOperands o;
    o.x = f.place(0);
    o.ldx = k.constant((shape.inputs + 15) / 16 * 64);
    o.rows = f.context("rows");
    // The panels of all outputs, one after the other, are shared out together.
    auto [first, last] = f.share(k.constant(panels));
    int64_t entry = 1, base = 0;
    for (auto [outputs, quantized] :
         llvm::zip_equal(shape.outputs, shape.quantized)) {
      int64_t count = (outputs + 15) / 16;
      o.weight = f.weight(entry);
      o.scales = f.optionalWeight(entry + 1);
      o.bias = f.optionalWeight(entry + 2);
      o.y = f.place(entry + 3);
      o.ldy = k.constant(count * 64);
      Val zero = k.constant(int64_t(0)), end = k.constant(count);
      Val from = min(max(first - base, zero), end);
      Val to = min(max(last - base, zero), end);
      k.when(from < to, [&] {
        emitLinear(k, o, shape.inputs, quantized, shape.activation, from, to);
      });
      entry += 4;
      base += count;
    }
  });
}

} // namespace encdec::lower
