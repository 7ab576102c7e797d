// Which passes run, in which order, and why in that order.
#include "compiler/Pipelines.h"
#include "compiler/Passes.h"
#include "compiler/lower/Lowering.h"
#include "dialect/WeightFormat.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace encdec {

static std::string keysWith(StringRef weights) {
  const WeightFormat *format = findWeightFormat(weights);
  return format && format->bits <= 8 ? "bf16" : "f32";
}

static constexpr std::pair<Extension::Point, llvm::StringLiteral> points[] = {
    {Extension::fuseBefore, "fuse:before"},
    {Extension::fuseAfter, "fuse:after"},
    {Extension::placeBefore, "place:before"}};

std::optional<Extension::Point> symbolizePoint(StringRef name) {
  for (const auto &[point, known] : points)
    if (known == name)
      return point;
  return std::nullopt;
}

StringRef stringifyPoint(Extension::Point point) {
  return llvm::find_if(points, [&](const auto &each) { return each.first == point; })->second;
}

/// Adds passes that stand as text; what is wrong with them goes to `errors`.
static LogicalResult addPasses(StringRef text, OpPassManager &pm, raw_ostream &errors) {
  text = text.trim();
  if (text.consume_front("builtin.module(") && !text.consume_back(")"))
    return errors << "expected ')' at the end", failure();
  if (text.empty())
    return errors << "expected a pass but got none", failure();
  return parsePassPipeline(text, pm, errors);
}

llvm::Error checkExtension(const Extension &extension) {
  if (extension.kind == Extension::patterns)
    return llvm::Error::success();
  OpPassManager scratch(ModuleOp::getOperationName());
  std::string errors;
  llvm::raw_string_ostream os(errors);
  if (succeeded(addPasses(extension.text, scratch, os)))
    return llvm::Error::success();
  // The parser's message, without the text that it points into.
  StringRef message = StringRef(errors).split('\n').first;
  if (message.contains(" error: "))
    message = message.split(" error: ").second;
  return llvm::createStringError("the passes '" + extension.text + "' cannot be read: " + message);
}

static void addExtensions(OpPassManager &pm, const PipelineOptions &options,
                          Extension::Point point) {
  for (const Extension &extension : options.extensions) {
    if (extension.point != point)
      continue;
    if (extension.kind == Extension::patterns) {
      pm.addPass(createApplyPatternsPass({extension.text})); // checks the form itself
      continue;
    }
    (void)addPasses(extension.text, pm, llvm::nulls()); // checked before
    pm.addPass(createVerifyFormPass({"mixed"}));
  }
}

void buildFusePipeline(OpPassManager &pm, const PipelineOptions &options) {
  addExtensions(pm, options, Extension::fuseBefore);
  // First: the pass follows single query, key and value tensors back to their
  // linears, and its fused op tells the next pass which three linears belong
  // together.
  pm.addPass(createFuseAttentionPass());
  // Before the FFN pass, which takes single linears: the projections of an attention
  // are joined by then.
  pm.addPass(createFuseProjectionsPass());
  pm.addPass(createFuseFfnPass());
  // After attention and FFN: an add's operands are then the two values of the
  // textbook's "Add & Norm" box, the block's result and its input.
  pm.addPass(createFuseAddNormPass());
  pm.addPass(createFuseVocabularyPass());
  addExtensions(pm, options, Extension::fuseAfter);
  // Last: fusions and patterns leave a group's inside alone.
  if (options.groups != "none")
    pm.addPass(createGroupRowsPass({options.groups == "all" ? "" : options.groups}));
}

void buildPlacePipeline(OpPassManager &pm, const PipelineOptions &options) {
  addExtensions(pm, options, Extension::placeBefore);
  // First of ours: hoisting decides which function uses a weight, hence the weight's place.
  pm.addPass(createHoistEncoderPass());
  // Before packing, whose sizes depend on the formats.
  pm.addPass(createQuantizeWeightsPass(
      {options.weights, llvm::to_vector(options.weightsFor)}));
  // Behind the formats, which parts of a weight have in common with it.
  if (!options.shortlists.empty())
    pm.addPass(createAddShortlistsPass({llvm::to_vector(options.shortlists)}));
  if (options.sketch)
    pm.addPass(createSketchVocabularyPass());
  pm.addPass(createNarrowKeysPass(
      {options.keys.empty() ? keysWith(options.weights) : options.keys}));
  pm.addPass(createPackWeightsPass());
}

void buildSchedulePipeline(OpPassManager &pm, const PipelineOptions &options) {
  // After packing: calls name the offsets of weights.
  pm.addPass(createSelectKernelsPass({options.target, llvm::to_vector(options.tuning)}));
  // Before memory: barriers follow from the flow of values alone, and memory is shared
  // only by values with a barrier between them.
  pm.addPass(createInsertBarriersPass());
  pm.addPass(createPlanMemoryPass());
  // Last: nothing changes the schedule any more.
  pm.addPass(createVerifySchedulePass());
}

