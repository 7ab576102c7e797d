// Kernels of the compiler, compiled in process for this machine's level. The benchmarks
// use MLIR through this header alone and do not see it.
#pragma once
#include "encdec/abi.h"
#include <cstdint>

namespace encdec::bench {

/// compiler/lower/Frame.h lays it out.
struct Frame {
  const encdec_abi_context *context;
  int64_t worker, workers, units;
};
using Kernel = void (*)(const Frame *, const int32_t *table);

/// The best CPU level that this machine runs; null where it runs none.
const char *levelName();

/// How a matrix is stored and multiplied, as compiler/cpu/Shapes.h has it.
enum class Weights { f32, bf16, int8, int8Dynamic };
inline constexpr Weights allWeights[] = {Weights::f32, Weights::bf16,
                                         Weights::int8, Weights::int8Dynamic};
/// As in --weights.
const char *nameOf(Weights weights);
/// Bytes of one weight.
inline int64_t bytesOf(Weights weights) {
  return weights == Weights::f32 ? 4 : weights == Weights::bf16 ? 2 : 1;
}
/// Whether each output channel has a scale.
inline bool hasScales(Weights weights) { return bytesOf(weights) == 1; }

// Each kernel is compiled on its first request and lives as long as the program.
// compiler/cpu/CpuKernels.h lists the entries of each kernel's table.

Kernel linear(int64_t inputs, int64_t outputs, Weights weights);
/// Quantizes rows, before products with int8Dynamic weights.
Kernel quantize(int64_t inputs);
Kernel norm(int64_t width, bool residual);
Kernel add(int64_t width);
/// `kind` is spelled as the dialect does: relu, silu, gelu, gelu_tanh.
Kernel activation(int64_t width, const char *kind);
Kernel embed(int64_t width, Weights weights);
Kernel cacheAppend(int64_t heads, int64_t headSize);
/// `biased`: with a bias of each distance, as relativeBias makes it.
Kernel selfAttention(int64_t heads, int64_t headSize, bool biased);
Kernel crossAttention(int64_t heads, int64_t headSize);
Kernel blockKeys(int64_t heads, int64_t headSize);
Kernel encoderAttention(int64_t heads, int64_t headSize, bool biased);
/// Of 32 buckets up to distance 128.
Kernel relativeBias(int64_t heads, bool bidirectional);
Kernel memoryProject(int64_t heads, int64_t headSize, Weights weights);
Kernel vocabulary(int64_t inputs, int64_t columns, Weights weights);
Kernel mergeVocabulary(int64_t columns);

} // namespace encdec::bench
