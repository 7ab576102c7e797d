// The kernel of a row program (RowProgram.h): its steps, one after the other, on one block
// of kRowBlock rows at a time, so that what they hand each other stays in cache.
//
//   split by rows      for each block of my rows: each step, all columns
//   split by panels    for each block of all rows: the steps of whole rows, all columns;
//                      then the steps of panels, my panels of each
//
// Elementwise steps behind a product, its epilogue, run with it: of many rows a few panels at a
// time, so that what the product has made is still in the first-level cache.
//
// Each step is the function that the op has as a kernel of its own, on the same rows, so
// every f32 value has the same bits. The integers of int8Dynamic sums may come in other
// tiles, which changes no sum.
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/Embed.h"
#include "compiler/cpu/RowProgram.h"
#include <map>

using namespace mlir;

namespace encdec::cpu {
namespace {

using Kind = RowStep::Kind;
/// 48 rows of 8 panels are 24 KB.
constexpr int64_t kEpilogueRows = 12, kEpiloguePanels = 8;

/// One kernel while it is written. Loads from frame and table stand before the loop.
class RowKernel {
public:
  RowKernel(CpuKernels &kernels, KernelBuilder &k, Frame &f, const RowProgram &program)
      : kernels(kernels), k(k), program(program), layout(program),
        zero(k.constant(int64_t(0))), rows(f.context("rows")), worker(f.worker()) {
    int64_t entry = 0;
    for (; entry < program.operands; ++entry)
      operands.push_back(f.place(entry));
    for (const RowStep &step : program.steps) {
      Vals &own = weights.emplace_back();
      if (step.kind == Kind::embed) {
        embeddings.try_emplace(int64_t(weights.size()) - 1, k, f, entry, step.width, step.weights,
                               step.scale);
        entry += 3; // weight, scales, positions
      } else if (step.kind == Kind::linear) // weight, scales, bias
        own = {f.weight(entry), f.optionalWeight(entry + 1), f.optionalWeight(entry + 2)};
      else if (step.kind == Kind::norm) // gamma, beta
        own = {f.weight(entry), f.optionalWeight(entry + 1)};
      entry += int64_t(own.size());
    }
    for (size_t i = 0; i < program.results.size(); ++i)
      results.push_back(f.place(entry++));
    if (layout.scratchBytes)
      scratch = f.scratch(entry);
    std::tie(first, last) = f.share(program.isSplitByRows() ? rows : k.constant(layout.panels));
  }

  void emit() {
    bool byRows = program.isSplitByRows();
    Val from = byRows ? first : zero;
    // A worker without panels makes nothing; without this it would make whole rows.
    Val to = byRows ? last : select(first < last, rows, zero);
    k.loop(from, to, k.constant(kRowBlock), [&](Val at) {
      block = at;
      count = min(to - block, k.constant(kRowBlock));
      for (int64_t number = 0; number < int64_t(program.steps.size());)
        number += number < program.wholeRows ? wholeRows(number) : panels(number);
    });
  }

private:
  int64_t registerOf(int64_t number) const { return program.operands + number; }

  /// The rows of the block.
  Val place(int64_t reg) {
    if (reg < program.operands)
      return operands[reg] + block * rowBytesOfOperand(reg);
    if (std::optional<int64_t> result = layout.result[reg])
      return results[*result] + block * rowBytes(program.maker(reg)->width);
    return scratch + layout.scratch[reg];
  }
  /// An operand is as wide as the steps that read it say.
  int64_t rowBytesOfOperand(int64_t reg) const {
    for (const RowStep &step : program.steps)
      if (llvm::is_contained(step.inputs, reg))
        return rowBytes(step.kind == Kind::linear ? step.depth : step.width);
    return 0;
  }

  /// Emits step `number`, all columns of the block's rows; how many steps were emitted.
  int64_t wholeRows(int64_t number) {
    const RowStep &step = program.steps[number];
    Val y = place(registerOf(number));
    int64_t emitted = 1;
    switch (step.kind) {
    case Kind::quantize:
      k.call(kernels.quantizeRows(step.width), {place(step.inputs[0]), y, count, zero, count});
      break;
    case Kind::linear:
      emitted += product(number, zero, panelsOf(step.width));
      break;
    case Kind::embed:
      k.loop(zero, count, [&](Val row) {
        Val out = y + row * rowBytes(step.width);
        k.loop(zero, panelsOf(step.width), [&](Val panel) {
          embeddings.at(number).panel(block + row, panel * 16, out);
        });
      });
      break;
    case Kind::norm:
      norm(number, place(step.inputs[0]), k.null(), step.norm);
      break;
    case Kind::elementwise:
      if (program.isNormedNext(number)) {
        NormShape shape = program.steps[number + 1].norm;
        shape.residual = true;
        // The sum is stored where something but the norm reads it.
        shape.keepsSum = program.isResult(registerOf(number)) ||
                         program.lastUse(registerOf(number)) > number + 1;
        norm(number + 1, place(step.inputs[0]), place(step.inputs[1]), shape, y);
        emitted = 2;
      } else {
        elementwise(step, y, zero, panelsOf(step.width));
      }
      break;
    }
    for (int64_t i = number; i < number + emitted; ++i)
      handOut(registerOf(i));
    return emitted;
  }

