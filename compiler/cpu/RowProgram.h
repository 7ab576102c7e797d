// Row programs: row-wise steps that one kernel runs on blocks of rows. A group, or the part
// of it between two barriers, is one.
#pragma once
#include "compiler/cpu/Shapes.h"
#include <string>

namespace encdec::cpu {

/// One step; it makes one register, a value of the program.
struct RowStep {
  enum class Kind { quantize, linear, elementwise, norm, embed };
  Kind kind;
  llvm::SmallVector<int64_t, 2> inputs; // registers; none: embed, which reads tokens
  int64_t width;                        // columns of the register that it makes
  int64_t depth = 0;                    // linear: columns of its input
  WeightKind weights = WeightKind::f32; // linear, embed
  Elementwise elementwise = {};
  float scale = 1;     // embed
  NormShape norm = {}; // a norm of two inputs is one of their sum, which is not kept
};

/// Registers are numbered: first the operands, then what each step makes. The first
/// `wholeRows` steps are of whole rows; the others are of panels of columns, each made by
/// one worker of all rows. A program of whole rows only is split by rows: each worker runs
/// it on its own rows. Any other is split by panels, and each worker runs the steps of whole
/// rows by itself, in its scratch.
struct RowProgram {
  int64_t operands = 0;
  llvm::SmallVector<RowStep> steps = {};
  llvm::SmallVector<int64_t> results = {}; // registers that the call hands out, made by steps
  int64_t wholeRows = 0;

  bool isSplitByRows() const { return wholeRows == int64_t(steps.size()); }
  int64_t registers() const { return operands + int64_t(steps.size()); }
  /// Null for an operand.
  const RowStep *maker(int64_t reg) const {
    return reg < operands ? nullptr : &steps[reg - operands];
  }
  /// Whether the call has the entry's tokens and positions behind its operands.
  bool readsTokens() const {
    return llvm::any_of(steps, [](const RowStep &s) { return s.kind == RowStep::Kind::embed; });
  }
  bool isResult(int64_t reg) const { return llvm::is_contained(results, reg); }
  bool isOfPanels(int64_t reg) const { return reg >= operands + wholeRows; }
  /// The last step that reads `reg`; its maker's number where none does, -1 for an operand
  /// that none reads.
  int64_t lastUse(int64_t reg) const;

  /// Whether step `number` is an add that the norm behind it takes in.
  bool isNormedNext(int64_t number) const;
  /// How many elementwise steps behind product `number` run with it, a few panels at a time,
  /// so that they find in cache what the product has just made; 0 for what is no product.
  int64_t epilogueOf(int64_t number) const;

  /// As attributes of a call, and back; nothing where they do not describe a program.
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static std::optional<RowProgram> fromAttr(mlir::DictionaryAttr config, int64_t operands);
  /// The kernel's name; equal programs have equal names.
  std::string name(mlir::MLIRContext *context) const;
};

/// Where a program's registers lie.
struct RowLayout {
  explicit RowLayout(const RowProgram &program);

  /// Bytes of a row of a register.
  static int64_t rowBytesOf(const RowStep &step);

  /// The result in whose memory a register lies; nothing: it lies in scratch.
  llvm::SmallVector<std::optional<int64_t>> result; // by register
  /// Otherwise its offset in the worker's scratch.
  llvm::SmallVector<int64_t> scratch; // by register
  int64_t scratchBytes = 0;
  /// Of a register of panels: the first unit of the split that makes it.
  llvm::SmallVector<int64_t> firstPanel; // by register
  int64_t panels = 0;                    // of all of them
};

} // namespace encdec::cpu
