// How textbook ops become calls of the CPU's kernels. Private to cpu.
#pragma once
#include "compiler/cpu/CpuKernels.h"
#include "compiler/schedule/CallBuilder.h"
#include "compiler/schedule/Schedule.h"
#include "llvm/ADT/DenseMap.h"

namespace encdec::cpu {

using kernel::CallBuilder;
using kernel::CallOp;
using kernel::Mode;
using kernel::Part;

/// How many rows an entry is selected for (Cpu.cpp says how many these are).
enum class Rows { few, some, many };

/// The kernel calls of one entry, op by op. A function that returns failure has reported
/// an error `not lowerable [code]` at the op.
class Selector {
public:
  Selector(mlir::func::FuncOp entry, Rows range);
  mlir::LogicalResult run();

private:
  friend class PieceCall;
  mlir::LogicalResult handles();
  mlir::LogicalResult select(mlir::Operation *op);
  mlir::LogicalResult select(EmbedOp op);
  mlir::LogicalResult select(LinearOp op);
  mlir::LogicalResult select(AddOp op);
  mlir::LogicalResult select(RelativeBiasOp op);
  mlir::LogicalResult select(NormOp op);
  mlir::LogicalResult select(AddNormOp op);
  mlir::LogicalResult select(ActivationOp op);
  mlir::LogicalResult select(FfnOp op);
  mlir::LogicalResult selectForeign(mlir::Operation *op);
  mlir::LogicalResult select(FusedOp op);
  /// The ops of a group as if they stood alone.
  mlir::LogicalResult oneByOne(FusedOp op);
  mlir::LogicalResult select(VocabularyOp op);
  mlir::LogicalResult select(TopTokensOp op);
  mlir::LogicalResult select(CacheAppendOp op);
  mlir::LogicalResult select(MemoryProjectOp op);
  mlir::LogicalResult select(SelfAttentionOp op);
  mlir::LogicalResult select(CrossAttentionOp op);
  mlir::LogicalResult select(mlir::func::ReturnOp op);
  mlir::LogicalResult states(mlir::func::ReturnOp op);
  mlir::LogicalResult encoderAttention(SelfAttentionOp op);

  template <typename Norm> mlir::LogicalResult norm(Norm op);

  /// Of an embed, which may stand in a group: `ids` and `positions` are the entry's.
  CallBuilder embedCall(EmbedOp op, mlir::Value ids, mlir::Value positions);
  CallBuilder call(llvm::StringRef kernel, llvm::StringRef serves = {});
  /// A call of the kernel named like the current op, which makes a row or panel of its
  /// one result of the same row or panel of all its operands.
  CallBuilder rowWise(Mode mode, Part part);
  /// An operand of a call; a failure is remembered, and replace() then fails.
  void input(CallBuilder &call, mlir::Value value, llvm::StringRef name);
  void rows(CallBuilder &call, mlir::Value value, Part part);
  void handle(CallBuilder &call, mlir::Value value, bool writes, Part part);
  /// A matrix or table, with its scales; its kind.
  WeightKind matrix(CallBuilder &call, mlir::FlatSymbolRefAttr name,
                    kernel::Reads reads = kernel::Reads::whole);
  /// A vector or position table; null: none.
  void vector(CallBuilder &call, mlir::FlatSymbolRefAttr name,
              kernel::Reads reads = kernel::Reads::whole);
  kernel::WeightAttr slot(mlir::FlatSymbolRefAttr name, kernel::Reads reads, bool isPacked);
  /// The rows that a product reads and, where a weight is int8Dynamic, their quantized
  /// form, which the first op that needs it makes for all.
  void product(CallBuilder &call, mlir::Value rows,
               llvm::ArrayRef<mlir::FlatSymbolRefAttr> weights);
  mlir::Value quantized(mlir::Value rows);
  /// Merge of records and lists, the last call of vocabulary and top_tokens; replaces op.
  mlir::LogicalResult merge(mlir::Operation *op, mlir::Value records, mlir::Value lists,
                            int64_t columns, mlir::Value top);
  void scores(CallBuilder &call); // a worker's scores of some rows and one head
  /// What an attention's bias reads, if it has one.
  void bias(CallBuilder &call, SelfAttentionOp op);

  bool isDynamic(mlir::FlatSymbolRefAttr name);
  /// Reports an error at the current op, which begins with the code.
  mlir::InFlightDiagnostic error(llvm::StringRef code);
  /// Creates the call and replaces the results of `op` by its own. Fails where something
  /// has failed since the selection began.
  mlir::LogicalResult replace(mlir::Operation *op, CallBuilder &call);

  mlir::func::FuncOp entry;
  Rows range;
  mlir::OpBuilder builder;
  mlir::SymbolTableCollection tables;
  mlir::Operation *current = nullptr;
  bool failed = false;
  llvm::DenseMap<mlir::Value, mlir::Value> quantizedRows;
  int64_t crossAttentions = 0; // so far
  bool hasTokens = false;      // the step's tokens have been made
};

} // namespace encdec::cpu
