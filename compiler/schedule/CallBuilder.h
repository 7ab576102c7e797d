// How a target puts a kernel call together.
#pragma once
#include "compiler/schedule/Kernel.h"

namespace encdec::kernel {

/// Builds one call, operand by operand in the order of the kernel's table: operands,
/// weights, results, numbers.
class CallBuilder {
public:
  /// `serves` is what profiles call it; empty: the kernel's name.
  CallBuilder(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef kernel,
              llvm::StringRef serves = {});

  CallBuilder &read(mlir::Value value, Part part = Part::all, int64_t from = 0) {
    return operand(value, accessOf(Mode::read, part, from));
  }
  CallBuilder &update(mlir::Value value, Part part) {
    return operand(value, accessOf(Mode::update, part));
  }
  CallBuilder &write(mlir::Value value, Part part) {
    return operand(value, accessOf(Mode::write, part));
  }
  CallBuilder &input(mlir::Value argument, llvm::StringRef name);
  CallBuilder &weight(WeightAttr weight); // null: the slot of one that is absent
  /// Results: activations of the arena, `bytes` a row; scratch; what goes to the caller.
  CallBuilder &arena(mlir::Type type, int64_t bytes, Mode mode, Part part, int64_t from = 0);
  /// One of the arena that has no rows: `bytes` a key.
  CallBuilder &arenaOfKeys(mlir::Type type, int64_t bytes, Mode mode, Part part);
  CallBuilder &scratch(mlir::Type type, SizeAttr size, Mode mode, Part part);
  CallBuilder &output(mlir::Type type, llvm::StringRef name, Part part);
  CallBuilder &number(int64_t number);
  CallBuilder &split(Part kind, int64_t count = 1);
  CallBuilder &madds(int64_t perRow);
  CallBuilder &keys(llvm::StringRef name, int64_t bytes, int64_t madds);
  CallBuilder &config(llvm::StringRef name, mlir::Attribute value);
  CallBuilder &config(llvm::StringRef name, int64_t value);

  CallOp create();

private:
  AccessAttr accessOf(Mode mode, Part part, int64_t from = 0) {
    return AccessAttr::get(builder.getContext(), mode, part, from);
  }
  CallBuilder &operand(mlir::Value value, AccessAttr access);
  CallBuilder &result(mlir::Type type, BufferAttr buffer, AccessAttr access);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  std::string kernel, serves;
  llvm::SmallVector<mlir::Value> operands;
  llvm::SmallVector<mlir::Type> types;
  llvm::SmallVector<mlir::Attribute> operandAccesses, resultAccesses, buffers, weights;
  llvm::SmallVector<int64_t> numbers;
  SplitAttr splitting;
  int64_t rowMadds = 0, keyBytes = 0, keyMadds = 0;
  mlir::StringAttr keysName;
  mlir::NamedAttrList settings;
};

} // namespace encdec::kernel
