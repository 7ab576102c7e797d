// The named pipelines, each a function of one options struct. A tool or library
// builds them by these functions; encdec-opt knows them as --encdec-fuse,
// --encdec-place, --encdec-schedule and --encdec-to-llvm.
#pragma once
#include "mlir/Pass/PassManager.h"
#include <optional>
#include <string>
#include <vector>

namespace encdec {

/// What a user may choose; every pipeline takes the same struct.
struct PipelineOptions {
  std::string weights = "f32"; // format of all matrices and token tables
  /// "GLOB=FORMAT": formats of those whose names match; the last match counts.
  std::vector<std::string> weightsFor = {};
  std::string target = "cpu"; // whose kernels
  std::string level = ""; // of the target, that code is made for; empty: its first
  bool sketch = false; // of f32 weights: greedy steps read an int8 vocabulary first
  std::string keys = "";  // cached keys and values: f32 or bf16; empty: bf16 with formats of 8 bits,
                          // where they would be most of what many rows read; else f32
};

/// Decomposed form to fused form.
void buildFusePipeline(mlir::OpPassManager &pm,
                       const PipelineOptions &options = {});

/// Where computation and weights live: still the fused form, hoisted, with packed weights.
void buildPlacePipeline(mlir::OpPassManager &pm,
                        const PipelineOptions &options = {});

/// Fused form, hoisted and packed, to scheduled form: kernel calls and barriers, every
/// value in its place, proven.
void buildSchedulePipeline(mlir::OpPassManager &pm,
                           const PipelineOptions &options = {});

/// Scheduled form to kernels and LLVM.
void buildLowerPipeline(mlir::OpPassManager &pm,
                        const PipelineOptions &options = {});

/// Registers the four by name (process-wide; called by
/// registerEncDecPassesAndPipelines).
void registerEncDecPipelines();

} // namespace encdec
