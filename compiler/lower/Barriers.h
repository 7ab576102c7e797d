// When two kernel calls in a row need no barrier between them: when each worker reads
// only what it wrote itself, and writes nothing that another may still be reading.
// Which rows, heads and columns are whose is said in lower/README.md; `last` is the op
// whose kernel was called last, null before the first.
#pragma once
#include "compiler/lower/Emitter.h"

namespace encdec::lower {

/// `rows` become quantized rows at `quantized`: a worker quantizes the rows that it has
/// normalized.
Barrier beforeQuantize(mlir::Operation *last, mlir::Value rows,
                       std::optional<int64_t> quantized);
/// A worker attends with the heads whose keys it has appended to the cache.
Barrier beforeAttention(mlir::Operation *last, SelfAttentionOp op);
/// `kernel` again, as in the layer before: one kernel shares its columns out in one way,
/// so what a worker has in the temporaries is its own in this layer too.
Barrier beforeProject(const Emitter &emit, mlir::func::FuncOp kernel, MemoryProjectOp op);

} // namespace encdec::lower
