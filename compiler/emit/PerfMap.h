// Names of code in this process for Linux's perf.
#pragma once
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"

namespace encdec {

/// Appends a line "address size name", in hexadecimal, for each function that a layer links, to
/// /tmp/perf-PID.map, where perf looks for names of code without a file (Linux,
/// tools/perf/Documentation/jit-interface.txt). The file stays, since `perf report` reads it
/// after this process. Linking fails where it cannot be written.
class PerfMap : public llvm::orc::ObjectLinkingLayer::Plugin {
public:
  /// Of this process.
  static std::string path();

  void modifyPassConfig(llvm::orc::MaterializationResponsibility &, llvm::jitlink::LinkGraph &,
                        llvm::jitlink::PassConfiguration &config) override;
  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility &) override {
    return llvm::Error::success();
  }
  llvm::Error notifyRemovingResources(llvm::orc::JITDylib &, llvm::orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(llvm::orc::JITDylib &, llvm::orc::ResourceKey,
                                   llvm::orc::ResourceKey) override {}
};

} // namespace encdec
