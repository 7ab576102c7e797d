// The encdec dialect: sides, handles, origins of weights. See README.md.
#pragma once
#include "dialect/RowWise.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/TensorEncoding.h"
#include <optional>

namespace encdec {

/// What an op needs a weight for; the role decides the weight's layout.
enum class WeightRole {
  Matrix,     // [N, K], multiplied
  TokenTable, // [V, E], looked up by token; often a Matrix too
  Positions,  // [positions, E], looked up by position
  Distances,  // [buckets, H], looked up by distance
  Vector,     // [E], bias, gamma, beta
  Sketch      // [N, K] of int8, read instead of most of a Matrix
};

} // namespace encdec

#include "dialect/Dialect.h.inc"
#include "dialect/Enums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/Attributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/Types.h.inc"

#include "dialect/Interfaces.h.inc"

namespace encdec {

/// Name of the function attribute that says "encode" or "step", and of the
/// argument attribute that says what an argument is.
inline constexpr llvm::StringLiteral kEntryAttr = "encdec.entry";
inline constexpr llvm::StringLiteral kArgAttr = "encdec.arg";

/// Of a step that chooses among some tokens of the vocabulary alone: the number of their list,
/// from 1 on. And of the module: the lists by name, ascending ids, numbered in this order.
inline constexpr llvm::StringLiteral kShortlistAttr = "encdec.shortlist";
inline constexpr llvm::StringLiteral kShortlistsAttr = "encdec.shortlists";

/// The side a tensor type (or a value of one) carries, if any.
std::optional<Side> sideOf(mlir::Type type);
std::optional<Side> sideOf(mlir::Value value);

/// Emits an error where the bytes of a tensor of `sizes`, each padded to whole vectors,
/// might not fit 64 bits. Dynamic sizes do not count.
mlir::LogicalResult
verifySizes(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
            llvm::ArrayRef<int64_t> sizes);

/// The kinds of tensors that Ops.td names.
bool isRowsTensor(mlir::Type type);
bool isIdsTensor(mlir::Type type);
bool isScoresTensor(mlir::Type type);
bool isRelativeBiasTensor(mlir::Type type);
bool isLogitBiasTensor(mlir::Type type);
bool isIndexTensor(mlir::Type type);
bool isAncestorsTensor(mlir::Type type);
bool isTopIdsTensor(mlir::Type type);
bool isTopValuesTensor(mlir::Type type);

/// tensor<? x width x f32, side>: activations, [rows, width].
mlir::RankedTensorType rowsType(mlir::MLIRContext *context, int64_t width,
                                Side side);
/// tensor<heads x ? x ? x f32, side>: scores or probs, [heads, rows, keys].
mlir::RankedTensorType scoresType(mlir::MLIRContext *context, int64_t heads,
                                  Side side);
/// tensor<heads x ? x f32, side>: a bias of each distance, [heads, distances].
mlir::RankedTensorType relativeBiasType(mlir::MLIRContext *context, int64_t heads,
                                        Side side);
/// tensor<? x i32, side>: token ids, [rows].
mlir::RankedTensorType idsType(mlir::MLIRContext *context, Side side);
/// tensor<? x i32>: row maps, offsets, positions; no side.
mlir::RankedTensorType indexType(mlir::MLIRContext *context);
/// tensor<? x ? x i32>: the slot of each position of each row's past; no side.
mlir::RankedTensorType ancestorsType(mlir::MLIRContext *context);
/// tensor<? x ? x i32, side> and tensor<? x ? x f32>: the best tokens of each
/// row and their log-probabilities, [rows, how many].
std::pair<mlir::RankedTensorType, mlir::RankedTensorType>
topTypes(mlir::MLIRContext *context, Side side);

} // namespace encdec
