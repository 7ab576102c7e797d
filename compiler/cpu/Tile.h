// One tile of a product: a number of rows by a number of panels, and which weights it
// prefetches. Private to cpu; Linear.cpp has the formulas.
#pragma once
#include "compiler/cpu/CpuKernels.h"

namespace encdec::cpu {

/// `name` for a kind of weights.
inline std::string typed(llvm::StringRef name, WeightKind kind) {
  return (name + "_" + nameOf(kind)).str();
}

/// Which weights a tile prefetches: in its first step along K the ones `distance` bytes
/// from its own, in each further step `step` bytes further.
struct Prefetch {
  Val distance, step;
};

/// Whether a row split can have several tiles of `rows` rows. Two tiles whose rows
/// together fit the largest tile are one tile.
inline bool isSharing(const TileShape &largest, int64_t rows) {
  return 2 * rows >= largest.rows;
}

/// The pieces of linearTile; one accumulator for each (row, vector of columns).
struct Tile {
  KernelBuilder &k;
  int64_t rows, panels;
  const CpuLevel &level;
  WeightKind kind;
  const Choices &choices;

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
  mlir::VectorType floats() const { return k.vector(k.f32(), lanes()); }
  mlir::VectorType sums() const {
    return dynamic() ? k.vector(k.i32(), lanes()) : floats();
  }
  /// The type of an int8Dynamic register, as the product instructions take it.
  mlir::VectorType whole() const {
    return level.dot == Dot::Pairs ? k.vector(k.getI16Type(), 2 * lanes())
                                   : k.vector(k.getI8Type(), 4 * lanes());
  }

  /// Steps along K in one turn of the loop. A turn costs up to ten instructions beside
  /// its steps: a quarter of an AVX2 step of 12 products, and decoding is the limit where
  /// a second thread of the core takes half of it. Steps of int8Dynamic and of AVX-512
  /// are longer, and several of them in one turn spill registers.
  int64_t steps() const { return dynamic() || lanes() != 8 ? 1 : 4; }

  /// x of one row, in every lane.
  Val broadcast(Val x, int64_t part) const {
    if (!dynamic())
      return k.splat(k.load(k.f32(), x), lanes());
    return k.bitcast(k.splat(k.load(k.i32(), x + part * 4), lanes()), whole());
  }
  /// Vector `j` of the weights at `at[panel]`, converted for the product with x.
  Val weight(llvm::ArrayRef<Val> at, int64_t j) const {
    int64_t vectorsOfPanel = 16 / lanes();
    Val pointer =
        at[j / vectorsOfPanel] + j % vectorsOfPanel * (panelStep() / vectorsOfPanel);
    if (dynamic() && level.dot == Dot::Pairs)
      return k.load(whole(), pointer);
    if (dynamic()) {
      mlir::VectorType quads = k.vector(k.i32(), lanes());
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
  void accumulate(Vals &acc, llvm::ArrayRef<Term> terms) const {
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

  /// acc + x w for one step along K. The fewer of the two, rows or vectors of weights,
  /// stay in registers while the others are loaded one at a time. Any other order spills.
  Vals multiply(llvm::ArrayRef<Val> x, llvm::ArrayRef<Val> at, Vals acc) const {
    llvm::SmallVector<Term> terms;
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
  /// streams, which the hardware prefetches as fast as RAM gives them. Two cases are
  /// slower: steps of less than a cache line on few panels (int8, bf16), and two rows of
  /// int8Dynamic on two panels, whose streams are short.
  bool prefetches() const {
    bool slow = panelStep() < 64 && panels * panelStep() <= 128;
    return rows > 2 || (panels <= (dynamic() ? 2 : 1) ? rows > 1 : slow);
  }
  /// In a row block with one tile, the tile prefetches the next panels while it
  /// multiplies the current ones. Where the next panels exceed nearBytes, and for a
  /// single panel, the distance is short: a single stream stalls only at each page, until
  /// the hardware has found its direction.
  Prefetch prefetchAlone(Val panelBytes) const {
    Val shortly = k.constant(choices.shortDistance), next = panelBytes * panels;
    Val distance = panels == 1 ? shortly : select(next < choices.nearBytes + 1, next, shortly);
    return {distance, k.constant(panelStep())};
  }
  /// In a row block with several tiles, tile `number` of `tiles` prefetches its share of
  /// each of the next panels, so that they arrive while all tiles multiply.
  Prefetch prefetchTogether(Val panelBytes, Val depth, Val number, Val tiles) const {
    Val step = (tiles + (panelStep() - 1)) / tiles, next = panelBytes * panels;
    Val isNear = next < choices.nearBytes + 1;
    return {select(isNear, next + number * step * depth, k.constant(choices.shortDistance)),
            select(isNear, step, k.constant(panelStep()))};
  }
  /// Whether the row block can have other tiles of this shape: they use the same panels.
  bool sharesPanels() const { return isSharing(level.tiles(kind)[0], rows); }

  /// y = acc * scale + bias.
  void finish(llvm::ArrayRef<Val> acc, Val records, Val scales, Val bias, Val y,
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

} // namespace encdec::cpu
