// sketch-vocabulary: lets a greedy step read a quarter of an f32 vocabulary.
//
//   encdec.vocabulary %x, @w biased …
//     => encdec.vocabulary %x, @w sketch @w.sketch biased …
//        encdec.weight @w.sketch : … {format = "int8"}
//
// The tokens stay the same as long as no logit overflows (compiler/cpu/Sketch.cpp); the
// weights section grows by a quarter of @w. Runs after quantize-weights: only an f32
// weight gets a sketch.
#include "compiler/Passes.h"
#include "compiler/Remarks.h"
#include "dialect/Ops.h"
#include "llvm/Support/FormatVariadic.h"

namespace encdec {
#define GEN_PASS_DEF_SKETCHVOCABULARYPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

struct SketchVocabulary : impl::SketchVocabularyPassBase<SketchVocabulary> {
  using SketchVocabularyPassBase::SketchVocabularyPassBase;
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](VocabularyOp op) {
      // A shortlist is small already.
      if (op->getParentOfType<func::FuncOp>()->hasAttr(kShortlistAttr))
        return;
      auto weight = symbols.lookup<WeightOp>(op.getWeight());
      if (!weight || weight.getStored().name != "f32" || op.getSketch())
        return;
      std::string name = (op.getWeight() + ".sketch").str();
      auto sketch = symbols.lookup<WeightOp>(name);
      if (!sketch) {
        sketch = cast<WeightOp>(weight->clone());
        sketch.setSymName(name);
        sketch.setFormat("int8");
        symbols.insert(sketch, std::next(Block::iterator(weight)));
      }
      op.setSketchAttr(FlatSymbolRefAttr::get(sketch.getSymNameAttr()));
      reportPassed("sketch-vocabulary", "sketched", op,
                   llvm::formatv("a greedy step reads {0} bytes of @{1} instead of {2}",
                                 weight.getTensorType().getNumElements(),
                                 op.getWeight(),
                                 4 * weight.getTensorType().getNumElements()));
    });
  }
};

} // namespace
} // namespace encdec
