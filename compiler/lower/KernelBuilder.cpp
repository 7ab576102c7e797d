// The arithmetic, conversions and constants of the kernel language.
#include "compiler/lower/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace encdec::lower {
namespace {

bool isFloat(Val v) { return isa<FloatType>(getElementTypeOrSelf(v.type())); }
bool isPointer(Val v) { return isa<LLVM::LLVMPointerType>(v.type()); }

template <typename FloatOp, typename IntOp> Val binary(Val a, Val b) {
  KernelBuilder &k = *a.builder;
  if (isFloat(a))
    return k.wrap(FloatOp::create(k, a.value, b.value));
  return k.wrap(IntOp::create(k, a.value, b.value));
}

Val compare(Val a, Val b, arith::CmpFPredicate real,
            arith::CmpIPredicate integer) {
  KernelBuilder &k = *a.builder;
  if (isFloat(a))
    return k.wrap(arith::CmpFOp::create(k, real, a.value, b.value));
  return k.wrap(arith::CmpIOp::create(k, integer, a.value, b.value));
}

Val like(Val a, int64_t value) {
  Type type = isPointer(a) ? a.builder->i64() : a.type();
  return a.builder->constantOf(type, double(value));
}

} // namespace

Val operator+(Val a, Val b) {
  KernelBuilder &k = *a.builder;
  if (isPointer(a))
    return k.wrap(LLVM::GEPOp::create(k, a.type(), k.getI8Type(), a.value,
                                      ArrayRef<LLVM::GEPArg>{b.value}));
  return binary<arith::AddFOp, arith::AddIOp>(a, b);
}
Val operator-(Val a, Val b) {
  return binary<arith::SubFOp, arith::SubIOp>(a, b);
}
Val operator*(Val a, Val b) {
  return binary<arith::MulFOp, arith::MulIOp>(a, b);
}
Val operator/(Val a, Val b) {
  return binary<arith::DivFOp, arith::DivUIOp>(a, b);
}
Val operator%(Val a, Val b) {
  return a.builder->wrap(arith::RemUIOp::create(*a.builder, a.value, b.value));
}
Val operator&(Val a, Val b) {
  return a.builder->wrap(arith::AndIOp::create(*a.builder, a.value, b.value));
}
Val operator|(Val a, Val b) {
  return a.builder->wrap(arith::OrIOp::create(*a.builder, a.value, b.value));
}
Val operator^(Val a, Val b) {
  return a.builder->wrap(arith::XOrIOp::create(*a.builder, a.value, b.value));
}
Val operator<<(Val a, int64_t bits) {
  return a.builder->wrap(
      arith::ShLIOp::create(*a.builder, a.value, like(a, bits).value));
}
Val operator>>(Val a, int64_t bits) {
  return a.builder->wrap(
      arith::ShRSIOp::create(*a.builder, a.value, like(a, bits).value));
}
Val operator<(Val a, Val b) {
  return compare(a, b, arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt);
}
Val operator>(Val a, Val b) {
  return compare(a, b, arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt);
}
Val operator==(Val a, Val b) {
  return compare(a, b, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq);
}
Val operator+(Val a, int64_t b) { return a + like(a, b); }
Val operator-(Val a, int64_t b) { return a - like(a, b); }
Val operator*(Val a, int64_t b) { return a * like(a, b); }
Val operator/(Val a, int64_t b) { return a / like(a, b); }
Val operator%(Val a, int64_t b) { return a % like(a, b); }
Val operator<(Val a, int64_t b) { return a < like(a, b); }

Val fma(Val a, Val b, Val c) {
  return a.builder->wrap(
      math::FmaOp::create(*a.builder, a.value, b.value, c.value));
}
// Not arith.maximumf, whose NaN and signed-zero rules cost extra instructions.
Val max(Val a, Val b) { return select(a > b, a, b); }
Val min(Val a, Val b) { return select(a < b, a, b); }
Val select(Val condition, Val a, Val b) {
  return a.builder->wrap(
      arith::SelectOp::create(*a.builder, condition.value, a.value, b.value));
}
Val sqrt(Val a) {
  return a.builder->wrap(math::SqrtOp::create(*a.builder, a.value));
}
Val negate(Val a) {
  return a.builder->wrap(arith::NegFOp::create(*a.builder, a.value));
}
Val absolute(Val a) {
  return a.builder->wrap(math::AbsFOp::create(*a.builder, a.value));
}
Val copySign(Val magnitude, Val sign) {
  return magnitude.builder->wrap(math::CopySignOp::create(
      *magnitude.builder, magnitude.value, sign.value));
}

Type KernelBuilder::ptr() { return LLVM::LLVMPointerType::get(getContext()); }

VectorType KernelBuilder::vector(Type element, int64_t lanes) {
  return VectorType::get({lanes}, element);
}

Val KernelBuilder::constant(int64_t value) { return constantOf(i64(), value); }
Val KernelBuilder::constantI32(int32_t value) {
  return constantOf(i32(), value);
}
Val KernelBuilder::constant(float value) { return constantOf(f32(), value); }

Val KernelBuilder::constantOf(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr one = isa<FloatType>(element)
                      ? TypedAttr(FloatAttr::get(element, value))
                      : TypedAttr(IntegerAttr::get(element, int64_t(value)));
  if (auto vectorType = dyn_cast<VectorType>(type))
    one = DenseElementsAttr::get(vectorType, one);
  return wrap(arith::ConstantOp::create(*this, type, one));
}

