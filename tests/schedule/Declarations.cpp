// From accesses to addresses, and what must not be there.
#include "Declarations.h"
#include "compiler/cpu/Shapes.h"
#include "compiler/place/Layout.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace encdec::kernel;
using llvm::formatv;

namespace encdec::test {

static int64_t roundUp16(int64_t count) { return roundUp(count, 16); }

/// The context's field that an input is read through, where it is not called the same.
static StringRef fieldOf(StringRef input) {
  return input == "rows" || input == "sources" ? "row_source"
         : input == "offsets"                  ? "source_offset"
                                               : input;
}

Declarations::Declarations(func::FuncOp entry)
    : entry(entry), calls(entry.getBody().getOps<CallOp>()),
      handles(*handleOffsets(entry->getParentOfType<ModuleOp>())) {
  for (WeightOp weight : placedWeights(entry->getParentOfType<ModuleOp>())) {
    WeightBytes bytes = weightBytes(weight);
    int64_t begin = *weight.getOffset();
    int64_t end =
        bytes.scales ? int64_t(*weight.getScaleOffset()) + bytes.scales : begin + bytes.values;
    weights[weight.getSymName()] = {begin, end - begin};
  }
}

Ranges Declarations::outputBytes(StringRef name, Type type, const Run &run) const {
  if (!name.consume_front("probs."))
    return run.memory.bytes(("out_" + name).str());
  const encdec_abi_context &c = run.context;
  int64_t number = 0;
  if (!c.out_probs || name.getAsInteger(10, number))
    return {};
  int64_t bytes = cast<ShapedType>(type).getDimSize(0) * c.rows * c.probs_stride * 4;
  return {c.out_probs + number * bytes / 4, bytes};
}

Ranges Declarations::handleBytes(Value handle, bool keysAlone, const Run &run) const {
  const encdec_abi_context &c = run.context;
  int64_t before = handles.lookup(handle), each = handleOf(handle).getBytesPerKey();
  Ranges bytes;
  if (handleOf(handle).getName() == "memory") {
    for (int64_t source = 0; source < c.sources; ++source) {
      int64_t keys = roundUp16(c.source_offset[source + 1] - c.source_offset[source]);
      bytes.add(uintptr_t(c.memory + c.memory_offset[source] + before * keys), each * keys);
    }
    return bytes;
  }
  int64_t capacity = c.cache_capacity;
  if (keysAlone) // they stand before the values
    each = cpu::shapeOf(cast<CacheType>(handle.getType())).keyBytes();
  Ranges cache = run.memory.bytes("cache");
  for (const Ranges::Range &all : cache.sorted())
    for (uintptr_t slot = all.begin; slot < all.end; slot += c.cache_stride)
      bytes.add(slot + before * capacity, each * capacity);
  return bytes;
}

/// Keys of `cache` that the (head, row) of `worker`'s share see: lane j % 16 of block j / 16
/// in the slot of the row's ancestor at j, for each position j up to the row's own.
Ranges Declarations::keysSeen(Value cache, int64_t worker, const Run &run) const {
  const encdec_abi_context &c = run.context;
  cpu::AttentionShape shape = cpu::shapeOf(cast<CacheType>(cache.getType()));
  int64_t element = shape.elementBytes(), headBytes = c.cache_capacity * shape.headSize * element;
  int64_t together = c.shared_slots ? c.rows : 1; // units shared out as one
  int64_t units = c.rows * shape.heads / together, workers = int64_t(run.logs.size());
  int64_t each = units / workers, more = units % workers;
  int64_t first = worker * each + std::min(worker, more);
  Ranges bytes;
  int64_t last = first + each + (worker < more);
  for (int64_t unit = first * together; unit < last * together; ++unit) {
    int64_t row = unit % c.rows, head = unit / c.rows;
    const int32_t *slots = c.ancestors + row * c.cache_capacity;
    for (int64_t j = 0, end; j <= c.positions[row]; j = end) {
      for (end = j + 1; end % 16 && end <= c.positions[row] && slots[end] == slots[j];)
        ++end;
      uintptr_t lanes = uintptr_t(c.cache) + slots[j] * c.cache_stride +
                        handles.lookup(cache) * c.cache_capacity + head * headBytes +
                        j / 16 * 16 * shape.headSize * element + j % 16 * element;
      for (int64_t d = 0; d < shape.headSize; ++d)
        bytes.add(lanes + d * 16 * element, (end - j) * element);
    }
  }
  return bytes;
}

/// What access `access` lets `worker` touch.
Ranges Declarations::bytesOf(const Access &access, int64_t worker, const Run &run) const {
  const encdec_abi_context &c = run.context;
  if (handleOf(access.value))
    return handleBytes(access.value, /*keysAlone=*/false, run);
  BufferAttr buffer = bufferOf(access.value);
  if (buffer.getSpace() == Space::output)
    return outputBytes(buffer.getOutput(), access.value.getType(), run);
  SizeAttr place = buffer.getPlace(), size = buffer.getSize();
  bool isArena = buffer.getSpace() == Space::arena;
  auto bytes = [&](SizeAttr of) {
    return of.getFixed() + of.getPerKey() * c.keys +
           of.getPerRow() * (isArena ? run.arenaRows : c.rows);
  };
  if (isArena)
    return {c.arena + bytes(place), bytes(size)};
  Ranges copies;
  bool isOwn = access.how.getPart() == Part::own;
  for (int64_t copy = 0; copy < int64_t(run.logs.size()); ++copy)
    if (!isOwn || copy == worker)
      copies.add(uintptr_t(c.scratch + copy * c.scratch_stride + bytes(place)), bytes(size));
  return copies;
}

/// What call `number` reads that is no activation: inputs, where keys of a memory lie,
/// weights, its table.
Ranges Declarations::inputBytes(CallOp call, unsigned number, const Run &run) const {
  Ranges bytes = run.memory.bytes(formatv("table.{0}.{1}", entryName(entry), run.firstCall + number));
  for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
    AccessAttr how = call.operandAccess(i);
    if (how.getMode() == Mode::input)
      bytes.add(run.memory.bytes(fieldOf(how.getInput()).str()));
    else if (HandleAttr handle = handleOf(operand); handle && handle.getName() == "memory")
      for (const char *field : {"memory_offset", "source_offset"})
        bytes.add(run.memory.bytes(field));
  }
  for (WeightAttr weight : weightsOf(call))
    if (auto at = weights.find(weight.getName().getValue()); at != weights.end())
      bytes.add(uintptr_t(run.context.weights + at->second.first), at->second.second);
  return bytes;
}

