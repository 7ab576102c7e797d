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
// of i16 and instructions that multiply quads of bytes. Of four weights u v u v along K, the
// weights at even k are stored as u + 128 (a zero point of 128), so that two bytes read as
// one i16 are p = 256 v + u + 128, which is multiplied without being widened. With a and b
// for the two quantized activations of the same k:
//
//   pairs   p a + (p >> 8) (b - 256 a) = u a + v b + 128 a    p >> 8 is v
//   quads   (u + 128) a + (v + 128) b                         one xor makes the v + 128
//
// i32 wraps around, so 256 v a - 256 v a cancels exactly. The zero-point correction, 128
// times the row's activations at the even k (pairs) or at all k (quads), depends on the row
// alone; it stands in the row's record and is subtracted at the end.
#include "compiler/cpu/CpuKernels.h"

using namespace mlir;

namespace encdec::cpu {
namespace {

std::string typed(StringRef name, WeightKind kind) {
  return (name + "_" + nameOf(kind)).str();
}

/// Prefetched panels of up to kNearBytes are still in L2 when the tile comes to them;
/// kShortDistance bytes is the prefetch distance where they would not be.
constexpr int64_t kNearBytes = 256 << 10, kShortDistance = 2048;

/// Which weights a tile prefetches: in its first step along K the ones `distance` bytes
/// from its own, in each further step `step` bytes further.
struct Prefetch {
  Val distance, step;
};

/// Whether a row split can have several tiles of `rows` rows: two tiles whose rows fit
/// the largest tile together would be one.
bool isSharing(const TileShape &largest, int64_t rows) {
  return 2 * rows >= largest.rows;
}

/// The pieces of linearTile; one accumulator for each (row, vector of columns).
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
  int64_t panelStep() const { return bytesOf(kind, 16 * groupOf(kind)); }
  /// Products that each register of weights takes part in: two where pairs need
  /// p a and (p >> 8) (b - 256 a).
  int64_t parts() const { return dynamic() && level.dot == Dot::Pairs ? 2 : 1; }
  int64_t vectors() const { return panels * 16 / lanes(); } // of a row
  VectorType floats() const { return k.vector(k.f32(), lanes()); }
  VectorType sums() const {
    return dynamic() ? k.vector(k.i32(), lanes()) : floats();
  }
  /// The type of an int8Dynamic register, as the product instructions take it.
  VectorType whole() const {
    return level.dot == Dot::Pairs ? k.vector(k.getI16Type(), 2 * lanes())
                                   : k.vector(k.getI8Type(), 4 * lanes());
  }

  /// Steps along K in one turn of the loop. A turn costs up to ten instructions beside its
  /// steps: a quarter of an AVX2 step of 12 products, and decoding is the limit where a
  /// second thread of the core takes half of it. Steps of int8Dynamic and of AVX-512 are
  /// longer, and several of them in one turn spill registers.
  int64_t steps() const { return dynamic() || lanes() != 8 ? 1 : 4; }

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
  /// p >> 8, the weights at odd k, from p: the factor of the second product of pairs.
  Val nextPart(Val w) const { return w >> 8; }
  /// acc[at] + x w.
  struct Term {
    size_t at;
    Val x, w;
  };
  void accumulate(Vals &acc, ArrayRef<Term> terms) const {
    Vals products;
    for (auto [at, x, w] : terms)
      if (!dynamic())
        acc[at] = fma(x, w, acc[at]);
      else if (level.dot == Dot::Quads)
        acc[at] = k.intrinsic(level.dotIntrinsic, sums(), {acc[at], w, x});
      else
        products.push_back(level.dotIntrinsic.empty()
                               ? k.multiplyAddPairs(x, w)
                               : k.intrinsic(level.dotIntrinsic, sums(), {x, w}));
    // All products of a part come before their additions: an addition right behind its
    // product takes an execution port from the next product (Zen 3: a tenth slower).
    for (auto [product, term] : llvm::zip(products, terms))
      acc[term.at] = acc[term.at] + product;
  }