Val KernelBuilder::constantOf(Type type, ArrayRef<int32_t> lanes) {
  auto attr = DenseElementsAttr::get(cast<VectorType>(type), lanes);
  return wrap(arith::ConstantOp::create(*this, type, attr));
}

Val KernelBuilder::null() { return wrap(LLVM::ZeroOp::create(*this, ptr())); }

Val KernelBuilder::splat(Val scalar, int64_t lanes) {
  return wrap(vector::BroadcastOp::create(*this, vector(scalar.type(), lanes),
                                          scalar.value));
}

Val KernelBuilder::lane(Val v, int64_t lane) {
  return wrap(
      vector::ExtractOp::create(*this, v.value, ArrayRef<int64_t>{lane}));
}

Val KernelBuilder::shuffle(Val a, ArrayRef<int64_t> order) {
  return wrap(vector::ShuffleOp::create(*this, a.value, a.value, order));
}

Val KernelBuilder::iota(int64_t lanes) {
  auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  return constantOf(vector(i32(), lanes), numbers);
}

Val KernelBuilder::bitsOf(Val condition) {
  int64_t lanes = cast<VectorType>(condition.type()).getNumElements();
  Val word = bitcast(condition, vector(getIntegerType(lanes), 1));
  return wrap(arith::ExtUIOp::create(*this, i64(), lane(word, 0).value));
}

Val KernelBuilder::lowestBit(Val bits) {
  return wrap(math::CountTrailingZerosOp::create(*this, bits.value));
}

Val KernelBuilder::reduce16(Val v, llvm::function_ref<Val(Val, Val)> combine) {
  for (int64_t half = 8; half; half /= 2) {
    auto low = llvm::to_vector(llvm::seq<int64_t>(0, half));
    auto high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    v = combine(shuffle(v, low), shuffle(v, high));
  }
  return lane(v, 0);
}

Val KernelBuilder::sum16(Val v) {
  return reduce16(v, [](Val a, Val b) { return a + b; });
}
Val KernelBuilder::max16(Val v) {
  return reduce16(v, [](Val a, Val b) { return max(a, b); });
}

Val KernelBuilder::signExtend(Val integer, Type to) {
  return wrap(arith::ExtSIOp::create(*this, to, integer.value));
}
Val KernelBuilder::truncate(Val integer, Type to) {
  return wrap(arith::TruncIOp::create(*this, to, integer.value));
}
Val KernelBuilder::toFloat(Val integer) {
  Type to = f32();
  if (auto v = dyn_cast<VectorType>(integer.type()))
    to = v.cloneWith(std::nullopt, to);
  return wrap(arith::SIToFPOp::create(*this, to, integer.value));
}
Val KernelBuilder::toInteger(Val real) {
  Type to = i32();
  if (auto v = dyn_cast<VectorType>(real.type()))
    to = v.cloneWith(std::nullopt, to);
  return wrap(arith::FPToSIOp::create(*this, to, real.value));
}
Val KernelBuilder::bitcast(Val value, Type to) {
  auto vectorType = dyn_cast<VectorType>(to); // the number of lanes may change
  if (vectorType && vectorType.getShape() !=
                        cast<VectorType>(value.type()).getShape())
    return wrap(vector::BitCastOp::create(*this, vectorType, value.value));
  return wrap(arith::BitcastOp::create(*this, to, value.value));
}

Val KernelBuilder::fromBf16(Val bits) {
  Type wide = i32(), real = f32();
  if (auto v = dyn_cast<VectorType>(bits.type())) {
    wide = v.cloneWith(std::nullopt, wide);
    real = v.cloneWith(std::nullopt, real);
  }
  Val word = wrap(arith::ExtUIOp::create(*this, wide, bits.value));
  return bitcast(word << 16, real);
}

// Not arith.truncf, which calls a library where the CPU has no such instruction.
Val KernelBuilder::toBf16(Val real) {
  auto like = [&](Type element) -> Type {
    auto v = dyn_cast<VectorType>(real.type());
    return v ? Type(v.cloneWith(std::nullopt, element)) : element;
  };
  Val bits = bitcast(real, like(i32())), one = constantOf(bits.type(), 1);
  Val half = constantOf(bits.type(), 0x7fff) + ((bits >> 16) & one);
  // The carry of rounding must not turn a NaN into an infinity or a zero.
  Val isNumber = wrap(arith::CmpFOp::create(*this, arith::CmpFPredicate::ORD,
                                            real.value, real.value));
  Val rounded = select(isNumber, bits + half, constantOf(bits.type(), 0x7fc00000));
  return truncate(rounded >> 16, like(getI16Type()));
}

Val KernelBuilder::roundEven(Val real) {
  return wrap(math::RoundEvenOp::create(*this, real.value));
}

Val KernelBuilder::intrinsic(StringRef name, Type type, ArrayRef<Val> operands) {
  SmallVector<Value> values;
  for (Val v : operands)
    values.push_back(v.value);
  return wrap(LLVM::CallIntrinsicOp::create(*this, type, getStringAttr(name),
                                            values)
                  .getResult(0));
}

Val KernelBuilder::multiplyAddPairs(Val a, Val b) {
  int64_t lanes = cast<VectorType>(a.type()).getNumElements();
  VectorType wide = vector(i32(), lanes);
  Val products = signExtend(a, wide) * signExtend(b, wide);
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < lanes; i += 2) {
    even.push_back(i);
    odd.push_back(i + 1);
  }
  return shuffle(products, even) + shuffle(products, odd);
}

} // namespace encdec::lower
