//===- WeightTypes.h - the names of the formats of weights ----------------===//

#pragma once

#include <string>
#include <vector>

namespace encdec {

/// The names as bundles and --weights spell them. Only the compiler knows what each
/// format is; the rows of dialect/WeightFormat.cpp have this order.
inline std::vector<std::string> weightTypeNames() {
  return {"f32", "bf16", "int8", "int8-dynamic"};
}

} // namespace encdec
