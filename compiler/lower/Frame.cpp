// Loads from the frame, the context behind it and the table.
#include "compiler/lower/Frame.h"
#include "encdec/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/ErrorHandling.h"
#include <cstddef>

namespace encdec::lower {

void makePrivateKernel(mlir::func::FuncOp function) {
  mlir::Builder builder(function.getContext());
  function.setPrivate();
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline", "no-builtins"}));
  function->setAttr("llvm.linkage",
                    mlir::LLVM::LinkageAttr::get(function.getContext(),
                                                 mlir::LLVM::Linkage::Internal));
}

int64_t contextOffset(llvm::StringRef name) {
#define ENCDEC_FIELD_NAME(type, field) #field,
  static constexpr llvm::StringLiteral names[] = {
      ENCDEC_ABI_CONTEXT(ENCDEC_FIELD_NAME)};
#undef ENCDEC_FIELD_NAME
  static_assert(sizeof(encdec_abi_context) == 8 * std::size(names),
                "every context field is 8 bytes wide");
  const auto *found = llvm::find(names, name);
  assert(found != std::end(names) && "no such context field");
  return 8 * (found - names);
}

Val Frame::field(FrameField f) {
  auto type = f == FrameField::context ? k.ptr() : k.i64();
  return k.load(type, frame + 8 * int64_t(f));
}

Val Frame::context(llvm::StringRef name) {
  return k.load(k.i64(), field(FrameField::context) + contextOffset(name));
}

Val Frame::contextPointer(llvm::StringRef name) {
  return k.load(k.ptr(), field(FrameField::context) + contextOffset(name));
}

Val Frame::firstScratch(int64_t i) {
  return contextPointer("scratch") + number(i) * 64 + number(i + 1) * context("keys") +
         number(i + 2) * context("rows");
}

Val Frame::scratch(int64_t i) {
  return firstScratch(i) + worker() * context("scratch_stride");
}

Val Frame::number(int64_t i) {
  return k.signExtend(k.load(k.i32(), table + 4 * i), k.i64());
}

Val Frame::place(int64_t i) {
  return contextPointer("arena") + number(i) * 64 * field(FrameField::arenaRows);
}

Val Frame::placeOfKeys(int64_t i) { return place(i) + number(i + 1) * context("keys"); }

Val Frame::weight(int64_t i) {
  return contextPointer("weights") + number(i) * 64;
}

Val Frame::optionalWeight(int64_t i) {
  return select(number(i) < 0, k.null(), weight(i));
}

std::pair<Val, Val> Frame::share(Val count) {
  Val each = count / workers(), more = count % workers(), w = worker();
  Val first = w * each + min(w, more);
  Val last = first + each +
             select(w < more, k.constant(int64_t(1)), k.constant(int64_t(0)));
  return {first, last};
}

std::pair<Val, Val> Frame::shareRowHeads(int64_t heads) {
  Val rows = context("rows"), shared = k.constant(int64_t(0)) < context("shared_slots");
  Val each = select(shared, rows, k.constant(int64_t(1))); // units shared out as one
  auto [first, last] = share(select(shared, k.constant(heads), rows * heads));
  return {first * each, last * each};
}

} // namespace encdec::lower
