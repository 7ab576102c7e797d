// One change of a schedule at a time.
#include "Mutate.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace encdec::kernel;
using llvm::formatv;

namespace encdec::test {
namespace {

class Mutator {
public:
  Mutator(func::FuncOp entry, std::mt19937_64 &random)
      : entry(entry), context(entry.getContext()), random(random),
        calls(entry.getBody().getOps<CallOp>()) {}

  std::string removeBarrier() {
    SmallVector<BarrierOp> barriers(entry.getBody().getOps<BarrierOp>());
    if (barriers.empty())
      return {};
    int64_t which = below(barriers.size());
    BarrierOp(barriers[which]).erase();
    return formatv("barrier {0} of {1} removed", which, barriers.size());
  }

  std::string changeSplit() {
    CallOp call = calls[below(calls.size())];
    SplitAttr split = call.getSplit();
    Part kind = split.getKind();
    int64_t count = split.getCount();
    auto isCounted = [](Part kind) { return kind != Part::rows && kind != Part::data; };
    if (isCounted(kind) && below(2))
      count = std::max<int64_t>(1, otherCount(count));
    else
      kind = Part(below(int64_t(Part::data) + 1));
    if (!isCounted(kind))
      count = 1;
    call.setSplitAttr(SplitAttr::get(context, kind, count));
    return formatv("{0}: split {1} {2} to {3} {4}", nameOf(call),
                   stringifyPart(split.getKind()), split.getCount(), stringifyPart(kind),
                   count);
  }

  /// To another value's place, or by some cache lines.
  std::string movePlace() {
    SmallVector<OpResult> placed;
    for (CallOp call : calls)
      for (OpResult result : call->getResults())
        if (bufferOf(result).getPlace())
          placed.push_back(result);
    if (placed.empty())
      return {};
    OpResult value = placed[below(placed.size())];
    auto call = cast<CallOp>(value.getOwner());
    unsigned i = value.getResultNumber();
    Space space = call.buffer(i).getSpace();
    SizeAttr before = call.buffer(i).getPlace(), after = before;
    if (below(2)) {
      BufferAttr other = bufferOf(placed[below(placed.size())]);
      if (other.getSpace() == space)
        after = other.getPlace();
    } else {
      int64_t terms[] = {before.getFixed(), before.getPerKey(), before.getPerRow()};
      int64_t term = space == Space::arena ? 2 : below(3);
      terms[term] = std::max<int64_t>(0, terms[term] + (below(9) - 4) * (term == 1 ? 16 : 64));
      after = SizeAttr::get(context, terms[0], terms[1], terms[2]);
    }
    call.setBuffer(i, call.buffer(i).at(after));
    return formatv("{0}: result {1} from {2} to {3}", nameOf(call), i, before, after);
  }

  std::string changeAccess(bool written) {
    SmallVector<std::pair<CallOp, unsigned>> found;
    for (CallOp call : calls)
      for (auto [i, access] : llvm::enumerate(call.getAccesses().getAsRange<AccessAttr>()))
        if (access.getMode() != Mode::input && access.writes() == written)
          found.push_back({call, i});
    if (found.empty())
      return {};
    auto [call, i] = found[below(found.size())];
    AccessAttr before = call.operandAccess(i);
    Part part = before.getPart();
    int64_t from = before.getFrom();
    if (part == Part::panels && below(4) == 0)
      from = std::max<int64_t>(0, otherCount(from));
    else
      part = Part(below(int64_t(Part::one) + 1)), from = part == Part::panels ? from : 0;
    auto after = AccessAttr::get(context, before.getMode(), part, from);
    SmallVector<Attribute> accesses(call.getAccesses().getValue());
    accesses[i] = after;
    call.setAccessesAttr(ArrayAttr::get(context, accesses));
    return formatv("{0}: access {1} from {2} to {3}", nameOf(call), i, before, after);
  }

private:
  int64_t below(int64_t count) { return int64_t(random() % uint64_t(count)); }
  int64_t otherCount(int64_t count) {
    const int64_t others[] = {count - 1, count + 1, count * 2, count / 2, 1};
    return others[below(std::size(others))];
  }
  std::string nameOf(CallOp call) {
    return formatv("call {0} of \"{1}\"", llvm::find(calls, call) - calls.begin(),
                   call.getKernel());
  }

  func::FuncOp entry;
  MLIRContext *context;
  std::mt19937_64 &random;
  SmallVector<CallOp> calls;
};

} // namespace

StringRef nameOf(Mutation mutation) {
  constexpr StringLiteral names[] = {"barrier", "split", "place", "read", "write"};
  return names[int(mutation)];
}

std::string mutate(func::FuncOp entry, Mutation mutation, std::mt19937_64 &random) {
  Mutator mutator(entry, random);
  switch (mutation) {
  case Mutation::Barrier:
    return mutator.removeBarrier();
  case Mutation::Split:
    return mutator.changeSplit();
  case Mutation::Place:
    return mutator.movePlace();
  case Mutation::Read:
    return mutator.changeAccess(/*written=*/false);
  case Mutation::Write:
    return mutator.changeAccess(/*written=*/true);
  }
  return {};
}

} // namespace encdec::test
