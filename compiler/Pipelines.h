// The named pipelines, each a function of one options struct. A tool or library
// builds them by these functions; encdec-opt knows them as --encdec-fuse,
// --encdec-place, --encdec-schedule and --encdec-to-llvm.
#pragma once
#include "compiler/PipelineOptions.h"
#include "mlir/Pass/PassManager.h"

namespace encdec {

/// Decomposed form to fused form.
void buildFusePipeline(mlir::OpPassManager &pm,
                       const PipelineOptions &options = {});

/// Decides where computation and weights live: the form stays fused; hoisted, with packed
/// weights.
void buildPlacePipeline(mlir::OpPassManager &pm,
                        const PipelineOptions &options = {});

/// Fused form, hoisted and packed, to scheduled form: kernel calls and barriers, every
/// value in its place, proven.
void buildSchedulePipeline(mlir::OpPassManager &pm,
                           const PipelineOptions &options = {});

/// Scheduled form to kernels and LLVM.
void buildLowerPipeline(mlir::OpPassManager &pm,
                        const PipelineOptions &options = {});

/// Registers the four pipelines by name (process-wide; called by
/// registerEncDecPassesAndPipelines).
void registerEncDecPipelines();

} // namespace encdec
