// y = x Wᵀ + b over packed weights [N/16][K/g][16][g], g = 4 for int8Dynamic, else 1.
//
//   the others    y[r][n] = (Σ_k x[r][k] * w[n][k]) * scale[n] + b[n]
//   int8Dynamic   y[r][n] = (Σ_k q[r][k] * w[n][k]) * (s[r] * scale[n]) + b[n]
//                 q[r][k] = round(x[r][k] * (127 / max|x[r]|)), s[r] = max|x[r]| / 127
//
// Each output has one accumulator and k ascends, in every tile, or sums are of
// whole numbers; so its bits depend neither on how many rows there are nor on who
// computes it. Scales are int8's only.
//
// The whole numbers: one layout serves instructions that multiply pairs of i16 and
// those that multiply quads of bytes. Of four weights u v u v along K, the u, at even
// k, are stored as u + 128, so that two bytes read as one i16 are p = 256 v + u + 128,
// ready to be multiplied without being widened. With the q of the same k, called a b:
//
//   pairs   p a + (p >> 8) (b - 256 a) = u a + v b + 128 a    p >> 8 is v
//   quads   (u + 128) a + (v + 128) b                         one xor makes the v + 128
//
// i32 wraps around, so what p a has too much of vanishes exactly. What is left over
// depends on the row alone and is taken off at the end.
#include "compiler/lower/CpuKernels.h"
#include "compiler/place/Layout.h"

using namespace mlir;

namespace encdec::lower {
namespace {

std::string typed(StringRef name, WeightKind kind) {
  return (name + "_" + nameOf(kind)).str();
}

/// Bytes of weights that are still near when a tile is done with them.
constexpr int64_t kNear = 256 << 10;

/// What linearTile is made of; one accumulator for each (row, vector of
/// columns).
struct Tile {
  KernelBuilder &k;
  int64_t rows, panels;
  const CpuLevel &level;
  WeightKind kind;

  int64_t lanes() const { return level.lanes; }
  bool dynamic() const { return kind == WeightKind::int8Dynamic; }
  /// Bytes of x, and of a panel, for one step along K. The quantized rows of a
  /// tile are interleaved.
  int64_t xStep() const { return dynamic() ? rows * level.quadBytes() : 4; }
  int64_t panelStep() const { return 16 * groupOf(kind) * bytesOf(kind); }
  /// How often each register of weights is multiplied.
  int64_t parts() const { return dynamic() && level.dot == Dot::Pairs ? 2 : 1; }
  int64_t vectors() const { return panels * 16 / lanes(); } // of a row
  VectorType floats() const { return k.vector(k.f32(), lanes()); }
  VectorType sums() const {
    return dynamic() ? k.vector(k.i32(), lanes()) : floats();
  }
  /// A register of int8Dynamic, as the products take it.
  VectorType whole() const {
    return level.dot == Dot::Pairs ? k.vector(k.getI16Type(), 2 * lanes())
                                   : k.vector(k.getI8Type(), 4 * lanes());
  }

  /// x of one row, in every lane.
  Val broadcast(Val x, int64_t part) const {
    if (!dynamic())
      return k.splat(k.load(k.f32(), x), lanes());
    return k.bitcast(k.splat(k.load(k.i32(), x + part * 4), lanes()), whole());
  }
  /// Vector `j` of the weights at `at[panel]`, as what x is multiplied with.
  Val weight(ArrayRef<Val> at, int64_t j) const {
    int64_t vectorsOfPanel = 16 / lanes();
    Val pointer =
        at[j / vectorsOfPanel] + j % vectorsOfPanel * (panelStep() / vectorsOfPanel);
    if (dynamic() && level.dot == Dot::Pairs)
      return k.load(whole(), pointer);
    if (dynamic()) {
      VectorType quads = k.vector(k.i32(), lanes());
      return k.bitcast(k.load(quads, pointer) ^
                           k.constantOf(quads, double(int32_t(0x80008000))),
                       whole());
    }
    if (kind == WeightKind::f32)
      return k.load(floats(), pointer);
    if (kind == WeightKind::bf16)
      return k.fromBf16(k.load(k.vector(k.getI16Type(), lanes()), pointer));
    Val stored = k.load(k.vector(k.getI8Type(), lanes()), pointer);
    return k.toFloat(k.signExtend(stored, k.vector(k.i32(), lanes())));
  }
  /// What of it is multiplied in the second part.
  Val nextPart(Val w) const { return w >> 8; }
  Val accumulate(Val x, Val w, Val sum) const {
    if (!dynamic())
      return fma(x, w, sum);
    if (level.dot == Dot::Quads)
      return k.intrinsic(level.dotIntrinsic, sums(), {sum, w, x});
    if (level.dotIntrinsic.empty())
      return sum + k.multiplyAddPairs(x, w);
    return sum + k.intrinsic(level.dotIntrinsic, sums(), {x, w});
  }

