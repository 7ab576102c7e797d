// What the kernels of the vocabulary share: blocks of columns, their records, lists of
// the best tokens. Private to cpu.
#pragma once
#include "compiler/cpu/CpuKernels.h"
#include "encdec/abi.h"
#include <limits>

namespace encdec::cpu {

constexpr int64_t kBlock = 128; // columns
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The record of a block for one row: two numbers, each kind in an array over the blocks,
/// so that merging can use lanes. In a step that uses a sketch the numbers are the
/// greatest upper and the greatest lower bound of the block's logits.
enum Record : int64_t { Max, Sum, RecordCount, MayBe = Max, MustBe = Sum };

/// A row's best tokens so far, best first: three arrays, `top` entries of each in use.
enum List : int64_t { Biased, Logit, Token, ListCount };
constexpr int64_t kListArray = ENCDEC_ABI_MAX_TOP_K * 4;
constexpr int64_t kListBytes =
    ListCount * kListArray; // [3][ENCDEC_ABI_MAX_TOP_K]

struct Blocks {
  int64_t columns;
  int64_t panels() const { return (columns + 15) / 16; }
  int64_t count() const { return (panels() + 7) / 8; }
  int64_t arrayBytes() const { return (count() + 15) / 16 * 64; }
  int64_t rowBytes() const { return RecordCount * arrayBytes(); } // [2][count]

  /// Records of 16 blocks from `block` on, `missing` for those beyond the last.
  Val read(KernelBuilder &k, Val record, Record what, Val block,
           Val missing) const {
    Val left = k.splat(k.truncate(k.constant(count()) - block, k.i32()), 16);
    Val v = k.load(missing.type(), record + what * arrayBytes() + block * 4);
    return select(k.iota(16) < left, v, missing);
  }
  /// How many panels `block` has.
  Val panelsOf(KernelBuilder &k, Val block) const {
    return min(k.constant(panels()) - block * (kBlock / 16),
               k.constant(kBlock / 16));
  }
};

/// Empties the lists of all rows.
void emitEmptyLists(KernelBuilder &k, Val lists, Val rows, Val top);

} // namespace encdec::cpu
