// The ops of the encdec dialect, generated from Ops.td, and how passes look up
// what they name.
#pragma once
#include "dialect/Dialect.h"
#include "dialect/WeightFormat.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialect/Ops.h.inc"

namespace encdec {

/// The weight that `name` names, seen from `from`; null if there is none or
/// `name` is null. Walks the module's symbols: passes with many look-ups give a
/// SymbolTableCollection.
WeightOp lookupWeight(mlir::Operation *from, mlir::FlatSymbolRefAttr name);
WeightOp lookupWeight(mlir::SymbolTableCollection &symbols, mlir::Operation *from,
                      mlir::FlatSymbolRefAttr name);

/// Columns of a rows tensor, or of a table; 1 for anything else, which an operand
/// may be before it is verified.
int64_t widthOf(mlir::Value value);

/// The location of the `i`-th of the `count` plain ops that `op` stands for. A fused op's
/// location is a FusedLoc of theirs: first the ops that make its results, in the order of
/// the results, then those behind them, the last first. Where `op` has no such location,
/// that of `op`.
mlir::Location plainLocation(mlir::Operation *op, unsigned i, unsigned count);

/// "encode" or "step" of the function around `op`; empty if it says neither.
llvm::StringRef entryOf(mlir::Operation *op);

/// The op that `probs` (or masked or plain scores) came from, through mask and
/// softmax; null if it cannot be seen.
mlir::Operation *originOf(mlir::Value probs);

/// That op, where it is a scores op; otherwise null.
ScoresOp scoresBehind(mlir::Value probs);

/// The argument of `function` whose encdec.arg attribute is `name`; null if
/// none.
mlir::BlockArgument argumentNamed(mlir::func::FuncOp function,
                                  llvm::StringRef name);

} // namespace encdec
