// plan-memory: gives every value its place in the arena or in a worker's scratch.
//
//   %y = call "norm" … to arena <per_row = 2048> : write rows
//     => %y = call "norm" … to arena <per_row = 2048> at <per_row = 1024> : write rows
//
// Values that are alive in one phase share no byte, so no place asks for a barrier. Two
// exceptions, where one worker alone touches both in the order of its calls: temporaries of
// one type, part and split, which then lie in the very same place; and values that are only
// a worker's own.
#include "compiler/Passes.h"
#include "compiler/Remarks.h"
#include "compiler/schedule/Schedule.h"
#include "llvm/Support/FormatVariadic.h"
#include <numeric>

namespace encdec {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec::kernel;

namespace encdec {
namespace {

struct Interval {
  unsigned first, last; // both included
  bool meets(Interval other) const { return first <= other.last && other.first <= last; }
  void include(unsigned at) { first = std::min(first, at), last = std::max(last, at); }
};

/// One place, and the results that lie there: one, or temporaries of several calls.
struct Buffer {
  SmallVector<Access, 1> results;
  Space space;
  SizeAttr size;
  Interval calls, phases; // in which it is alive
  bool isOwn;             // every access is to a worker's own copy
  SizeAttr place = {};

  bool isTemporary() const { return results[0].value.use_empty(); }
  bool meets(const Buffer &other) const {
    return space == other.space && (isOwn && other.isOwn ? calls.meets(other.calls)
                                                         : phases.meets(other.phases));
  }
};

/// A total order that formulas are tried in; the least first. Of places in the arena: values
/// of rows have theirs before values of keys, so that a kernel need not know how many keys
/// there are to find a row.
auto rank(SizeAttr size) {
  return std::tuple(size.getPerRow(), size.getFixed(), size.getPerKey());
}

class Plan {
public:
  explicit Plan(func::FuncOp entry) : entry(entry) {}

  void run() {
    collect();
    assign();
    report();
    auto total = [&](Space space) {
      auto size = SizeAttr::get(entry.getContext(), 0, 0, 0);
      for (const Buffer &buffer : buffers)
        if (buffer.space == space)
          size = greatest(size, sum(buffer.place, buffer.size));
      return size;
    };
    entry->setAttr(kArenaAttr, total(Space::arena));
    entry->setAttr(kScratchAttr, total(Space::scratch));
  }

private:
  void collect() {
    DenseMap<Value, size_t> indexOf; // of a value's buffer
    unsigned phase = 0, number = 0;
    for (Operation &op : entry.getBody().front()) {
      phase += isa<BarrierOp>(op);
      auto call = dyn_cast<CallOp>(op);
      if (!call)
        continue;
      for (const Access &access : accessesOf(call)) {
        auto known = indexOf.find(access.value);
        if (known != indexOf.end()) {
          Buffer &buffer = buffers[known->second];
          buffer.calls.include(number);
          buffer.phases.include(phase);
          buffer.isOwn &= access.how.getPart() == Part::own;
        } else if (access.value.getDefiningOp() == call) {
          BufferAttr needs = bufferOf(access.value);
          if (needs.getSpace() != Space::output)
            indexOf[access.value] = add({{access}, needs.getSpace(), needs.getSize(),
                                         {number, number}, {phase, phase},
                                         access.how.getPart() == Part::own});
        }
      }
      ++number;
    }
  }

  /// Joins a temporary of the same phase, where each worker is done with its elements of
  /// that one before it begins with those of this.
  size_t add(Buffer buffer) {
    const Access &mine = buffer.results[0];
    for (auto [i, other] : llvm::enumerate(buffers)) {
      const Access &first = other.results[0];
      if (buffer.isTemporary() && other.isTemporary() && buffer.space == other.space &&
          buffer.size == other.size && mine.value.getType() == first.value.getType() &&
          haveSameOwner(mine, first) && other.phases.last == buffer.phases.first &&
          !other.calls.meets(buffer.calls)) {
        other.results.push_back(mine);
        other.calls.include(buffer.calls.last);
        return i;
      }
    }
    buffers.push_back(buffer);
    return buffers.size() - 1;
  }

  /// Largest first, each in the lowest gap that fits: near the optimum in practice and
  /// the same every time.
  void assign() {
    SmallVector<size_t> order(buffers.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::stable_sort(order, [&](size_t a, size_t b) {
      return rank(buffers[a].size) > rank(buffers[b].size);
    });
    for (size_t index : order) {
      Buffer &buffer = buffers[index];
      SmallVector<const Buffer *> others;
      auto zero = SizeAttr::get(entry.getContext(), 0, 0, 0), beyond = zero;
      SmallVector<SizeAttr> candidates{zero};
      for (const Buffer &other : buffers)
        if (other.place && buffer.meets(other)) {
          others.push_back(&other);
          candidates.push_back(sum(other.place, other.size));
          beyond = greatest(beyond, candidates.back());
        }
      candidates.push_back(beyond); // behind all of them: always free
      llvm::sort(candidates, [](SizeAttr a, SizeAttr b) { return rank(a) < rank(b); });
      buffer.place = *llvm::find_if(candidates, [&](SizeAttr at) {
        return llvm::all_of(others, [&](const Buffer *other) {
          return isAtMost(sum(at, buffer.size), other->place) ||
                 isAtMost(sum(other->place, other->size), at);
        });
      });
    }
    for (const Buffer &buffer : buffers)
      for (auto [call, value, how] : buffer.results)
        CallOp(call).setBuffer(cast<OpResult>(value).getResultNumber(),
                               bufferOf(value).at(buffer.place));
  }

  void report() {
    int64_t bytes = 0, most = 0, count = 0;
    for (const Buffer &buffer : buffers)
      if (buffer.space == Space::arena) {
        ++count;
        bytes += buffer.size.getPerRow();
        most = std::max(most, buffer.place.getPerRow() + buffer.size.getPerRow());
      }
    reportPassed("plan-memory", "arena", entry,
                 llvm::formatv("{0} buffers of {1} bytes a row share {2}", count, bytes,
                               most));
  }

  func::FuncOp entry;
  SmallVector<Buffer, 0> buffers; // in the order of their results
};

struct PlanMemory : impl::PlanMemoryPassBase<PlanMemory> {
  using PlanMemoryPassBase::PlanMemoryPassBase;
  void runOnOperation() override {
    for (func::FuncOp entry : entriesOf(getOperation()))
      Plan(entry).run();
  }
};

} // namespace
} // namespace encdec
