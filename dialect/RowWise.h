// RowWise: row i of every result depends on row i of the operands alone.
#pragma once
#include "mlir/IR/OpDefinition.h"

namespace encdec {

/// Rows never mix: permute the rows of the operands, and the rows of the
/// results are permuted alike. An operand has rows if its type carries a side
/// or if it is an index tensor (`tensor<?xi32>`); a float tensor without a side
/// is a table, and a table or a number is shared by all rows. Attention does not have
/// this trait.
template <typename ConcreteOp>
class RowWise : public mlir::OpTrait::TraitBase<ConcreteOp, RowWise> {};

} // namespace encdec
