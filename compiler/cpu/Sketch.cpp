// The best token of f32 weights, most of which are not read.
//
//   w[v] = q[v] * scale[v] + r[v],  |r[v][k]| <= scale[v] / 2     int8, to nearest
//   s[v] = x · q[v] * scale[v] + b[v]                             the sketch's logit
//   |x · w[v] + b[v] - s[v]| <= scale[v] / 2 * Σ |x[k]|  (+ rounding)  =: reach[v]
//
// So a logit lies in s[v] ± reach[v], and no token can be best whose s + reach is less
// than the greatest s - reach of all. First the sketch is read, a quarter of the bytes;
// of each block of 128 columns remain the greatest s + reach and s - reach. Then the
// blocks that may hold the best are multiplied by the f32 weights, by the kernel that
// multiplies all of them otherwise: the token is the same, bit for bit of the logits
// that decide, whatever the weights, as long as no sum of those products overflows.
//
// Rounding: a dot product of K terms in f32 is off by at most (K + 1) u Σ|x||w|, u =
// 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), with
// |w| <= 127 scale; there are two of them, and the sum with the bias rounds once each.
// Near zero rounding is absolute: a scale and a product are each off by less than the
// least normal float more. Where the sketch itself overflows it says nothing, and the
// block stays open.
//
// It gives no log-probabilities: their sum runs over all columns. A step that is asked
// for nothing but the best token of a few rows takes this way; others do not.
#include "compiler/cpu/Vocabulary.h"

using namespace mlir;

namespace encdec::cpu {
namespace {

/// More rows have more candidates, and are bound by multiplying rather than reading.
constexpr int64_t kMostRows = 8;

/// Σ|x| times this, times a scale, is more than the dot products can be apart.
float reachOf(int64_t inputs) {
  double rounding = 2 * double(inputs + 16) * 0x1p-24 * 128;
  return float((0.5 + rounding) * 1.001); // and what these few sums round
}
/// The same for adding the bias, times the sketch's logit.
constexpr double kBiasReach = 0x1p-20;
/// What a scale below the normal floats can be off by, for all of its 127 steps.
constexpr float kScaleReach = 512 * std::numeric_limits<float>::min();
/// The same for the two dot products.
float underflowOf(int64_t inputs) {
  return 2 * float(inputs) * std::numeric_limits<float>::min();
}

/// Behind the logits of a few rows of a block: a number for each row.
Val rowNumbers(const Val &scratch) { return scratch + kMostRows * kBlock * 4; }

} // namespace

std::string VocabularyShape::name(StringRef kernel) const {
  std::string name = (kernel + "_" + Twine(inputs) + "_" + nameOf(kind) + "x" +
                      Twine(columns))
                         .str();
  return sketch ? name + "_by_" + nameOf(*sketch).str() : name;
}

/// Whether this call asks for no more than a sketch can settle.
Val CpuKernels::wantsChoice(KernelBuilder &k, Frame &f) {
  return k.isNull(f.contextPointer("out_log_probs")) &
         k.isNull(f.contextPointer("out_logits")) & (f.context("top") < 2) &
         (f.context("rows") < kMostRows + 1);
}

/// What each block may and must hold, of this worker's share.
void CpuKernels::emitSketch(KernelBuilder &k, Frame &f,
                            const VocabularyOperands &v) {
  const VocabularyShape &shape = v.shape;
  Blocks blocks{shape.columns};
  VectorType vector = k.vector(k.f32(), 16);
  Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1)),
      step = k.constant(int64_t(16));
  Val zeros = k.constantOf(vector, 0.0), lowest = k.constantOf(vector, -kInfinity);
  Val reaches = rowNumbers(v.scratch), stride = k.constant(blocks.panels() * 64);
  Val biases = f.contextPointer("logit_bias"), rowBias = f.contextPointer("row_bias");
  k.loop(zero, v.all.rows, [&](Val row) {
    Val x = v.all.x + row * v.all.ldx;
    Val sum = k.loop(zero, k.constant(rowStride(shape.inputs)), step, {zeros},
                     [&](Val i, ArrayRef<Val> sum) {
                       return Vals{sum[0] + absolute(k.load(vector, x + i * 4))};
                     })[0];
    k.store(k.sum16(sum) * k.constant(reachOf(shape.inputs)), reaches + row * 4);
  });
  auto [first, last] = f.share(k.constant(blocks.count()));
  k.loop(first, last, [&](Val block) {
    Val column = block * kBlock, panels = blocks.panelsOf(k, block);
    LinearOperands o = v.all;
    o.weight = v.sketch + column * (shape.inputs * bytesOf(*shape.sketch));
    o.scales = v.sketchScales + column * 4;
    o.bias = select(k.isNull(o.bias), o.bias, o.bias + column * 4);
    o.y = v.scratch;
    o.ldy = k.constant(kBlock * 4);
    emitLinear(k, o, shape.inputs, *shape.sketch, std::nullopt, zero, panels);
    k.loop(zero, o.rows, [&](Val row) {
      Val logits = v.scratch + row * o.ldy;
      Val bias = biases + k.loadIndex(rowBias, row) * stride + column * 4;
      Val sum = k.load(k.f32(), reaches + row * 4);
      Val reach = k.splat(sum, 16);
      Val nearZero = k.splat(fma(sum, k.constant(kScaleReach),
                                 k.constant(underflowOf(shape.inputs))), 16);
      // { s + reach, s - reach } of a panel
      auto bounds = [&](Val panel) {
        Val at = panel * 64;
        Val s = k.load(vector, logits + at);
        Val off = fma(reach, k.load(vector, o.scales + at),
                      fma(absolute(s), k.constantOf(vector, kBiasReach), nearZero));
        Val allowed = k.load(vector, bias + at); // 0 or -inf
        // A NaN may be anything; `greater` leaves it out of what must be.
        return Vals{min(s + off + allowed, k.constantOf(vector, kInfinity)),
                    s - off + allowed};
      };
      auto greater = [](ArrayRef<Val> a, ArrayRef<Val> b) {
        return Vals{max(a[0], b[0]), max(a[1], b[1])};
      };
      Val whole = min(k.constant(shape.columns / 16) - block * (kBlock / 16), panels);
      Vals found = k.loop(zero, whole, one, {lowest, lowest},
                          [&](Val panel, ArrayRef<Val> so) {
                            return greater(bounds(panel), so);
                          });
      if (int64_t tail = shape.columns % 16) // beyond V, where none can be best
        found = k.choose(
            whole < panels,
            [&] {
              Vals part = bounds(whole);
              for (Val &v : part)
                v = select(k.iota(16) < k.constantOf(k.vector(k.i32(), 16), tail), v,
                           lowest);
              return greater(part, found);
            },
            [&] { return found; });
      Val record = v.scan.records + row * blocks.rowBytes() + block * 4;
      k.store(k.max16(found[0]), record + MayBe * blocks.arrayBytes());
      k.store(k.max16(found[1]), record + MustBe * blocks.arrayBytes());
    });
  });
}

