// Record.h: the form of a record that is read back. Free of MLIR.
#pragma once
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

namespace encdec::lab {

/// Whether a record has all that Report.h reads, each value of its kind. Error: BadModel, with
/// the first key that has not, as "numbers[0].logits".
Status checkForm(const llvm::json::Object &record);

} // namespace encdec::lab
