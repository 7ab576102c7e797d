// Calls of the recording functions, put before every access; sets of addresses.
#include "Recorder.h"
#include "encdec/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <algorithm>

using namespace mlir;

namespace encdec::test {

//===-- Ranges -------------------------------------------------------------===//

void Ranges::add(uintptr_t begin, int64_t bytes) {
  if (bytes <= 0)
    return;
  uintptr_t end = begin + bytes;
  // Accesses follow those of a few streams.
  for (size_t i = ranges.size(), least = i > 12 ? i - 12 : 0; i-- > least;) {
    Range &range = ranges[i];
    if (begin > range.end || end < range.begin)
      continue;
    isSorted &= begin >= range.begin && end <= range.end;
    range = {std::min(range.begin, begin), std::max(range.end, end)};
    return;
  }
  isSorted &= ranges.empty() || begin > ranges.back().end;
  ranges.push_back({begin, end});
  if (ranges.size() > limit)
    limit = 2 * sorted().size() + 1024;
}

void Ranges::add(const Ranges &other) {
  for (const Range &range : other.sorted())
    add(range.begin, int64_t(range.end - range.begin));
}

const std::vector<Ranges::Range> &Ranges::sorted() const {
  if (isSorted)
    return ranges;
  std::sort(ranges.begin(), ranges.end(),
            [](const Range &a, const Range &b) { return a.begin < b.begin; });
  std::vector<Range> joined;
  for (const Range &range : ranges)
    if (!joined.empty() && range.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, range.end);
    else
      joined.push_back(range);
  ranges = std::move(joined);
  isSorted = true;
  return ranges;
}

Ranges Ranges::common(const Ranges &other) const {
  Ranges both;
  const std::vector<Range> &a = sorted(), &b = other.sorted();
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    uintptr_t begin = std::max(a[i].begin, b[j].begin), end = std::min(a[i].end, b[j].end);
    if (begin < end)
      both.add(begin, int64_t(end - begin));
    a[i].end < b[j].end ? ++i : ++j;
  }
  return both;
}

Ranges Ranges::without(const Ranges &other) const {
  Ranges rest;
  const std::vector<Range> &b = other.sorted();
  size_t j = 0;
  for (Range range : sorted()) {
    while (j < b.size() && b[j].end <= range.begin)
      ++j;
    for (size_t k = j; k < b.size() && b[k].begin < range.end; ++k) {
      if (b[k].begin > range.begin)
        rest.add(range.begin, int64_t(b[k].begin - range.begin));
      range.begin = std::max(range.begin, b[k].end);
    }
    if (range.begin < range.end)
      rest.add(range.begin, int64_t(range.end - range.begin));
  }
  return rest;
}

//===-- Recording ----------------------------------------------------------===//

thread_local Log *currentLog = nullptr;

static void record(uintptr_t address, int64_t bytes, int64_t isWrite) {
  if (!currentLog)
    return;
  Log::Touched &touched =
      currentLog->current < 0 ? currentLog->outside : currentLog->calls[currentLog->current];
  (isWrite ? touched.writes : touched.reads).add(address, bytes);
}

static void enter(int64_t call) {
  if (!currentLog)
    return;
  currentLog->current = call;
  if (call >= int64_t(currentLog->calls.size()))
    currentLog->calls.resize(call + 1);
}

namespace {

int64_t bytesOf(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return 8;
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  return (type.getIntOrFloatBitWidth() + 7) / 8;
}

class Instrumenter {
public:
  explicit Instrumenter(ModuleOp module) : b(module.getContext()) {}

