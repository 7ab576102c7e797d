// The product's pipelines, up to the schedule.
#include "Scheduled.h"
#include "compiler/Passes.h"
#include "compiler/import/Import.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace encdec::test {

std::string Variant::text() const {
  return (checkpoint.empty() ? sizes.text() : checkpoint) + ", " + weights + (sketch ? " sketch" : "") +
         (fuseAll ? "" : " attention fused only") + (groups == "none" ? "" : " groups " + groups);
}

std::vector<ModelSizes> modelSizes(unsigned count, uint64_t seed) {
  std::vector<ModelSizes> all = randomSizes(count, seed);
  ModelSizes wide;
  wide.heads = 4, wide.headSize = 16, wide.ffn = 160, wide.vocabulary = 1500;
  wide.encoderLayers = wide.decoderLayers = 2;
  all.push_back(wide);
  return all;
}

std::vector<Variant> variantsOf(const ModelSizes &sizes) {
  std::vector<Variant> all;
  for (bool fuseAll : {true, false})
    for (const char *type :
         {"f32", "bf16", "int8", "int8-dynamic"})
      all.push_back({sizes, type, false, fuseAll});
  all.push_back({sizes, "f32", true, true}); // a sketch is of f32, fused
  for (const char *type : {"f32", "int8-dynamic"})
    all.push_back({sizes, type, false, true, "all"});
  return all;
}

std::unique_ptr<MLIRContext> newContext() {
  DialectRegistry registry;
  registerEncDecDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

Scheduled::Scheduled(const Variant &variant) : sizes(variant.sizes), context(newContext()) {
  ImportReport report;
  module = variant.checkpoint.empty()
               ? randomModel(*context, variant.sizes)
               : importCheckpoint(*context, variant.checkpoint, {}, report);
  if (!module)
    return;
  PassManager pm(context.get());
  PipelineOptions options;
  options.weights = variant.weights;
  options.sketch = variant.sketch;
  options.groups = variant.groups;
  if (variant.fuseAll)
    buildFusePipeline(pm, options);
  else
    pm.addPass(createFuseAttentionPass());
  buildPlacePipeline(pm, options);
  buildSchedulePipeline(pm, options);
  if (failed(pm.run(*module)))
    module = nullptr;
}

} // namespace encdec::test