void buildLowerPipeline(OpPassManager &pm, const PipelineOptions &options) {
  // The last pass that sees kernel calls; the passes after it know loops and vectors
  // only.
  pm.addPass(createLowerPass({options.level, options.kernel}));
  buildKernelsToLLVM(pm);
}

namespace {
/// PipelineOptions as text: --encdec-place="weights=int8".
template <typename Self> struct Flags : PassPipelineOptions<Self> {
  template <typename T> using Option = typename PassPipelineOptions<Self>::template Option<T>;
  using Texts = typename PassPipelineOptions<Self>::template ListOption<std::string>;

  Option<std::string> weights{*this, "weights",
                              llvm::cl::desc("format of weights: f32, bf16, int8 or "
                                             "int8-dynamic"),
                              llvm::cl::init("f32")};

  Texts weightsFor{*this, "weights-for",
                   llvm::cl::desc("GLOB=FORMAT for weights whose names match")};

  Option<std::string> target{*this, "target", llvm::cl::desc("whose kernels"),
                             llvm::cl::init("cpu")};

  Option<std::string> level{
      *this, "level", llvm::cl::desc("level of the target; default: its first"),
      llvm::cl::init("")};

  Option<std::string> kernel{
      *this, "kernel", llvm::cl::desc("for timing: only the calls of this kernel"),
      llvm::cl::init("")};

  Option<std::string> keys{
      *this, "keys",
      llvm::cl::desc("cached keys and values: f32 or bf16; default: bf16 with the "
                     "int8 types, else f32")};

  Option<bool> sketch{*this, "sketch",
                      llvm::cl::desc("an int8 sketch beside an f32 vocabulary"),
                      llvm::cl::init(false)};

  Texts shortlists{*this, "shortlists",
                   llvm::cl::desc("NAME=FILE of tokens that a step may be confined to")};

  Option<std::string> groups{
      *this, "groups",
      llvm::cl::desc("whose row-wise ops between attentions become groups: none, encode, step "
                     "or all"),
      llvm::cl::init(PipelineOptions().groups)};

  Texts tuning{*this, "tuning", llvm::cl::desc("CHOICE=NUMBER, one of the target's choices")};

  PipelineOptions get() const {
    auto texts = [](const Texts &list) {
      return std::vector<std::string>(list.begin(), list.end());
    };
    return {weights, texts(weightsFor), target, level, kernel, sketch, texts(shortlists), keys, groups,
            texts(tuning)};
  }

protected:
  static void add(PipelineOptions &options, const Texts &files, Extension::Point point) {
    for (const std::string &file : files)
      options.extensions.push_back({Extension::patterns, file, point});
  }
};

struct PlainFlags : Flags<PlainFlags> {};

struct FuseFlags : Flags<FuseFlags> {
  Texts before{*this, "patterns-before", llvm::cl::desc("files of patterns for what is imported")};
  Texts after{*this, "patterns-after", llvm::cl::desc("files of patterns for what is fused")};

  PipelineOptions get() const {
    PipelineOptions options = Flags::get();
    add(options, before, Extension::fuseBefore);
    add(options, after, Extension::fuseAfter);
    return options;
  }
};

struct PlaceFlags : Flags<PlaceFlags> {
  Texts before{*this, "patterns-before", llvm::cl::desc("files of patterns for what is fused")};

  PipelineOptions get() const {
    PipelineOptions options = Flags::get();
    add(options, before, Extension::placeBefore);
    return options;
  }
};

template <typename Kind>
void add(StringRef name, StringRef description,
         void (*build)(OpPassManager &, const PipelineOptions &)) {
  using Error = llvm::function_ref<LogicalResult(const Twine &)>;
  registerPassPipeline(
      name, description,
      [=](OpPassManager &pm, StringRef options, Error error) -> LogicalResult {
        // Where a pass is added to another op, MLIR ends the process.
        if (pm.getOpAnchorName() != ModuleOp::getOperationName())
          return error("pipeline '" + name + "' runs on builtin.module, not on " +
                       pm.getOpAnchorName() + "; take it out of these brackets");
        Kind flags;
        if (failed(flags.parseFromString(options)))
          return failure();
        return build(pm, flags.get()), success();
      },
      [](llvm::function_ref<void(const mlir::detail::PassOptions &)> handle) { handle(Kind()); });
}
} // namespace

void registerEncDecPipelines() {
  add<FuseFlags>("encdec-fuse", "one op for each attention, FFN, add & norm, vocabulary",
                 buildFusePipeline);
  add<PlaceFlags>("encdec-place", "hoist the encoder's part, choose and place weights",
                  buildPlacePipeline);
  add<PlainFlags>("encdec-schedule", "kernel calls, barriers and memory, proven",
                  buildSchedulePipeline);
  add<PlainFlags>("encdec-to-llvm", "scheduled form to kernels and LLVM", buildLowerPipeline);
}

} // namespace encdec
