// Tokens to rows.
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/Math.h"

using namespace mlir;

namespace encdec::cpu {

// y[r][n] = scale * table[token[r]][n] + positions[position[r]][n]
//
// The table is packed as the vocabulary's weight is, since both often are one weight.
// Workers share (row, panel) units.
func::FuncOp CpuKernels::embed(int64_t width, int64_t vocabulary,
                               WeightKind kind, float scale) {
  std::string name = "embed_" + std::to_string(width) +
                     "_" + nameOf(kind).str() + "_" + bitsOf(scale);
  // Element (id, n) of panel id / 16 lies at [n / group][id mod 16][n mod group].
  int64_t group = groupOf(kind), weightBytes = bytesOf(kind, 1);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    int64_t panels = (width + 15) / 16;
    Val table = f.weight(0), scales = f.optionalWeight(1),
        positions = f.optionalWeight(2), y = f.place(3);
    Val tokens = f.contextPointer("tokens"),
        places = f.contextPointer("positions");
    Val none = k.isNull(positions), zero = k.constant(int64_t(0));
    auto index = [&](Val array, Val row) {
      return k.signExtend(k.load(k.i32(), array + row * 4), k.i64());
    };
    auto [first, last] = f.share(f.context("rows") * panels);
    k.loop(first, last, [&](Val unit) {
      Val row = unit / panels, from = unit % panels * 16;
      Val id = index(tokens, row);
      Val source = table + (id / 16 * ((width + group - 1) / group * group * 16) +
                            id % 16 * group) *
                               weightBytes;
      Val position = positions + index(places, row) * (panels * 64);
      Val factor = k.constant(scale);
      Val rowScale = hasScales(kind) ? k.load(k.f32(), scales + id * 4) : Val();
      Val out = y + row * (panels * 64);
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
                                       : k.toFloat(k.signExtend(byte(), k.i32())) *
                                             rowScale;
        Val offset = k.choose(
            none, [&] { return Vals{k.constant(0.0f)}; },
            [&] { return Vals{k.load(k.f32(), position + n * 4)}; })[0];
        k.store(fma(factor, value, offset), out + n * 4);
      });
    });
  });
}

} // namespace encdec::cpu
