// Liveness and placement of activation buffers.
#include "compiler/place/Arena.h"
#include "encdec/abi.h"
#include "compiler/place/Layout.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numeric>

using namespace mlir;

namespace encdec {
namespace {

constexpr int64_t floatBytes = 4;
constexpr int64_t cacheLine = 64;
// Columns of one vocabulary block; a block's record is two numbers, each kind
// in whole lanes of blocks (compiler/lower/Vocabulary.cpp).
constexpr int64_t blockColumns = 128, recordBytes = 8;

/// Records of all blocks of one row of logits.
SmallVector<int64_t> vocabularyRecords(int64_t vocabulary) {
  int64_t blocks = roundUp(vocabulary, blockColumns) / blockColumns;
  return {roundUp(recordBytes * rowStride(blocks), cacheLine)};
}

bool isDynamic(Operation *op, FlatSymbolRefAttr name) {
  WeightOp weight = lookupWeight(op, name);
  return weight && weight.isDynamic();
}

/// Bytes of what a kernel needs besides its results, one entry each.
SmallVector<int64_t> extraBytes(Operation *op) {
  return llvm::TypeSwitch<Operation *, SmallVector<int64_t>>(op)
      .Case([](FfnOp ffn) -> SmallVector<int64_t> {
        WeightOp up = lookupWeight(ffn, ffn.getUpWeightAttr());
        int64_t hidden = up.getTensorType().getDimSize(0);
        if (isDynamic(ffn, ffn.getDownWeightAttr()))
          return {rowBytes(hidden), quantizedRowBytes(hidden)};
        return {rowBytes(hidden)};
      })
      .Case([](VocabularyOp op) {
        return vocabularyRecords(widthOf(op.getLogitBias()));
      })
      .Case([](TopTokensOp op) {
        return vocabularyRecords(widthOf(op.getLogitBias()));
      })
      .Case([](MemoryProjectOp op) -> SmallVector<int64_t> {
        int64_t bytes = rowBytes(op.getMemory().getType().getWidth());
        return {bytes, bytes};
      })
      .Case([](SelfAttentionOp op) -> SmallVector<int64_t> {
        if (entryOf(op) != "encode")
          return {}; // the step's keys and values are in the cache
        int64_t width = widthOf(op.getKey()), heads = op.getHeads();
        return {rowBytes(width), heads * rowBytes(width / heads)};
      })
      .Default([](Operation *) { return SmallVector<int64_t>(); });
}

bool isView(Operation *op) { return isa<MemoryReadOp, CacheReadOp>(op); }

bool isRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && sideOf(value) &&
         type.getElementType().isF32();
}

/// Last op that reads `value`, in the numbering of `order`.
unsigned lastUse(Value value, const DenseMap<Operation *, unsigned> &order,
                 unsigned at) {
  for (Operation *user : value.getUsers())
    at = std::max(at, order.lookup(user));
  return at;
}

} // namespace

FailureOr<SmallVector<ArenaBuffer>> collectBuffers(func::FuncOp function) {
  SmallVector<ArenaBuffer> buffers;
  DenseMap<Operation *, unsigned> order;
  for (auto [i, op] : llvm::enumerate(function.getBody().front()))
    order[&op] = i;
  for (BlockArgument argument : function.getArguments())
    if (isRows(argument))
      return function.emitError("expected activations to come from ops, but "
                                "argument ")
             << argument.getArgNumber() << " is " << argument.getType()
             << "; run encdec-hoist-encoder first";
  for (Operation &op : function.getBody().front()) {
    // Scores of all heads, rows and keys: no multiple of the rows.
    if (isa<ScoresOp, MaskOp, SoftmaxOp, ContextOp>(op))
      return op.emitOpError(
          "needs a buffer of heads * rows * keys, which no arena "
          "holds; run encdec-fuse-attention first");
    if (isView(&op))
      continue;
    unsigned at = order.lookup(&op), entry = 0;
    for (Value result : op.getResults())
      if (isRows(result))
        buffers.push_back({&op, entry++, rowBytes(widthOf(result)), at,
                           lastUse(result, order, at)});
    for (int64_t bytes : extraBytes(&op))
      buffers.push_back({&op, entry++, bytes, at, at});
    Value rows = quantizedInput(&op);
    if (rows && firstToQuantize(rows) == &op)
      buffers.push_back({&op, entry++, quantizedRowBytes(widthOf(rows)),
                         order.lookup(rows.getDefiningOp()),
                         lastUse(rows, order, at)});
  }
  return buffers;
}

