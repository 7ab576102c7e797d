// Kernels of one CPU level, compiled in process and called as functions.
#pragma once
#include "compiler/cpu/CpuKernels.h"
#include "encdec/abi.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/CodeGen.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
namespace orc {
class LLJIT;
}
} // namespace llvm

namespace encdec::test {

/// Compiles the kernels that `build` requests. Every function of the module can be looked
/// up. Aborts with a message where something fails: tests only.
class KernelJit {
public:
  /// `level` must be one that this machine runs.
  KernelJit(llvm::function_ref<void(cpu::CpuKernels &)> build, llvm::StringRef level);
  /// The same for a module that is lowered to the LLVM dialect already. Machine code that
  /// is made with less effort computes the same bits.
  KernelJit(mlir::ModuleOp lowered, llvm::StringRef level,
            llvm::CodeGenOptLevel effort = llvm::CodeGenOptLevel::Aggressive);
  ~KernelJit();
  /// The address of the function called `name`.
  void *address(llvm::StringRef name);
  template <typename Function> Function *get(llvm::StringRef name) {
    return reinterpret_cast<Function *>(address(name));
  }

private:
  void create(std::unique_ptr<llvm::Module> module,
              std::unique_ptr<llvm::LLVMContext> context,
              llvm::StringRef level, llvm::CodeGenOptLevel effort);
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// Assembly of the kernels for `level`.
std::string assembly(llvm::function_ref<void(cpu::CpuKernels &)> build,
                     llvm::StringRef level);

} // namespace encdec::test
