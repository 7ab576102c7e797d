// The vocabulary projection and its best tokens in one pass over the weights.
//
//   l[v] = x · w[v] + b[v]          b[v] = -inf bans v
//   tokens = the `top` greatest v by l[v] + logit_bias[v], lower v first on ties
//   log_prob = l[token] - max l - log Σ_v exp(l[v] - max l)
//
// Columns are taken in fixed blocks of 128. The logits of a block live in scratch; a
// record keeps their maximum and their sum of exponentials, and each worker's own list of
// a row's best tokens takes in the tokens that beat its last entry. After a barrier the
// records are merged in block order and the lists in worker order, which is column order.
// So neither the number of workers nor that of rows changes a bit. A call with `top` 0 makes
// no records and no lists, and multiplies only where it asks for logits.
#include "compiler/cpu/Vocabulary.h"
#include "compiler/cpu/Math.h"

using namespace mlir;

namespace encdec::cpu {

void emitEmptyLists(KernelBuilder &k, Val lists, Val rows, Val top) {
  Val lowest = k.constant(-std::numeric_limits<float>::infinity());
  Val none = k.constantI32(0), zero = k.constant(int64_t(0));
  k.loop(zero, rows, [&](Val row) {
    k.loop(zero, top, [&](Val i) {
      Val at = lists + row * kListBytes + i * 4;
      k.store(lowest, at + Biased * kListArray);
      k.store(lowest, at + Logit * kListArray);
      k.store(none, at + Token * kListArray);
    });
  });
}

namespace {

/// Whether this call asks for neither tokens nor logits: its rows enter the cache alone.
Val asksNothing(KernelBuilder &k, Frame &f) {
  return (f.context("top_k") < 1) & k.isNull(f.contextPointer("out_logits"));
}

/// The biased logit that a further token must beat: that of the list's last token.
Val worst(KernelBuilder &k, Val list, Val top) {
  return k.load(k.f32(), list + (top - 1) * 4 + Biased * kListArray);
}

} // namespace

func::FuncOp CpuKernels::insertTop() {
  Type real = Float32Type::get(module.getContext());
  Type integer = IntegerType::get(module.getContext(), 32);
  return define(
      "insert_top", {ptr, i64, real, real, integer},
      [&](KernelBuilder &k, ArrayRef<Val> a) {
        Val list = a[0], top = a[1];
        Val never = a[2] < a[2];
        // From the place of the new token on, each entry moves by one.
        k.loop(k.constant(int64_t(0)), top, k.constant(int64_t(1)),
               {a[2], a[3], a[4], never}, [&](Val i, ArrayRef<Val> carried) {
                 Val at = list + i * 4;
                 Val moving = carried[3] |
                              (carried[0] > k.load(k.f32(), at));
                 Vals next;
                 for (int64_t part : {Biased, Logit, Token}) {
                   Val place = at + part * kListArray, mine = carried[part];
                   Val have = k.load(mine.type(), place);
                   k.store(select(moving, mine, have), place);
                   next.push_back(select(moving, have, mine));
                 }
                 next.push_back(moving);
                 return next;
               });
      });
}

// logits, bias and record are the addresses of the block's first column. A whole block
// needs no masks and no loops; the last block of the vocabulary may need both.
func::FuncOp CpuKernels::scanBlock(Extent extent) {
  func::FuncOp insert = insertTop();
  bool whole = extent == Extent::Whole;
  return define(
      whole ? "scan_whole_block" : "scan_block",
      {ptr, ptr, i64, i64, i64, ptr, i64, ptr, i64},
      [&](KernelBuilder &k, ArrayRef<Val> a) {
        Val logits = a[0], bias = a[1], column = a[2], panels = a[3],
            columns = a[4], record = a[5], arrayBytes = a[6], list = a[7],
            top = a[8];
        VectorType vector = k.vector(k.f32(), 16);
        Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1));
        Val lowest = k.constantOf(vector, -kInfinity);
        Val left = k.splat(k.truncate(columns - column, k.i32()), 16);
        auto valid = [&](Val panel) { // columns beyond V do not take part
          if (whole)
            return k.load(vector, logits + panel * 64);
          Val at = k.iota(16) + k.splat(k.truncate(panel * 16, k.i32()), 16);
          return select(at < left, k.load(vector, logits + panel * 64), lowest);
        };
        // combine(…combine(first, f(0))…, f(panels - 1)); of a whole block by halves.
        auto fold = [&](Val first, llvm::function_ref<Val(Val)> f,
                        llvm::function_ref<Val(Val, Val)> combine) {
          if (!whole)
            return k.loop(zero, panels, one, {first},
                          [&](Val panel, ArrayRef<Val> so) {
                            return Vals{combine(f(panel), so[0])};
                          })[0];
          Vals parts;
          for (int64_t panel = 0; panel < kBlock / 16; ++panel)
            parts.push_back(f(k.constant(panel)));
          for (size_t half = parts.size() / 2; half; half /= 2)
            for (size_t i = 0; i < half; ++i)
              parts[i] = combine(parts[i], parts[i + half]);
          return parts[0];
        };
        auto biased = [&](Val panel) {
          return valid(panel) + k.load(vector, bias + panel * 64);
        };
        auto greatest = [&](llvm::function_ref<Val(Val)> f) {
          // A NaN counts as -inf: as the second operand of max it would stay.
          return k.max16(fold(lowest, [&](Val panel) { return max(f(panel), lowest); },
                              [](Val a, Val b) { return max(a, b); }));
        };
        Val most = greatest(valid), best = greatest(biased);
        // All logits of a block of banned tokens are -inf, and -inf - (-inf) is NaN.
        Val mosts = k.splat(max(most, k.constant(-std::numeric_limits<float>::max())), 16);
        Val sum = fold(
            k.constantOf(vector, 0.0),
            [&](Val panel) { return exp(valid(panel) - mosts); },
            [](Val a, Val b) { return a + b; });
        k.store(most, record + arrayBytes * Max);
        k.store(k.sum16(sum), record + arrayBytes * Sum);
        k.when(best > worst(k, list, top), [&] {
          k.loop(zero, panels, [&](Val panel) {
            // The bias beyond V may hold anything; max makes it -inf.
            k.when(k.max16(max(biased(panel), lowest)) > worst(k, list, top), [&] {
              k.loop(panel * 16, min(panel * 16 + 16, columns - column),
                     [&](Val i) {
                       Val l = k.load(k.f32(), logits + i * 4);
                       Val biased = l + k.load(k.f32(), bias + i * 4);
                       k.when(biased > worst(k, list, top), [&] {
                         k.call(insert, {list, top, biased, l,
                                         k.truncate(column + i, k.i32())});
                       });
                     });
            });
          });
        });
      });
}

