// Models, random ones or of a checkpoint, in scheduled form.
#pragma once
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "tests/support/RandomModel.h"

namespace encdec::test {

/// What the schedule of a model depends on.
struct Variant {
  ModelSizes sizes;
  std::string weights = "f32";
  bool sketch = false;
  bool fuseAll = true; // or attention alone: linear, activation, add and norm stay single
  std::string groups = "none"; // PipelineOptions
  std::string checkpoint = {}; // folder of a real model, which `sizes` then does not tell
  std::string text() const;
};

/// `count` random sizes, small ones, and one model whose rows, panels, heads and blocks of
/// the vocabulary are more than the workers.
std::vector<ModelSizes> modelSizes(unsigned count, uint64_t seed);

/// All weight types with and without their sketch, fused and not, of `sizes`.
std::vector<Variant> variantsOf(const ModelSizes &sizes);

/// One that knows encdec's dialects, for one thread.
std::unique_ptr<mlir::MLIRContext> newContext();

/// While this object lives, it takes the errors of a context and keeps the first.
class FirstError {
public:
  explicit FirstError(mlir::MLIRContext *context)
      : handler(context, [this](mlir::Diagnostic &diagnostic) {
          if (text.empty())
            text = diagnostic.str();
          return mlir::success();
        }) {}
  std::string text; // empty: none so far

private:
  mlir::ScopedDiagnosticHandler handler;
};

/// A model in scheduled form, in a context of its own.
struct Scheduled {
  explicit Scheduled(const Variant &variant);

  ModelSizes sizes;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module; // null where a pass failed
};

} // namespace encdec::test
