// The table of targets. A new target is a folder beside cpu and a line here.
#include "compiler/cpu/Cpu.h"
#include "compiler/lower/Target.h"
#include "llvm/ADT/STLExtras.h"

namespace encdec {

llvm::ArrayRef<const Target *> targets() {
  static const Target *const all[] = {&cpu::target()};
  return all;
}

const Target *findTarget(llvm::StringRef name) {
  const Target *const *found = llvm::find_if(
      targets(), [&](const Target *target) { return target->name() == name; });
  return found == targets().end() ? nullptr : *found;
}

} // namespace encdec
