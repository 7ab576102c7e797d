// Which layer a segment belongs to, and what it reads.
#include "compiler/lower/Segments.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace encdec::kernel;

namespace encdec::lower {
namespace {

struct Where {
  StringRef side;
  std::optional<int64_t> layer;
  bool operator==(const Where &) const = default;
};

struct Segment {
  Where where;
  SmallVector<CallOp> calls;
};

// Importers name weights SIDE.lN.…: "decoder.l3.self.q.w". A call without weights belongs
// to the layer of the call before it: attention follows the projections of its queries.
Where whereOf(CallOp call, StringRef ownSide, const Where &last) {
  if (call.getWeights().empty())
    return last;
  for (WeightAttr weight : weightsOf(call)) {
    auto [side, rest] = weight.getName().getValue().split('.');
    StringRef number = rest.split('.').first;
    int64_t layer = 0;
    if ((side == "encoder" || side == "decoder") && number.consume_front("l") &&
        !number.getAsInteger(10, layer))
      return {side, layer};
  }
  return {ownSide, {}};
}

SmallVector<Segment> collect(func::FuncOp entry, function_ref<bool(CallOp)> has) {
  StringRef ownSide = entryName(entry) == "encode" ? "encoder" : "decoder";
  SmallVector<Segment> segments;
  Where last{ownSide, {}};
  bool begins = true;
  for (Operation &op : entry.getBody().front()) {
    begins |= isa<BarrierOp>(op);
    auto call = dyn_cast<CallOp>(op);
    if (!call)
      continue;
    last = whereOf(call, ownSide, last);
    if (!has(call))
      continue;
    if (begins)
      segments.push_back({last, {}});
    Segment &segment = segments.back();
    if (segment.where != last)
      segment.where.layer = std::nullopt; // several layers, no barrier between them
    segment.calls.push_back(call);
    begins = false;
  }
  if (segments.empty()) // code without a call runs, too, so a profile needs its segment
    segments.push_back({{ownSide, {}}, {}});
  return segments;
}

SmallVector<int64_t> weightBytesOfEach(ArrayRef<Segment> segments) {
  struct First {
    size_t segment;
    WeightAttr weight;
  };
  llvm::MapVector<StringAttr, First> first; // by name
  for (auto [i, segment] : llvm::enumerate(segments))
    for (CallOp call : segment.calls)
      for (WeightAttr weight : weightsOf(call)) {
        if (weight.getReads() == Reads::perhaps)
          continue;
        auto [at, isNew] = first.insert({weight.getName().getAttr(), {i, weight}});
        if (!isNew && weight.getReads() == Reads::whole &&
            at->second.weight.getReads() == Reads::row)
          at->second = {i, weight};
      }
  SmallVector<int64_t> bytes(segments.size());
  for (const auto &[name, at] : first)
    bytes[at.segment] += at.weight.getBytes();
  return bytes;
}

DictionaryAttr attributeOf(Builder &builder, const Segment &segment, int64_t weightBytes,
                           RowsFromAttr from, int64_t shortlist) {
  struct Keys {
    int64_t bytes = 0, madds = 0;
  };
  SmallVector<StringRef> ops;
  llvm::MapVector<StringAttr, Keys> keys;
  int64_t madds = 0;
  for (CallOp call : segment.calls) {
    if (!llvm::is_contained(ops, call.getName()))
      ops.push_back(call.getName());
    CostAttr cost = call.getCost();
    madds += cost.getRowMadds();
    if (cost.getKeys()) {
      keys[cost.getKeys()].bytes += cost.getKeyBytes();
      keys[cost.getKeys()].madds += cost.getKeyMadds();
    }
  }
  NamedAttrList list;
  list.set("ops", builder.getStringAttr(ops.empty() ? "nothing" : llvm::join(ops, "+")));
  list.set("side", builder.getStringAttr(segment.where.side));
  if (segment.where.layer)
    list.set("layer", builder.getI64IntegerAttr(*segment.where.layer));
  if (from && from.getLeast())
    list.set("least_rows", builder.getI64IntegerAttr(from.getLeast()));
  if (from && from.getPerWorker())
    list.set("worker_rows", builder.getI64IntegerAttr(from.getPerWorker()));
  if (shortlist)
    list.set("shortlist", builder.getI64IntegerAttr(shortlist));
  list.set("weight_bytes", builder.getI64IntegerAttr(weightBytes));
  list.set("row_madds", builder.getI64IntegerAttr(madds));
  SmallVector<Attribute> reads;
  for (const auto &[from, read] : keys)
    reads.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("from", from),
         builder.getNamedAttr("bytes", builder.getI64IntegerAttr(read.bytes)),
         builder.getNamedAttr("madds", builder.getI64IntegerAttr(read.madds))}));
  list.set("keys", builder.getArrayAttr(reads));
  return list.getDictionary(builder.getContext());
}

} // namespace

ArrayAttr segmentsOf(ArrayRef<func::FuncOp> variants, function_ref<bool(CallOp)> has) {
  Builder builder(variants.front()->getContext());
  SmallVector<Attribute> all;
  for (func::FuncOp entry : variants) {
    SmallVector<Segment> segments = collect(entry, has);
    for (auto [segment, bytes] : llvm::zip(segments, weightBytesOfEach(segments)))
      all.push_back(attributeOf(builder, segment, bytes, rowsFrom(entry), shortlistOf(entry)));
  }
  return builder.getArrayAttr(all);
}

} // namespace encdec::lower
