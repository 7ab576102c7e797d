// LLVM-dialect module → object code for one CPU level.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace encdec {

/// How the machine code of one level is made.
struct ObjectTarget {
  llvm::StringRef name; // of the CpuLevel
  llvm::StringRef triple;
  llvm::StringRef cpu;
  llvm::StringRef features; // beyond those of cpu
  unsigned vectorBits;
  unsigned pageSize; // largest page size of systems that run it
};

/// One for each of cpuLevels(), in their order.
llvm::ArrayRef<ObjectTarget> objectTargets();

/// Makes LLVM know the code generators of all levels. Safe from any thread.
void initializeObjectTargets();

/// The level called `name`; the error lists the known ones.
llvm::Expected<const ObjectTarget *> findObjectTarget(llvm::StringRef name);

/// The best level this machine runs, or null.
const ObjectTarget *hostObjectTarget();

/// Translates `module` (LLVM dialect; exports functions encdec_encode and, but for an
/// encoder only, encdec_step) and generates position-independent code: no IR passes,
/// aggressive instruction selection. Everything else becomes local; the data
/// symbol encdec_abi_version is added. The bytes depend on module and target
/// alone.
llvm::Expected<llvm::SmallVector<char, 0>>
emitObject(mlir::ModuleOp module, const ObjectTarget &target);

/// The same code as text for an assembler.
llvm::Expected<llvm::SmallVector<char, 0>>
emitAssembly(mlir::ModuleOp module, const ObjectTarget &target);

} // namespace encdec