  /// function(arguments), at an address of this process.
  template <typename Function>
  void call(Operation *before, Function *function, ArrayRef<Value> arguments) {
    b.setInsertionPoint(before);
    SmallVector<Value> operands{pointer(reinterpret_cast<uintptr_t>(function))};
    SmallVector<Type> types;
    for (Value argument : arguments) {
      operands.push_back(argument);
      types.push_back(argument.getType());
    }
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types);
    LLVM::CallOp::create(b, before->getLoc(), type, operands);
  }
  void access(Operation *op, Value address, int64_t offset, int64_t bytes, bool isWrite) {
    b.setInsertionPoint(op);
    if (offset)
      address = LLVM::GEPOp::create(b, op->getLoc(), address.getType(), b.getI8Type(), address,
                                    ArrayRef<LLVM::GEPArg>{int32_t(offset)});
    call(op, record, {address, number(op, bytes), number(op, isWrite)});
  }
  LogicalResult visit(Operation *op) {
    if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
      access(op, load.getAddr(), 0, bytesOf(load.getType()), false);
    } else if (auto store = dyn_cast<LLVM::StoreOp>(op)) {
      access(op, store.getAddr(), 0, bytesOf(store.getValue().getType()), true);
    } else if (auto store = dyn_cast<LLVM::MaskedStoreOp>(op)) {
      DenseElementsAttr mask;
      if (!matchPattern(store.getMask(), m_Constant(&mask)))
        return op->emitError("expected a constant mask");
      int64_t each = bytesOf(cast<VectorType>(store.getValue().getType()).getElementType());
      for (auto [lane, isOn] : llvm::enumerate(mask.getValues<bool>()))
        if (isOn)
          access(op, store.getData(), int64_t(lane) * each, each, true);
    } else if (isa<LLVM::CallIntrinsicOp>(op)) {
      if (llvm::any_of(op->getOperandTypes(), llvm::IsaPred<LLVM::LLVMPointerType>))
        return op->emitError("expected no pointer among an intrinsic's operands");
    } else if (auto effects = dyn_cast<MemoryEffectOpInterface>(op)) {
      bool isHarmless = isa<LLVM::Prefetch, LLVM::AllocaOp>(op) || effects.hasNoEffect();
      if (!isHarmless)
        return op->emitError("expected no other access to memory");
    }
    return success();
  }
  Value number(Operation *before, int64_t value) {
    b.setInsertionPoint(before);
    return LLVM::ConstantOp::create(b, before->getLoc(), b.getI64Type(),
                                    b.getI64IntegerAttr(value));
  }

private:
  Value pointer(uintptr_t address) {
    Location loc = b.getUnknownLoc();
    Value bits = LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                          b.getI64IntegerAttr(int64_t(address)));
    return LLVM::IntToPtrOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), bits);
  }

  OpBuilder b;
};

} // namespace

LogicalResult instrument(ModuleOp lowered) {
  Instrumenter instrumenter(lowered);
  SmallVector<Operation *> ops;
  lowered.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops)
    if (failed(instrumenter.visit(op)))
      return failure();
  for (StringRef name : {ENCDEC_ABI_ENCODE_SYMBOL, ENCDEC_ABI_STEP_SYMBOL}) {
    int64_t number = 0;
    for (Operation *op : ops) {
      auto call = dyn_cast<LLVM::CallOp>(op);
      if (!call || !call.getCallee() || *call.getCallee() == "barrier" ||
          call->getParentOfType<LLVM::LLVMFuncOp>().getName() != name)
        continue;
      instrumenter.call(op, enter, {instrumenter.number(op, number++)});
      Operation *next = op->getNextNode();
      instrumenter.call(next, enter, {instrumenter.number(next, -1)});
    }
  }
  // Tables of calls, to be looked up.
  for (auto global : lowered.getOps<LLVM::GlobalOp>())
    global.setLinkage(LLVM::Linkage::External);
  return success();
}

//===-- Memory -------------------------------------------------------------===//

uint8_t *Memory::allocate(const std::string &name, int64_t bytes, int fill) {
  auto storage = std::make_shared<std::vector<uint8_t>>(bytes + 192, uint8_t(fill));
  uint8_t *begin = storage->data() + 64;
  begin += (64 - uintptr_t(begin) % 64) % 64;
  buffers.push_back({name, storage, begin, bytes});
  return begin;
}

void Memory::add(const std::string &name, const void *begin, int64_t bytes) {
  buffers.push_back({name, nullptr, static_cast<const uint8_t *>(begin), bytes});
}

Ranges Memory::bytes(const std::string &name) const {
  for (const Buffer &buffer : buffers)
    if (buffer.name == name)
      return {buffer.begin, buffer.size};
  return {};
}

std::string Memory::describe(uintptr_t address) const {
  for (const Buffer &buffer : buffers) {
    auto begin = reinterpret_cast<uintptr_t>(buffer.begin);
    if (address >= begin && address < begin + buffer.size)
      return buffer.name + "+" + std::to_string(address - begin);
  }
  return "nowhere (" + std::to_string(address) + ")";
}

} // namespace encdec::test
