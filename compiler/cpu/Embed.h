// Rows of a table of tokens, in a kernel of their own or as a step of a row program.
#pragma once
#include "compiler/cpu/CpuKernels.h"

namespace encdec::cpu {

/// Emits y[r] = scale * table[token[r]] + positions[position[r]]. What does not depend on the row
/// is loaded where the object is made.
class Embedding {
public:
  /// `entry` of the call's table, and the next two, have the weight [vocabulary, width], its
  /// scales and the positions' table.
  Embedding(KernelBuilder &k, Frame &f, int64_t entry, int64_t width,
            WeightKind kind, float scale);
  /// Columns `from` to from + 16 of the call's row `row`, to the row at `out`.
  void panel(Val row, Val from, Val out);

private:
  KernelBuilder &k;
  int64_t width;
  WeightKind kind;
  float scale;
  Val table, scales, positions, tokens, places, none;
};

} // namespace encdec::cpu
