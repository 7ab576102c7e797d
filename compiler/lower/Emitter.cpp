// Entry functions: frame, tables, calls, barriers.
#include "compiler/lower/Emitter.h"
#include "compiler/place/Arena.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <limits>

using namespace mlir;

namespace encdec::lower {

Emitter::Emitter(func::FuncOp function, StringRef symbol,
                 KernelLibrary &kernels)
    : function(function), kernels(kernels),
      k(function.getLoc(), function.getContext()), segments(function) {
  auto module = function->getParentOfType<ModuleOp>();
  k.setInsertionPointToEnd(module.getBody());
  auto type =
      FunctionType::get(k.getContext(), {k.ptr(), k.i64(), k.i64()}, {});
  entry = func::FuncOp::create(k, symbol, type);
  entry->setAttr("passthrough", k.getStrArrayAttr({"no-builtins"}));
  k.setInsertionPointToStart(entry.addEntryBlock());
}

LogicalResult Emitter::begin() {
  if (failed(addHandles()))
    return failure();
  Val count = k.constant(int64_t(FrameField::count));
  frame = k.wrap(LLVM::AllocaOp::create(k, k.ptr(), k.i64(), count.value));
  auto set = [&](FrameField field, Val value) {
    k.store(value, frame + 8 * int64_t(field));
  };
  set(FrameField::context, k.wrap(entry.getArgument(0)));
  set(FrameField::worker, k.wrap(entry.getArgument(1)));
  set(FrameField::workers, k.wrap(entry.getArgument(2)));
  Frame f(k, frame);
  set(FrameField::units,
      entryOf(function) == "encode" ? encoderUnits(f) : f.context("rows"));
  return success();
}

ArrayAttr Emitter::end() {
  func::ReturnOp::create(k);
  return segments.attribute();
}

// Σ round_up(length, 16): blocked keys need whole blocks for each source.
Val Emitter::encoderUnits(Frame &f) {
  Val offsets = f.contextPointer("source_offset");
  Val zero = k.constant(int64_t(0));
  auto at = [&](Val i) {
    return k.signExtend(k.load(k.i32(), offsets + i * 4), k.i64());
  };
  return k.loop(zero, f.context("sources"), k.constant(int64_t(1)), {zero},
                [&](Val source, ArrayRef<Val> sum) {
                  Val length = at(source + 1) - at(source);
                  return Vals{sum[0] + (length + 15) / 16 * 16};
                })[0];
}

// Layers lie one after the other in the order of the handles' arguments.
LogicalResult Emitter::addHandles() {
  int64_t memory = 0, cache = 0;
  auto plan = function->getParentOfType<ModuleOp>()->getAttrOfType<DictionaryAttr>(
      "encdec.memory_plan");
  auto planned = plan ? plan.getAs<StringAttr>("key_type") : StringAttr();
  for (BlockArgument argument : function.getArguments()) {
    Type element = keyElementOf(argument.getType());
    if (element && planned && element.isBF16() != (planned == "bf16"))
      return function.emitOpError("not lowerable [key-type]: argument #")
             << argument.getArgNumber() << " stores keys and values as " << element
             << ", but memory was planned for " << planned.getValue()
             << "; run encdec-plan-memory after encdec-narrow-keys";
    if (auto type = dyn_cast<MemoryType>(argument.getType())) {
      layers[argument] = memory;
      memory += shapeOf(type).bytesPerKey();
    } else if (auto type = dyn_cast<CacheType>(argument.getType())) {
      layers[argument] = cache;
      cache += shapeOf(type).bytesPerKey();
    } else if (sideOf(argument) &&
               cast<RankedTensorType>(argument.getType()).getRank() == 2) {
      return function.emitOpError(
                 "not lowerable [encoder-output-argument]: argument #")
             << argument.getArgNumber()
             << " holds activations, which a call does not hand over; run "
                "encdec-hoist-encoder";
    }
  }
  return success();
}

WeightOp Emitter::weight(Operation *op, FlatSymbolRefAttr name) {
  WeightOp weight = lookupWeight(op, name);
  if (!weight)
    op->emitOpError("not lowerable [no-weight]: there is no weight ") << name;
  return weight;
}

LogicalResult Emitter::call(Table &table, func::FuncOp kernel,
                            Barrier barrier) {
  if (table.failed)
    return failure();
  bool waits = calls && (barrier == Barrier::Before || !segments.takes(table.keys));
  if (waits)
    k.call(kernels.barrier(), {frame});
  segments.add(table.op, table.name, table.weights, table.keys, waits);
  std::string name =
      (entry.getName() + "." + Twine(calls++) + "." + table.name).str();
  auto type = RankedTensorType::get({int64_t(table.entries.size())}, k.i32());
  auto array = LLVM::LLVMArrayType::get(k.i32(), table.entries.size());
  {
    OpBuilder::InsertionGuard guard(k);
    k.setInsertionPoint(entry);
    LLVM::GlobalOp::create(
        k, array, /*isConstant=*/true, LLVM::Linkage::Internal, name,
        DenseElementsAttr::get(type, ArrayRef(table.entries)),
        /*alignment=*/4);
  }
  Val address = k.wrap(LLVM::AddressOfOp::create(k, k.ptr(), name));
  k.call(kernel, {frame, address});
  lastOp = table.op;
  lastFunction = kernel;
  return success();
}

void Table::addNumber(int64_t number) {
  if (!failed && number > std::numeric_limits<int32_t>::max()) {
    op->emitOpError("not lowerable [too-large]: a table entry is ")
        << number << ", expected less than 2^31";
    failed = true;
  }
  entries.push_back(int32_t(number));
}

void Table::addOffset(int64_t bytes) {
  if (!failed && (bytes < 0 || bytes % 64)) {
    op->emitOpError(
        "not lowerable [offset]: expected a non-negative multiple of 64, "
        "but got ")
        << bytes;
    failed = true;
  }
  addNumber(bytes / 64);
}

size_t placeCount(Operation *op) {
  size_t count = 0;
  while (placeOf(op, count))
    ++count;
  return count;
}

std::optional<int64_t> placeOf(Operation *op, size_t i) {
  Attribute attr = op->getAttr("encdec.place");
  if (auto dense = dyn_cast_or_null<DenseI64ArrayAttr>(attr))
    return i < size_t(dense.size()) ? std::optional(dense[i]) : std::nullopt;
  auto array = dyn_cast_or_null<ArrayAttr>(attr);
  if (!array || i >= array.size() || !isa<IntegerAttr>(array[i]))
    return std::nullopt;
  return cast<IntegerAttr>(array[i]).getInt();
}

std::optional<int64_t> placeOf(Value rows) {
  auto result = dyn_cast<OpResult>(rows);
  return result ? placeOf(result.getOwner(), result.getResultNumber()) : std::nullopt;
}

void Table::addPlace(Value rows) {
  Operation *definition = rows.getDefiningOp();
  if (!definition) {
    if (!failed)
      op->emitOpError(
          "not lowerable [argument]: an operand is an argument of the "
          "function, expected an activation made by an op");
    failed = true;
    return;
  }
  size_t i = cast<OpResult>(rows).getResultNumber();
  if (auto bytes = placeOf(definition, i))
    return addOffset(*bytes);
  if (!failed)
    definition->emitOpError("not lowerable [not-placed]: result #")
        << i << " has no entry in encdec.place; run encdec-plan-memory";
  failed = true;
}

void Table::addExtraPlace(size_t i, Operation *owner) {
  if (auto bytes = placeOf(owner ? owner : op, i))
    return addOffset(*bytes);
  if (!failed)
    op->emitOpError("not lowerable [not-placed]: encdec.place has no entry ")
        << i << "; run encdec-plan-memory";
  failed = true;
}

LogicalResult Table::addOffsetOf(Operation *at, std::optional<int64_t> bytes,
                                 StringRef what) {
  if (bytes) {
    addOffset(*bytes);
    return success();
  }
  if (!failed)
    (op->emitOpError("not lowerable [not-packed]: a weight has no ")
     << what << "; run encdec-pack-weights")
            .attachNote(at->getLoc())
        << "the weight is here";
  failed = true;
  return failure();
}

WeightKind Table::addWeight(FlatSymbolRefAttr name) {
  WeightOp weight = failed ? WeightOp() : emit.weight(op, name);
  if (!weight) {
    failed = true;
    return WeightKind::f32;
  }
  weights.push_back(weight);
  if (succeeded(addOffsetOf(weight, weight.getOffset(), "offset"))) {
    if (!weight.getLayout()) {
      op->emitOpError("not lowerable [not-packed]: weight ")
          << name << " has no packed layout; run encdec-pack-weights";
      failed = true;
    } else if (weight.isQuantized()) {
      (void)addOffsetOf(weight, weight.getScaleOffset(), "scale_offset");
    } else {
      entries.push_back(-1);
    }
  }
  return kindOf(weight);
}

WeightKind Table::addUncounted(FlatSymbolRefAttr name) {
  size_t counted = weights.size();
  WeightKind kind = addWeight(name);
  weights.truncate(std::min(counted, weights.size()));
  return kind;
}

void Table::addVector(FlatSymbolRefAttr name) {
  if (!name)
    return entries.push_back(-1);
  WeightOp weight = failed ? WeightOp() : emit.weight(op, name);
  if (!weight) {
    failed = true;
    return;
  }
  weights.push_back(weight);
  (void)addOffsetOf(weight, weight.getOffset(), "offset");
}

void Table::readsKeys(StringRef from, const AttentionShape &shape) {
  // A score takes a product with the key, the context one with the value.
  keys = {from, from == "source" ? 0 : shape.bytesPerKey(), 2 * shape.width()};
}

void Table::addLayer(Value handle) {
  auto found = emit.layers.find(handle);
  if (found != emit.layers.end())
    return addNumber(found->second);
  if (!failed)
    op->emitOpError(
        "not lowerable [handle]: expected the memory or cache to be an "
        "argument of the function");
  failed = true;
}

} // namespace encdec::lower