  /// acc + x w for one step along K. The fewer of the two, rows or vectors of weights, stay
  /// in registers while the others are loaded one at a time. Any other order spills.
  Vals multiply(ArrayRef<Val> x, ArrayRef<Val> at, Vals acc) const {
    SmallVector<Term> terms;
    if (rows <= vectors()) {
      Vals stay; // [row][part]
      for (int64_t i = 0; i < rows * parts(); ++i)
        stay.push_back(broadcast(x[i / parts()], i % parts()));
      for (int64_t j = 0; j < vectors(); ++j) {
        Val w = weight(at, j);
        for (int64_t part = 0; part < parts(); ++part) {
          if (part)
            w = nextPart(w);
          terms.clear();
          for (int64_t r = 0; r < rows; ++r)
            terms.push_back({size_t(r * vectors() + j), stay[r * parts() + part], w});
          accumulate(acc, terms);
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
        terms.clear();
        for (int64_t j = 0; j < vectors(); ++j)
          terms.push_back({size_t(r * vectors() + j), comes, stay[j]});
        accumulate(acc, terms);
      }
    }
    return acc;
  }

  /// Whether the tile prefetches weights. One or two rows on several panels read as many
  /// streams, which the hardware prefetches as fast as memory gives them. Two cases are
  /// slower: steps of less than a cache line on few panels (int8, bf16), and two rows of
  /// int8Dynamic on two panels, whose streams are short.
  bool prefetches() const {
    bool slow = panelStep() < 64 && panels * panelStep() <= 128;
    return rows > 2 || (panels <= (dynamic() ? 2 : 1) ? rows > 1 : slow);
  }
  /// Of a row block with one tile: the tile prefetches the next panels while it multiplies
  /// these, unless they exceed kNearBytes. A single panel is a single stream, which stalls
  /// at each page until the hardware has found its direction: a short distance suffices.
  Prefetch prefetchAlone(Val panelBytes) const {
    Val shortly = k.constant(kShortDistance), next = panelBytes * panels;
    Val distance = panels == 1 ? shortly : select(next < kNearBytes + 1, next, shortly);
    return {distance, k.constant(panelStep())};
  }
  /// Of a row block with several tiles: tile number `number` of `tiles` prefetches its
  /// share of each of the next panels, so that they arrive while all tiles multiply.
  Prefetch prefetchTogether(Val panelBytes, Val depth, Val number, Val tiles) const {
    Val step = (tiles + (panelStep() - 1)) / tiles, next = panelBytes * panels;
    Val isNear = next < kNearBytes + 1;
    return {select(isNear, next + number * step * depth, k.constant(kShortDistance)),
            select(isNear, step, k.constant(panelStep()))};
  }
  /// Whether the row block can have other tiles of this shape, which use the same panels.
  bool sharesPanels() const { return isSharing(level.tiles(kind)[0], rows); }

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

} // namespace

RowSplit splitRows(Val rows, ArrayRef<TileShape> shapes) {
  Val tiles = (rows + (shapes[0].rows - 1)) / shapes[0].rows;
  return {rows / tiles, rows % tiles, tiles};
}

func::FuncOp CpuKernels::linearTile(int64_t rows, int64_t panels,
                                    WeightKind kind) {
  std::string name = typed("linear_tile", kind) + "_" + std::to_string(rows) +
                     "x" + std::to_string(panels);
  // (x, ldx, records, w, K, scales, bias, y, ldy, prefetch.distance, prefetch.step)
  SmallVector<Type> types{ptr, i64, ptr, ptr, i64, ptr, ptr, ptr, i64, i64, i64};
  return define(name, types, [&](KernelBuilder &k, ArrayRef<Val> a) {
    Val x = a[0], ldx = a[1], records = a[2], w = a[3], depth = a[4],
        scales = a[5], bias = a[6], y = a[7], ldy = a[8];
    Tile tile{k, rows, panels, level, kind};
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
        Val panelBytes = depth * Tile{k, 1, 1, level, kind}.panelStep();
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
        // All panels of [first, last), in groups of `widest` panels and then of half as many.
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
                Tile tile{k, shape.rows, group, level, kind};
                call(tile, block, panel, tile.prefetchAlone(panelBytes));
              });
            });
          k.unless(alone, [&, least = least, larger = larger, tiles = tiles] {
            sweep(together, [&](Val panel, int64_t group) {
              for (const TileShape &shape : shapes) {
                if (!isSharing(shapes[0], shape.rows))
                  continue;
                Tile tile{k, shape.rows, group, level, kind};
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

// Table entry 0 is the rows x; entry 1 their quantized form, where a weight is int8Dynamic.
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
  // On the panels that this worker has just written, which are still in its cache.
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
    int64_t result = entry + 3 * int64_t(shape.outputs.size());
    for (auto [outputs, kind] :
         llvm::zip_equal(shape.outputs, shape.kinds)) {
      int64_t count = (outputs + 15) / 16;
      emitInput(k, f, o, shape.inputs, kind);
      o.weight = f.weight(entry);
      o.scales = f.optionalWeight(entry + 1);
      o.bias = f.optionalWeight(entry + 2);
      o.y = f.place(result++);
      o.ldy = k.constant(count * 64);
      Val zero = k.constant(int64_t(0)), end = k.constant(count);
      Val from = min(max(first - base, zero), end);
      Val to = min(max(last - base, zero), end);
      k.when(from < to, [&] {
        emitLinear(k, o, shape.inputs, kind, shape.activation, from, to);
      });
      entry += 3;
      base += count;
    }
  });
}

} // namespace encdec::cpu
