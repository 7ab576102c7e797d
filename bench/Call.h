// A kernel that is ready to be called again and again: activations, a context, and a
// table for each call.
#pragma once
#include "bench/Kernels.h"
#include "bench/Limits.h"
#include <benchmark/benchmark.h>
#include <string>
#include <vector>

namespace encdec::bench {

inline int64_t pad16(int64_t n) { return (n + 15) / 16 * 16; }

/// Weights are handed out of the pool, which nobody writes. A kernel of a step finds its
/// weights in RAM, not in a cache: between two uses of a layer the step reads all other
/// layers. So each call gets the next copy, in order as layers follow each other in a
/// bundle, and the first again once all copies together exceed the caches.
class Call {
public:
  /// `units`: rows of the arena, which multiply its places; 0: `rows`, as in a step.
  explicit Call(int64_t rows, int64_t units = 0);

  /// Reserves `floats` for each row of the arena, filled with numbers of [-1, 1); returns
  /// the table entry.
  int32_t place(int64_t floats);

  /// Appends one run of `kernel` with a table of its own.
  void add(Kernel kernel, std::vector<int32_t> table) {
    steps.push_back({kernel, std::move(table)});
  }
  /// Runs the next of the added runs; after the last one the first again.
  void run() {
    const Step &step = steps[next];
    step.kernel(&frame, step.table.data());
    if (++next == steps.size())
      next = 0;
  }

  encdec_abi_context context = {};

private:
  struct Step {
    Kernel kernel;
    std::vector<int32_t> table;
  };
  Allocation arena, scratch;
  Frame frame;
  int64_t nextPlace = 0;
  std::vector<Step> steps;
  size_t next = 0;
};

/// Products of rows of `inputs` numbers with weights; before a product with int8Dynamic
/// weights the rows are quantized.
class Product {
public:
  Product(Call &call, int64_t inputs, Weights weights);
  /// `table` is what follows the rows.
  void add(Kernel kernel, std::vector<int32_t> table);
  /// Kernels that one product takes.
  int kernels() const { return quantized < 0 ? 1 : 2; }

private:
  Call &call;
  int64_t inputs;
  int32_t rows, quantized = -1;
};

/// Table entry of the weight at byte `at` of the pool, a multiple of 64.
inline int32_t weightAt(size_t at) { return int32_t(at / 64); }

/// How many operands of `bytes` the pool holds, at least one.
int64_t copiesOf(size_t bytes);

/// The arithmetic and the bytes that one call cannot do without.
struct Work {
  double macs = 0;     // multiply-adds
  bool whole = false;  // of whole numbers; else of f32
  double streamed = 0; // bytes that lie in RAM
  double near = 0;     // bytes that the call before left in a cache

  void setMacs(double count, Weights weights) {
    macs = count;
    whole = weights == Weights::int8Dynamic;
  }
};

/// Runs `call` as Google Benchmark asks, `kernels` of its steps an iteration, and reports
/// macs and bytes a second and the fraction of the limit: the greatest of the least times
/// of multiplying, of reading from RAM and of reading from a cache, over the time taken.
/// The label names the part with the greatest. The bandwidth of RAM is measured right
/// before and after.
void measure(benchmark::State &state, Call &call, const Work &work,
             int kernels = 1);

/// Each family of kernels registers its benchmarks.
void registerLinear();
void registerAttention();
void registerRows();
void registerVocabulary();

} // namespace encdec::bench
