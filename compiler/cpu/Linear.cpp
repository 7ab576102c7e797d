// y = x Wᵀ + b over packed weights [N/16][K/g][16][g], g = 4 for int8Dynamic, else 1.
//
//   f32, bf16     y[r][n] = Σ_k x[r][k] * w[n][k] + b[n]
//   int8          y[r][n] = (Σ_k x[r][k] * w[n][k]) * scale[n] + b[n]
//   int8Dynamic   y[r][n] = (Σ_k q[r][k] * w[n][k]) * (s[r] * scale[n]) + b[n]
//                 q[r][k] = round(x[r][k] * (127 / max|x[r]|)), s[r] = max|x[r]| / 127
//
// Each output element has one accumulator, and k ascends in every tile; sums of
// int8Dynamic are of whole numbers, hence exact in any order. So the bits of an output
// depend neither on the number of rows nor on the worker that computes it.
//
// The integer products of int8Dynamic: one layout serves instructions that multiply pairs
// of i16 and instructions that multiply quads of bytes. Of four weights u v u v along K,
// the weights at even k are stored as u + 128 (a zero point of 128), so that two bytes
// read as one i16 are p = 256 v + u + 128, which is multiplied without being widened.
// With a and b for the two quantized activations of the same k:
//
//   pairs   p a + (p >> 8) (b - 256 a) = u a + v b + 128 a    p >> 8 is v
//   quads   (u + 128) a + (v + 128) b                         one xor makes the v + 128
//
// i32 wraps around, so 256 v a - 256 v a cancels exactly. The zero-point correction, 128
// times the row's activations at the even k (pairs) or at all k (quads), depends on the
// row alone; it stands in the row's record and is subtracted at the end.
#include "compiler/cpu/RowProgram.h"
#include "compiler/cpu/Tile.h"

using namespace mlir;

