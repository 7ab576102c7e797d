// Kernels of the compiler, compiled in process for this machine's level. The
// one door between the benchmarks and MLIR, which they do not see.
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

/// "v3", "v4" or "neon"; null where this machine runs none of them.
const char *levelName();

// Each is compiled on its first request and lives as long as the program. What
// their tables hold stands in compiler/lower/Target.h.

Kernel linear(int64_t inputs, int64_t outputs, bool int8);
Kernel norm(int64_t width, bool residual);
Kernel add(int64_t width);
/// `kind` is spelled as the dialect does: relu, silu, gelu, gelu_tanh.
Kernel activation(int64_t width, const char *kind);
Kernel embed(int64_t width, int64_t vocabulary, bool int8);
Kernel cacheAppend(int64_t heads, int64_t headSize);
Kernel selfAttention(int64_t heads, int64_t headSize);
Kernel crossAttention(int64_t heads, int64_t headSize);
Kernel blockKeys(int64_t heads, int64_t headSize);
Kernel encoderAttention(int64_t heads, int64_t headSize);
Kernel memoryProject(int64_t heads, int64_t headSize, bool int8);
Kernel vocabulary(int64_t inputs, int64_t columns, bool int8);
Kernel mergeVocabulary(int64_t columns);

} // namespace encdec::bench
