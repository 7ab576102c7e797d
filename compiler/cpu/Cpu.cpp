// The table of the CPU's kernels: from the name in a call to the body that it runs.
#include "compiler/cpu/Cpu.h"
#include "compiler/cpu/CpuKernels.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using encdec::kernel::CallOp;

namespace encdec::cpu {
namespace {

/// What is folded into a call's body, read back from the call.
struct Settings {
  mutable CallOp call;

  int64_t number(StringRef name) const {
    return call.getConfig().getAs<IntegerAttr>(name).getInt();
  }
  float real(StringRef name) const {
    return call.getConfig().getAs<FloatAttr>(name).getValue().convertToFloat();
  }
  std::optional<ActivationKind> activation() const {
    auto kind = call.getConfig().getAs<ActivationKindAttr>("activation");
    return kind ? std::optional(kind.getValue()) : std::nullopt;
  }
  WeightKind kind(unsigned weight) const {
    return *findWeightKind(call.weight(weight).getFormat());
  }
  AttentionShape attention() const {
    auto keys = call.getConfig().getAs<TypeAttr>("keys");
    return {number("heads"), number("head_size"),
            keys && keys.getValue().isBF16() ? KeyKind::bf16 : KeyKind::f32};
  }
  /// Weights come as (matrix, bias) for each output.
  LinearShape linear() const {
    LinearShape shape{number("inputs"), {}, {}, activation()};
    auto outputs = call.getConfig().getAs<DenseI64ArrayAttr>("outputs");
    for (auto [i, width] : llvm::enumerate(outputs.asArrayRef())) {
      shape.outputs.push_back(width);
      shape.kinds.push_back(kind(2 * i));
    }
    return shape;
  }
  VocabularyShape vocabulary() const {
    VocabularyShape shape{number("inputs"), number("columns"), kind(0)};
    if (call.getWeights().size() > 2)
      shape.sketch = kind(2);
    return shape;
  }
};

using Make = func::FuncOp (*)(CpuKernels &, const Settings &);
struct Kernel {
  StringLiteral name;
  Make make;
};
constexpr Kernel kernels[] = {
    {"quantize", [](CpuKernels &k, const Settings &s) { return k.quantize(s.number("inputs")); }},
    {"embed",
     [](CpuKernels &k, const Settings &s) {
       return k.embed(s.number("width"), s.number("vocabulary"), s.kind(0), s.real("scale"));
     }},
    {"linear", [](CpuKernels &k, const Settings &s) { return k.linear(s.linear()); }},
    {"activation",
     [](CpuKernels &k, const Settings &s) {
       return k.activation(s.number("width"), *s.activation());
     }},
    {"add", [](CpuKernels &k, const Settings &s) { return k.add(s.number("width")); }},
    {"norm",
     [](CpuKernels &k, const Settings &s) {
       return k.norm(s.number("width"), s.real("eps"), /*residual=*/false);
     }},
    {"add_norm",
     [](CpuKernels &k, const Settings &s) {
       return k.norm(s.number("width"), s.real("eps"), /*residual=*/true);
     }},
    {"cache_append",
     [](CpuKernels &k, const Settings &s) { return k.cacheAppend(s.attention()); }},
    {"self_attention",
     [](CpuKernels &k, const Settings &s) {
       return k.selfAttention(s.attention(), s.real("scale"));
     }},
    {"cross_attention",
     [](CpuKernels &k, const Settings &s) {
       return k.crossAttention(s.attention(), s.real("scale"));
     }},
    {"block_keys", [](CpuKernels &k, const Settings &s) { return k.blockKeys(s.attention()); }},
    {"encoder_attention",
     [](CpuKernels &k, const Settings &s) {
       return k.encoderAttention(s.attention(), s.real("scale"));
     }},
    {"memory_project",
     [](CpuKernels &k, const Settings &s) {
       return k.memoryProject(s.attention(), s.linear());
     }},
    {"vocabulary", [](CpuKernels &k, const Settings &s) { return k.vocabulary(s.vocabulary()); }},
    {"choose_vocabulary",
     [](CpuKernels &k, const Settings &s) { return k.chooseVocabulary(s.vocabulary()); }},
    {"top_tokens",
     [](CpuKernels &k, const Settings &s) { return k.topTokens(s.number("columns")); }},
    {"merge_vocabulary",
     [](CpuKernels &k, const Settings &s) { return k.mergeVocabulary(s.number("columns")); }},
};

class Bodies : public KernelBodies {
public:
  Bodies(ModuleOp module, const CpuLevel &level) : made(module, level) {}

  FailureOr<func::FuncOp> bodyOf(CallOp call) override {
    const Kernel *kernel =
        llvm::find_if(kernels, [&](const Kernel &k) { return k.name == call.getKernel(); });
    if (kernel == std::end(kernels))
      return call.emitOpError("not lowerable [no-kernel]: target cpu has no kernel called '")
             << call.getKernel() << "'";
    return kernel->make(made, {call});
  }

private:
  CpuKernels made;
};

class Cpu : public Target {
public:
  StringRef name() const override { return "cpu"; }
  ArrayRef<StringRef> levels() const override {
    static const SmallVector<StringRef> names = llvm::map_to_vector(
        cpuLevels(), [](const CpuLevel &level) { return StringRef(level.name); });
    return names;
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

} // namespace encdec::cpu