std::string Declarations::text(unsigned number) const {
  return formatv("{0} call {1} of \"{2}\"", entryName(entry), number,
                 calls[number].getKernel());
}

static std::string firstOf(const Ranges &ranges, const Run &run) {
  const Ranges::Range &first = ranges.sorted().front();
  return formatv("{0} ({1} bytes)", run.memory.describe(first.begin), first.end - first.begin);
}

std::string Declarations::undeclared(unsigned number, int64_t worker, const Run &run) const {
  CallOp call = calls[number];
  Ranges read = inputBytes(call, number, run), written;
  read.add(run.memory.bytes("context"));
  read.add(run.stack[worker]);
  written.add(run.stack[worker]);
  for (const Access &access : accessesOf(call)) {
    if (access.how.getMode() == Mode::input)
      continue;
    Ranges bytes = bytesOf(access, worker, run);
    if (access.how.reads())
      read.add(bytes);
    if (access.how.writes())
      written.add(bytes);
  }
  const Log::Touched &touched = run.logs[worker].calls[number];
  for (bool isWrite : {false, true}) {
    Ranges more = isWrite ? touched.writes.without(written) : touched.reads.without(read);
    if (!more.empty())
      return formatv("{0}: worker {1} {2} {3}, which the call does not declare", text(number),
                     worker, isWrite ? "writes" : "reads", firstOf(more, run));
  }
  return {};
}

