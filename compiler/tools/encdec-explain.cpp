// encdec-explain: what became of each op of a model, and why.
#include "compiler/Plugins.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "compiler/emit/Source.h"
#include "compiler/explain/Assembly.h"
#include "compiler/explain/Print.h"
#include "compiler/explain/Provenance.h"
#include "compiler/explain/ReadIr.h"
#include "compiler/import/Import.h"
#include "compiler/tools/Measure.h"
#include "compiler/tools/OutputFile.h"
#include "compiler/tools/PipelineFlags.h"
#include "compiler/tools/Streams.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"
#include <CLI/CLI.hpp>
#include <thread>
#include <unistd.h>

using namespace encdec;

namespace {

struct Arguments {
  std::string model, ir, html, text, kernel;
  PipelineOptions pipeline;
  ImportOptions import;
  explain::View view;
  bool json = false, measure = false, quiet = false;
};

std::string notEmpty(const std::string &name) {
  return name.empty() ? "expected a name, got an empty one" : "";
}

void describe(CLI::App &app, Arguments &arguments) {
  app.add_option("MODEL", arguments.model, "checkpoint folder");
  app.add_option("--ir", arguments.ir,
                 "explain the IR of this file instead, in decomposed or fused form; no weights "
                 "are read")
      ->check(notEmpty);
  tools::describeFormats(app, arguments.pipeline);
  tools::describeExtensions(app, arguments.pipeline);
  app.add_option("--family", arguments.import.familyFile,
                 "architecture file to read the checkpoint by")
      ->check(notEmpty);
  app.add_option("--max-source-tokens", arguments.import.maxSourceTokens,
                 "longest source and target of a family without a limit of its own")
      ->check(CLI::Range(1, 1 << 20));
  app.add_flag("--json", arguments.json, "the report as one JSON object");
  app.add_option("--html", arguments.html, "also write the report as one page")->check(notEmpty);
  explain::View &view = arguments.view;
  app.add_option("--source-length", view.sizes.sourceLength, "tokens of each source")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--new-tokens", view.sizes.newTokens, "steps; a middle one is explained")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--batch", view.sizes.batch, "sources decoded together")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  view.sizes.threads = std::max(1u, std::thread::hardware_concurrency());
  app.add_option("--threads", view.sizes.threads,
                 "workers, on which, and on the rows, depends which range of rows runs; default: "
                 "the processors that this process may use")
      ->check(CLI::Range(1, 256));
  app.add_option("--bandwidth", view.limits.bandwidth,
                 "GB/s that this machine reads, for limits of time (encdec bench measures it)")
      ->check(CLI::PositiveNumber);
  app.add_option("--peak", view.limits.floats, "GMAC/s of f32 (encdec bench --profile --json)")
      ->check(CLI::PositiveNumber);
  app.add_option("--peak-int8", view.limits.wholes, "GMAC/s of bytes, for int8-dynamic")
      ->check(CLI::PositiveNumber);
  app.add_flag("--measure", arguments.measure,
               "compile MODEL and let encdec bench measure times and limits here");
  app.add_option("--text", arguments.text,
                 "with --html: translate this and show where each head looked");
  app.add_option("--asm", arguments.kernel,
                 "print these kernels instead, as loops and as machine code: \"linear\", or "
                 "\"linear_512_f32x512\" alone")
      ->check(notEmpty);
  app.add_option("--level", arguments.pipeline.level,
                 "with --asm: the CPU level of the code; default: the best that this machine runs");
  app.add_flag("-q,--quiet", arguments.quiet, "no warnings, no progress");
  app.footer("Each op of the checkpoint is fused or not, by which pass, what that saved, which "
             "kernels work\nfor it and what they read and multiply; or the code, op and line that "
             "stopped a fusion, with\nthe remedy. What was not measured shows as —.\n\n"
             "examples:\n"
             "  encdec explain models/en-fr\n"
             "  encdec explain models/en-fr --weights int8-dynamic --measure\n"
             "  encdec explain models/en-fr --html en-fr.html --text \"I like tea.\"\n"
             "  encdec explain models/en-fr --patterns mine.pdll --at fuse:before --groups all\n"
             "  encdec explain models/en-fr --asm add_norm --level v3\n"
             "  encdec explain --ir model.mlir --json | jq '.verdicts[] | select(.passed | not)'\n\n"
             "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model, 4 does not fit, 5 limit");
}

/// What is wrong with the options together; empty: nothing.
std::string conflict(const Arguments &arguments) {
  if (arguments.model.empty() == arguments.ir.empty())
    return "expected a checkpoint folder or --ir FILE, and not both";
  if (!arguments.ir.empty() && (arguments.measure || !arguments.text.empty()))
    return "--measure and --text run the model, so they take a checkpoint folder, not --ir";
  if (!arguments.text.empty() && arguments.html.empty())
    return "--text is for the page: add --html FILE";
  if (arguments.kernel.empty() && !arguments.pipeline.level.empty())
    return "--level is for machine code: add --asm KERNEL";
  if (!arguments.kernel.empty() && (arguments.measure || !arguments.html.empty()))
    return "--asm prints kernels alone: leave --measure and --html out";
  return "";
}

int fail(const Status &status) {
  llvm::errs() << "encdec-explain: error: " << status.message() << "\n";
  return int(status.code());
}

