// Kernels that choose tokens: of the vocabulary projection with its best tokens, and of the
// best tokens of logits alone. The first call finds each block's maximum and sum and each
// worker's best tokens; the last one merges them.
#include "compiler/cpu/Selector.h"
#include "compiler/cpu/Vocabulary.h"

using namespace mlir;
using namespace encdec::kernel;

namespace encdec::cpu {

// Lists of the best of all rows, each worker's own, and logits of one block of some rows.
static RankedTensorType listsType(Builder builder) {
  return RankedTensorType::get({ShapedType::kDynamic, ListCount, kListArray / 4},
                               builder.getF32Type());
}
static void addLists(CallBuilder &call, Builder builder) {
  call.scratch(listsType(builder), SizeAttr::get(builder.getContext(), 0, 0, kListBytes),
               Mode::update, Part::own);
}
static void addBlockLogits(CallBuilder &call, Builder builder) {
  call.scratch(RankedTensorType::get({kRowBlock, kBlock}, builder.getF32Type()),
               SizeAttr::get(builder.getContext(), kRowBlock * kBlock * 4, 0, 0),
               Mode::update, Part::own);
}
static void addRecords(CallBuilder &call, Builder builder, int64_t columns, Part part) {
  Blocks blocks{columns};
  auto type = RankedTensorType::get(
      {ShapedType::kDynamic, RecordCount, blocks.arrayBytes() / 4}, builder.getF32Type());
  call.arena(type, blocks.rowBytes(), Mode::write, part).split(part, blocks.count());
}

LogicalResult Selector::merge(Operation *op, Value records, Value lists, int64_t columns,
                              Value top) {
  CallBuilder merge = call("merge_vocabulary");
  merge.read(records, Part::rows).update(lists, Part::rows);
  input(merge, top, "top_k");
  merge.output(op->getResult(0).getType(), "tokens", Part::rows)
      .output(op->getResult(1).getType(), "log_probs", Part::rows)
      .config("columns", columns);
  if (hasTokens && !failed)
    error("tokens-twice") << "expected one op that makes the step's tokens, but another one "
                             "stands before";
  hasTokens = true;
  return replace(op, merge);
}

LogicalResult Selector::select(VocabularyOp op) {
  int64_t columns = widthOf(op.getLogitBias()), inputs = widthOf(op.getInput());
  Type logits = RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
  CallBuilder vocabulary = call("vocabulary");
  product(vocabulary, op.getInput(), {op.getWeightAttr()});
  auto inputs_ = [&](CallBuilder &call) {
    input(call, op.getLogitBias(), "logit_bias");
    input(call, op.getRowBias(), "row_bias");
    input(call, op.getCount(), "top_k");
  };
  inputs_(vocabulary);
  matrix(vocabulary, op.getWeightAttr());
  vector(vocabulary, op.getBiasAttr());
  if (op.getSketch())
    matrix(vocabulary, op.getSketchAttr(), Reads::perhaps);
  addRecords(vocabulary, builder, columns, Part::panels);
  addLists(vocabulary, builder);
  addBlockLogits(vocabulary, builder);
  vocabulary.output(logits, "logits", Part::panels)
      .madds(inputs * columns)
      .config("inputs", inputs)
      .config("columns", columns);
  CallOp made = vocabulary.create();
  Value records = made.getResult(0), lists = made.getResult(1);
  if (op.getSketch()) {
    CallBuilder choose = call("choose_vocabulary", "choose");
    rows(choose, op.getInput(), Part::all);
    choose.read(records).update(lists, Part::own);
    inputs_(choose);
    matrix(choose, op.getWeightAttr(), Reads::perhaps);
    vector(choose, op.getBiasAttr());
    matrix(choose, op.getSketchAttr(), Reads::perhaps);
    addBlockLogits(choose, builder);
    choose.output(builder.getI64Type(), "candidate_blocks", Part::one)
        .split(Part::data)
        .config("inputs", inputs)
        .config("columns", columns);
    choose.create();
  }
  return merge(op, records, lists, columns, op.getCount());
}

LogicalResult Selector::select(TopTokensOp op) {
  int64_t columns = widthOf(op.getLogits());
  CallBuilder top = call("top_tokens");
  rows(top, op.getLogits(), Part::row_panels);
  input(top, op.getLogitBias(), "logit_bias");
  input(top, op.getRowBias(), "row_bias");
  input(top, op.getCount(), "top_k");
  addRecords(top, builder, columns, Part::row_panels);
  addLists(top, builder);
  top.output(op.getLogits().getType(), "logits", Part::row_panels)
      .config("columns", columns);
  CallOp made = top.create();
  return merge(op, made.getResult(0), made.getResult(1), columns, op.getCount());
}

} // namespace encdec::cpu
