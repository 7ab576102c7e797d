// Which passes run, in which order, and why in that order.
#include "compiler/Pipelines.h"
#include "compiler/Passes.h"
#include "compiler/lower/Lowering.h"
#include "dialect/WeightFormat.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace encdec {

static std::string keysWith(StringRef weights) {
  const WeightFormat *format = findWeightFormat(weights);
  return format && format->bits <= 8 ? "bf16" : "f32";
}

void buildFusePipeline(OpPassManager &pm, const PipelineOptions &) {
  // First: it follows single query, key and value tensors back to where they
  // come from, and gives the next pass the op that says which three linears
  // belong together.
  pm.addPass(createFuseAttentionPass());
  // Before the FFN pass, so that no linear that belongs to an attention is still
  // alone when linears are looked at.
  pm.addPass(createFuseProjectionsPass());
  pm.addPass(createFuseFfnPass());
  // After both: an add's operands are then the two values of the textbook's
  // "Add & Norm" box, the block's result and its input.
  pm.addPass(createFuseAddNormPass());
  pm.addPass(createFuseVocabularyPass());
}

void buildPlacePipeline(OpPassManager &pm, const PipelineOptions &options) {
  // First: it decides in which function a weight is used, hence its place.
  pm.addPass(createHoistEncoderPass());
  // Before packing, whose sizes depend on the formats.
  pm.addPass(createQuantizeWeightsPass(
      {options.weights, llvm::to_vector(options.weightsFor)}));
  if (options.sketch)
    pm.addPass(createSketchVocabularyPass());
  pm.addPass(createNarrowKeysPass(
      {options.keys.empty() ? keysWith(options.weights) : options.keys}));
  pm.addPass(createPackWeightsPass());
}

void buildSchedulePipeline(OpPassManager &pm, const PipelineOptions &options) {
  // Weights have their offsets by now, which calls name.
  pm.addPass(createSelectKernelsPass({options.target}));
  // Before memory: the flow alone asks for barriers, and what lies between two of them
  // shares no byte.
  pm.addPass(createInsertBarriersPass());
  pm.addPass(createPlanMemoryPass());
  // Last: nothing changes the schedule any more.
  pm.addPass(createVerifySchedulePass());
}

void buildLowerPipeline(OpPassManager &pm, const PipelineOptions &options) {
  // Last pass that sees kernel calls; what follows knows loops and vectors only.
  pm.addPass(createLowerPass({options.level}));
  buildKernelsToLLVM(pm);
}

namespace {
/// PipelineOptions as text: --encdec-place="weights=int8".
struct PipelineFlags : PassPipelineOptions<PipelineFlags> {
  Option<std::string> weights{*this, "weights",
                              llvm::cl::desc("format of weights: f32, bf16, int8 or "
                                             "int8-dynamic"),
                              llvm::cl::init("f32")};

  ListOption<std::string> weightsFor{
      *this, "weights-for", llvm::cl::desc("GLOB=FORMAT for weights whose names match")};

  Option<std::string> target{*this, "target", llvm::cl::desc("whose kernels"),
                             llvm::cl::init("cpu")};

  Option<std::string> level{
      *this, "level", llvm::cl::desc("level of the target; default: its first"),
      llvm::cl::init("")};

  Option<std::string> keys{
      *this, "keys",
      llvm::cl::desc("cached keys and values: f32 or bf16; default: bf16 with the "
                     "int8 types, else f32")};

  Option<bool> sketch{*this, "sketch",
                      llvm::cl::desc("an int8 sketch beside an f32 vocabulary"),
                      llvm::cl::init(false)};

  PipelineOptions get() const { return {weights, std::vector<std::string>(weightsFor.begin(), weightsFor.end()), target,
            level, sketch, keys}; }
};
} // namespace

void registerEncDecPipelines() {
  using Build = void(OpPassManager &, const PipelineOptions &);
  auto add = [](StringRef name, StringRef description, Build *build) {
    PassPipelineRegistration<PipelineFlags>(
        name, description, [build](OpPassManager &pm, const PipelineFlags &flags) {
          build(pm, flags.get());
        });
  };
  add("encdec-fuse", "one op for each attention, FFN, add & norm, vocabulary",
      buildFusePipeline);
  add("encdec-place", "hoist the encoder's part, choose and place weights",
      buildPlacePipeline);
  add("encdec-schedule", "kernel calls, barriers and memory, proven", buildSchedulePipeline);
  add("encdec-to-llvm", "scheduled form to kernels and LLVM", buildLowerPipeline);
}

} // namespace encdec
