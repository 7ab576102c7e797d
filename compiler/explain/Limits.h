// The roofline: what a piece of work takes at least, on a machine of given limits.
#pragma once
#include "compiler/explain/Report.h"

namespace encdec::explain {

/// Of one machine, as `encdec bench` measures them; 0: not known.
struct Limits {
  double bandwidth = 0; // bytes a second
  double floats = 0;    // multiply-adds a second, of f32
  double wholes = 0;    // the same of bytes, for int8-dynamic weights
};

/// Bytes of weights, keys and values that `work` reads in one call of `entry`, and its
/// multiply-adds.
double bytesOf(const Work &work, llvm::StringRef entry, const Sizes &sizes);
double maddsOf(const Work &work, llvm::StringRef entry, const Sizes &sizes);

/// Seconds: the longer of reading and multiplying. None where a limit is not known.
/// `wholes`: products with weights are of whole numbers.
std::optional<double> leastTime(const Work &work, llvm::StringRef entry, const Sizes &sizes,
                                const Limits &limits, bool wholes);

} // namespace encdec::explain
