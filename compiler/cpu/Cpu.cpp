// The table of the CPU's kernels: from the name in a call to the body that it runs.
#include "compiler/cpu/Cpu.h"
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/RowProgram.h"
#include "compiler/lower/KernelPlugin.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include <limits>
#include <utility>

using namespace mlir;
using encdec::kernel::CallOp;

namespace encdec::cpu {
namespace {

/// What is folded into a call's body, read back from the call. What is missing or ill-typed
/// is an error [config] at the call, remembered in `failed`; the value is then any that a
/// body can be made of.
struct Settings {
  CallOp call;
  bool failed = false;

  void refuse(StringRef name, StringRef expected) {
    if (!std::exchange(failed, true))
      call.emitOpError("not lowerable [config]: expected ")
          << expected << " called '" << name << "' for kernel '" << call.getKernel()
          << "', but got " << call.getConfig();
  }
  int64_t number(StringRef name, int64_t most = kMostSize) {
    auto number = call.getConfig().getAs<IntegerAttr>(name);
    if (number && number.getInt() > 0 && number.getInt() <= most)
      return number.getInt();
    refuse(name, "a size");
    return 1;
  }
  float real(StringRef name) {
    auto real = call.getConfig().getAs<FloatAttr>(name);
    if (real && real.getType().isF32())
      return real.getValue().convertToFloat();
    refuse(name, "an f32");
    return 1;
  }
  std::optional<ActivationKind> optionalActivation() {
    Attribute any = call.getConfig().get("activation");
    auto kind = dyn_cast_or_null<ActivationKindAttr>(any);
    if (any && !kind)
      refuse("activation", "an activation");
    return kind ? std::optional(kind.getValue()) : std::nullopt;
  }
  ActivationKind activation() {
    std::optional<ActivationKind> kind = optionalActivation();
    if (!kind)
      refuse("activation", "an activation");
    return kind.value_or(ActivationKind::relu);
  }
  /// Vectors, of which the first must be there.
  void weights(unsigned slots) {
    if ((call.getWeights().size() != slots || !call.weight(0)) && !std::exchange(failed, true))
      call.emitOpError("not lowerable [config]: expected ")
          << slots << " slots of weights, the first with one, for kernel '" << call.getKernel()
          << "'";
  }
  /// Whether the dictionary has the unit attribute `name`.
  bool flag(StringRef name) {
    Attribute any = call.getConfig().get(name);
    if (any && !isa<UnitAttr>(any))
      refuse(name, "nothing, or a unit attribute");
    return bool(any);
  }
  NormShape norm(bool residual) {
    auto kind = call.getConfig().getAs<NormKindAttr>("kind");
    if (!kind)
      refuse("kind", "a kind of norm");
    weights(2);
    NormShape shape{number("width"), real("eps"), kind ? kind.getValue() : NormKind::layer};
    shape.hasBeta = !failed && call.weight(1);
    shape.residual = residual;
    shape.keepsSum = residual && call.getNumResults() > 1;
    return shape;
  }
  BiasShape bias() {
    weights(1);
    BiasShape shape{number("heads"), number("buckets"),
                    number("max_distance", std::numeric_limits<int32_t>::max()),
                    flag("bidirectional")};
    int64_t directions = shape.bidirectional ? 2 : 1, each = shape.buckets / directions;
    if (shape.buckets > kMostBuckets || shape.buckets % directions || each < 2)
      refuse("buckets", "a number that the table can have");
    else if (shape.maxDistance <= each / 2)
      refuse("max_distance", "more than the distances with a bucket each");
    else
      return shape;
    return {1, 4, 8, false};
  }
  WeightKind kind(unsigned slot) {
    auto weight = slot < call.getWeights().size() ? call.weight(slot) : kernel::WeightAttr();
    auto kind = weight ? findWeightKind(weight.getFormat()) : std::nullopt;
    if (!kind && !std::exchange(failed, true))
      call.emitOpError("not lowerable [config]: expected a weight of a known format in slot ")
          << slot << " of kernel '" << call.getKernel() << "'";
    return kind.value_or(WeightKind::f32);
  }
  AttentionShape attention() {
    Attribute any = call.getConfig().get("keys");
    auto keys = dyn_cast_or_null<TypeAttr>(any);
    if (any && !(keys && keys.getValue().isBF16()))
      refuse("keys", "the type bf16, or nothing,");
    return {number("heads"), number("head_size"), keys ? KeyKind::bf16 : KeyKind::f32};
  }
  /// Of `count` outputs, or of any number. Weights come as (matrix, bias) for each output.
  LinearShape linear(std::optional<int64_t> count = std::nullopt) {
    LinearShape shape{number("inputs"), {}, {}, optionalActivation(), flag("gated")};
    auto outputs = call.getConfig().getAs<DenseI64ArrayAttr>("outputs");
    if (!outputs || outputs.empty() || outputs.size() != count.value_or(outputs.size()) ||
        !llvm::all_of(outputs.asArrayRef(), isSize)) {
      refuse("outputs", "sizes");
      SmallVector<int64_t> ones(count.value_or(1), 1);
      return {1, ones, SmallVector<WeightKind>(ones.size(), WeightKind::f32), std::nullopt};
    }
    for (auto [i, width] : llvm::enumerate(outputs.asArrayRef())) {
      shape.outputs.push_back(width);
      shape.kinds.push_back(kind(2 * i));
    }
    if (shape.isGated && (!shape.activation || outputs.size() != 2 || outputs[0] != outputs[1]))
      refuse("gated", "an activation and two outputs of one width beside what is");
    shape.isGated &= !failed;
    return shape;
  }
  RowProgram program() {
    auto program = RowProgram::fromAttr(call.getConfig(), operandsOfRows());
    if (!program || !fits(*program)) {
      refuse("steps", "a row program that fits the call's operands, weights and results");
      program = RowProgram{1, {{RowStep::Kind::quantize, {0}, 16}}, {}, 1};
    }
    return *program;
  }
  VocabularyShape vocabulary() {
    VocabularyShape shape{number("inputs"), number("columns"), kind(0)};
    if (call.getWeights().size() > 2)
      shape.sketch = kind(2);
    return shape;
  }

