// Everything unknown is a barrier.
#include "compiler/lower/Barriers.h"
#include "compiler/place/Arena.h"

using namespace mlir;

namespace encdec::lower {

Barrier beforeQuantize(Operation *last, Value rows, std::optional<int64_t> quantized) {
  if (!isa_and_present<NormOp, AddNormOp>(last) || rows.getDefiningOp() != last ||
      !quantized)
    return Barrier::Before;
  int64_t end = *quantized + quantizedRowBytes(widthOf(rows));
  for (Value read : last->getOperands()) {
    std::optional<int64_t> in = placeOf(read);
    if (!in || (*quantized < *in + rowBytes(widthOf(read)) && *in < end))
      return Barrier::Before;
  }
  return Barrier::None;
}

Barrier beforeAttention(Operation *last, SelfAttentionOp op) {
  auto append = dyn_cast_or_null<CacheAppendOp>(last);
  std::optional<int64_t> out = placeOf(op, 0);
  if (!append || !out)
    return Barrier::Before;
  int64_t bytes = rowBytes(widthOf(op.getContext()));
  for (Value read : {append.getKey(), append.getValue()}) {
    std::optional<int64_t> in = placeOf(read);
    // In the very place of a key or value a head lies over itself.
    if (!in || (*in != *out && std::abs(*in - *out) < bytes))
      return Barrier::Before;
  }
  return Barrier::None;
}

Barrier beforeProject(const Emitter &emit, func::FuncOp kernel, MemoryProjectOp op) {
  return emit.lastKernel() == kernel && placeOf(emit.last(), 0) == placeOf(op, 0) &&
                 placeOf(emit.last(), 1) == placeOf(op, 1)
             ? Barrier::None
             : Barrier::Before;
}

} // namespace encdec::lower