func::FuncOp CpuKernels::vocabulary(const VocabularyShape &shape) {
  return defineKernel(shape.name("vocabulary"), [&](KernelBuilder &k, Frame &f) {
    Blocks blocks{shape.columns};
    VocabularyOperands o;
    o.shape = shape;
    emitInput(k, f, o.all, shape.inputs, shape.kind);
    int64_t entry = o.readWeights(f, hasDynamic(shape.kind) ? 2 : 1);
    o.scan = {f.place(entry), f.scratch(entry + 1), f.context("top_k")};
    o.scratch = f.scratch(entry + 4);
    auto whole = [&] {
      emitEmptyLists(k, o.scan.lists, o.all.rows, o.scan.top);
      auto [first, last] = f.share(k.constant(blocks.count()));
      k.loop(first, last, [&](Val block) {
        emitBlock(k, f, o, block, [&](Val row) {
          return o.scan.records + row * blocks.rowBytes() + block * 4;
        }, k.constant(blocks.arrayBytes()));
      });
    };
    k.unless(asksNothing(k, f), [&] {
      if (!shape.sketch)
        return whole();
      Val choice = wantsChoice(k, f);
      k.when(choice, [&] { emitSketch(k, f, o); });
      k.unless(choice, whole);
    });
  });
}

int64_t CpuKernels::VocabularyOperands::readWeights(Frame &f, int64_t first) {
  all.weight = f.weight(first);
  all.scales = f.optionalWeight(first + 1);
  all.bias = f.optionalWeight(first + 2);
  if (!shape.sketch)
    return first + 3;
  sketch = f.weight(first + 3);
  sketchScales = f.weight(first + 4);
  return first + 5;
}

/// Multiplies and scans one block of all rows. recordOf(row) is the address of the
/// block's record of a row.
void CpuKernels::emitBlock(KernelBuilder &k, Frame &f, const VocabularyOperands &v,
                           Val block, llvm::function_ref<Val(Val)> recordOf,
                           Val arrayBytes) {
  const VocabularyShape &shape = v.shape;
  int64_t group = groupOf(shape.kind);
  int64_t columnBytes =
      bytesOf(shape.kind, (shape.inputs + group - 1) / group * group);
  Blocks blocks{shape.columns};
  Val column = block * kBlock, zero = k.constant(int64_t(0));
  k.loop(zero, v.all.rows, k.constant(kRowBlock), [&](Val from) {
    LinearOperands o = v.all;
    o.x = o.x + from * o.ldx;
    o.records = o.records + from * kRowRecord;
    o.rows = min(o.rows - from, k.constant(kRowBlock));
    o.weight = o.weight + column * columnBytes;
    o.scales = o.scales + column * 4;
    o.bias = select(k.isNull(o.bias), o.bias, o.bias + column * 4);
    o.y = v.scratch; // [rows of this pass][128], at most 24 KB
    o.ldy = k.constant(kBlock * 4);
    emitLinear(k, o, shape.inputs, shape.kind, zero,
               blocks.panelsOf(k, block));
    k.loop(zero, o.rows, [&](Val r) {
      Val row = from + r;
      emitScan(k, f, shape.columns, block, row, v.scratch + r * o.ldy,
               recordOf(row), arrayBytes, v.scan);
    });
  });
}

