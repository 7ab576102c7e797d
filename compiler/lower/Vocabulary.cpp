// The vocabulary projection and its argmax in one pass over the weights.
//
//   l[v] = x · w[v] + b[v]
//   token = lowest v of greatest l[v] + logit_bias[v]
//   log_prob = l[token] - max l - log Σ_v exp(l[v] - max l)
//
// Columns are taken in fixed blocks of 128. A block's logits live in scratch
// and leave five numbers; after a barrier these are merged in block order. So
// neither worker count nor row count changes a bit.
#include "compiler/lower/CpuKernels.h"
#include "compiler/lower/Math.h"
#include <limits>

using namespace mlir;

namespace encdec::lower {
namespace {

constexpr int64_t kBlock = 128;
/// Rows that share a pass over a block's weights; their logits take 12 KB.
constexpr int64_t kRows = 24;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Results of one row's blocks: five arrays, so that merging can use lanes.
enum Record : int64_t { Max, Sum, Best, Logit, Token, RecordCount };

struct Blocks {
  int64_t columns;
  int64_t panels() const { return (columns + 15) / 16; }
  int64_t count() const { return (panels() + 7) / 8; }
  int64_t arrayBytes() const { return (count() + 15) / 16 * 64; }
  int64_t rowBytes() const { return RecordCount * arrayBytes(); } // [5][count]
};

Val index(KernelBuilder &k, Val array, Val i) {
  return k.signExtend(k.load(k.i32(), array + i * 4), k.i64());
}

/// The greatest of 16 lanes, of equal ones that with the lowest number.
std::pair<Val, Val> best16(KernelBuilder &k, Val values, Val numbers) {
  Val best = k.max16(values);
  Val none = k.constantOf(numbers.type(), std::numeric_limits<int32_t>::max());
  Val candidates = select(values == k.splat(best, 16), numbers, none);
  return {best, k.reduce16(candidates, [](Val a, Val b) { return min(a, b); })};
}

} // namespace

// logits, bias and record are those of the block's first column.
func::FuncOp CpuKernels::scanBlock() {
  return define(
      "scan_block", {ptr, ptr, i64, i64, i64, ptr, i64},
      [&](KernelBuilder &k, ArrayRef<Val> a) {
        Val logits = a[0], bias = a[1], column = a[2], panels = a[3],
            columns = a[4], record = a[5], arrayBytes = a[6];
        VectorType vector = k.vector(k.f32(), 16);
        Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1));
        Val lowest = k.constantOf(vector, -kInfinity);
        Val limit = k.splat(k.truncate(columns, k.i32()), 16);
        Val start = k.splat(k.truncate(column, k.i32()), 16) + k.iota(16);
        auto valid = [&](Val panel) { // columns beyond V do not take part
          Val at = start + k.splat(k.truncate(panel * 16, k.i32()), 16);
          return std::pair{
              at,
              select(at < limit, k.load(vector, logits + panel * 64), lowest)};
        };
        // max l, best l + bias and where, in 16 lanes; > keeps the lowest
        // column.
        Vals found =
            k.loop(zero, panels, one, {lowest, lowest, start},
                   [&](Val panel, ArrayRef<Val> so) {
                     auto [at, l] = valid(panel);
                     Val biased = l + k.load(vector, bias + panel * 64);
                     Val better = biased > so[1];
                     return Vals{max(l, so[0]), select(better, biased, so[1]),
                                 select(better, at, so[2])};
                   });
        Val most = k.max16(found[0]);
        auto [best, token] = best16(k, found[1], found[2]);
        // NaN equals nothing; a token must still be one.
        token = min(token, k.truncate(columns - 1, k.i32()));
        Val mosts = k.splat(most, 16);
        Val sum =
            k.loop(zero, panels, one, {k.constantOf(vector, 0.0)},
                   [&](Val panel, ArrayRef<Val> sum) {
                     return Vals{sum[0] + exp(valid(panel).second - mosts)};
                   })[0];
        Val within = k.signExtend(token, k.i64()) - column;
        k.store(most, record + arrayBytes * Max);
        k.store(k.sum16(sum), record + arrayBytes * Sum);
        k.store(best, record + arrayBytes * Best);
        k.store(
            k.load(k.f32(), logits + min(within, k.constant(kBlock - 1)) * 4),
            record + arrayBytes * Logit);
        k.store(token, record + arrayBytes * Token);
      });
}

