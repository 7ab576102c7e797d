// Machine.h: what a measurement depends on besides the program. Free of MLIR.
#pragma once
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <string>

namespace encdec::lab {

/// "AMD EPYC 9B45": the CPU's name, as the system gives it.
std::string cpuName();

/// How busy the machine is, and how fast its clock runs, now: load (of one minute, /proc),
/// mhz (mean over CPUs), governor; null where the system does not say.
llvm::json::Object machineNow();

/// "encdec 0.1.0, LLVM 22.1.8": what bundles made here say.
std::string producerHere();

/// Whether a record was made here, by this CPU's name and this version. Error: DoesNotFit,
/// with both.
Status checkRecord(const llvm::json::Object &record);

} // namespace encdec::lab
