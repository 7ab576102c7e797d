// verify-schedule: proves a scheduled entry, believing nothing but what its calls declare.
//
// S1 an entry is one block of calls, barriers and a return.
// S2 every value of arena and scratch has a place, which ends within what the entry states;
//    in the arena a value of rows begins at a number of bytes per row, and a value of keys,
//    which has no rows, at bytes per row and per key: code multiplies no more than these.
//    What is returned are outputs.
// S3 of two accesses between the same two barriers that may touch the same bytes and of
//    which one writes, no two workers make one each.
// S4 every read finds the value that it names: from the call that makes a value to the last
//    that reads it, no other value is written over its bytes.
//
// Handles of different arguments are different bytes, or it is an error [handles].
//
// Bytes are compared for every number of rows and keys at once: one range ends before
// another begins where that holds for the least numbers and for each more.
#include "compiler/Passes.h"
#include "compiler/schedule/Schedule.h"

namespace encdec {
#define GEN_PASS_DEF_VERIFYSCHEDULEPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec::kernel;

namespace encdec {
namespace {

/// Where a value lies: bytes of a space, or a thing of its own (handle, output).
struct Where {
  std::optional<Space> in = {};
  SizeAttr begin = {}, end = {};
  const void *thing = nullptr;

  bool mayOverlap(const Where &other) const {
    if (in != other.in)
      return false;
    if (!in)
      return thing == other.thing;
    return !isAtMost(end, other.begin) && !isAtMost(other.end, begin);
  }
  bool isSamePlace(const Where &other) const {
    return in == other.in && thing == other.thing && begin == other.begin && end == other.end;
  }
};

/// One access, when and where.
struct Event {
  Access access;
  Where where;
  unsigned call;
};

/// A call's result from its making to its last use.
struct Life {
  Value value;
  Where where;
  CallOp maker;
  unsigned first, last;
};

class Proof {
public:
  explicit Proof(func::FuncOp entry) : entry(entry) {}

  LogicalResult run() {
    if (!entry.getBody().hasOneBlock())
      return entry.emitOpError("schedule [S1]: expected one block, but got ")
             << llvm::range_size(entry.getBody());
    for (Operation &op : entry.getBody().front()) {
      if (isa<BarrierOp>(op)) {
        phase.clear();
        continue;
      }
      if (auto end = dyn_cast<func::ReturnOp>(op)) {
        if (failed(checkReturned(end)))
          return failure();
        continue;
      }
      auto call = dyn_cast<CallOp>(op);
      if (!call)
        return op.emitOpError("schedule [S1]: expected kernel calls and barriers only");
      if (failed(visit(call)))
        return failure();
      ++calls;
    }
    return checkReads();
  }

private:
  static LogicalResult checkReturned(func::ReturnOp end) {
    for (auto [i, value] : llvm::enumerate(end.getOperands()))
      if (!outputOf(value)) {
        BufferAttr buffer = bufferOf(value);
        return end.emitOpError("schedule [S2]: expected to return outputs alone, which the "
                               "caller sees, but operand #")
               << i << " lies in " << (buffer ? stringifySpace(buffer.getSpace()) : "no buffer");
      }
    return success();
  }
  FailureOr<Where> whereIs(Value value) {
    BufferAttr buffer = bufferOf(value);
    if (!buffer || buffer.getSpace() == Space::output)
      return Where{.thing = identityOf(value)};
    auto error = [&] {
      return value.getDefiningOp()->emitOpError("schedule [S2]: result #")
             << cast<OpResult>(value).getResultNumber();
    };
    SizeAttr place = buffer.getPlace();
    bool isArena = buffer.getSpace() == Space::arena;
    auto stated = entry->getAttrOfType<SizeAttr>(isArena ? kArenaAttr : kScratchAttr);
    if (!place || !stated)
      return error() << " has no place; run encdec-plan-memory";
    SizeAttr end = sum(place, buffer.getSize());
    if (!isAtMost(end, stated))
      return error() << " ends at " << end << ", but the entry states " << stated;
    SizeAttr size = buffer.getSize();
    bool isOfKeys = size.getPerKey() && !size.getPerRow();
    if (isArena && (end.getFixed() || (end.getPerKey() && !isOfKeys)))
      return error() << " ends at " << end
                     << ", expected bytes per row alone, by which the arena is laid out, or a "
                        "value of keys alone behind them";
    return Where{buffer.getSpace(), place, end};
  }

  LogicalResult visit(CallOp call) {
    for (const Access &access : accessesOf(call)) {
      if (access.how.getMode() == Mode::input)
        continue;
      FailureOr<Where> where = whereIs(access.value);
      if (failed(where))
        return failure();
      Event event{access, *where, calls};
      phase.push_back(event);
      if (access.how.writes())
        writes.push_back(event);
      for (const Event &before : phase)
        if (isRace(before, event))
          return race(before, event);
      if (!access.value.getDefiningOp())
        continue; // a handle has no maker here: what it holds is what was written last
      auto [at, isNew] = lifeOf.try_emplace(access.value, lives.size());
      if (isNew)
        lives.push_back({access.value, *where, call, calls, calls});
      lives[at->second].last = calls;
    }
    return success();
  }

  static bool isRace(const Event &a, const Event &b) {
    if ((!a.access.how.writes() && !b.access.how.writes()) || !a.where.mayOverlap(b.where))
      return false;
    if (!haveSameOwner(a.access, b.access))
      return true;
    // Units of a split are the same bytes only in values of one shape in one place. A
    // worker's own copy is its own wherever it lies, and so is what one worker does.
    Part part = a.access.how.getPart();
    return part != Part::own && part != Part::one &&
           !(a.where.isSamePlace(b.where) &&
             a.access.value.getType() == b.access.value.getType());
  }

  static LogicalResult race(const Event &before, const Event &after) {
    CallOp call = after.access.call, other = before.access.call;
    auto what = [](const Event &e) {
      return (stringifyMode(e.access.how.getMode()) + " " +
              stringifyPart(e.access.how.getPart()))
          .str();
    };
    InFlightDiagnostic error = call.emitOpError("schedule [S3]: two workers may touch the "
                                                "same bytes without a barrier between: ")
                               << what(before) << " and " << what(after);
    error.attachNote(other->getLoc()) << "the other access is here";
    return error;
  }

  LogicalResult checkReads() {
    for (const Life &life : lives)
      for (const Event &write : writes)
        if (write.access.value != life.value && write.call >= life.first &&
            write.call <= life.last && write.where.mayOverlap(life.where)) {
          CallOp call = write.access.call;
          InFlightDiagnostic error = call.emitOpError(
              "schedule [S4]: writes over a value that is still needed");
          error.attachNote(life.maker->getLoc()) << "the value is made here";
          return error;
        }
    return success();
  }

  func::FuncOp entry;
  unsigned calls = 0;
  SmallVector<Event> phase, writes;
  SmallVector<Life> lives;
  DenseMap<Value, size_t> lifeOf;
};

struct VerifySchedule : impl::VerifySchedulePassBase<VerifySchedule> {
  using VerifySchedulePassBase::VerifySchedulePassBase;
  void runOnOperation() override {
    if (failed(handleOffsets(getOperation())))
      return signalPassFailure();
    for (func::FuncOp entry : entriesOf(getOperation()))
      if (failed(Proof(entry).run()))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace encdec
