// Which weights an op names, and what for.
#include "dialect/Ops.h"

using namespace mlir;
using namespace encdec;

using Visit = llvm::function_ref<void(FlatSymbolRefAttr, WeightRole)>;

static void see(Visit visit, FlatSymbolRefAttr name, WeightRole role) {
  if (name)
    visit(name, role);
}
// A product's weight and its bias, if there is one.
static void seeMatrix(Visit visit, FlatSymbolRefAttr weight, FlatSymbolRefAttr bias) {
  see(visit, weight, WeightRole::Matrix);
  see(visit, bias, WeightRole::Vector);
}

void EmbedOp::visitWeights(Visit visit) {
  see(visit, getTableAttr(), WeightRole::TokenTable);
  see(visit, getPositionTableAttr(), WeightRole::Positions);
}

void RelativeBiasOp::visitWeights(Visit visit) {
  see(visit, getTableAttr(), WeightRole::Distances);
}

void LinearOp::visitWeights(Visit visit) {
  for (unsigned i = 0; i < getWeights().size(); ++i)
    seeMatrix(visit, getWeight(i), getBias(i));
}

void NormOp::visitWeights(Visit visit) {
  see(visit, getGammaAttr(), WeightRole::Vector);
  see(visit, getBetaAttr(), WeightRole::Vector);
}

void AddNormOp::visitWeights(Visit visit) {
  see(visit, getGammaAttr(), WeightRole::Vector);
  see(visit, getBetaAttr(), WeightRole::Vector);
}

void FfnOp::visitWeights(Visit visit) {
  seeMatrix(visit, getUpWeightAttr(), getUpBiasAttr());
  seeMatrix(visit, getGateWeightAttr(), getGateBiasAttr());
  seeMatrix(visit, getDownWeightAttr(), getDownBiasAttr());
}

void MemoryProjectOp::visitWeights(Visit visit) {
  seeMatrix(visit, getKeyWeightAttr(), getKeyBiasAttr());
  seeMatrix(visit, getValueWeightAttr(), getValueBiasAttr());
}

void VocabularyOp::visitWeights(Visit visit) {
  seeMatrix(visit, getWeightAttr(), getBiasAttr());
  see(visit, getSketchAttr(), WeightRole::Sketch);
}
