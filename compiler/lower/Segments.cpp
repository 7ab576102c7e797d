// Which layer a call belongs to, and what it reads.
#include "compiler/lower/Segments.h"
#include "compiler/place/Layout.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace encdec::lower {

Segments::Segments(func::FuncOp function)
    : function(function),
      last{entryOf(function) == "encode" ? "encoder" : "decoder", {}} {}

bool Segments::takes(const KeysRead &keys) const {
  return segments.empty() || keys.from.empty() ||
         segments.back().keys.from.empty() ||
         segments.back().keys.from == keys.from;
}

// Importers call weights SIDE.lN.…: "decoder.l3.self.q.w". A call without
// weights belongs where the one before it does: attention follows the
// projections that make its queries.
Segments::Where Segments::whereOf(ArrayRef<WeightOp> weights) const {
  if (weights.empty())
    return last;
  Where where{entryOf(function) == "encode" ? "encoder" : "decoder", {}};
  for (WeightOp weight : weights) {
    auto [side, rest] = weight.getSymName().split('.');
    StringRef number = rest.split('.').first;
    int64_t layer = 0;
    if ((side == "encoder" || side == "decoder") && number.consume_front("l") &&
        !number.getAsInteger(10, layer))
      return {side, layer};
  }
  return where;
}

void Segments::add(Operation *op, StringRef name, ArrayRef<WeightOp> weights,
                   const KeysRead &keys, bool afterBarrier) {
  Where where = whereOf(weights);
  if (segments.empty() || afterBarrier)
    segments.push_back({{}, where.side, where.layer, {}, {}});
  Segment &segment = segments.back();
  if (segment.layer != where.layer || segment.side != where.side)
    segment.layer = std::nullopt; // several layers without a barrier
  last = where;
  if (!llvm::is_contained(segment.ops, name))
    segment.ops.push_back(name);
  for (WeightOp weight : weights) {
    Read read{weight, false, false};
    forEachWeight(op, [&](FlatSymbolRefAttr symbol, WeightRole role) {
      if (symbol.getValue() != weight.getSymName())
        return;
      read.multiplied |= role == WeightRole::Matrix;
      read.whole |= role == WeightRole::Matrix || role == WeightRole::Vector;
    });
    segment.reads.push_back(read);
  }
  if (!keys.from.empty())
    segment.keys = {keys.from, segment.keys.bytes + keys.bytes,
                    segment.keys.madds + keys.madds};
}

SmallVector<int64_t> Segments::weightBytesOfEach() const {
  struct First {
    size_t segment;
    bool whole;
  };
  llvm::MapVector<Operation *, First> first;
  for (auto [i, segment] : llvm::enumerate(segments))
    for (Read read : segment.reads) {
      auto [at, isNew] =
          first.insert({read.weight.getOperation(), {i, read.whole}});
      if (!isNew && read.whole && !at->second.whole)
        at->second = {i, true};
    }
  SmallVector<int64_t> bytes(segments.size());
  for (auto [op, at] : first)
    bytes[at.segment] += bytesRead(cast<WeightOp>(op), at.whole);
  return bytes;
}

ArrayAttr Segments::attribute() {
  Builder builder(function.getContext());
  SmallVector<Attribute> all;
  for (auto [segment, bytes] : llvm::zip(segments, weightBytesOfEach())) {
    int64_t madds = 0;
    for (Read read : segment.reads)
      if (read.multiplied)
        madds += read.weight.getTensorType().getNumElements();
    NamedAttrList list;
    list.set("ops", builder.getStringAttr(llvm::join(segment.ops, "+")));
    list.set("side", builder.getStringAttr(segment.side));
    if (segment.layer)
      list.set("layer", builder.getI64IntegerAttr(*segment.layer));
    list.set("weight_bytes", builder.getI64IntegerAttr(bytes));
    list.set("row_madds", builder.getI64IntegerAttr(madds));
    if (!segment.keys.from.empty()) {
      list.set("keys", builder.getStringAttr(segment.keys.from));
      list.set("key_bytes", builder.getI64IntegerAttr(segment.keys.bytes));
      list.set("key_madds", builder.getI64IntegerAttr(segment.keys.madds));
    }
    all.push_back(list.getDictionary(builder.getContext()));
  }
  return builder.getArrayAttr(all);
}

} // namespace encdec::lower
