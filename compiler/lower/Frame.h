// What a kernel is given: the frame of the running call and the table of the
// op.
#pragma once
#include "compiler/lower/KernelBuilder.h"

namespace encdec::lower {

/// Marks a function that entries call. Layers share it, so it is never inlined; and no
/// loop of it may become a library call (loop-idiom recognition).
void makePrivateKernel(mlir::func::FuncOp function);

/// The frame, made on the stack by encode and step: 8-byte fields in this
/// order.
enum class FrameField : int64_t {
  context, // const encdec_abi_context *
  worker,  // i64
  workers, // i64
  arenaRows, // i64: rows of the arena, which multiply its places: R in step,
             // Σ round_up(length, 16) over the sources in encode
  count
};

/// Byte offset of the field called `name` in encdec_abi_context.
int64_t contextOffset(llvm::StringRef name);

/// Reads a frame and a table from inside a kernel. Loads are emitted where they
/// are asked for, so ask outside of loops.
class Frame {
public:
  Frame(KernelBuilder &k, Val frame, Val table = {})
      : k(k), frame(frame), table(table) {}

  Val field(FrameField f);
  Val worker() { return field(FrameField::worker); }
  Val workers() { return field(FrameField::workers); }
  /// A field of encdec_abi_context as i64 or pointer.
  Val context(llvm::StringRef name);
  Val contextPointer(llvm::StringRef name);

  /// Entry `i` of the table as i64, as it stands.
  Val number(int64_t i);
  /// Entry `i`, a place: the address of an activation.
  Val place(int64_t i);
  /// Entries `i` and `i` + 1, the place of a value of keys: its address.
  Val placeOfKeys(int64_t i);
  /// Entries `i` to `i` + 2, a place in scratch: the address in this worker's scratch, or
  /// in that of worker 0. The scratch of the next worker lies scratch_stride bytes
  /// further.
  Val scratch(int64_t i);
  Val firstScratch(int64_t i);
  /// Entry `i`, a weight offset: its address.
  Val weight(int64_t i);
  /// The same, null where the entry is -1.
  Val optionalWeight(int64_t i);

  /// This worker's share of `count` units of work: [first, last), contiguous, shares
  /// differing by at most one unit.
  std::pair<Val, Val> share(Val count);
  /// Of a step: this worker's share of the units (head, row), heads outermost, which is
  /// what every kernel whose call is split by row_heads must take. Where the rows share
  /// slots, a row may read what other rows of the call append, so each worker has all rows
  /// of its heads.
  std::pair<Val, Val> shareRowHeads(int64_t heads);

private:
  KernelBuilder &k;
  Val frame, table;
};

} // namespace encdec::lower
