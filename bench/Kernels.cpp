// Asks the compiler's kernel library for one kernel at a time.
#include "bench/Kernels.h"
#include "compiler/emit/Object.h"
#include "tests/support/KernelJit.h"
#include <cmath>
#include <map>

using namespace mlir;
using encdec::cpu::AttentionShape;
using encdec::cpu::CpuKernels;

namespace encdec::bench {
namespace {

/// The kernel that `make` requests; `key` identifies the kernel, so that each is compiled
/// once.
Kernel compiled(const std::string &key,
                llvm::function_ref<func::FuncOp(CpuKernels &)> make) {
  static std::map<std::string,
                  std::pair<std::unique_ptr<test::KernelJit>, Kernel>>
      all;
  auto &[jit, kernel] = all[key];
  if (!jit) {
    std::string name;
    jit = std::make_unique<test::KernelJit>(
        [&](CpuKernels &kernels) { name = make(kernels).getName().str(); },
        levelName());
    kernel = jit->get<void(const Frame *, const int32_t *)>(name);
  }
  return kernel;
}

std::string keyOf(const char *kind, std::initializer_list<int64_t> sizes) {
  std::string key = kind;
  for (int64_t size : sizes)
    key += " " + std::to_string(size);
  return key;
}

cpu::WeightKind kindOf(Weights weights) {
  switch (weights) {
  case Weights::f32:
    return cpu::WeightKind::f32;
  case Weights::bf16:
    return cpu::WeightKind::bf16;
  case Weights::int8:
    return cpu::WeightKind::int8;
  case Weights::int8Dynamic:
    return cpu::WeightKind::int8Dynamic;
  }
  return cpu::WeightKind::f32;
}

float scaleOf(int64_t headSize) { return 1 / std::sqrt(float(headSize)); }

} // namespace

const char *nameOf(Weights weights) {
  constexpr const char *names[] = {"f32", "bf16", "int8", "int8-dynamic"};
  return names[int(weights)];
}

const char *levelName() {
  const ObjectTarget *target = hostObjectTarget();
  return target ? target->name.data() : nullptr;
}

Kernel linear(int64_t inputs, int64_t outputs, Weights weights) {
  return compiled(keyOf("linear", {inputs, outputs, int64_t(weights)}), [&](CpuKernels &k) {
    return k.linear({inputs, {outputs}, {kindOf(weights)}, {}});
  });
}

Kernel norm(int64_t width, bool residual) {
  return compiled(keyOf("norm", {width, residual}), [&](CpuKernels &k) {
    return k.norm({width, 1e-5f, NormKind::layer, /*hasBeta=*/true, residual});
  });
}

Kernel add(int64_t width) {
  return compiled(keyOf("add", {width}),
                  [&](CpuKernels &k) {
                    return k.elementwise(width, {std::nullopt, /*hasOther=*/true});
                  });
}

Kernel activation(int64_t width, const char *kind) {
  return compiled(keyOf(kind, {width}), [&](CpuKernels &k) {
    return k.elementwise(width, {*symbolizeActivationKind(kind), /*hasOther=*/false});
  });
}

Kernel embed(int64_t width, Weights weights) {
  return compiled(keyOf("embed", {width, int64_t(weights)}), [&](CpuKernels &k) {
    return k.embed(width, kindOf(weights), 1.0f);
  });
}

Kernel cacheAppend(int64_t heads, int64_t headSize) {
  return compiled(keyOf("cache_append", {heads, headSize}), [&](CpuKernels &k) {
    return k.cacheAppend({heads, headSize});
  });
}

Kernel selfAttention(int64_t heads, int64_t headSize, bool biased) {
  return compiled(keyOf("self", {heads, headSize, biased}), [&](CpuKernels &k) {
    return k.selfAttention({heads, headSize}, scaleOf(headSize),
                           biased ? cpu::Bias::causal : cpu::Bias::none);
  });
}

Kernel crossAttention(int64_t heads, int64_t headSize) {
  return compiled(keyOf("cross", {heads, headSize}), [&](CpuKernels &k) {
    return k.crossAttention({heads, headSize}, scaleOf(headSize));
  });
}

Kernel blockKeys(int64_t heads, int64_t headSize) {
  return compiled(keyOf("block_keys", {heads, headSize}), [&](CpuKernels &k) {
    return k.blockKeys({heads, headSize});
  });
}

Kernel encoderAttention(int64_t heads, int64_t headSize, bool biased) {
  return compiled(keyOf("encoder", {heads, headSize, biased}), [&](CpuKernels &k) {
    return k.encoderAttention({heads, headSize}, scaleOf(headSize),
                              biased ? cpu::Bias::bidirectional : cpu::Bias::none);
  });
}

Kernel relativeBias(int64_t heads, bool bidirectional) {
  return compiled(keyOf("relative_bias", {heads, bidirectional}), [&](CpuKernels &k) {
    return k.relativeBias({heads, 32, 128, bidirectional});
  });
}

Kernel quantize(int64_t inputs) {
  return compiled(keyOf("quantize", {inputs}),
                  [&](CpuKernels &k) { return k.quantize(inputs); });
}

Kernel memoryProject(int64_t heads, int64_t headSize, Weights weights) {
  AttentionShape shape{heads, headSize};
  return compiled(keyOf("memory_project", {heads, headSize, int64_t(weights)}),
                  [&](CpuKernels &k) {
                    int64_t width = shape.width();
                    return k.memoryProject(
                        shape, {width, {width, width}, {kindOf(weights), kindOf(weights)}, {}});
                  });
}

Kernel vocabulary(int64_t inputs, int64_t columns, Weights weights) {
  return compiled(
      keyOf("vocabulary", {inputs, columns, int64_t(weights)}),
      [&](CpuKernels &k) { return k.vocabulary({inputs, columns, kindOf(weights)}); });
}

Kernel mergeVocabulary(int64_t columns) {
  return compiled(keyOf("merge", {columns}),
                  [&](CpuKernels &k) { return k.mergeVocabulary(columns); });
}

} // namespace encdec::bench
