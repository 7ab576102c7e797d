// What the calls of an entry say that they touch, held against what they touched.
#pragma once
#include "Recorder.h"
#include "compiler/schedule/Schedule.h"
#include "encdec/abi.h"
#include "llvm/ADT/MapVector.h"

namespace encdec::test {

/// One run of an entry. Buffers of `memory` are called as the fields of the context that
/// point to them; the table of call i of the entries of one name, one after the other, is
/// "table.<entry>.i".
struct Run {
  const encdec_abi_context &context;
  const Memory &memory;
  int64_t arenaRows;         // what places in the arena are multiplied by
  std::vector<Ranges> stack; // of each worker
  std::vector<Log> logs;
  unsigned firstCall = 0; // of the entry, among the calls of those of its name
};

class Declarations {
public:
  /// `entry` is in scheduled form.
  explicit Declarations(mlir::func::FuncOp entry);
  /// The first access that no declaration allows, in words; empty where there is none.
  std::string check(const Run &run) const;

private:
  /// One access of a call, and its bytes that each worker has touched and written.
  struct Use {
    unsigned call;
    kernel::Access access;
    bool isMixed; // the call touches the value in other ways too
    std::vector<Ranges> touched, written;
  };
  Ranges bytesOf(const kernel::Access &access, int64_t worker, const Run &run) const;
  Ranges outputBytes(llvm::StringRef name, mlir::Type type, const Run &run) const;
  Ranges handleBytes(mlir::Value handle, bool keysAlone, const Run &run) const;
  Ranges keysSeen(mlir::Value cache, int64_t worker, const Run &run) const;
  Ranges inputBytes(kernel::CallOp call, unsigned number, const Run &run) const;
  std::string undeclared(unsigned number, int64_t worker, const Run &run) const;
  Use useOf(unsigned number, const kernel::Access &access, const Run &run) const;
  static Ranges shared(const Use &a, int64_t worker, const Use &b, int64_t other);
  std::string met(const Use &a, const Use &b, const Run &run) const;
  std::string text(unsigned number) const;

  mlir::func::FuncOp entry;
  mutable llvm::SmallVector<kernel::CallOp> calls;
  kernel::HandleOffsets handles;
  llvm::StringMap<std::pair<int64_t, int64_t>> weights; // offset and bytes, with scales
};

} // namespace encdec::test
