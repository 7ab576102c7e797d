// Kernels of attention and of the handles that it reads. A kernel reads keys and values
// from the handle, and rows, offsets and positions from the call's context. So selection
// follows the operands of an attention to the view of a handle and to the entry's arguments,
// and refuses an operand that leads elsewhere.
#include "compiler/cpu/Selector.h"

using namespace mlir;
using namespace encdec::kernel;

namespace encdec::cpu {

LogicalResult Selector::handles() {
  Type common;
  for (BlockArgument argument : entry.getArguments()) {
    Type type = argument.getType();
    StringRef name = isa<MemoryType>(type) ? "memory" : isa<CacheType>(type) ? "cache" : "";
    if (name.empty()) {
      if (sideOf(argument) && cast<RankedTensorType>(type).getRank() == 2)
        return error("encoder-output-argument")
               << "argument #" << argument.getArgNumber()
               << " holds activations, which a call does not hand over; run "
                  "encdec-hoist-encoder";
      continue;
    }
    Type element = keyElementOf(type);
    if (common && element != common)
      return error("key-types") << "memories and caches hold both " << common << " and "
                                << element << "; run encdec-narrow-keys, which stores all alike";
    common = element;
    AttentionShape shape = isa<MemoryType>(type) ? shapeOf(cast<MemoryType>(type))
                                                 : shapeOf(cast<CacheType>(type));
    entry.setArgAttr(argument.getArgNumber(), kHandleAttr,
                     HandleAttr::get(builder.getContext(), builder.getStringAttr(name),
                                     shape.bytesPerKey()));
  }
  return success();
}

void Selector::scores(CallBuilder &call) {
  auto type = RankedTensorType::get({kAttendRows, ShapedType::kDynamic}, builder.getF32Type());
  // Scores of all keys, then for each row what they are divided by.
  call.scratch(type,
               SizeAttr::get(builder.getContext(), roundUp(kAttendRows * 4, 64),
                             kAttendRows * 4, 0),
               Mode::update, Part::own);
}

LogicalResult Selector::select(RelativeBiasOp op) {
  CallBuilder bias = call("relative_bias");
  if (op.isBidirectional())
    input(bias, op.getOffsets(), "offsets");
  else
    input(bias, op.getPositions(), "positions");
  vector(bias, op.getTableAttr());
  if (failed)
    return failure();
  RankedTensorType type = op.getBias().getType();
  int64_t buckets = lookupWeight(tables, op, op.getTableAttr()).getTensorType().getDimSize(0);
  if (buckets > kMostBuckets)
    return error("buckets") << "expected a table of at most " << kMostBuckets
                            << " buckets, which stand in the code, but got " << buckets;
  BiasShape shape{type.getDimSize(0), buckets, int64_t(op.getMaxDistance()),
                  op.isBidirectional()};
  bias.arenaOfKeys(type, shape.rowsOfKeys() * 4, Mode::write, Part::one)
      .split(Part::panels)
      .config("heads", shape.heads)
      .config("buckets", shape.buckets)
      .config("max_distance", shape.maxDistance);
  if (shape.bidirectional)
    bias.config("bidirectional", builder.getUnitAttr());
  return replace(op, bias);
}

// A kernel knows a row's position in its source, or where its cache ends.
void Selector::bias(CallBuilder &call, SelfAttentionOp op) {
  if (!op.getBias())
    return;
  rows(call, op.getBias(), Part::all);
  input(call, op.getBiasPositions(), "positions");
}

static void configure(CallBuilder &call, const AttentionShape &shape, Builder builder) {
  call.config("heads", shape.heads).config("head_size", shape.headSize);
  if (shape.keys == KeyKind::bf16)
    call.config("keys", TypeAttr::get(builder.getBF16Type()));
}

// A score takes a product with the key, the context one with the value.
static void readKeys(CallBuilder &call, StringRef name, const AttentionShape &shape) {
  call.keys(name, name == "source" ? 0 : shape.bytesPerKey(), 2 * shape.width());
}

LogicalResult Selector::select(CacheAppendOp op) {
  AttentionShape shape = shapeOf(op.getCache().getType());
  CallBuilder append = call("cache_append");
  rows(append, op.getKey(), Part::row_heads);
  rows(append, op.getValue(), Part::row_heads);
  handle(append, op.getCache(), /*writes=*/true, Part::row_heads);
  input(append, op.getAncestors(), "ancestors");
  input(append, op.getPositions(), "positions");
  append.split(Part::row_heads, shape.heads);
  configure(append, shape, builder);
  return replace(op, append);
}

/// Whether `op`'s keys, values and offsets are the results of one view, in their roles.
template <typename Op, typename View> static bool readsAll(Op op, View view) {
  return op.getKey() == view.getKey() && op.getValue() == view.getValue() &&
         op.getOffsets() == view.getOffsets();
}

LogicalResult Selector::select(SelfAttentionOp op) {
  if (op.getProbs())
    return error("self-attention-probs")
           << "only cross-attention hands its probabilities out";
  auto view = op.getKey().getDefiningOp<CacheReadOp>();
  if (!view)
    return entryOf(op) == "encode" && !op.getPositions()
               ? encoderAttention(op)
               : LogicalResult(error("self-attention-keys")
                               << "in a step, and under a causal mask, keys and values come "
                                  "from encdec.cache_read");
  if (!readsAll(op, view) || op.getRows() != view.getRows())
    return error("view") << "expected key, value, rows and offsets of one encdec.cache_read";
  AttentionShape shape = shapeOf(view.getCache().getType());
  for (Operation *at = view; at != op; at = at->getNextNode())
    if (auto append = dyn_cast<CacheAppendOp>(at); append && append.getCache() == view.getCache())
      return error("stale-view") << "the cache is written between encdec.cache_read and the "
                                    "attention, which reads it as it is then";
  CallBuilder attend = call("self_attention");
  rows(attend, op.getQuery(), Part::row_heads);
  handle(attend, view.getCache(), /*writes=*/false, Part::row_heads);
  bias(attend, op);
  input(attend, view.getAncestors(), "ancestors");
  input(attend, view.getPositions(), "positions");
  if (op.getPositions())
    input(attend, op.getPositions(), "positions");
  attend.arena(op.getOutput().getType(), rowBytes(shape.width()), Mode::update, Part::row_heads)
      .split(Part::row_heads, shape.heads)
      .config("scale", op.getScaleAttr());
  scores(attend);
  configure(attend, shape, builder);
  readKeys(attend, "cache", shape);
  return replace(op, attend);
}

LogicalResult Selector::encoderAttention(SelfAttentionOp op) {
  int64_t heads = op.getHeads();
  AttentionShape shape{heads, widthOf(op.getQuery()) / heads};
  auto inputs = [&](CallBuilder &call) {
    input(call, op.getRows(), "rows");
    input(call, op.getOffsets(), "offsets");
  };
  auto blocked = [&](int64_t width) {
    return RankedTensorType::get({ShapedType::kDynamic, heads, width}, builder.getF32Type());
  };
  CallBuilder block = call("block_keys");
  rows(block, op.getKey(), Part::source_heads);
  rows(block, op.getValue(), Part::source_heads);
  inputs(block);
  block.split(Part::source_heads, heads)
      .arena(blocked(shape.headSize), rowBytes(shape.width()), Mode::write, Part::source_heads)
      .arena(blocked(shape.paddedHeadSize()), heads * rowBytes(shape.headSize), Mode::write,
             Part::source_heads);
  configure(block, shape, builder);
  CallOp blocks = block.create();
  CallBuilder attend = call("encoder_attention");
  rows(attend, op.getQuery(), Part::source_heads);
  attend.read(blocks.getResult(0), Part::source).read(blocks.getResult(1), Part::source);
  bias(attend, op);
  inputs(attend);
  attend.split(Part::source_heads, heads)
      .arena(op.getOutput().getType(), rowBytes(shape.width()), Mode::update,
             Part::source_heads)
      .config("scale", op.getScaleAttr());
  scores(attend);
  configure(attend, shape, builder);
  readKeys(attend, "source", shape);
  return replace(op, attend);
}

LogicalResult Selector::select(CrossAttentionOp op) {
  auto view = op.getKey().getDefiningOp<MemoryReadOp>();
  if (!view || !readsAll(op, view))
    return error("view") << "expected key, value and offsets of one encdec.memory_read; run "
                            "encdec-hoist-encoder";
  AttentionShape shape = shapeOf(view.getMemory().getType());
  CallBuilder attend = call("cross_attention");
  rows(attend, op.getQuery(), Part::row_heads);
  handle(attend, view.getMemory(), /*writes=*/false, Part::all);
  input(attend, op.getRows(), "sources");
  std::string probs = "probs." + std::to_string(crossAttentions);
  attend.arena(op.getOutput().getType(), rowBytes(shape.width()), Mode::update, Part::row_heads);
  scores(attend);
  auto probsType = RankedTensorType::get({shape.heads, ShapedType::kDynamic, ShapedType::kDynamic},
                                         builder.getF32Type());
  attend.output(probsType, probs, Part::row_heads)
      .number(crossAttentions++)
      .split(Part::row_heads, shape.heads)
      .config("scale", op.getScaleAttr());
  configure(attend, shape, builder);
  readKeys(attend, "memory", shape);
  op.getOutput().replaceAllUsesWith(attend.create().getResult(0));
  return success(!failed);
}

LogicalResult Selector::select(MemoryProjectOp op) {
  AttentionShape shape = shapeOf(op.getMemory().getType());
  int64_t panels = (shape.width() + 15) / 16, inputs = widthOf(op.getInput());
  CallBuilder project = call("memory_project");
  product(project, op.getInput(), {op.getKeyWeightAttr(), op.getValueWeightAttr()});
  handle(project, op.getMemory(), /*writes=*/true, Part::panels);
  input(project, op.getOffsets(), "offsets");
  matrix(project, op.getKeyWeightAttr());
  vector(project, op.getKeyBiasAttr());
  matrix(project, op.getValueWeightAttr());
  vector(project, op.getValueBiasAttr());
  auto type = RankedTensorType::get({ShapedType::kDynamic, shape.width()}, builder.getF32Type());
  for (int i = 0; i < 2; ++i) // keys, then values, before they are laid out
    project.arena(type, rowBytes(shape.width()), Mode::update, Part::panels)
        .madds(inputs * shape.width());
  project.split(Part::panels, panels)
      .config("inputs", inputs)
      .config("outputs", builder.getDenseI64ArrayAttr({shape.width(), shape.width()}));
  configure(project, shape, builder);
  return replace(op, project);
}

} // namespace encdec::cpu
