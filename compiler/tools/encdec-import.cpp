// encdec-import: prints a checkpoint folder as IR.
#include "compiler/import/Import.h"
#include "compiler/tools/Streams.h"

#include "llvm/Support/raw_ostream.h"

static constexpr const char *usage =
    "usage: encdec-import [--strict] [--quiet] [--family FILE] [--max-source-tokens N] "
    "FOLDER\n\n"
    "Prints the module of plain encdec ops that a checkpoint folder "
    "(config.json,\n"
    "model.safetensors) stands for. Weights stay in their file.\n\n"
    "  --strict   warnings (unknown keys, unused tensors) become errors\n"
    "  --quiet    no warnings\n"
    "  --family FILE            architecture file to read the checkpoint by, instead of a "
    "built-in one\n"
    "  --max-source-tokens N    longest source and target of a family without a limit of "
    "its own\n\n"
    "example:\n  encdec-import models/opus-mt-en-fr > model.mlir\n\n"
    "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model, 5 over a limit\n";

int main(int argc, char **argv) {
  encdec::holdStandardStreams();
  encdec::ImportOptions options;
  bool quiet = false;
  llvm::StringRef folder;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      llvm::outs() << usage;
      return encdec::finishOutput("encdec-import");
    }
    if (argument == "--strict")
      options.strict = true;
    else if (argument == "--quiet")
      quiet = true;
    else if (argument == "--family" && i + 1 < argc) {
      options.familyFile = argv[++i];
      if (options.familyFile.empty()) {
        llvm::errs() << "encdec-import: --family: expected a name, got an empty one\n";
        return 2;
      }
    } else if (argument == "--max-source-tokens" && i + 1 < argc) {
      if (llvm::StringRef(argv[++i]).getAsInteger(10, options.maxSourceTokens) ||
          options.maxSourceTokens == 0) {
        llvm::errs() << "encdec-import: --max-source-tokens: expected a whole number from 1 "
                        "on, found '"
                     << argv[i] << "'\n";
        return 2;
      }
    }
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
