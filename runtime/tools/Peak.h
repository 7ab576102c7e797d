//===- Peak.h - how fast these threads multiply ---------------------------===//

#pragma once

#include "runtime/tools/Support.h"

namespace encdec::tools {

/// The most multiply-adds a second that all workers of a state together reach
/// in registers: the limit of products.
struct Peak {
  double floats = 0;  ///< f32.
  double wholes = 0;  ///< int8 summed in int32 by the machine's best way.
};

/// Takes some tens of milliseconds. The result is the best of several passes,
/// since other programs can only slow a pass down.
Peak measurePeak(encdec_state *state);

} // namespace encdec::tools
