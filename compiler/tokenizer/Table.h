//===- Table.h - a tokenizer's description as the table of a bundle -------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "runtime/base/Status.h"

#include <string>

namespace encdec::tokenizer {

/// The table of include/encdec/tokenizer.h. The bytes depend on the description alone.
/// BadModel, with the name or piece, for a description that is not consistent: ids, names
/// or pieces that stand twice or out of range, indices without a target, stages that do
/// not go together. Time: linear in the description, but for sorting.
Result<std::string> writeTable(const TokenizerDescription &description);

} // namespace encdec::tokenizer