  /// acc + x w for one step. Whichever are fewer, rows or vectors of weights, stay
  /// in registers, the others come one at a time. Any other order spills.
  Vals multiply(ArrayRef<Val> x, ArrayRef<Val> at, Vals acc) const {
    auto add = [&](int64_t r, int64_t j, Val x, Val w) {
      Val &sum = acc[r * vectors() + j];
      sum = accumulate(x, w, sum);
    };
    if (rows <= vectors()) {
      Vals stay; // [row][part]
      for (int64_t i = 0; i < rows * parts(); ++i)
        stay.push_back(broadcast(x[i / parts()], i % parts()));
      for (int64_t j = 0; j < vectors(); ++j) {
        Val w = weight(at, j);
        for (int64_t part = 0; part < parts(); ++part) {
          if (part)
            w = nextPart(w);
          for (int64_t r = 0; r < rows; ++r)
            add(r, j, stay[r * parts() + part], w);
        }
      }
      return acc;
    }
    Vals stay;
    for (int64_t j = 0; j < vectors(); ++j)
      stay.push_back(weight(at, j));
    for (int64_t part = 0; part < parts(); ++part) {
      for (Val &w : stay)
        w = part ? nextPart(w) : w;
      for (int64_t r = 0; r < rows; ++r) {
        Val comes = broadcast(x[r], part);
        for (int64_t j = 0; j < vectors(); ++j)
          add(r, j, comes, stay[j]);
      }
    }
    return acc;
  }

  /// How far ahead of their use weights are asked for, if at all: the next panels while
  /// these are multiplied, unless that is more than stays near; a little where one
  /// panel is one stream, which waits at each page for the hardware to see where it
  /// goes. One or two rows read several streams as fast as they come, but for those
  /// that take parts of lines, and not many of them.
  Val bytesAhead(Val panelBytes) const {
    bool slow = panelStep() < 64 && panels * panelStep() <= 128;
    if ((rows == 1 && panels == 1) || (rows <= 2 && panels > 1 && !slow))
      return Val();
    Val little = k.constant(int64_t(2048)), next = panelBytes * panels;
    return panels == 1 ? little : select(next < kNear + 1, next, little);
  }