func::FuncOp CpuKernels::vocabulary(int64_t inputs, int64_t columns,
                                    bool quantized) {
  std::string name = "vocabulary_" + std::to_string(inputs) +
                     (quantized ? "_i8x" : "_f32x") + std::to_string(columns);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Blocks blocks{columns};
    int64_t weightBytes = quantized ? 1 : 4;
    Val x = f.place(0), weight = f.weight(1), scales = f.optionalWeight(2),
        bias = f.optionalWeight(3), records = f.place(4), scratch = f.scratch();
    Val rows = f.context("rows"), noBias = k.isNull(bias);
    Val ldx = k.constant((inputs + 15) / 16 * 64);
    Val zero = k.constant(int64_t(0));
    auto [first, last] = f.share(k.constant(blocks.count()));
    k.loop(first, last, [&](Val block) {
      Val panel = block * (kBlock / 16), column = panel * 16;
      Val panels =
          min(k.constant(blocks.panels()) - panel, k.constant(kBlock / 16));
      k.loop(zero, rows, k.constant(kRows), [&](Val from) {
        LinearOperands o;
        o.x = x + from * ldx;
        o.ldx = ldx;
        o.rows = min(rows - from, k.constant(kRows));
        o.weight = weight + column * (inputs * weightBytes);
        o.scales = scales + column * 4;
        o.bias = select(noBias, bias, bias + column * 4);
        o.y = scratch; // [rows of this pass][128]
        o.ldy = k.constant(kBlock * 4);
        emitLinear(k, o, inputs, quantized, std::nullopt, zero, panels);
        k.loop(zero, o.rows, [&](Val r) {
          emitScan(k, f, blocks.columns, block, from + r, scratch + r * o.ldy,
                   records);
        });
      });
    });
  });
}

func::FuncOp CpuKernels::argmax(int64_t columns) {
  return defineKernel(
      "argmax_" + std::to_string(columns), [&](KernelBuilder &k, Frame &f) {
        Blocks blocks{columns};
        Val logits = f.place(0), records = f.place(1);
        auto [first, last] = f.share(f.context("rows") * blocks.count());
        k.loop(first, last, [&](Val unit) {
          Val row = unit / blocks.count(), block = unit % blocks.count();
          emitScan(k, f, columns, block, row,
                   logits + row * (blocks.panels() * 64) + block * (kBlock * 4),
                   records);
        });
      });
}

/// Scans one block of one row, whose logits are at `logits`, and hands the
/// logits out where the caller asked for them.
void CpuKernels::emitScan(KernelBuilder &k, Frame &f, int64_t columns,
                          Val block, Val row, Val logits, Val records) {
  Blocks blocks{columns};
  Val stride = k.constant(blocks.panels() * 64), offset = block * (kBlock * 4);
  Val panels = min(k.constant(blocks.panels()) - block * (kBlock / 16),
                   k.constant(kBlock / 16));
  Val biasRow = index(k, f.contextPointer("row_bias"), row);
  Val bias = f.contextPointer("logit_bias") + biasRow * stride + offset;
  k.call(scanBlock(),
         {logits, bias, block * kBlock, panels, k.constant(columns),
          records + row * blocks.rowBytes() + block * 4,
          k.constant(blocks.arrayBytes())});
  Val out = f.contextPointer("out_logits");
  k.unless(k.isNull(out), [&] {
    VectorType vector = k.vector(k.f32(), 16);
    k.loop(k.constant(int64_t(0)), panels, [&](Val p) {
      k.store(k.load(vector, logits + p * 64),
              out + row * stride + offset + p * 64);
    });
  });
}

func::FuncOp CpuKernels::mergeVocabulary(int64_t columns) {
  std::string name = "merge_vocabulary_" + std::to_string(columns);
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Blocks blocks{columns};
    VectorType vector = k.vector(k.f32(), 16);
    Val records = f.place(0), tokens = f.contextPointer("out_token"),
        logProbs = f.contextPointer("out_log_prob");
    Val zero = k.constant(int64_t(0)), step = k.constant(int64_t(16)),
        end = k.constant(blocks.count());
    Val lowest = k.constantOf(vector, -kInfinity);
    Val limit = k.constantOf(k.vector(k.i32(), 16), blocks.count());
    auto [first, last] = f.share(f.context("rows"));
    k.loop(first, last, [&](Val row) {
      Val record = records + row * blocks.rowBytes();
      auto numbers = [&](Val block) {
        return k.iota(16) + k.splat(k.truncate(block, k.i32()), 16);
      };
      auto read = [&](Record what, Val block, Val missing) {
        Val v = k.load(vector, record + what * blocks.arrayBytes() + block * 4);
        return select(numbers(block) < limit, v, missing);
      };
      Vals found = k.loop(zero, end, step, {lowest, lowest, k.iota(16)},
                          [&](Val block, ArrayRef<Val> so) {
                            Val best = read(Best, block, lowest);
                            Val better = best > so[1];
                            return Vals{max(read(Max, block, lowest), so[0]),
                                        select(better, best, so[1]),
                                        select(better, numbers(block), so[2])};
                          });
      Val most = k.max16(found[0]);
      Val winner = min(best16(k, found[1], found[2]).second,
                       k.constantI32(blocks.count() - 1));
      Val zeros = k.constantOf(vector, 0.0), mosts = k.splat(most, 16);
      Val sum =
          k.loop(zero, end, step, {zeros}, [&](Val block, ArrayRef<Val> sum) {
            Val part = read(Sum, block, zeros);
            return Vals{
                fma(part, exp(read(Max, block, lowest) - mosts), sum[0])};
          })[0];
      Val at = record + k.signExtend(winner, k.i64()) * 4;
      Val logit = k.load(k.f32(), at + Logit * blocks.arrayBytes());
      k.store(k.load(k.i32(), at + Token * blocks.arrayBytes()),
              tokens + row * 4);
      k.store(logit - most - log(k.sum16(sum)), logProbs + row * 4);
    });
  });
}

} // namespace encdec::lower
