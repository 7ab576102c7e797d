//===- Peak.h - how fast these threads multiply ---------------------------===//

#pragma once

#include "runtime/tools/Support.h"

namespace encdec::tools {

/// Multiply-adds a second in registers of all workers of a state together: what
/// products are held against.
struct Peak {
  double floats = 0;  ///< f32.
  double wholes = 0;  ///< int8, summed exactly: the machine's best way.
};

/// Takes some tens of milliseconds; the best of several passes, since other
/// programs can only slow one down.
Peak measurePeak(encdec_state *state);

} // namespace encdec::tools
