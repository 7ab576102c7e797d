// The machine code of kernels, beside the loops that it comes from.
#pragma once
#include "compiler/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace encdec::explain {

struct KernelCode {
  std::string name;     // linear_512_f32x512
  std::string ir;       // its body, in vector and scf
  std::string assembly; // what a bundle holds at this level, as text
};

/// The kernels called `kernel`, or of that kind ("linear" for linear_512_f32x512), of a module in
/// decomposed or fused form, compiled for options.level, which names a level of
/// compiler/emit/Object.h. The module is of no more use. An error lists the kernels that there
/// are.
llvm::Expected<std::vector<KernelCode>> codeOfKernels(mlir::ModuleOp module,
                                                      const PipelineOptions &options,
                                                      llvm::StringRef kernel);

/// IR, then code, of one kernel after the other.
void printText(const std::vector<KernelCode> &kernels, llvm::raw_ostream &out);

/// {"kernels": [{"name", "ir", "assembly"}]}
void printJson(const std::vector<KernelCode> &kernels, llvm::raw_ostream &out);

} // namespace encdec::explain
