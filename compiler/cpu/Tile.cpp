// The kernel of one tile, which every product ends in. Linear.cpp has the formulas.
#include "compiler/cpu/Tile.h"

using namespace mlir;

namespace encdec::cpu {

func::FuncOp CpuKernels::linearTile(int64_t rows, int64_t panels,
                                    WeightKind kind) {
  std::string name = typed("linear_tile", kind) + "_" + std::to_string(rows) +
                     "x" + std::to_string(panels);
  // (x, ldx, records, w, K, scales, bias, y, ldy, prefetch.distance, prefetch.step)
  SmallVector<Type> types{ptr, i64, ptr, ptr, i64, ptr, ptr, ptr, i64, i64, i64};
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val x = a[0], ldx = a[1], records = a[2], w = a[3], depth = a[4],
        scales = a[5], bias = a[6], y = a[7], ldy = a[8];
    Tile tile{k, rows, panels, level, kind, choices};
    Prefetch prefetch{a[9], a[10]};
    Val panelBytes = depth * tile.panelStep();
    Vals xRows{x}, panel{w};
    while (int64_t(xRows.size()) < rows)
      xRows.push_back(tile.dynamic()
                          ? x + int64_t(xRows.size()) * level.quadBytes()
                          : xRows.back() + ldx);
    while (int64_t(panel.size()) < panels)
      panel.push_back(panel.back() + panelBytes);

    Vals acc(rows * tile.vectors(), k.constantOf(tile.sums(), 0.0));
    // acc after steps i to i + count - 1.
    auto multiply = [&](Val i, int64_t count, Vals acc) {
      Vals x, at, next;
      for (Val row : xRows)
        x.push_back(row + i * tile.xStep());
      for (Val p : panel) {
        at.push_back(p + i * tile.panelStep());
        next.push_back(tile.sharesPanels() ? p + (prefetch.distance + i * prefetch.step)
                                         : at.back() + prefetch.distance);
      }
      for (int64_t j = 0; j < count; ++j) {
        Vals xs, ws;
        for (Val row : x)
          xs.push_back(row + j * tile.xStep());
        for (Val w : at)
          ws.push_back(w + j * tile.panelStep());
        if (tile.prefetches() && j * tile.panelStep() % 64 == 0)
          for (Val p : next)
            k.prefetch(p + j * tile.panelStep());
        acc = tile.multiply(xs, ws, std::move(acc));
      }
      return acc;
    };
    Val from = k.constant(int64_t(0));
    for (int64_t count = tile.steps(); count; count /= 4) {
      Val to = depth / count * count;
      acc = k.loop(from, to, k.constant(count), acc, [&](Val i, ArrayRef<Val> so) {
        return multiply(i, count, Vals(so));
      });
      from = to;
    }
    tile.finish(acc, records, scales, bias, y, ldy);
  });
}

} // namespace encdec::cpu
