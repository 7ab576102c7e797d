// encdec-import: prints a checkpoint folder as IR.
#include "compiler/import/Import.h"
#include "compiler/tools/Streams.h"

#include "llvm/Support/raw_ostream.h"

static constexpr const char *usage =
    "usage: encdec-import [--strict] [--quiet] FOLDER\n\n"
    "Prints the module of plain encdec ops that a checkpoint folder "
    "(config.json,\n"
    "model.safetensors) stands for. Weights stay in their file.\n\n"
    "  --strict   warnings (unknown keys, unused tensors) become errors\n"
    "  --quiet    no warnings\n\n"
    "example:\n  encdec-import models/opus-mt-en-fr > model.mlir\n\n"
    "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model, 5 over a limit\n";

int main(int argc, char **argv) {
  encdec::holdStandardStreams();
  encdec::ImportOptions options;
  bool quiet = false;
  llvm::StringRef folder;
  for (llvm::StringRef argument : llvm::ArrayRef(argv + 1, argc - 1)) {
    if (argument == "--help" || argument == "-h") {
      llvm::outs() << usage;
      return encdec::finishOutput("encdec-import");
    }
    if (argument == "--strict")
      options.strict = true;
    else if (argument == "--quiet")
      quiet = true;
    else if (argument.starts_with("-") || !folder.empty()) {
      llvm::errs() << "encdec-import: unexpected argument '" << argument
                   << "'\n\n"
                   << usage;
      return 2;
    } else
      folder = argument;
  }
  if (folder.empty()) {
    llvm::errs() << usage;
    return 2;
  }
  mlir::MLIRContext context;
  encdec::ImportReport report;
  mlir::OwningOpRef<mlir::ModuleOp> module =
      encdec::importCheckpoint(context, folder, options, report);
  if (!quiet)
    for (const std::string &warning : report.warnings)
      llvm::errs() << "encdec-import: warning: " << warning << "\n";
  if (!module) {
    llvm::errs() << "encdec-import: error: " << report.status.message() << "\n";
    return int(report.status.code());
  }
  // Locations carry the names of values.
  module->print(llvm::outs(), mlir::OpPrintingFlags().printNameLocAsPrefix());
  return encdec::finishOutput("encdec-import");
}
