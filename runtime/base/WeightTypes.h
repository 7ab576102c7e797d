//===- WeightTypes.h - the names of the formats of weights ----------------===//

#pragma once

#include <string>
#include <vector>

namespace encdec {

/// As in bundles and in --weights. What each of them is, the compiler alone
/// must know (dialect/WeightFormat.h).
inline std::vector<std::string> weightTypeNames() {
  return {"f32", "bf16", "int8", "int8-dynamic"};
}

} // namespace encdec