  /// Whether a bias stands behind `operands` others.
  Bias biasBehind(unsigned operands, Bias kind) {
    return call.getNumOperands() > operands && !isInput(operands) ? kind : Bias::none;
  }

private:
  /// How many operands are no inputs of the entry, which stand behind them.
  int64_t operandsOfRows() {
    int64_t count = call.getNumOperands();
    while (count && isInput(count - 1))
      --count;
    return count;
  }
  /// Whether the call gives `program` what it reads and has room for what it makes.
  bool fits(const RowProgram &program) {
    RowLayout layout(program);
    auto isTensor = [](Value value, Type element, int64_t columns) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      return type && type.getRank() == 2 && type.getElementType() == element &&
             type.getDimSize(1) == columns;
    };
    Type f32 = Float32Type::get(call.getContext()), i8 = IntegerType::get(call.getContext(), 8);
    unsigned slot = 0;
    for (const RowStep &step : program.steps) {
      bool isLinear = step.kind == RowStep::Kind::linear;
      bool hasMatrix = isLinear || step.kind == RowStep::Kind::embed;
      bool quantized = isLinear && formatOf(step.weights).roundsActivations;
      int64_t width = isLinear ? step.depth : step.width;
      for (int64_t input : step.inputs)
        if (input < program.operands &&
            !(quantized ? isTensor(call.getOperand(input), i8, quantizedRowBytes(width))
                        : isTensor(call.getOperand(input), f32, width)))
          return false;
      if (!hasMatrix && step.kind != RowStep::Kind::norm)
        continue;
      if (slot + 2 > call.getWeights().size() || !call.weight(slot) ||
          (hasMatrix ? kind(slot) != step.weights
                     : bool(call.weight(slot + 1)) != step.norm.hasBeta))
        return false;
      slot += 2;
    }
    if (slot != call.getWeights().size() ||
        int64_t(call.getNumOperands()) != program.operands + 2 * program.readsTokens() ||
        call.getNumResults() != program.results.size() + (layout.scratchBytes > 0))
      return false;
    for (auto [i, result] : llvm::enumerate(program.results))
      if (!isTensor(call.getResult(i), f32, program.maker(result)->width))
        return false;
    auto scratch = layout.scratchBytes ? call.buffer(program.results.size()) : kernel::BufferAttr();
    bool hasRoom = !scratch || (scratch.getSpace() == kernel::Space::scratch &&
                                scratch.getSize().getFixed() >= layout.scratchBytes);
    kernel::SplitAttr split = call.getSplit();
    return hasRoom && (program.isSplitByRows() ? split.getKind() == kernel::Part::rows
                                               : split.getKind() == kernel::Part::panels &&
                                                     split.getCount() == layout.panels);
  }
  bool isInput(unsigned i) { return call.operandAccess(i).getMode() == kernel::Mode::input; }
  /// Bodies are unrolled along some sizes.
  static constexpr int64_t kMostSize = 1 << 24;
  static bool isSize(int64_t number) { return number > 0 && number <= kMostSize; }
};

using Make = func::FuncOp (*)(CpuKernels &, Settings &);
struct Kernel {
  StringLiteral name;
  Make make;
};
constexpr Kernel kernels[] = {
    {"quantize", [](CpuKernels &k, Settings &s) { return k.quantize(s.number("inputs")); }},
    {"embed",
     [](CpuKernels &k, Settings &s) {
       return k.embed(s.number("width"), s.kind(0), s.real("scale"));
     }},
    {"linear", [](CpuKernels &k, Settings &s) { return k.linear(s.linear()); }},
    {"activation",
     [](CpuKernels &k, Settings &s) {
       return k.elementwise(s.number("width"), {s.activation(),
                                                /*hasOther=*/s.call.getNumOperands() > 1});
     }},
    {"add",
     [](CpuKernels &k, Settings &s) {
       return k.elementwise(s.number("width"), {std::nullopt, /*hasOther=*/true});
     }},
    {"fused",
     [](CpuKernels &k, Settings &s) {
       RowProgram program = s.program();
       return k.rowProgram(program, program.name(s.call.getContext()));
     }},
    {"states", [](CpuKernels &k, Settings &s) { return k.states(s.number("width")); }},
    {"norm", [](CpuKernels &k, Settings &s) { return k.norm(s.norm(/*residual=*/false)); }},
    {"add_norm", [](CpuKernels &k, Settings &s) { return k.norm(s.norm(/*residual=*/true)); }},
    {"relative_bias", [](CpuKernels &k, Settings &s) { return k.relativeBias(s.bias()); }},
    {"cache_append",
     [](CpuKernels &k, Settings &s) { return k.cacheAppend(s.attention()); }},
    {"self_attention",
     [](CpuKernels &k, Settings &s) {
       return k.selfAttention(s.attention(), s.real("scale"),
                              s.biasBehind(2, Bias::causal));
     }},
    {"cross_attention",
     [](CpuKernels &k, Settings &s) {
       return k.crossAttention(s.attention(), s.real("scale"));
     }},
    {"block_keys", [](CpuKernels &k, Settings &s) { return k.blockKeys(s.attention()); }},
    {"encoder_attention",
     [](CpuKernels &k, Settings &s) {
       return k.encoderAttention(s.attention(), s.real("scale"),
                                 s.biasBehind(3, Bias::bidirectional));
     }},
    {"memory_project",
     [](CpuKernels &k, Settings &s) {
       return k.memoryProject(s.attention(), s.linear(/*count=*/2));
     }},
    {"vocabulary", [](CpuKernels &k, Settings &s) { return k.vocabulary(s.vocabulary()); }},
    {"choose_vocabulary",
     [](CpuKernels &k, Settings &s) { return k.chooseVocabulary(s.vocabulary()); }},
    {"top_tokens",
     [](CpuKernels &k, Settings &s) { return k.topTokens(s.number("columns")); }},
    {"merge_vocabulary",
     [](CpuKernels &k, Settings &s) { return k.mergeVocabulary(s.number("columns")); }},
};

constexpr Choice choices[] = {
    {"repeated-rows", 4, 0, 64,
     "up to how many rows every worker repeats norms and roundings of a group"},
    {"worker-rows", 16, 1, 4096,
     "from how many rows for each worker on it takes its own through all of a group"},
    {"near-bytes", 256 << 10, 0, 64 << 20,
     "prefetched panels of up to so many bytes are in L2 when a tile comes to them"},
    {"short-distance", 2048, 64, 64 << 10,
     "prefetch distance in bytes where panels would not be"},
};

class Bodies : public KernelBodies {
public:
  Bodies(ModuleOp module, const CpuLevel &level)
      : module(module), level(level.name), made(module, level) {}