func::FuncOp CpuKernels::topTokens(int64_t columns) {
  return defineKernel(
      "top_tokens_" + std::to_string(columns), [&](KernelBuilder &k, Frame &f) {
        Blocks blocks{columns};
        Val logits = f.place(0), rows = f.context("rows");
        Scan scan{f.place(1), f.scratch(2), f.context("top_k")};
        k.unless(asksNothing(k, f), [&] {
          emitEmptyLists(k, scan.lists, rows, scan.top);
          auto [first, last] = f.share(rows * blocks.count());
          k.loop(first, last, [&](Val unit) {
            Val row = unit / blocks.count(), block = unit % blocks.count();
            emitScan(k, f, columns, block, row,
                     logits + row * (blocks.panels() * 64) + block * (kBlock * 4),
                     scan.records + row * blocks.rowBytes() + block * 4,
                     k.constant(blocks.arrayBytes()), scan);
          });
        });
      });
}

/// Scans one block of one row, whose logits lie at `logits`, if tokens are asked for, and
/// copies the logits to the caller's output where there is one.
void CpuKernels::emitScan(KernelBuilder &k, Frame &f, int64_t columns,
                          Val block, Val row, Val logits, Val record,
                          Val arrayBytes, const Scan &scan) {
  Blocks blocks{columns};
  Val stride = k.constant(blocks.panels() * 64), offset = block * (kBlock * 4);
  Val panels = blocks.panelsOf(k, block);
  k.unless(scan.top < 1, [&] { // then biases and lists have no first entry
    Val biasRow = k.loadIndex(f.contextPointer("row_bias"), row);
    Val bias = f.contextPointer("logit_bias") + biasRow * stride + offset;
    Vals arguments{logits,     bias,   block * kBlock, panels, k.constant(columns),
                   record,     arrayBytes, scan.lists + row * kListBytes, scan.top};
    Val whole = block < columns / kBlock;
    k.when(whole, [&] { k.call(scanBlock(Extent::Whole), arguments); });
    k.unless(whole, [&] { k.call(scanBlock(Extent::Part), arguments); });
  });
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
  func::FuncOp insert = insertTop();
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    Blocks blocks{columns};
    VectorType vector = k.vector(k.f32(), 16);
    Val records = f.place(0), tokens = f.contextPointer("out_tokens"),
        logProbs = f.contextPointer("out_log_probs"), top = f.context("top_k");
    Val lists = f.firstScratch(1),
        stride = f.context("scratch_stride"), workers = f.workers();
    Val zero = k.constant(int64_t(0)), one = k.constant(int64_t(1)),
        step = k.constant(int64_t(16)), end = k.constant(blocks.count());
    Val lowest = k.constantOf(vector, -kInfinity);
    Val zeros = k.constantOf(vector, 0.0);
    auto [first, last] = f.share(f.context("rows"));
    k.loop(first, last, [&](Val row) {
      // The first worker's list takes in the lists of the others.
      Val list = lists + row * kListBytes, out = row * top * 4;
      k.loop(one, workers, [&](Val worker) {
        k.loop(zero, top, [&](Val i) {
          Val from = list + worker * stride + i * 4;
          Val biased = k.load(k.f32(), from + Biased * kListArray);
          k.when(biased > worst(k, list, top), [&] {
            k.call(insert, {list, top, biased,
                            k.load(k.f32(), from + Logit * kListArray),
                            k.load(k.i32(), from + Token * kListArray)});
          });
        });
      });
      k.loop(zero, top, [&](Val i) {
        k.store(k.load(k.i32(), list + i * 4 + Token * kListArray),
                tokens + out + i * 4);
      });
      k.unless(k.isNull(logProbs) | (top < 1), [&] { // of top 0 there are no records
        Val record = records + row * blocks.rowBytes();
        auto read = [&](Record what, Val block, Val missing) {
          return blocks.read(k, record, what, block, missing);
        };
        Val most = k.max16(
            k.loop(zero, end, step, {lowest}, [&](Val block, ArrayRef<Val> so) {
              return Vals{max(read(Max, block, lowest), so[0])};
            })[0]);
        // All logits of a block of banned tokens are -inf, and -inf - (-inf) is NaN.
        Val mosts = k.splat(max(most, k.constant(-std::numeric_limits<float>::max())), 16);
        Val sum =
            k.loop(zero, end, step, {zeros}, [&](Val block, ArrayRef<Val> sum) {
              Val part = read(Sum, block, zeros);
              return Vals{
                  fma(part, exp(read(Max, block, lowest) - mosts), sum[0])};
            })[0];
        Val logSum = log(k.sum16(sum));
        k.loop(zero, top, [&](Val i) {
          Val logit = k.load(k.f32(), list + i * 4 + Logit * kListArray);
          k.store(logit - most - logSum, logProbs + out + i * 4);
        });
      });
    });
  });
}

} // namespace encdec::cpu
