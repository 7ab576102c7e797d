// A schedule played on a memory whose cells know what lies in them: the judge of what
// encdec-verify-schedule takes. It shares no code with that pass; what the parts of a value
// are, it has from compiler/schedule/Kernel.td.
//
// A cell is 64 bytes, of which rows of values have whole numbers. Values of two types have
// their parts in different cells, wherever they lie. Between two barriers no
// cell may be touched by two workers of which one writes; without such a race all orders
// of the workers end alike, so one order shows what each read finds. Within a call a worker
// may read before and after it writes: both must find the value that the call names.
#pragma once
#include "compiler/schedule/Schedule.h"
#include <string>
#include <vector>

namespace encdec::test {

/// How large a call is, and how many workers run it.
struct Setting {
  std::vector<int64_t> sources; // rows of each; together those of the call
  int64_t keys = 16;
  int64_t workers = 1;
  bool sharedSlots = false; // each worker has whole heads of row_heads
  int64_t rows() const;
  std::string text() const;
};

class Simulator {
public:
  explicit Simulator(mlir::func::FuncOp entry);
  /// The first thing that goes wrong, in words; empty where nothing does.
  std::string run(const Setting &setting);

private:
  struct Value {
    std::optional<kernel::Space> space; // none: a handle
    kernel::SizeAttr size, place;       // of arena and scratch
    size_t thing = 0;                   // number of the handle or output
    size_t shape = 0;                   // number of its type
  };
  struct Use {
    size_t value;
    kernel::Part part;
    int64_t from;
    bool reads, writes, isOperand;
  };
  struct Step { // a call, or a barrier where it has no call
    kernel::CallOp call;
    std::vector<Use> uses;
  };
  struct Cell {
    int64_t value = -1; // whose bytes it holds
    int64_t phase = -1; // in which these workers have touched it
    uint32_t readers = 0, writers = 0;
  };
  enum class Moment { Before, Writes, After };

  size_t valueNumber(mlir::Value value);
  void layOut();
  int64_t bytes(kernel::SizeAttr size, int64_t rows) const;
  bool liesWithin(const Value &value) const;
  template <typename Body>
  void forEachCell(const Use &use, kernel::SplitAttr split, int64_t worker, Body body);
  template <typename Body>
  void forEachPiece(const Use &use, kernel::SplitAttr split, int64_t worker, int64_t rows,
                    int64_t columns, Body body);
  bool play(const Step &step, int64_t worker, Moment moment);
  void fail(const Step &step, int64_t worker, const Use &use, const std::string &what);

  mlir::func::FuncOp entry;
  std::vector<Step> steps;
  std::vector<Value> values;
  llvm::DenseMap<mlir::Value, size_t> numbers;
  llvm::DenseMap<mlir::Attribute, size_t> outputs;
  llvm::DenseMap<mlir::Type, size_t> shapes;
  size_t things = 0;

  Setting setting;
  std::vector<int64_t> memoryRow, sourceOf; // of each row
  int64_t units = 0;                        // rows that the arena has room for
  std::vector<Cell> cells;                  // arena, scratch of each worker, things
  int64_t arenaCells = 0, scratchCells = 0;
  int64_t phase = 0;
  std::string fault;
};

} // namespace encdec::test
