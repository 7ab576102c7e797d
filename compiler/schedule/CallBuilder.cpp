// One kernel call, put together by a target.
#include "compiler/schedule/CallBuilder.h"

using namespace mlir;
using namespace encdec::kernel;

CallBuilder::CallBuilder(OpBuilder &builder, Location loc, StringRef kernel, StringRef serves)
    : builder(builder), loc(loc), kernel(kernel), serves(serves.empty() ? kernel : serves),
      splitting(SplitAttr::get(builder.getContext(), Part::rows, 1)) {}

static AccessAttr accessOf(OpBuilder &builder, Mode mode, Part part, int64_t from = 0) {
  return AccessAttr::get(builder.getContext(), mode, part, from, StringAttr());
}

CallBuilder &CallBuilder::read(Value value, Part part, int64_t from) {
  operands.push_back(value);
  operandAccesses.push_back(accessOf(builder, Mode::read, part, from));
  return *this;
}
CallBuilder &CallBuilder::update(Value value, Part part) {
  operands.push_back(value);
  operandAccesses.push_back(accessOf(builder, Mode::update, part));
  return *this;
}
CallBuilder &CallBuilder::write(Value value, Part part) {
  operands.push_back(value);
  operandAccesses.push_back(accessOf(builder, Mode::write, part));
  return *this;
}
CallBuilder &CallBuilder::input(Value argument, StringRef name) {
  operands.push_back(argument);
  operandAccesses.push_back(AccessAttr::get(builder.getContext(), Mode::input, Part::all, 0,
                                            builder.getStringAttr(name)));
  return *this;
}
CallBuilder &CallBuilder::weight(WeightAttr weight) {
  weights.push_back(weight);
  return *this;
}

CallBuilder &CallBuilder::noWeight() {
  weights.push_back(builder.getUnitAttr());
  return *this;
}

CallBuilder &CallBuilder::result(Type type, BufferAttr buffer, AccessAttr access) {
  types.push_back(type);
  buffers.push_back(buffer);
  resultAccesses.push_back(access);
  return *this;
}
CallBuilder &CallBuilder::arena(Type type, int64_t bytes, Mode mode, Part part, int64_t from) {
  auto size = SizeAttr::get(builder.getContext(), 0, 0, bytes);
  return result(type, BufferAttr::get(builder.getContext(), Space::arena, size, StringAttr()),
                accessOf(builder, mode, part, from));
}
CallBuilder &CallBuilder::scratch(Type type, SizeAttr size, Mode mode, Part part) {
  return result(type, BufferAttr::get(builder.getContext(), Space::scratch, size, StringAttr()),
                accessOf(builder, mode, part));
}
CallBuilder &CallBuilder::output(Type type, StringRef name, Part part) {
  return result(type,
                BufferAttr::get(builder.getContext(), Space::output, SizeAttr(),
                                builder.getStringAttr(name)),
                accessOf(builder, Mode::write, part));
}

CallBuilder &CallBuilder::number(int64_t number) {
  numbers.push_back(number);
  return *this;
}
CallBuilder &CallBuilder::split(Part kind, int64_t count) {
  splitting = SplitAttr::get(builder.getContext(), kind, count);
  return *this;
}
CallBuilder &CallBuilder::madds(int64_t perRow) {
  rowMadds += perRow;
  return *this;
}
CallBuilder &CallBuilder::keys(StringRef name, int64_t bytes, int64_t madds) {
  keysName = builder.getStringAttr(name);
  keyBytes = bytes;
  keyMadds = madds;
  return *this;
}
CallBuilder &CallBuilder::config(StringRef name, Attribute value) {
  settings.set(name, value);
  return *this;
}
CallBuilder &CallBuilder::config(StringRef name, int64_t value) {
  return config(name, builder.getI64IntegerAttr(value));
}

CallOp CallBuilder::create() {
  SmallVector<Attribute> accesses = operandAccesses;
  llvm::append_range(accesses, resultAccesses);
  return CallOp::create(
      builder, loc, types, kernel, serves, operands, builder.getArrayAttr(accesses),
      builder.getArrayAttr(buffers), splitting, builder.getArrayAttr(weights),
      CostAttr::get(builder.getContext(), rowMadds, keysName, keyBytes, keyMadds),
      settings.getDictionary(builder.getContext()), numbers, /*places=*/ArrayAttr());
}
