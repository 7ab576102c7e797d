// A small language for writing kernels: arithmetic on `Val` emits arith, math,
// vector, scf and llvm ops, so that a kernel reads like its formula. Nothing
// here knows a CPU: widths are chosen by the kernels.
//
// Bytes are reached by llvm.load and llvm.store on !llvm.ptr, always with the
// element's alignment only. No op emitted here may become a library call.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <string>

namespace encdec::lower {

class KernelBuilder;

/// An SSA value and the builder that arithmetic on it goes to.
struct Val {
  mlir::Value value;
  KernelBuilder *builder = nullptr;

  mlir::Type type() const { return value.getType(); }
};
using Vals = llvm::SmallVector<Val>;

// Signed integer or floating-point by operand type; a pointer plus an i64 is a
// byte offset. Both sides have one type.
Val operator+(Val a, Val b);
Val operator-(Val a, Val b);
Val operator*(Val a, Val b);
Val operator/(Val a, Val b); // integers: exact for non-negative ones
Val operator%(Val a, Val b); // integers, non-negative
Val operator&(Val a, Val b);
Val operator|(Val a, Val b);
Val operator^(Val a, Val b);
Val operator<<(Val a, int64_t bits);
Val operator>>(Val a, int64_t bits); // keeps the sign
Val operator<(Val a, Val b);         // floats: ordered
Val operator>(Val a, Val b);
Val operator==(Val a, Val b);
// The same with a constant of a's type, in every lane.
Val operator+(Val a, int64_t b);
Val operator-(Val a, int64_t b);
Val operator*(Val a, int64_t b);
Val operator/(Val a, int64_t b);
Val operator%(Val a, int64_t b);
Val operator<(Val a, int64_t b);

Val fma(Val a, Val b, Val c); // a * b + c, rounded once
Val max(Val a, Val b);        // a > b ? a : b
Val min(Val a, Val b);        // a < b ? a : b
Val select(Val condition, Val a, Val b);
Val sqrt(Val a);
Val negate(Val a);
Val absolute(Val a);
Val copySign(Val magnitude, Val sign);

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  KernelBuilder(mlir::Location loc, mlir::MLIRContext *context)
      : ImplicitLocOpBuilder(loc, context) {}

  Val wrap(mlir::Value value) { return {value, this}; }

  // --- Types and constants
  mlir::Type ptr();
  mlir::Type i64() { return getI64Type(); }
  mlir::Type i32() { return getI32Type(); }
  mlir::Type f32() { return getF32Type(); }
  mlir::VectorType vector(mlir::Type element, int64_t lanes);
  Val constant(int64_t value); // i64
  Val constantI32(int32_t value);
  Val constant(float value);
  /// The constant `value` in every lane of `type` (integer or float, scalar or
  /// vector).
  Val constantOf(mlir::Type type, double value);
  Val constantOf(mlir::Type type, llvm::ArrayRef<int32_t> lanes);
  Val null();

  // --- Vectors
  Val splat(Val scalar, int64_t lanes);
  /// Lane `lane` as a scalar.
  Val lane(Val vector, int64_t lane);
  /// v[i] = a[order[i]].
  Val shuffle(Val a, llvm::ArrayRef<int64_t> order);
  /// 0, 1, 2, … (i32).
  Val iota(int64_t lanes);
  /// Lanes of a condition as bits, lane 0 lowest; i64.
  Val bitsOf(Val condition);
  /// Number of the lowest bit set.
  Val lowestBit(Val bits);
  /// All 16 lanes to one, by halves: (0,8) (1,9) … then (0,4) … Every use has the same
  /// tree, so that sums have the same bits.
  Val reduce16(Val vector, llvm::function_ref<Val(Val, Val)> combine);
  Val sum16(Val vector);
  Val max16(Val vector);

  // --- Conversions
  Val signExtend(Val integer, mlir::Type to);
  Val truncate(Val integer, mlir::Type to);
  Val toFloat(Val integer); // i32 lanes to f32 lanes
  Val toInteger(Val real);  // f32 lanes to i32 lanes, towards zero
  Val bitcast(Val value, mlir::Type to);
  Val fromBf16(Val bits); // i16 to f32
  Val toBf16(Val real);   // f32 to i16, to nearest, ties to even
  Val roundEven(Val real); // ties to even
  /// a[2i] * b[2i] + a[2i + 1] * b[2i + 1] of i16 lanes, in i32.
  Val multiplyAddPairs(Val a, Val b);
  /// LLVM's `intrinsic` of `operands`, with a result of `type`.
  Val intrinsic(llvm::StringRef name, mlir::Type type,
                llvm::ArrayRef<Val> operands);

  // --- Loads and stores
  Val load(mlir::Type type, Val pointer);
  /// Entry `i` of an i32 array, as i64.
  Val loadIndex(Val array, Val i);
  void store(Val value, Val pointer);
  /// Stores lanes [0, count) of `vector`; count is known when compiling.
  void storeFirst(Val vector, int64_t count, Val pointer);
  void prefetch(Val pointer);
  Val isNull(Val pointer);

  // --- Control
  using LoopBody = llvm::function_ref<Vals(Val index, llvm::ArrayRef<Val>)>;
  Vals loop(Val from, Val to, Val step, llvm::ArrayRef<Val> init,
            LoopBody body);
  void loop(Val from, Val to, Val step, llvm::function_ref<void(Val)> body);
  void loop(Val from, Val to, llvm::function_ref<void(Val)> body) {
    loop(from, to, constant(int64_t(1)), body);
  }
  /// Runs `body` while the carried values meet `condition`; returns the last ones.
  Vals repeat(llvm::ArrayRef<Val> init,
              llvm::function_ref<Val(llvm::ArrayRef<Val>)> condition,
              llvm::function_ref<Vals(llvm::ArrayRef<Val>)> body);
  void when(Val condition, llvm::function_ref<void()> then);
  void unless(Val condition, llvm::function_ref<void()> otherwise);
  Vals choose(Val condition, llvm::function_ref<Vals()> then,
              llvm::function_ref<Vals()> otherwise);
  Val call(mlir::func::FuncOp callee, llvm::ArrayRef<Val> arguments);
};

} // namespace encdec::lower
