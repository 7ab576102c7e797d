// Finds the best token of an f32 vocabulary without reading most of its weights.
//
//   w[v] = q[v] * scale[v] + r[v],  |r[v][k]| <= scale[v] / 2     int8, to nearest
//   s[v] = x · q[v] * scale[v] + b[v]                             the sketch's logit
//   |x · w[v] + b[v] - s[v]| <= scale[v] / 2 * Σ |x[k]|  (+ rounding)  =: bound[v]
//
// So a logit lies in s[v] ± bound[v], and no token can be best whose s + bound is less
// than the greatest s - bound of all. First the sketch is read, a quarter of the bytes;
// each block of 128 columns records its greatest s + bound and s - bound. Then the
// candidate blocks, which may hold the best, are multiplied by the f32 weights, by the
// kernel that multiplies all blocks otherwise: the token is the same, from logits of the
// same bits, whatever the weights, as long as no sum of their products overflows.
//
// Rounding: a dot product of K terms in f32 is off by at most (K + 1) u Σ|x||w|, u =
// 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), with
// |w| <= 127 scale; there are two of them, and the sum with the bias rounds once each.
// Near zero rounding is absolute: a scale and a product are each off by less than the
// least normal float more. A sketch that overflows bounds nothing, so its block is a
// candidate.
//
// The sketch gives no log-probabilities, whose sum runs over all columns. So it serves
// the steps that ask for nothing but the best token of a few rows.
#include "compiler/cpu/Vocabulary.h"

using namespace mlir;