  FailureOr<func::FuncOp> bodyOf(CallOp call) override {
    if (const KernelPlugin *plugin = findKernel("cpu", call.getKernel()))
      return encdec::bodyOf(*plugin, module, call, level);
    const Kernel *kernel =
        llvm::find_if(kernels, [&](const Kernel &k) { return k.name == call.getKernel(); });
    if (kernel == std::end(kernels))
      return call.emitOpError("not lowerable [no-kernel]: target cpu has no kernel called '")
             << call.getKernel() << "'";
    Settings settings{call};
    func::FuncOp body = kernel->make(made, settings);
    if (settings.failed)
      return failure();
    return body;
  }

private:
  ModuleOp module;
  StringRef level;
  CpuKernels made;
};

class Cpu : public Target {
public:
  StringRef name() const override { return "cpu"; }
  ArrayRef<Choice> choices() const override { return cpu::choices; }
  ArrayRef<StringRef> levels() const override {
    static const SmallVector<StringRef> names = llvm::map_to_vector(
        cpuLevels(), [](const CpuLevel &level) { return StringRef(level.name); });
    return names;
  }
  SmallVector<kernel::RowsFromAttr> ranges(func::FuncOp entry) const override {
    return rangesOf(entry);
  }
  LogicalResult select(func::FuncOp entry) const override { return selectKernels(entry); }
  std::unique_ptr<KernelBodies> bodies(ModuleOp module, StringRef level) const override {
    const CpuLevel *found = findCpuLevel(level);
    return found ? std::make_unique<Bodies>(module, *found) : nullptr;
  }
};

} // namespace

const Target &target() {
  static const Cpu cpu;
  return cpu;
}

Choices::Choices(ModuleOp module)
    : repeatedRows(chosen(module, target(), "repeated-rows")),
      workerRows(chosen(module, target(), "worker-rows")),
      nearBytes(chosen(module, target(), "near-bytes")),
      shortDistance(chosen(module, target(), "short-distance")) {}

} // namespace encdec::cpu
