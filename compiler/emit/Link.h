// From object code to the shared object a bundle carries.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>

namespace encdec {

/// Path of ld.lld 22: $ENCDEC_LLD, else `ld.lld-22` on PATH or in LLVM 22's own folder.
/// The error names the package that has it.
llvm::Expected<std::string> findLinker();

/// Links one object into a shared object by ld.lld as a child process (LLD may
/// not run twice in one process, and its crash must not be ours). Checks the
/// result by checkCode. Temporary files live in TMPDIR and are removed.
llvm::Expected<llvm::SmallVector<char, 0>>
linkShared(llvm::ArrayRef<char> object);

/// What the runtime's loader relies on: an ELF shared object that needs no
/// other library, imports no symbol, has only RELATIVE relocations, no
/// constructors, and exports encdec_encode, encdec_abi_version and, but for an encoder
/// only, encdec_step.
llvm::Error checkCode(llvm::ArrayRef<char> shared);

} // namespace encdec