namespace encdec::cpu {
namespace {

/// More rows have more candidate blocks, and are bound by multiplying rather than
/// reading.
constexpr int64_t kMostRows = 8;

/// Σ|x| times this factor and a scale is more than the two dot products can differ by.
float errorBoundOf(int64_t inputs) {
  double rounding = 2 * double(inputs + 16) * 0x1p-24 * 128;
  return float((0.5 + rounding) * 1.001); // the rounding of Σ|x| and of this product too
}
/// The share of the sketch's logit that adding the bias can round away.
constexpr double kBiasError = 0x1p-20;
/// The error of a scale below the normal floats, over all of its 127 steps.
constexpr float kScaleError = 512 * std::numeric_limits<float>::min();
/// The error of the two dot products below the normal floats.
float underflowOf(int64_t inputs) {
  return 2 * float(inputs) * std::numeric_limits<float>::min();
}

/// Room for one number a row, behind the logits of a block's kMostRows rows.
Val rowNumbers(const Val &scratch) { return scratch + kMostRows * kBlock * 4; }

} // namespace

std::string VocabularyShape::name(StringRef kernel) const {
  std::string name = (kernel + "_" + Twine(inputs) + "_" + nameOf(kind) + "x" +
                      Twine(columns))
                         .str();
  return sketch ? name + "_by_" + nameOf(*sketch).str() : name;
}

/// Whether this call asks for no more than a sketch can decide.
Val CpuKernels::wantsChoice(KernelBuilder &k, Frame &f) {
  return k.isNull(f.contextPointer("out_log_probs")) &
         k.isNull(f.contextPointer("out_logits")) &
         (f.context("top_k") == k.constant(int64_t(1))) &
         (f.context("rows") < kMostRows + 1);
}

/// The greatest upper and lower bound of the logits of each block of this worker's share.
void CpuKernels::emitSketch(KernelBuilder &k, Frame &f,
                            const VocabularyOperands &v) {
  const VocabularyShape &shape = v.shape;
  Blocks blocks{shape.columns};
  VectorType vector = k.vector(k.f32(), 16);
  Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1)),
      step = k.constant(int64_t(16));
  Val zeros = k.constantOf(vector, 0.0), lowest = k.constantOf(vector, -kInfinity);
  Val rowErrors = rowNumbers(v.scratch), stride = k.constant(blocks.panels() * 64);
  Val biases = f.contextPointer("logit_bias"), rowBias = f.contextPointer("row_bias");
  k.loop(zero, v.all.rows, [&](Val row) {
    Val x = v.all.x + row * v.all.ldx;
    Val sum = k.loop(zero, k.constant(rowStride(shape.inputs)), step, {zeros},
                     [&](Val i, ArrayRef<Val> sum) {
                       return Vals{sum[0] + absolute(k.load(vector, x + i * 4))};
                     })[0];
    k.store(k.sum16(sum) * k.constant(errorBoundOf(shape.inputs)), rowErrors + row * 4);
  });
  auto [first, last] = f.share(k.constant(blocks.count()));
  k.loop(first, last, [&](Val block) {
    Val column = block * kBlock, panels = blocks.panelsOf(k, block);
    LinearOperands o = v.all;
    o.weight = v.sketch + column * bytesOf(*shape.sketch, shape.inputs);
    o.scales = v.sketchScales + column * 4;
    o.bias = select(k.isNull(o.bias), o.bias, o.bias + column * 4);
    o.y = v.scratch;
    o.ldy = k.constant(kBlock * 4);
    emitLinear(k, o, shape.inputs, *shape.sketch, zero, panels);
    k.loop(zero, o.rows, [&](Val row) {
      Val logits = v.scratch + row * o.ldy;
      Val bias = biases + k.loadIndex(rowBias, row) * stride + column * 4;
      Val sum = k.load(k.f32(), rowErrors + row * 4);
      Val error = k.splat(sum, 16);
      Val nearZero = k.splat(fma(sum, k.constant(kScaleError),
                                 k.constant(underflowOf(shape.inputs))), 16);
      // { s + bound, s - bound } of a panel
      auto bounds = [&](Val panel) {
        Val at = panel * 64;
        Val s = k.load(vector, logits + at);
        Val bound = fma(error, k.load(vector, o.scales + at),
                      fma(absolute(s), k.constantOf(vector, kBiasError), nearZero));
        Val allowed = k.load(vector, bias + at); // 0 or -inf
        // A NaN may stand for any value: it makes the upper bound infinite, and `greater`
        // leaves it out of the lower bound.
        return Vals{min(s + bound + allowed, k.constantOf(vector, kInfinity)),
                    s - bound + allowed};
      };
      auto greater = [](ArrayRef<Val> a, ArrayRef<Val> b) {
        return Vals{max(a[0], b[0]), max(a[1], b[1])};
      };
      Val whole = min(k.constant(shape.columns / 16) - block * (kBlock / 16), panels);
      Vals found = k.loop(zero, whole, one, {lowest, lowest},
                          [&](Val panel, ArrayRef<Val> so) {
                            return greater(bounds(panel), so);
                          });
      if (int64_t tail = shape.columns % 16) // columns beyond V can never be best
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
      VocabularyOperands v;
      v.shape = shape;
      emitInput(k, f, v.all, shape.inputs, shape.kind);
      v.scan = {f.place(1), f.scratch(2), f.context("top_k")};
      v.scratch = f.scratch(v.readWeights(f, 5));
      VectorType vector = k.vector(k.f32(), 16);
      Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1)),
          step = k.constant(int64_t(16)), count = k.constant(blocks.count());
      Val lowest = k.constantOf(vector, -kInfinity), rows = v.all.rows;
      Val least = rowNumbers(v.scratch); // the greatest lower bound of each row
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
      // Whether the block may hold the best token of some row.
      auto isCandidate = [&](Val block) {
        Val never = zero < zero;
        return k.loop(zero, rows, one, {never}, [&](Val row, ArrayRef<Val> so) {
          Val most = k.load(k.f32(), recordOf(row) + block * 4 +
                                         MayBe * blocks.arrayBytes());
          Val closed = most < k.load(k.f32(), least + row * 4);
          return Vals{so[0] | select(closed, never, zero < one)};
        })[0];
      };
      Val candidates = k.loop(zero, count, one, {zero}, [&](Val block, ArrayRef<Val> so) {
        return Vals{so[0] + select(isCandidate(block), one, zero)};
      })[0];
      // In column order, so that the lower of two equal tokens comes first.
      auto [first, last] = f.share(candidates);
      k.loop(zero, count, one, {zero},
             [&, first = first, last = last](Val block, ArrayRef<Val> so) {
               Val mine = isCandidate(block);
               Val next = so[0] + select(mine, one, zero);
               k.when(mine & (first < next) & (so[0] < last), [&] {
                 // Other workers still read the bounds in the records, so this block's
                 // record goes where nobody reads it.
                 Val unread = least + kMostRows * 4;
                 emitBlock(k, f, v, block, [&](Val) { return unread; },
                           k.constant(int64_t(4)));
               });
               return Vals{next};
             });
      Val tally = f.contextPointer("out_candidate_blocks");
      k.when(f.worker() == zero, [&] {
        k.unless(k.isNull(tally), [&] { k.store(candidates, tally); });
      });
    });
  });
}

} // namespace encdec::cpu