func::FuncOp CpuKernels::chooseVocabulary(const VocabularyShape &shape) {
  return defineKernel(shape.name("choose_vocabulary"), [&](KernelBuilder &k,
                                                           Frame &f) {
    k.when(wantsChoice(k, f), [&] {
      Blocks blocks{shape.columns};
      VocabularyOperands v{shape};
      emitInput(k, f, v.all, shape.inputs, shape.kind);
      v.scan = {f.place(1), f.scratch(2), f.context("top")};
      v.scratch = f.scratch(v.readWeights(f, 5));
      VectorType vector = k.vector(k.f32(), 16);
      Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1)),
          step = k.constant(int64_t(16)), count = k.constant(blocks.count());
      Val lowest = k.constantOf(vector, -kInfinity), rows = v.all.rows;
      Val least = rowNumbers(v.scratch); // that the best of each row must be
      auto recordOf = [&](Val row) {
        return v.scan.records + row * blocks.rowBytes();
      };
      emitEmptyLists(k, v.scan.lists, rows, v.scan.top);
      k.loop(zero, rows, [&](Val row) {
        Val most = k.loop(zero, count, step, {lowest},
                          [&](Val block, ArrayRef<Val> so) {
                            return Vals{max(blocks.read(k, recordOf(row), MustBe,
                                                        block, lowest),
                                            so[0])};
                          })[0];
        k.store(k.max16(most), least + row * 4);
      });
      // Whether it may hold the best of some row.
      auto isOpen = [&](Val block) {
        Val never = zero < zero;
        return k.loop(zero, rows, one, {never}, [&](Val row, ArrayRef<Val> so) {
          Val most = k.load(k.f32(), recordOf(row) + block * 4 +
                                         MayBe * blocks.arrayBytes());
          Val closed = most < k.load(k.f32(), least + row * 4);
          return Vals{so[0] | select(closed, never, zero < one)};
        })[0];
      };
      Val open = k.loop(zero, count, one, {zero}, [&](Val block, ArrayRef<Val> so) {
        return Vals{so[0] + select(isOpen(block), one, zero)};
      })[0];
      // In column order, so that the lower of two equal tokens comes first.
      auto [first, last] = f.share(open);
      k.loop(zero, count, one, {zero},
             [&, first = first, last = last](Val block, ArrayRef<Val> so) {
               Val mine = isOpen(block);
               Val next = so[0] + select(mine, one, zero);
               k.when(mine & (first < next) & (so[0] < last), [&] {
                 // The records are still being read; what this leaves, nobody does.
                 Val unread = least + kMostRows * 4;
                 emitBlock(k, f, v, block, [&](Val) { return unread; },
                           k.constant(int64_t(4)));
               });
               return Vals{next};
             });
      Val tally = f.contextPointer("out_open_blocks");
      k.when(f.worker() == zero, [&] {
        k.unless(k.isNull(tally), [&] { k.store(open, tally); });
      });
    });
  });
}

} // namespace encdec::cpu
