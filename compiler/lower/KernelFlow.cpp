// Loads, stores and control flow of the language that kernels are written in.
#include "compiler/lower/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace encdec::lower {

static unsigned elementBytes(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return 8;
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8;
}

Val KernelBuilder::load(Type type, Val pointer) {
  return wrap(
      LLVM::LoadOp::create(*this, type, pointer.value, elementBytes(type)));
}

Val KernelBuilder::loadIndex(Val array, Val i) {
  return signExtend(load(i32(), array + i * 4), i64());
}

void KernelBuilder::store(Val value, Val pointer) {
  LLVM::StoreOp::create(*this, value.value, pointer.value,
                        elementBytes(value.type()));
}

void KernelBuilder::storeFirst(Val v, int64_t count, Val pointer) {
  int64_t lanes = cast<VectorType>(v.type()).getNumElements();
  if (count >= lanes)
    return store(v, pointer);
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), count, true);
  auto maskType = vector(getI1Type(), lanes);
  Value mask = arith::ConstantOp::create(
      *this, maskType, DenseElementsAttr::get(maskType, bits));
  LLVM::MaskedStoreOp::create(*this, v.value, pointer.value, mask,
                              elementBytes(v.type()));
}

void KernelBuilder::prefetch(Val pointer) {
  LLVM::Prefetch::create(*this, pointer.value, /*rw=*/0, /*hint=*/3,
                         /*cache=*/1);
}

Val KernelBuilder::isNull(Val pointer) {
  return wrap(LLVM::ICmpOp::create(*this, LLVM::ICmpPredicate::eq,
                                   pointer.value, null().value));
}

Vals KernelBuilder::loop(Val from, Val to, Val step, ArrayRef<Val> init,
                         LoopBody body) {
  SmallVector<Value> values;
  for (Val v : init)
    values.push_back(v.value);
  auto op = scf::ForOp::create(
      *this, from.value, to.value, step.value, values,
      [&](OpBuilder &inner, Location, Value index, ValueRange carried) {
        // This builder builds the body too: it moves there and back.
        InsertionGuard guard(*this);
        setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Vals arguments;
        for (Value v : carried)
          arguments.push_back(wrap(v));
        SmallVector<Value> next;
        for (Val v : body(wrap(index), arguments))
          next.push_back(v.value);
        scf::YieldOp::create(*this, next);
      });
  Vals results;
  for (Value v : op.getResults())
    results.push_back(wrap(v));
  return results;
}

void KernelBuilder::loop(Val from, Val to, Val step,
                         llvm::function_ref<void(Val)> body) {
  loop(from, to, step, {}, [&](Val index, ArrayRef<Val>) {
    body(index);
    return Vals();
  });
}

Vals KernelBuilder::repeat(ArrayRef<Val> init,
                           llvm::function_ref<Val(ArrayRef<Val>)> condition,
                           llvm::function_ref<Vals(ArrayRef<Val>)> body) {
  SmallVector<Value> values;
  for (Val v : init)
    values.push_back(v.value);
  auto wrapped = [&](ValueRange carried) {
    Vals arguments;
    for (Value v : carried)
      arguments.push_back(wrap(v));
    return arguments;
  };
  auto op = scf::WhileOp::create(
      *this, ValueRange(values).getTypes(), values,
      [&](OpBuilder &inner, Location, ValueRange carried) {
        InsertionGuard guard(*this);
        setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        scf::ConditionOp::create(*this, condition(wrapped(carried)).value, carried);
      },
      [&](OpBuilder &inner, Location, ValueRange carried) {
        InsertionGuard guard(*this);
        setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        SmallVector<Value> next;
        for (Val v : body(wrapped(carried)))
          next.push_back(v.value);
        scf::YieldOp::create(*this, next);
      });
  return wrapped(op.getResults());
}

void KernelBuilder::when(Val condition, llvm::function_ref<void()> then) {
  auto op = scf::IfOp::create(*this, condition.value, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  then();
}

void KernelBuilder::unless(Val condition,
                           llvm::function_ref<void()> otherwise) {
  choose(
      condition, [] { return Vals(); },
      [&] {
        otherwise();
        return Vals();
      });
}

Vals KernelBuilder::choose(Val condition, llvm::function_ref<Vals()> then,
                           llvm::function_ref<Vals()> otherwise) {
  auto branch = [&](llvm::function_ref<Vals()> body) {
    return [this, body](OpBuilder &inner, Location) {
      InsertionGuard guard(*this);
      setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
      SmallVector<Value> values;
      for (Val v : body())
        values.push_back(v.value);
      scf::YieldOp::create(*this, values);
    };
  };
  auto op = scf::IfOp::create(*this, condition.value, branch(then),
                              branch(otherwise));
  Vals results;
  for (Value v : op.getResults())
    results.push_back(wrap(v));
  return results;
}

Val KernelBuilder::call(func::FuncOp callee, ArrayRef<Val> arguments) {
  SmallVector<Value> values;
  for (Val v : arguments)
    values.push_back(v.value);
  auto op = func::CallOp::create(*this, callee, values);
  return op.getNumResults() ? wrap(op.getResult(0)) : Val();
}

} // namespace encdec::lower