namespace encdec::cpu {

RowSplit splitRows(Val rows, ArrayRef<TileShape> shapes) {
  Val tiles = (rows + (shapes[0].rows - 1)) / shapes[0].rows;
  return {rows / tiles, rows % tiles, tiles};
}

// Panels are taken in groups as wide as the tile; a group stays in L1 while all rows of
// the row block use it.
func::FuncOp CpuKernels::linearBlock(WeightKind kind) {
  ArrayRef<TileShape> shapes = level.tiles(kind);
  int64_t together = shapes[0].panels;
  // (x, ldx, records, rows, w, K, scales, bias, y, ldy, first, last)
  SmallVector<Type> types{ptr, i64, ptr, i64, ptr, i64,
                          ptr, ptr, ptr, i64, i64, i64};
  // Tiles first: a function cannot be defined within another.
  for (const TileShape &shape : shapes)
    for (int64_t panels = std::max(shape.panels, together); panels; panels /= 2)
      if (panels <= shape.panels || isSharing(shapes[0], shape.rows))
        linearTile(shape.rows, panels, kind);

  return define(
      typed("linear_block", kind), types,
      [&](KernelBuilder &k, ArrayRef<Val> a) {
        Val x = a[0], ldx = a[1], records = a[2], rows = a[3], w = a[4],
            depth = a[5], scales = a[6], bias = a[7], y = a[8], ldy = a[9],
            first = a[10], last = a[11];
        Val panelBytes = depth * Tile{k, 1, 1, level, kind, choices}.panelStep();
        Val noBias = k.isNull(bias), zero = k.constant(int64_t(0));
        auto call = [&](const Tile &tile, Val row, Val panel,
                        const Prefetch &prefetch) {
          Val column = panel * 64;
          k.call(linearTile(tile.rows, tile.panels, kind),
                 {x + row * ldx, ldx, records + row * kRowRecord,
                  w + panel * panelBytes, depth, scales + column,
                  select(noBias, bias, bias + column), y + row * ldy + column, ldy,
                  prefetch.distance, prefetch.step});
        };
        // All panels of [first, last) in groups of `widest` panels, then of half as many.
        auto sweep = [&](int64_t widest, llvm::function_ref<void(Val, int64_t)> body) {
          Val from = first;
          for (int64_t group = widest; group; group /= 2) {
            Val to = from + (last - from) / group * group;
            k.loop(from, to, k.constant(group), [&](Val panel) { body(panel, group); });
            from = to;
          }
        };
        k.loop(zero, rows, k.constant(kRowBlock), [&](Val block) {
          auto [least, larger, tiles] =
              splitRows(min(rows - block, k.constant(kRowBlock)), shapes);
          Val one = k.constant(int64_t(1)), alone = tiles == one;
          for (const TileShape &shape : shapes)
            k.when(alone & (least == k.constant(shape.rows)), [&] {
              sweep(shape.panels, [&](Val panel, int64_t group) {
                Tile tile{k, shape.rows, group, level, kind, choices};
                call(tile, block, panel, tile.prefetchAlone(panelBytes));
              });
            });
          k.unless(alone, [&, least = least, larger = larger, tiles = tiles] {
            sweep(together, [&](Val panel, int64_t group) {
              for (const TileShape &shape : shapes) {
                if (!isSharing(shapes[0], shape.rows))
                  continue;
                Tile tile{k, shape.rows, group, level, kind, choices};
                // Tiles number `from` to `to` have this shape; they start at row `start`.
                Val isLeast = least == k.constant(shape.rows);
                Val isLarger = least == k.constant(shape.rows - 1);
                Val from = select(isLeast, larger, zero);
                Val to = select(isLeast, tiles, select(isLarger, larger, zero));
                Val start = block + select(isLeast, larger * (least + 1), zero);
                k.loop(from, to, one, [&](Val number) {
                  call(tile, start + (number - from) * shape.rows, panel,
                       tile.prefetchTogether(panelBytes, depth, number, tiles));
                });
              }
            });
          });
        });
      });
}

// Table entry 0 is the rows x; where a weight is int8Dynamic, entry 1 is their quantized
// form.
void CpuKernels::emitInput(KernelBuilder &k, Frame &f, LinearOperands &o,
                           int64_t inputs, WeightKind kind) {
  bool dynamic = kind == WeightKind::int8Dynamic;
  o.rows = f.context("rows");
  o.x = f.place(dynamic ? 1 : 0);
  o.ldx = k.constant(dynamic ? quantizedStride(inputs) : rowStride(inputs) * 4);
  o.records = dynamic ? o.x + o.rows * o.ldx : k.null();
}

void CpuKernels::emitLinear(KernelBuilder &k, const LinearOperands &o,
                            int64_t inputs, WeightKind kind, Val first, Val last) {
  Val depth = k.constant((inputs + groupOf(kind) - 1) / groupOf(kind));
  k.call(linearBlock(kind), {o.x, o.ldx, o.records, o.rows, o.weight, depth,
                             o.scales, o.bias, o.y, o.ldy, first, last});
}

// A row program: the products, and the activation on the panels that a worker has just made.
func::FuncOp CpuKernels::linear(const LinearShape &shape) {
  bool dynamic = hasDynamic(shape.kinds);
  RowProgram program{dynamic ? 2 : 1, {}, {}, 0};
  std::string name = "linear_" + std::to_string(shape.inputs);
  for (auto [outputs, kind] : llvm::zip_equal(shape.outputs, shape.kinds)) {
    name += "_" + nameOf(kind).str() + "x" + std::to_string(outputs);
    program.results.push_back(program.registers());
    program.steps.push_back({.kind = RowStep::Kind::linear,
                             .inputs = {kind == WeightKind::int8Dynamic ? 1 : 0},
                             .width = outputs,
                             .depth = shape.inputs,
                             .weights = kind});
  }
  auto activate = [&](int64_t &result, SmallVector<int64_t, 2> inputs) {
    RowStep step{RowStep::Kind::elementwise, inputs, program.maker(inputs[0])->width};
    step.elementwise = {shape.activation, inputs.size() > 1};
    result = program.registers();
    program.steps.push_back(step);
  };
  if (shape.activation)
    name += ("_" + stringifyActivationKind(*shape.activation)).str();
  if (shape.isGated) {
    name += "_gated";
    activate(program.results[0], {program.results[0], program.results[1]});
  } else if (shape.activation) {
    for (int64_t &result : program.results)
      activate(result, {result});
  }
  return rowProgram(program, name);
}

} // namespace encdec::cpu