int64_t assignOffsets(MutableArrayRef<ArenaBuffer> buffers) {
  SmallVector<unsigned> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::pair(-buffers[a].bytes, a) < std::pair(-buffers[b].bytes, b);
  });
  int64_t size = 0;
  SmallVector<ArenaBuffer *> placed; // by offset
  for (unsigned index : order) {
    ArenaBuffer &buffer = buffers[index];
    int64_t offset = 0;
    for (ArenaBuffer *other : placed) {
      bool together =
          other->first <= buffer.last && buffer.first <= other->last;
      if (!together)
        continue;
      if (offset + buffer.bytes <= other->offset)
        break; // the gap before `other` is wide enough
      offset = std::max(offset, other->offset + other->bytes);
    }
    buffer.offset = offset;
    size = std::max(size, offset + buffer.bytes);
    placed.insert(llvm::upper_bound(placed, offset,
                                    [](int64_t at, ArenaBuffer *other) {
                                      return at < other->offset;
                                    }),
                  &buffer);
  }
  return size;
}

int64_t rowBytes(int64_t width) { return rowStride(width) * floatBytes; }

int64_t quantizedRowBytes(int64_t inputs) {
  return roundUp(rowStride(inputs) * 2 + kRowRecord, cacheLine);
}

Value quantizedInput(Operation *op) {
  auto inputOf = [&](Value input, auto... weights) {
    return (isDynamic(op, weights) || ...) ? input : Value();
  };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](LinearOp linear) {
        for (unsigned i = 0; i < linear.getWeights().size(); ++i)
          if (isDynamic(op, linear.getWeight(i)))
            return Value(linear.getInput());
        return Value();
      })
      .Case([&](FfnOp ffn) {
        return inputOf(ffn.getInput(), ffn.getUpWeightAttr());
      })
      .Case([&](MemoryProjectOp project) {
        return inputOf(project.getInput(), project.getKeyWeightAttr(),
                       project.getValueWeightAttr());
      })
      .Case([&](VocabularyOp vocabulary) {
        return inputOf(vocabulary.getInput(), vocabulary.getWeightAttr());
      })
      .Default([](Operation *) { return Value(); });
}

Operation *firstToQuantize(Value rows) {
  Operation *first = nullptr;
  for (Operation *user : rows.getUsers())
    if (quantizedInput(user) == rows && (!first || user->isBeforeInBlock(first)))
      first = user;
  return first;
}

ScratchSizes scratchSizes() {
  // Logits of one vocabulary block for some rows; scores of some rows and one head; a
  // row's best tokens: value, logit and number of each.
  return {/*fixed=*/kRowBlock * blockColumns * floatBytes,
          /*perKey=*/kAttendRows * floatBytes,
          /*perRow=*/3 * ENCDEC_ABI_MAX_TOP * floatBytes};
}

int64_t keyValueBytes(int64_t heads, int64_t headSize, Type element) {
  return heads * (headSize + rowStride(headSize)) *
         (element.getIntOrFloatBitWidth() / 8);
}

Type keyElementOf(Type type) {
  return TypeSwitch<Type, Type>(type)
      .Case<MemoryType, CacheType>([](auto handle) { return handle.getElement(); })
      .Default(Type());
}

} // namespace encdec
