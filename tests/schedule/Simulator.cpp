// Parts of values as sets of cells, and what workers find in them.
#include "Simulator.h"
#include "llvm/Support/FormatVariadic.h"
#include <numeric>

using namespace mlir;
using namespace encdec::kernel;
using llvm::formatv;

namespace encdec::test {
namespace {

constexpr int64_t kCell = 64;
/// Cells of one row of a handle or output: any number that several workers share.
constexpr int64_t kThingColumns = 12;

struct Range {
  int64_t first, last; // the last is not included
  bool empty() const { return first >= last; }
};

/// Contiguous, as evenly as whole units allow.
Range shareOf(int64_t units, int64_t worker, int64_t workers) {
  int64_t each = units / workers, more = units % workers;
  int64_t first = worker * each + std::min(worker, more);
  return {first, first + each + (worker < more)};
}

int64_t bytesOf(SizeAttr size, int64_t rows, int64_t keys) {
  return size.getFixed() + size.getPerKey() * keys + size.getPerRow() * rows;
}

/// Columns of panel `panel` of `count`: as few as give every column a panel.
Range columnsOfPanel(int64_t panel, int64_t count, int64_t columns) {
  int64_t each = std::max<int64_t>(1, (columns + count - 1) / count);
  return {std::min(panel * each, columns), std::min((panel + 1) * each, columns)};
}

/// Columns of a head; heads that are less than a column wide may have none.
Range columnsOfHead(int64_t head, int64_t heads, int64_t columns) {
  return {head * columns / heads, (head + 1) * columns / heads};
}

} // namespace

int64_t Setting::rows() const {
  return std::accumulate(sources.begin(), sources.end(), int64_t(0));
}

std::string Setting::text() const {
  std::string text = formatv("{0} workers, {1} keys, {2} slots, rows", workers, keys,
                             sharedSlots ? "shared" : "own");
  for (int64_t source : sources)
    text += formatv(" {0}", source);
  return text;
}

Simulator::Simulator(func::FuncOp entry) : entry(entry) {
  for (Operation &op : entry.getBody().getOps()) {
    if (isa<BarrierOp>(op))
      steps.push_back({});
    auto call = dyn_cast<CallOp>(op);
    if (!call)
      continue;
    Step step{call, {}};
    auto use = [&](mlir::Value value, AccessAttr how, bool isOperand) {
      if (how.getMode() != Mode::input)
        step.uses.push_back({valueNumber(value), how.getPart(), how.getFrom(), how.reads(),
                             how.writes(), isOperand});
    };
    for (auto [i, operand] : llvm::enumerate(call.getOperands()))
      use(operand, call.operandAccess(i), true);
    for (auto [i, result] : llvm::enumerate(call.getValues()))
      use(result, call.resultAccess(i), false);
    steps.push_back(step);
  }
}

size_t Simulator::valueNumber(mlir::Value value) {
  auto [at, isNew] = numbers.try_emplace(value, values.size());
  if (!isNew)
    return at->second;
  Value known;
  if (BufferAttr buffer = bufferOf(value)) {
    known = {buffer.getSpace(), buffer.getSize(), buffer.getPlace()};
    if (buffer.getSpace() == Space::output) {
      auto [output, isFirst] = outputs.try_emplace(buffer.getOutput(), things);
      things += isFirst;
      known.thing = output->second;
    }
  } else {
    known.thing = things++;
  }
  known.shape = shapes.try_emplace(value.getType(), shapes.size()).first->second;
  values.push_back(known);
  return at->second;
}

int64_t Simulator::bytes(SizeAttr size, int64_t rows) const {
  return bytesOf(size, rows, setting.keys);
}

/// In this call, and in others of many rows and keys.
bool Simulator::liesWithin(const Value &value) const {
  bool isArena = value.space == Space::arena;
  auto total = entry->getAttrOfType<SizeAttr>(isArena ? kArenaAttr : kScratchAttr);
  auto fits = [&](int64_t rows, int64_t keys) {
    int64_t begin = bytesOf(value.place, rows, keys);
    return begin >= 0 && begin + bytesOf(value.size, rows, keys) <= bytesOf(total, rows, keys);
  };
  return fits(isArena ? units : setting.rows(), setting.keys) && fits(1 << 20, 16) &&
         fits(1, 1 << 20);
}

void Simulator::layOut() {
  // In encode each source's rows begin at a multiple of 16.
  int64_t align = entryName(entry) == "encode" ? 16 : 1;
  memoryRow.clear();
  sourceOf.clear();
  units = 0;
  for (auto [number, length] : llvm::enumerate(setting.sources)) {
    for (int64_t row = 0; row < length; ++row) {
      memoryRow.push_back(units + row);
      sourceOf.push_back(number);
    }
    units += (length + align - 1) / align * align;
  }
  arenaCells = bytes(entry->getAttrOfType<SizeAttr>(kArenaAttr), units) / kCell;
  scratchCells = bytes(entry->getAttrOfType<SizeAttr>(kScratchAttr), setting.rows()) / kCell;
  cells.assign(arenaCells + scratchCells * setting.workers + things * units * kThingColumns,
               Cell());
}

/// body(row, columns), or of what has no rows body(0, cells).
template <typename Body>
void Simulator::forEachPiece(const Use &use, SplitAttr split, int64_t worker, int64_t rows,
                             int64_t columns, Body body) {
  int64_t R = setting.rows(), count = split.getCount();
  Part kind = split.getKind(), part = use.part;
  bool isUnits = part == kind && part != Part::data;
  bool isByRow = kind != Part::panels && kind != Part::data;
  int64_t total = kind == Part::rows ? R : kind == Part::panels ? count : R * count;
  bool isWholeHeads = kind == Part::row_heads && setting.sharedSlots;
  Range share = shareOf(isWholeHeads ? count : total, worker, setting.workers);
  if (isWholeHeads)
    share = {share.first * R, share.last * R};
  if (part == Part::panels && isUnits) {
    total = std::max<int64_t>(count - use.from, 0);
    share = {std::max<int64_t>(share.first - use.from, 0), share.last - use.from};
  }
  if (part == Part::one && worker != 0)
    return;
  bool isAny = !isUnits && !(part == Part::source && isByRow);
  if (!rows) {
    if (isAny || part == Part::source)
      body(0, {0, columns});
    else if (!share.empty())
      body(0, {share.first * columns / total, share.last * columns / total});
    return;
  }
  if (isAny) {
    for (int64_t row = 0; row < R; ++row)
      body(row, {0, columns});
    return;
  }
  if (part == Part::panels) {
    for (int64_t panel = share.first; panel < share.last; ++panel)
      for (int64_t row = 0; row < R; ++row)
        body(row, columnsOfPanel(panel, total, columns));
    return;
  }
  // Units by rows: (row, columns) of each.
  std::vector<bool> sources(setting.sources.size());
  auto unit = [&](int64_t row, Range range) {
    if (part == Part::source)
      sources[sourceOf[row]] = true;
    else
      body(row, range);
  };
  int64_t start = 0, source = 0;
  for (int64_t u = share.first; u < share.last; ++u) {
    if (kind == Part::rows) {
      unit(u, {0, columns});
    } else if (kind == Part::row_panels) {
      unit(u / count, columnsOfPanel(u % count, count, columns));
    } else if (kind == Part::row_heads) {
      unit(u % R, columnsOfHead(u / R, count, columns));
    } else {
      while (u >= (start + setting.sources[source]) * count)
        start += setting.sources[source++];
      int64_t length = setting.sources[source], at = u - start * count;
      unit(start + at % length, columnsOfHead(at / length, count, columns));
    }
  }
  for (int64_t row = 0; row < R; ++row)
    if (sources[sourceOf[row]])
      body(row, {0, columns});
}

template <typename Body>
void Simulator::forEachCell(const Use &use, SplitAttr split, int64_t worker, Body body) {
  const Value &value = values[use.value];
  int64_t begin, columns, rows = setting.rows();
  Range copies{0, 1};
  bool isThing = !value.space || *value.space == Space::output;
  if (isThing) {
    columns = kThingColumns;
    begin = arenaCells + scratchCells * setting.workers + value.thing * units * columns;
  } else {
    bool isArena = *value.space == Space::arena;
    begin = bytes(value.place, isArena ? units : rows) / kCell + (isArena ? 0 : arenaCells);
    bool hasRows = !value.size.getFixed() && !value.size.getPerKey();
    columns = (hasRows ? value.size.getPerRow() : bytes(value.size, rows)) / kCell;
    rows = hasRows ? rows : 0;
    if (!isArena)
      copies = use.part == Part::own ? Range{worker, worker + 1} : Range{0, setting.workers};
  }
  bool isScratch = value.space == Space::scratch;
  forEachPiece(use, split, worker, rows, columns, [&](int64_t row, Range range) {
    int64_t at = begin;
    if (rows) {
      row = (row + value.shape) % rows;
      // Scratch has no room between sources.
      at += (isScratch ? row : memoryRow[row]) * columns;
    }
    for (int64_t copy = copies.first; copy < copies.last; ++copy)
      for (int64_t column = range.first; column < range.last; ++column)
        body(cells[at + copy * scratchCells + (column + value.shape) % columns]);
  });
}

void Simulator::fail(const Step &step, int64_t worker, const Use &use,
                     const std::string &what) {
  CallOp call = step.call;
  if (fault.empty())
    fault = formatv("call of \"{0}\", worker {1}, value {2}, {3}: {4} ({5})", call.getKernel(),
                    worker, use.value, stringifyPart(use.part), what, setting.text());
}

bool Simulator::play(const Step &step, int64_t worker, Moment moment) {
  CallOp call = step.call;
  uint32_t me = 1u << worker;
  for (const Use &use : step.uses) {
    bool isWrite = moment == Moment::Writes;
    if (isWrite ? !use.writes : !use.reads || (moment == Moment::Before && !use.isOperand))
      continue;
    bool isHandle = !values[use.value].space;
    forEachCell(use, call.getSplit(), worker, [&](Cell &cell) {
      if (cell.phase != phase)
        cell.phase = phase, cell.readers = cell.writers = 0;
      if ((cell.writers | (isWrite ? cell.readers : 0)) & ~me)
        fail(step, worker, use, "another worker touches a cell too");
      (isWrite ? cell.writers : cell.readers) |= me;
      if (isWrite)
        cell.value = use.value;
      else if (!isHandle && cell.value != int64_t(use.value))
        fail(step, worker, use, formatv("reads a cell of value {0}", cell.value));
    });
  }
  return fault.empty();
}

std::string Simulator::run(const Setting &of) {
  setting = of;
  fault.clear();
  phase = 0;
  layOut();
  for (const Step &step : steps)
    for (const Use &use : step.uses) {
      const Value &value = values[use.value];
      if (use.part == Part::own && value.space != Space::scratch)
        fail(step, 0, use, "workers have no copies of their own");
      bool isPlaced = value.space && *value.space != Space::output;
      if (isPlaced && (!value.place || !liesWithin(value)))
        fail(step, 0, use, "lies beyond its space");
    }
  if (!fault.empty())
    return fault;
  for (const Step &step : steps) {
    if (!step.call) {
      ++phase;
      continue;
    }
    for (Moment moment : {Moment::Before, Moment::Writes, Moment::After})
      for (int64_t worker = 0; worker < setting.workers; ++worker)
        if (!play(step, worker, moment))
          return fault;
  }
  return fault;
}

} // namespace encdec::test
