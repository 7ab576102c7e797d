// Tokens to rows.
#include "compiler/cpu/Embed.h"
#include "compiler/cpu/Math.h"

using namespace mlir;

namespace encdec::cpu {

// y[r][n] = scale * table[token[r]][n] + positions[position[r]][n]
//
// The table is packed as the vocabulary's weight is, since both often are one weight: element
// (id, n) of panel id / 16 lies at [n / group][id mod 16][n mod group].
Embedding::Embedding(KernelBuilder &k, Frame &f, int64_t entry, int64_t width, WeightKind kind,
                     float scale)
    : k(k), width(width), kind(kind), scale(scale), table(f.weight(entry)),
      scales(f.optionalWeight(entry + 1)), positions(f.optionalWeight(entry + 2)),
      tokens(f.contextPointer("tokens")), places(f.contextPointer("positions")),
      none(k.isNull(positions)) {}

void Embedding::panel(Val row, Val from, Val out) {
  int64_t panels = (width + 15) / 16, group = groupOf(kind), weightBytes = bytesOf(kind, 1);
  Val zero = k.constant(int64_t(0));
  auto index = [&](Val array) {
    return k.signExtend(k.load(k.i32(), array + row * 4), k.i64());
  };
  Val id = index(tokens);
  Val source = table + (id / 16 * ((width + group - 1) / group * group * 16) +
                        id % 16 * group) *
                           weightBytes;
  Val position = positions + index(places) * (panels * 64);
  Val factor = k.constant(scale);
  Val rowScale = hasScales(kind) ? k.load(k.f32(), scales + id * 4) : Val();
  if (width % 16) // zeros the padding; the loop overwrites the columns
    k.store(k.constantOf(k.vector(k.f32(), 16), 0.0), out + from * 4);
  k.loop(from, min(from + 16, k.constant(width)), [&](Val n) {
    Val at = source + (n / group * (16 * group) + n % group) * weightBytes;
    auto byte = [&] {
      Val stored = k.load(k.getI8Type(), at);
      if (kind != WeightKind::int8Dynamic)
        return stored;
      // Weights at even k have a zero point of 128 (Linear.cpp); bytes wrap around.
      Val first = k.constantOf(stored.type(), -128);
      return select(n % 2 == zero, stored + first, stored);
    };
    Val value =
        kind == WeightKind::f32    ? k.load(k.f32(), at)
        : kind == WeightKind::bf16 ? k.fromBf16(k.load(k.getI16Type(), at))
                                   : k.toFloat(k.signExtend(byte(), k.i32())) * rowScale;
    Val offset = k.choose(
        none, [&] { return Vals{k.constant(0.0f)}; },
        [&] { return Vals{k.load(k.f32(), position + n * 4)}; })[0];
    k.store(fma(factor, value, offset), out + n * 4);
  });
}

// Workers share (row, panel) units.
func::FuncOp CpuKernels::embed(int64_t width, WeightKind kind, float scale) {
  std::string name = "embed_" + std::to_string(width) +
                     "_" + nameOf(kind).str() + "_" + bitsOf(scale);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t panels = (width + 15) / 16;
    Embedding embedding(k, f, 0, width, kind, scale);
    Val y = f.place(3);
    auto [first, last] = f.share(f.context("rows") * panels);
    k.loop(first, last, [&](Val unit) {
      Val row = unit / panels;
      embedding.panel(row, unit % panels * 16, y + row * (panels * 64));
    });
  });
}

} // namespace encdec::cpu
