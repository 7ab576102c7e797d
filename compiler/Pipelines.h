// The named pipelines, each a function of one options struct. A tool or library
// builds them by these functions; encdec-opt knows them as --encdec-fuse,
// --encdec-place, --encdec-schedule and --encdec-to-llvm.
#pragma once
#include "mlir/Pass/PassManager.h"
#include <optional>
#include <string>

namespace encdec {

/// How weights are stored in the compiled model.
enum class WeightType {
  f32, // 4 bytes each, the logical value
  bf16, // 2 bytes each, rounded to nearest
  int8, // 1 byte each and one f32 scale per output channel
  int8Dynamic // the same; activations too, one scale per row, as they come
};
/// As in the bundle and in --weights.
llvm::StringRef nameOf(WeightType type);
/// The type called `name`, or nothing.
std::optional<WeightType> findWeightType(llvm::StringRef name);

/// The type of cached keys and values that goes with `type`: bf16 with the int8 types,
/// where they would be most of what many rows read; else f32.
llvm::StringRef keysWith(WeightType type);

/// What a user may choose; every pipeline takes the same struct.
struct PipelineOptions {
  WeightType weights = WeightType::f32;
  std::string target = "cpu"; // whose kernels
  std::string level = ""; // of the target, that code is made for; empty: its first
  bool sketch = false; // of f32 weights: greedy steps read an int8 vocabulary first
  std::string keys = "";  // cached keys and values: f32 or bf16; empty: keysWith(weights)
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