Declarations::Use Declarations::useOf(unsigned number, const Access &access,
                                      const Run &run) const {
  Use use{number, access, false, {}, {}};
  for (const Access &other : accessesOf(access.call))
    use.isMixed |= other.value == access.value && other.how.getMode() != Mode::input &&
                   !isExclusive(other);
  for (auto [worker, log] : llvm::enumerate(run.logs)) {
    Ranges bytes = bytesOf(access, worker, run), touched;
    const Log::Touched &all = log.calls[number];
    if (access.how.reads())
      touched = all.reads.common(bytes);
    use.written.push_back(access.how.writes() ? all.writes.common(bytes) : Ranges());
    // Keys of a cache are loaded by 16 positions of a slot. Lanes that the row does not see
    // are dropped (compiler/schedule/README.md), whoever may write them meanwhile.
    if (HandleAttr handle = handleOf(access.value);
        access.how.reads() && handle && handle.getName() == "cache") {
      Ranges seen = touched.common(keysSeen(access.value, worker, run));
      touched = touched.without(handleBytes(access.value, /*keysAlone=*/true, run));
      touched.add(seen);
    }
    touched.add(use.written.back());
    use.touched.push_back(std::move(touched));
  }
  return use;
}

/// Bytes that `worker` in `a` and `other` in `b` both touch, though one owner has them. Of
/// handles several workers may read what calls before have left there.
Ranges Declarations::shared(const Use &a, int64_t worker, const Use &b, int64_t other) {
  if (a.access.how.getPart() == Part::one) // all bytes have one owner
    return b.touched[other].empty() ? Ranges() : a.touched[worker];
  if (!handleOf(a.access.value))
    return a.touched[worker].common(b.touched[other]);
  Ranges both = a.written[worker].common(b.touched[other]);
  both.add(a.touched[worker].common(b.written[other]));
  return both;
}

std::string Declarations::met(const Use &a, const Use &b, const Run &run) const {
  for (size_t worker = 0; worker < run.logs.size(); ++worker)
    for (size_t other = 0; other < run.logs.size(); ++other) {
      if (worker == other)
        continue;
      Ranges both = shared(a, worker, b, other);
      if (!both.empty())
        return formatv("{0}, worker {1}, and {2}, worker {3}: both touch {4}, as {5} and {6}",
                       text(a.call), worker, text(b.call), other, firstOf(both, run),
                       a.access.how, b.access.how);
    }
  return {};
}

std::string Declarations::check(const Run &run) const {
  for (auto [worker, log] : llvm::enumerate(run.logs)) {
    if (log.calls.size() != calls.size())
      return formatv("worker {0} made {1} calls, expected {2}", worker, log.calls.size(),
                     calls.size());
    Ranges allowed = run.memory.bytes("context");
    allowed.add(run.memory.bytes("source_offset")); // for the size of encode's arena
    allowed.add(run.stack[worker]);
    for (const Ranges *touched : {&log.outside.reads, &log.outside.writes})
      if (Ranges more = touched->without(allowed); !more.empty())
        return formatv("{0}, worker {1} touches {2} outside of calls", entryName(entry),
                       worker, firstOf(more, run));
    for (unsigned number = 0; number < calls.size(); ++number)
      if (std::string fault = undeclared(number, worker, run); !fault.empty())
        return fault;
  }
  // Exclusive accesses, by the value or the output that they are of.
  llvm::MapVector<const void *, std::vector<Use>> uses;
  for (unsigned number = 0; number < calls.size(); ++number)
    for (const Access &access : accessesOf(calls[number])) {
      if (access.how.getMode() == Mode::input || !isExclusive(access))
        continue;
      uses[identityOf(access.value)].push_back(useOf(number, access, run));
    }
  for (const auto &[key, all] : uses)
    for (size_t i = 0; i < all.size(); ++i)
      for (size_t j = i; j < all.size(); ++j)
        if (!all[i].isMixed && !all[j].isMixed &&
            (i == j || haveSameOwner(all[i].access, all[j].access)))
          if (std::string fault = met(all[i], all[j], run); !fault.empty())
            return fault;
  return {};
}

} // namespace encdec::test
