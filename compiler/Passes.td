// All passes of encdec: one entry, one file, one flag, one test each.
#ifndef ENCDEC_COMPILER_PASSES_TD
#define ENCDEC_COMPILER_PASSES_TD

include "mlir/Pass/PassBase.td"

//===-- fuse/: value semantics, decomposed to fused form -------------------===//

//===-- place/: where computation, weights and buffers live ----------------===//

//===-- lower/: placed form to kernels and LLVM ----------------------------===//

#endif // ENCDEC_COMPILER_PASSES_TD