  /// y = acc * scale + bias.
  void finish(ArrayRef<Val> acc, Val records, Val scales, Val bias, Val y,
              Val ldy) const {
    Val noBias = k.isNull(bias);
    for (int64_t j = 0; j < vectors(); ++j) {
      int64_t column = j * lanes() * 4;
      // -0.0 added changes nothing, not even the sign of a zero.
      Val b = k.choose(
          noBias, [&] { return Vals{k.constantOf(floats(), -0.0)}; },
          [&] { return Vals{k.load(floats(), bias + column)}; })[0];
      Val row = y;
      for (int64_t r = 0; r < rows; ++r, row = row + ldy) {
        Val sum = acc[r * vectors() + j], record = records + r * kRowRecord;
        if (dynamic())
          sum = k.toFloat(sum - k.splat(k.load(k.i32(), record + 4), lanes())) *
                (k.splat(k.load(k.f32(), record), lanes()) *
                 k.load(floats(), scales + column));
        else if (kind == WeightKind::int8)
          sum = sum * k.load(floats(), scales + column);
        k.store(sum + b, row + column);
      }
    }
  }
};

/// Rows are dealt evenly to as few tiles as can hold them: 8 are 4 and 4, where 6
/// and 2 would read the weights as often and multiply less for it. `larger` tiles
/// have a row more than the others, and come first.
struct Deal {
  Val least, larger, tiles;
};
Deal deal(Val rows, ArrayRef<TileShape> shapes) {
  Val tiles = (rows + (shapes[0].rows - 1)) / shapes[0].rows;
  return {rows / tiles, rows % tiles, tiles};
}

} // namespace

func::FuncOp CpuKernels::linearTile(int64_t rows, int64_t panels,
                                    WeightKind kind) {
  std::string name = typed("linear_tile", kind) + "_" + std::to_string(rows) +
                     "x" + std::to_string(panels);
  // (x, ldx, records, w, K, scales, bias, y, ldy)
  SmallVector<Type> types{ptr, i64, ptr, ptr, i64, ptr, ptr, ptr, i64};
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val x = a[0], ldx = a[1], records = a[2], w = a[3], depth = a[4],
        scales = a[5], bias = a[6], y = a[7], ldy = a[8];
    Tile tile{k, rows, panels, level, kind};
    Val panelBytes = depth * tile.panelStep();
    Val ahead = tile.bytesAhead(panelBytes);
    Vals xRows{x}, panel{w};
    while (int64_t(xRows.size()) < rows)
      xRows.push_back(tile.dynamic()
                          ? x + int64_t(xRows.size()) * level.quadBytes()
                          : xRows.back() + ldx);
    while (int64_t(panel.size()) < panels)
      panel.push_back(panel.back() + panelBytes);

    Vals acc(rows * tile.vectors(), k.constantOf(tile.sums(), 0.0));
    acc = k.loop(k.constant(int64_t(0)), depth, k.constant(int64_t(1)), acc,
                 [&](Val i, ArrayRef<Val> acc) {
                   Vals xs, at;
                   for (Val row : xRows)
                     xs.push_back(row + i * tile.xStep());
                   for (Val p : panel) {
                     at.push_back(p + i * tile.panelStep());
                     if (ahead.value)
                       k.prefetch(at.back() + ahead);
                   }
                   return tile.multiply(xs, at, Vals(acc));
                 });
    tile.finish(acc, records, scales, bias, y, ldy);
  });
}

