// What kernels touch, byte by byte: every load and store of a lowered module reports itself
// before it happens, by call and worker.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace encdec::test {

/// A set of addresses.
class Ranges {
public:
  struct Range {
    uintptr_t begin, end; // the end is not included
  };
  Ranges() = default;
  Ranges(const void *begin, int64_t bytes) { add(uintptr_t(begin), bytes); }

  void add(uintptr_t begin, int64_t bytes);
  void add(const Ranges &other);
  /// In order, apart from each other.
  const std::vector<Range> &sorted() const;
  bool empty() const { return ranges.empty(); }
  Ranges common(const Ranges &other) const;
  Ranges without(const Ranges &other) const;

private:
  mutable std::vector<Range> ranges;
  mutable bool isSorted = true;
  size_t limit = 1024; // of ranges, before they are sorted and joined
};

/// Of one worker: what it touched in each call of an entry, and outside of calls.
struct Log {
  struct Touched {
    Ranges reads, writes;
  };
  Touched outside;
  std::vector<Touched> calls; // in the order of the entry
  int64_t current = -1;
};

/// Where this thread's accesses go; null: nowhere.
extern thread_local Log *currentLog;

/// Makes the kernels and entries of `lowered` (LLVM dialect) report to currentLog. Fails
/// with an error at an op that touches memory in a way that is not known here.
mlir::LogicalResult instrument(mlir::ModuleOp lowered);

/// Named buffers, apart from each other, so that what lies beyond one is nobody's. Copies
/// share them.
class Memory {
public:
  /// 64-byte aligned, every byte `fill`.
  uint8_t *allocate(const std::string &name, int64_t bytes, int fill = 0);
  /// A buffer that someone else owns.
  void add(const std::string &name, const void *begin, int64_t bytes);
  /// All of the buffer called `name`; nothing where there is none.
  Ranges bytes(const std::string &name) const;
  /// "arena+128".
  std::string describe(uintptr_t address) const;

private:
  struct Buffer {
    std::string name;
    std::shared_ptr<std::vector<uint8_t>> storage; // null: someone else's
    const uint8_t *begin;
    int64_t size;
  };
  std::vector<Buffer> buffers;
};

} // namespace encdec::test