  /// Emits step `number` on the panels of this worker.
  int64_t panels(int64_t number) {
    const RowStep &step = program.steps[number];
    Val base = k.constant(layout.firstPanel[registerOf(number)]);
    Val end = panelsOf(step.width);
    Val from = min(max(first - base, zero), end), to = min(max(last - base, zero), end);
    int64_t emitted = 1;
    k.when(from < to, [&] {
      if (step.kind == Kind::linear)
        emitted += product(number, from, to);
      else
        elementwise(step, place(registerOf(number)), from, to);
    });
    return emitted;
  }

  /// Emits product `number` and its epilogue, a few panels after the other; how many steps the
  /// epilogue has.
  int64_t product(int64_t number, Val from, Val to) {
    int64_t epilogue = program.epilogueOf(number);
    if (!epilogue) {
      linear(number, from, to);
      return 0;
    }
    // Of many rows, kEpiloguePanels panels are what the first-level cache holds. Of few rows it
    // holds all panels, and the product then reads its weights in one go.
    Val some = select(count < kEpilogueRows, to - from, k.constant(kEpiloguePanels));
    k.loop(from, to, some, [&](Val at) {
      Val end = min(at + some, to);
      linear(number, at, end);
      for (int64_t i = number + 1; i <= number + epilogue; ++i)
        elementwise(program.steps[i], place(registerOf(i)), at, end);
    });
    return epilogue;
  }

  Val panelsOf(int64_t width) { return k.constant((width + 15) / 16); }

  void norm(int64_t number, Val x, Val residual, const NormShape &shape, Val sum = {}) {
    Val y = place(registerOf(number));
    k.call(kernels.normRows(shape), {x, residual, weights[number][0], weights[number][1], y,
                                     shape.keepsSum ? sum : y, count});
  }

  void elementwise(const RowStep &step, Val y, Val from, Val to) {
    Val other = step.elementwise.hasOther ? place(step.inputs[1]) : k.null();
    k.call(kernels.elementwise(step.elementwise),
           {place(step.inputs[0]), other, y, k.constant(rowBytes(step.width)), count, from, to});
  }

  void linear(int64_t number, Val from, Val to) {
    const RowStep &step = program.steps[number];
    int64_t input = step.inputs[0];
    Val x, ldx, records = k.null();
    if (formatOf(step.weights).roundsActivations) {
      // Records follow the values of all rows: of the call, or of the block.
      ldx = k.constant(kernels.quantizedStride(step.depth));
      bool isOperand = input < program.operands;
      Val begin = isOperand ? operands[input] : place(input);
      Val before = isOperand ? block : zero;
      x = begin + before * ldx;
      records = begin + (isOperand ? rows : count) * ldx + before * kRowRecord;
    } else {
      ldx = k.constant(rowBytes(step.depth));
      x = place(input);
    }
    Val depth = k.constant((step.depth + groupOf(step.weights) - 1) / groupOf(step.weights));
    const Vals &w = weights[number];
    k.call(kernels.linearBlock(step.weights),
           {x, ldx, records, count, w[0], depth, w[1], w[2], place(registerOf(number)),
            k.constant(rowBytes(step.width)), from, to});
  }

  /// Where all workers have made a result in scratch, the first one stores it.
  void handOut(int64_t reg) {
    if (!program.isResult(reg) || layout.result[reg])
      return;
    int64_t bytes = rowBytes(program.maker(reg)->width);
    Val from = place(reg), to = results[llvm::find(program.results, reg) - program.results.begin()] +
                                block * bytes;
    k.when(worker == zero, [&] {
      VectorType vector = k.vector(k.f32(), 16);
      k.loop(zero, count * bytes, k.constant(int64_t(64)),
             [&](Val i) { k.store(k.load(vector, from + i), to + i); });
    });
  }

  CpuKernels &kernels;
  KernelBuilder &k;
  const RowProgram &program;
  RowLayout layout;
  Val zero, rows, worker, scratch, first, last;
  Vals operands, results;
  SmallVector<Vals> weights; // of each step but embed
  std::map<int64_t, Embedding> embeddings; // by step
  Val block, count;          // the row block's first row, and how many it has
};

} // namespace

func::FuncOp CpuKernels::rowProgram(const RowProgram &program, StringRef name) {
  return defineKernel(name, [&](KernelBuilder &k, Frame &f) {
    RowKernel(*this, k, f, program).emit();
  });
}

} // namespace encdec::cpu
