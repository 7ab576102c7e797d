// Scheduled form to the LLVM dialect.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace encdec {

/// Name of the module attribute that lowering leaves behind: a dictionary of
/// `encode` and `step`, each an array of segments in the order they run.
///   {ops = "cache_append+self_attention", side = "decoder", layer = 0 : i64,
///    weight_bytes = …, row_madds = …, keys = [{from = "cache", bytes = …, madds = …}]}
/// `layer` is missing outside layers and where a segment spans several layers. Where an entry
/// has several ranges of rows, their segments follow each other, each with the `least_rows`
/// or `worker_rows` of its range.
inline constexpr llvm::StringLiteral kSegmentsAttr = "encdec.segments";

/// Kernels and entry functions (func, scf, arith, math, vector, llvm) to the
/// LLVM dialect. No op becomes a library call.
void buildKernelsToLLVM(mlir::OpPassManager &pm);

/// Whether `asked` means the kernel function `kernel`: it is the function's name
/// (linear_512_f32x512) or the name of its kind ("linear").
bool isKernelOf(llvm::StringRef kernel, llvm::StringRef asked);

/// Scheduled form to the LLVM dialect for one level of the target, in place: afterwards
/// the module holds the functions encdec_encode and, where there is one, encdec_step
/// (include/encdec/abi.h) and private kernels, nothing else. On failure there are diagnostics
/// and the module is of no more use. Clone the module first where several levels are wanted.
llvm::LogicalResult lowerToLLVMDialect(mlir::ModuleOp module,
                                       llvm::StringRef level);

} // namespace encdec
