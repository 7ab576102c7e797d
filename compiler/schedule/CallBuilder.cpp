// One kernel call, put together by a target.
#include "compiler/schedule/CallBuilder.h"

using namespace mlir;
using namespace encdec::kernel;

CallBuilder::CallBuilder(OpBuilder &builder, Location loc, StringRef kernel, StringRef serves)
    : builder(builder), loc(loc), kernel(kernel), serves(serves),
      splitting(SplitAttr::get(builder.getContext(), Part::rows, 1)) {}

CallBuilder &CallBuilder::operand(Value value, AccessAttr access) {
  operands.push_back(value);
  operandAccesses.push_back(access);
  return *this;
}
CallBuilder &CallBuilder::input(Value argument, StringRef name) {
  return operand(argument, AccessAttr::get(builder.getContext(), Mode::input, Part::all, 0,
                                           builder.getStringAttr(name)));
}
CallBuilder &CallBuilder::weight(WeightAttr weight) {
  weights.push_back(weight ? Attribute(weight) : builder.getUnitAttr());
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
  return result(type, BufferAttr::get(builder.getContext(), Space::arena, size, {}, {}),
                accessOf(mode, part, from));
}
CallBuilder &CallBuilder::arenaOfKeys(Type type, int64_t bytes, Mode mode, Part part) {
  auto size = SizeAttr::get(builder.getContext(), 0, bytes, 0);
  return result(type, BufferAttr::get(builder.getContext(), Space::arena, size, {}, {}),
                accessOf(mode, part));
}
CallBuilder &CallBuilder::scratch(Type type, SizeAttr size, Mode mode, Part part) {
  return result(type, BufferAttr::get(builder.getContext(), Space::scratch, size, {}, {}),
                accessOf(mode, part));
}
CallBuilder &CallBuilder::output(Type type, StringRef name, Part part) {
  return result(type,
                BufferAttr::get(builder.getContext(), Space::output, {}, {},
                                builder.getStringAttr(name)),
                accessOf(Mode::write, part));
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
  bool isOther = !serves.empty() && serves != kernel;
  return CallOp::create(
      builder, loc, types, kernel, isOther ? builder.getStringAttr(serves) : StringAttr(),
      operands, builder.getArrayAttr(accesses), builder.getArrayAttr(buffers), splitting,
      builder.getArrayAttr(weights),
      CostAttr::get(builder.getContext(), rowMadds, keysName, keyBytes, keyMadds),
      settings.getDictionary(builder.getContext()), numbers);
}
