// A module small enough to write by hand, for tests of what comes after
// lowering: encode stores 42 to the arena, step stores the weights' first byte
// plus a table entry (a constant that needs an address).
#pragma once
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

namespace encdec::test {

inline constexpr const char *tinyModule = R"mlir(
llvm.mlir.global private constant @table(dense<[5, 7, 9, 11]> : tensor<4xi32>) : !llvm.array<4 x i32>
llvm.func @kernel(%at: !llvm.ptr, %value: i32) attributes {no_inline} {
  llvm.store %value, %at : i32, !llvm.ptr
  llvm.return
}
llvm.func @encdec_encode(%context: !llvm.ptr, %worker: i64, %workers: i64) {
  %c42 = llvm.mlir.constant(42 : i32) : i32
  %field = llvm.getelementptr %context[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %arena = llvm.load %field : !llvm.ptr -> !llvm.ptr
  llvm.call @kernel(%arena, %c42) : (!llvm.ptr, i32) -> ()
  llvm.return
}
llvm.func @encdec_step(%context: !llvm.ptr, %worker: i64, %workers: i64) {
  %weights = llvm.load %context : !llvm.ptr -> !llvm.ptr
  %byte = llvm.load %weights : !llvm.ptr -> i8
  %first = llvm.zext %byte : i8 to i32
  %table = llvm.mlir.addressof @table : !llvm.ptr
  %entry = llvm.getelementptr %table[%workers] : (!llvm.ptr, i64) -> !llvm.ptr, i32
  %add = llvm.load %entry : !llvm.ptr -> i32
  %sum = llvm.add %first, %add : i32
  %field = llvm.getelementptr %context[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %arena = llvm.load %field : !llvm.ptr -> !llvm.ptr
  llvm.call @kernel(%arena, %sum) : (!llvm.ptr, i32) -> ()
  llvm.return
}
)mlir";

inline mlir::OwningOpRef<mlir::ModuleOp> parse(mlir::MLIRContext &context,
                                               llvm::StringRef text) {
  context.loadDialect<mlir::LLVM::LLVMDialect>();
  return mlir::parseSourceString<mlir::ModuleOp>(text, &context);
}

} // namespace encdec::test
