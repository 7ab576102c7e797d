// What became of each imported op: by which pass it was fused, which kernel calls work for
// it, what it reads and multiplies; and where it was left alone, why.
//
// A report holds plain data and no IR. Ops of every stage are named by their index in it.
#pragma once
#include "compiler/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace encdec::explain {

/// Work, as formulas: for each row of the call, and for each row and position that it sees
/// of the keys of a name ("source", "cache", "memory").
struct Work {
  int64_t weightBytes = 0, rowMadds = 0;
  struct Keys {
    int64_t bytes = 0, madds = 0;
  };
  std::map<std::string, Keys> keys;
  int64_t activationBytes = 0; // of a row, read and written

  Work &operator+=(const Work &other);
};

/// An op of some stage.
struct StageOp {
  std::string entry;         // encode, step
  std::string text;          // one line of IR
  std::string name, op;      // "l0.self.q", "encdec.linear"
  std::vector<int64_t> from; // the imported ops that it stands for, ascending
};

struct Stage {
  std::string name, title;
  std::vector<StageOp> ops;
};

/// A remark of a pass: what it did, or why it did not.
struct Verdict {
  bool passed;
  std::string pass, code;
  std::string function;          // the remark's: "step", or "step.from.1" of a range of rows
  std::string text;              // the gain or the reason
  std::string blocker, remedy;   // of a missed one: the op that stood in the way
  std::string place;             // "file.mlir:3:8", where the IR came from a file
  std::vector<int64_t> about;    // imported ops
};

/// A kernel call of the scheduled form.
struct Call {
  std::string entry, kernel, serves;
  int64_t op;    // in the scheduled stage
  int64_t phase; // in Report::phases
  Work work;
  std::vector<int64_t> from;
};

/// What an entry does between two barriers.
struct Phase {
  std::string entry, ops, side;
  std::optional<int64_t> layer;
  Work work; // each weight counts once, in the first phase that reads it
  std::optional<double> measured; // seconds a call
};

struct ImportedOp {
  StageOp op;
  std::string place;            // "file.mlir:3:8"
  std::string side;             // encoder, decoder
  std::optional<int64_t> layer; // none: of no layer
  std::string role;             // embedding, self-attention, cross-attention, ffn, norm, …
  std::string runsIn;           // the entry that computes it; empty: none, it is free
  int64_t fused = -1;           // the op of the fused stage that stands for it
  std::vector<int64_t> calls;   // that work for it
  std::vector<int64_t> verdicts;
  Work work;
};

/// What fusing several imported ops into one op of the fused stage saves.
struct Saving {
  int64_t ops = 0;      // that are gone
  int64_t buffers = 0;  // values that are not stored
  int64_t rowBytes = 0; // not written and not read, of each row
  int64_t keyBytes = 0; // the same of each row and key: scores and probabilities

  Saving &operator+=(const Saving &other);
};

/// What a pass that fused something is worth: its fusions together, and the schedule of a
/// run without it.
struct PassGain {
  std::string pass;
  int64_t fusions = 0;
  Saving saving;
  bool schedulable = false; // otherwise no kernels serve what is left, for the reason
  std::string reason;
  int64_t calls = 0, barriers = 0, arenaRowBytes = 0; // more of them without the pass
};

struct Total {
  int64_t imported = 0, fused = 0, calls = 0, barriers = 0;
  int64_t arenaRowBytes = 0; // activations of one row, as planned
  Work work;
};

struct Report {
  std::string model, family, weights;
  std::vector<Stage> stages; // imported, fused, placed, scheduled, as far as they came
  std::vector<ImportedOp> ops;
  std::vector<Saving> savings; // of each op of the fused stage
  std::vector<Verdict> verdicts;
  std::vector<Call> calls;
  std::vector<Phase> phases;
  std::vector<PassGain> passes; // in the order of their first fusion
  std::map<std::string, Total> totals; // by entry
  std::vector<std::string> warnings; // of the passes: "mine.pdll:2:1: …"
  std::string stopped; // why a stage could not be made; empty: all were

  const Stage *stage(llvm::StringRef name) const;
};

/// How much is encoded and decoded: the sizes of `encdec bench`.
struct Sizes {
  int64_t sourceLength = 32, newTokens = 64, batch = 1, threads = 1;

  int64_t rows(llvm::StringRef entry) const {
    return entry == "encode" ? batch * sourceLength : batch;
  }
  /// Keys of that name that a row sees, in a middle step.
  double keys(llvm::StringRef name) const {
    return name == "cache" ? (newTokens + 1) / 2.0 : double(sourceLength);
  }
};

/// Runs `module` (decomposed or fused form, of an importer or a file) through the pipelines
/// and reports. A stage that fails ends the report there and says why; the module itself
/// stays as it is, but that its ops get numbers as locations. Enables remarks on the
/// module's context, which must have none, one thread and no action handler.
/// Of an entry that stands once for each range of rows, that of `sizes` is explained.
Report explainModule(mlir::ModuleOp module, const PipelineOptions &options,
                     const Sizes &sizes);

} // namespace encdec::explain