Result<mlir::OwningOpRef<mlir::ModuleOp>> load(mlir::MLIRContext &context,
                                               const Arguments &arguments) {
  if (arguments.ir.empty()) {
    ImportReport report;
    auto module = importCheckpoint(context, arguments.model, arguments.import, report);
    if (!arguments.quiet)
      for (const std::string &warning : report.warnings)
        llvm::errs() << "encdec-explain: warning: " << warning << "\n";
    if (!module)
      return report.status;
    return module;
  }
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error)
      return mlir::success();
    llvm::raw_string_ostream text(messages);
    std::string place = explain::placeOf(diagnostic.getLocation());
    text << (messages.empty() ? "" : "; ") << place << (place.empty() ? "" : ": ") << diagnostic;
    return mlir::success();
  });
  auto module = explain::readIr(context, arguments.ir);
  if (!module)
    return badModel("--ir: " + (messages.empty() ? "no module in " + arguments.ir : messages));
  if (auto placed = isPlaced(*module, {}); !placed.ok())
    return std::move(placed).status().withContext("--ir: " + arguments.ir);
  return module;
}

Status runModel(const Arguments &arguments, explain::Report &report, explain::View &view) {
  if (!arguments.measure && arguments.text.empty())
    return Status::success();
  auto progress = [&](const char *what) {
    if (!arguments.quiet && isatty(STDERR_FILENO))
      llvm::errs() << "encdec-explain: " << what << " …\n";
  };
  std::vector<std::string> options = tools::wordsOf(arguments.pipeline);
  if (!arguments.import.familyFile.empty())
    options.insert(options.end(), {"--family", arguments.import.familyFile});
  if (arguments.import.maxSourceTokens)
    options.insert(options.end(),
                   {"--max-source-tokens", std::to_string(arguments.import.maxSourceTokens)});
  progress("compiling");
  ENCDEC_ASSIGN_OR_RETURN(auto bundle, tools::TemporaryBundle::make(arguments.model, options));
  if (arguments.measure) {
    progress("measuring");
    ENCDEC_RETURN_IF_ERROR(bundle->measure(report, view));
  }
  int64_t layers = 0;
  for (const explain::ImportedOp &op : report.ops)
    if (op.role == "cross-attention" && op.layer)
      layers = std::max(layers, *op.layer + 1);
  if (!arguments.text.empty()) {
    progress("drawing alignments");
    ENCDEC_RETURN_IF_ERROR(bundle->align(arguments.text, layers, view));
  }
  return Status::success();
}

int explainKernels(mlir::ModuleOp module, const Arguments &arguments) {
  PipelineOptions pipeline = arguments.pipeline;
  const ObjectTarget *host = hostObjectTarget();
  if (pipeline.level.empty())
    pipeline.level = host ? host->name : objectTargets().front().name;
  auto kernels = explain::codeOfKernels(module, pipeline, arguments.kernel);
  if (!kernels)
    return fail(Status(Code::Usage, llvm::toString(kernels.takeError())));
  if (arguments.json)
    explain::printJson(*kernels, llvm::outs());
  else
    explain::printText(*kernels, llvm::outs());
  return finishOutput("encdec-explain");
}

Status writePage(const std::string &path, const explain::Report &report,
                 const explain::View &view) {
  if (path == "-") {
    explain::printHtml(report, view, llvm::outs());
    return Status::success();
  }
  std::string page;
  llvm::raw_string_ostream text(page);
  explain::printHtml(report, view, text);
  return tools::writeOutput(path, page).withContext("--html");
}

int explainAll(Arguments &arguments) {
  registerAllPasses(); // --pass-pipeline names them
  mlir::DialectRegistry registry;
  registerEncDecDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  if (llvm::Error error = loadExtensions(arguments.pipeline, context))
    return fail(usageError(llvm::toString(std::move(error))));
  auto module = load(context, arguments);
  if (!module.ok())
    return fail(module.status());
  if (!arguments.kernel.empty())
    return explainKernels(**module, arguments);
  explain::Report report = explain::explainModule(
      **module, arguments.pipeline, arguments.view.sizes);
  report.model = arguments.ir.empty() ? arguments.model : arguments.ir;
  std::vector<std::string> warnings = idlePlugins(arguments.pipeline);
  warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
  for (const std::string &warning : warnings)
    if (!arguments.quiet)
      llvm::errs() << "encdec-explain: warning: " << warning << "\n";
  explain::View &view = arguments.view;
  view.color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
  for (double *limit : {&view.limits.bandwidth, &view.limits.floats, &view.limits.wholes})
    *limit *= 1e9;
  if (Status status = runModel(arguments, report, view); !status.ok())
    return fail(status);
  if (!arguments.html.empty()) {
    if (Status status = writePage(arguments.html, report, view); !status.ok())
      return fail(status);
  }
  if (arguments.json) {
    explain::printJson(report, view, llvm::outs());
    llvm::outs() << "\n";
  } else if (arguments.html != "-")
    explain::printText(report, view, llvm::outs());
  return finishOutput("encdec-explain");
}

} // namespace

int main(int argc, char **argv) {
  holdStandardStreams();
  Arguments arguments;
  CLI::App app("Says what became of each op of a model, and why.", "encdec-explain");
  describe(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    llvm::outs() << app.help();
    return finishOutput("encdec-explain");
  } catch (const CLI::ParseError &error) {
    llvm::errs() << "encdec-explain: error: " << error.what()
                 << " (encdec-explain --help shows the options)\n";
    return int(Code::Usage);
  }
  if (std::string wrong = conflict(arguments); !wrong.empty())
    return fail(Status(Code::Usage, wrong));
  if (arguments.html != "-")
    if (Status status = tools::checkOutput(arguments.html).withContext("--html"); !status.ok())
      return fail(status);
  return explainAll(arguments);
}