// Panels go by in groups as wide as the widest tile, and each stays near while all
// rows use it.
func::FuncOp CpuKernels::linearBlock(WeightKind kind) {
  ArrayRef<TileShape> shapes = level.tiles(kind);
  // (x, ldx, records, rows, w, K, scales, bias, y, ldy, first, last)
  SmallVector<Type> types{ptr, i64, ptr, i64, ptr, i64,
                          ptr, ptr, ptr, i64, i64, i64};
  // Tiles first: a function cannot be defined within another.
  int64_t widest = 1;
  for (const TileShape &shape : shapes)
    widest = std::max(widest, shape.panels);
  for (const TileShape &shape : shapes)
    for (int64_t panels = shape.panels; panels; panels /= 2)
      linearTile(shape.rows, panels, kind);

  return define(
      typed("linear_block", kind), types,
      [&](KernelBuilder &k, ArrayRef<Val> a) {
        Val x = a[0], ldx = a[1], records = a[2], rows = a[3], w = a[4],
            depth = a[5], scales = a[6], bias = a[7], y = a[8], ldy = a[9],
            first = a[10], last = a[11];
        Val panelBytes = depth * Tile{k, 1, 1, level, kind}.panelStep();
        Val noBias = k.isNull(bias), zero = k.constant(int64_t(0));
        auto tile = [&](func::FuncOp function, Val row, Val panel) {
          Val column = panel * 64;
          Val b = select(noBias, bias, bias + column);
          k.call(function, {x + row * ldx, ldx, records + row * kRowRecord,
                            w + panel * panelBytes, depth, scales + column, b,
                            y + row * ldy + column, ldy});
        };
        k.loop(zero, rows, k.constant(kRowBlock), [&](Val block) {
          auto [least, larger, tiles] =
              deal(min(rows - block, k.constant(kRowBlock)), shapes);
          Val from = first;
          for (int64_t group = widest; group; group /= 2) {
            Val to = from + (last - from) / group * group;
            k.loop(from, to, k.constant(group), [&](Val panel) {
              for (const TileShape &shape : shapes) {
                Val isLeast = least == k.constant(shape.rows);
                Val isLarger = least == k.constant(shape.rows - 1);
                Val start = select(isLeast, larger * (least + 1), zero);
                Val number = select(isLeast, tiles - larger,
                                    select(isLarger, larger, zero));
                Val row = block + start;
                int64_t width = std::min(group, shape.panels);
                func::FuncOp function =
                    linearTile(shape.rows, width, kind);
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

// q[k] = round(x[k] * (127 / max|x|)), ties to even; a row of zeros is zeros. The rows
// of a tile are interleaved, [tile][K/4][row of tile][four of q], as linearBlock will
// deal them; after all of them come the records.
func::FuncOp CpuKernels::quantize(int64_t inputs) {
  std::string name = "quantize_" + std::to_string(inputs);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    VectorType vector = k.vector(k.f32(), 16), whole = k.vector(k.i32(), 16);
    Val zero = k.constant(int64_t(0)), step = k.constant(int64_t(16)),
        width = k.constant(rowStride(inputs)), rows = f.context("rows");
    Val x = f.place(0), values = f.place(1);
    Val ldq = k.constant(quantizedStride(inputs)), records = values + rows * ldq;
    auto [first, last] = f.share(rows);
    k.loop(first, last, [&](Val r) {
      Val block = r / kRowBlock * kRowBlock;
      auto [least, larger, tiles] =
          deal(min(rows - block, k.constant(kRowBlock)),
               level.tiles(WeightKind::int8Dynamic));
      Val inLarger = larger * (least + 1); // so many rows
      Val isLarger = r - block < inLarger;
      Val base = block + select(isLarger, zero, inLarger);
      Val tall = select(isLarger, least + 1, least); // rows of this tile
      Val place = (r - base) % tall;
      Val stride = tall * level.quadBytes();
      Val row = x + r * (rowStride(inputs) * 4);
      Val q = values + (r - place) * ldq + place * level.quadBytes();
      // Four chains: one would wait for itself.
      constexpr int64_t chains = 4;
      Vals parts(chains, k.constantOf(vector, 0.0));
      auto sweep = [&](Val from, Val to, int64_t chains) {
        parts = k.loop(from, to, step * chains, parts,
                       [&](Val i, ArrayRef<Val> so) {
                         Vals next(so);
                         for (int64_t c = 0; c < chains; ++c)
                           next[c] = max(absolute(k.load(vector,
                                                         row + i * 4 + c * 64)),
                                         so[c]);
                         return next;
                       });
      };
      Val even = k.constant(rowStride(inputs) / (16 * chains) * (16 * chains));
      sweep(zero, even, chains);
      sweep(even, width, 1);
      Val most = k.max16(max(max(parts[0], parts[1]), max(parts[2], parts[3])));
      Val none = k.constant(0.0f);
      Val inverse = select(most > none, k.constant(127.0f) / most, none);
      Val factor = k.splat(inverse, 16);
      Val sum = k.loop(zero, width, step, {k.constantOf(whole, 0.0)},
                       [&](Val i, ArrayRef<Val> sum) {
                         Val rounded = k.toInteger(
                             k.roundEven(k.load(vector, row + i * 4) * factor));
                         return Vals{sum[0] + storeQuads(k, rounded,
                                                         q + i / 4 * stride,
                                                         stride)};
                       })[0];
      Val record = records + r * kRowRecord;
      k.store(most / k.constant(127.0f), record);
      k.store(k.sum16(sum) << 7, record + 4);
    });
  });
}

/// Bytes of one quantized row of `inputs`.
int64_t CpuKernels::quantizedStride(int64_t inputs) const {
  return rowStride(inputs) / 4 * level.quadBytes();
}

/// Stores 16 quantized values, each four `stride` bytes after the one before, and
/// returns those that count towards what sums will have too much of.
Val CpuKernels::storeQuads(KernelBuilder &k, Val values, Val to, Val stride) {
  Val counted = values, stored;
  if (level.dot == Dot::Quads) {
    stored = k.bitcast(k.truncate(values, k.vector(k.getI8Type(), 16)),
                       k.vector(k.i32(), 4));
  } else { // a b a b to a a b' b', b' = b - 256 a
    SmallVector<int32_t> odd, even;
    SmallVector<int64_t> before, order;
    for (int64_t i = 0; i < 16; ++i) {
      odd.push_back(i % 2 ? -1 : 0);
      even.push_back(i % 2 ? 0 : -1);
      before.push_back(i / 2 * 2);
      order.push_back(i / 4 * 4 + i % 2 * 2 + i / 2 % 2);
    }
    Type whole = values.type();
    counted = values & k.constantOf(whole, ArrayRef<int32_t>(even));
    Val left = k.shuffle(values, before) << 8;
    Val pairs = values - (left & k.constantOf(whole, ArrayRef<int32_t>(odd)));
    stored = k.bitcast(
        k.shuffle(k.truncate(pairs, k.vector(k.getI16Type(), 16)), order),
        k.vector(k.i64(), 4));
  }
  for (int64_t quad = 0; quad < 4; ++quad, to = to + stride)
    k.store(k.lane(stored, quad), to);
  return counted;
}

// Table entries 0 and 1: the rows, and their quantized form if it is there.
void CpuKernels::emitInput(KernelBuilder &k, Frame &f, LinearOperands &o,
                           int64_t inputs, WeightKind kind) {
  bool dynamic = kind == WeightKind::int8Dynamic;
  o.rows = f.context("rows");
  o.x = f.place(dynamic ? 1 : 0);
  o.ldx = k.constant(dynamic ? quantizedStride(inputs) : rowStride(inputs) * 4);
  o.records = dynamic ? o.x + o.rows * o.ldx : k.null();
}

void CpuKernels::emitLinear(KernelBuilder &k, const LinearOperands &o,
                            int64_t inputs, WeightKind kind,
                            std::optional<ActivationKind> activation, Val first,
                            Val last) {
  Val depth = k.constant((inputs + groupOf(kind) - 1) / groupOf(kind));
  k.call(linearBlock(kind), {o.x, o.ldx, o.records, o.rows, o.weight, depth,
                             o.scales, o.bias, o.y, o.ldy, first, last});
  // On what this worker has just written and still has near.
  if (activation)
    k.call(activatePanels(*activation), {o.y, o.ldy, o.rows, first, last});
}

func::FuncOp CpuKernels::linear(const LinearShape &shape) {
  std::string name = "linear_" + std::to_string(shape.inputs);
  int64_t panels = 0;
  for (auto [outputs, kind] :
       llvm::zip_equal(shape.outputs, shape.kinds)) {
    name += "_" + nameOf(kind).str() + "x" + std::to_string(outputs);
    panels += (outputs + 15) / 16;
  }
  if (shape.activation)
    name += ("_" + stringifyActivationKind(*shape.activation)).str();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    LinearOperands o;
    // The panels of all outputs, one after the other, are shared out together.
    auto [first, last] = f.share(k.constant(panels));
    int64_t entry = hasDynamic(shape.kinds) ? 2 : 1, base = 0;
    for (auto [outputs, kind] :
         llvm::zip_equal(shape.outputs, shape.kinds)) {
      int64_t count = (outputs + 15) / 16;
      emitInput(k, f, o, shape.inputs, kind);
      o.weight = f.weight(entry);
      o.scales = f.optionalWeight(entry + 1);
      o.bias = f.optionalWeight(entry + 2);
      o.y = f.place(entry + 3);
      o.ldy = k.constant(count * 64);
      Val zero = k.constant(int64_t(0)), end = k.constant(count);
      Val from = min(max(first - base, zero), end);
      Val to = min(max(last - base, zero), end);
      k.when(from < to, [&] {
        emitLinear(k, o, shape.inputs, kind, shape.activation, from, to);
      });
      entry += 4;
      base += count;
    }
  });
}

} // namespace encdec::lower
