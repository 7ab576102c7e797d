// A line for each function, once its address is known.
#include "compiler/emit/PerfMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <unistd.h>

using namespace llvm;

namespace encdec {

std::string PerfMap::path() { return ("/tmp/perf-" + Twine(getpid()) + ".map").str(); }

/// Names of kernels, which code calls by distance alone, would be pruned.
static Error keepNames(jitlink::LinkGraph &graph) {
  for (jitlink::Symbol *symbol : graph.defined_symbols())
    if (symbol->isCallable())
      symbol->setLive(true);
  return Error::success();
}

static Error write(jitlink::LinkGraph &graph) {
  std::error_code error;
  raw_fd_ostream file(PerfMap::path(), error, sys::fs::OF_Append);
  if (error)
    return createFileError(PerfMap::path(), error);
  for (jitlink::Symbol *symbol : graph.defined_symbols())
    if (symbol->hasName() && symbol->isCallable())
      file << formatv("{0:x-} {1:x-} {2}\n", symbol->getAddress().getValue(), symbol->getSize(),
                      *symbol->getName());
  file.close();
  if (file.has_error()) {
    error = file.error();
    file.clear_error(); // else its destructor ends the process
    return createFileError(PerfMap::path(), error);
  }
  return Error::success();
}

void PerfMap::modifyPassConfig(orc::MaterializationResponsibility &, jitlink::LinkGraph &,
                               jitlink::PassConfiguration &config) {
  config.PrePrunePasses.push_back(keepNames);
  config.PostFixupPasses.push_back(write);
}

} // namespace encdec
