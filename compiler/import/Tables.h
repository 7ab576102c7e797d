// Tables.h: which tensors the three vocabulary tables of a model come from. Free of MLIR.
#pragma once
#include "compiler/import/Description.h"
#include "compiler/import/Safetensors.h"

namespace encdec::checkpoint {

/// Tensor names of the three tables; equal names mean one table. Without a decoder, the
/// last two are empty.
struct TableNames {
  std::string encoder, decoder, head;
  /// The tensors that may feed a table. No warning calls them unused.
  std::vector<std::string> seen;
};

/// Applies Transformers' tying rules (modeling_utils.py, tie_weights): any present member
/// of a tie feeds the absent ones; two present members with different values are not
/// tied, which a warning says where the configuration ties them. A table that no tensor
/// feeds is named in `missing`.
Result<TableNames> resolveTables(const ModelDescription &model, const CheckpointFiles &files,
                                 std::vector<std::string> &missing,
                                 std::vector<std::string> &warnings);

/// The names under which a checkpoint without copies stores the tables: a tie under its
/// first member.
TableNames storedTables(const ModelDescription &model);

} // namespace encdec::checkpoint
