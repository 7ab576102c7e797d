// What a weight may be, and what each op asks of the weights it names: checked
// where symbols can be looked up. The numbers are those of Ops.td.
#include "dialect/Derived.h"
#include "dialect/Verify.h"

using namespace mlir;
using namespace encdec;

// Any size in a weight's expected shape.
static constexpr int64_t kAny = -1;

// `symbol` must name a weight of `shape`; a null symbol is a bias left out.
static LogicalResult expectWeight(Operation *op, SymbolTableCollection &symbols,
                                  const Twine &what, FlatSymbolRefAttr symbol,
                                  ArrayRef<int64_t> shape) {
  if (!symbol)
    return success();
  WeightOp weight = lookupWeight(symbols, op, symbol);
  if (!weight)
    return op->emitOpError("expected ")
           << what << " to name an encdec.weight of the module but got "
           << symbol;
  ArrayRef<int64_t> got = weight.getTensorType().getShape();
  bool same = got.size() == shape.size();
  for (size_t i = 0; same && i < shape.size(); ++i)
    same = shape[i] == kAny || shape[i] == got[i];
  if (same)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected ")
                                  << what << " to be [";
  llvm::interleaveComma(shape, diagnostic, [&](int64_t size) {
    if (size == kAny)
      diagnostic << "?";
    else
      diagnostic << size;
  });
  diagnostic << "] but got " << weight.getTensorType();
  diagnostic.attachNote(weight.getLoc()) << symbol << " is defined here";
  return failure();
}

//===-- Weights -----------------------------------------------------------===//

// C1, C3: what its type may be.
static LogicalResult verifyWeightType(WeightOp op) {
  RankedTensorType type = op.getTensorType();
  Type element = type.getElementType();
  bool isFloat =
      element.isF64() || element.isF32() || element.isF16() || element.isBF16();
  // C1
  if (failed(verifySizes([&] { return op.emitOpError(); }, type.getShape())))
    return failure();
  if (!isFloat || !type.hasStaticShape() || type.getEncoding() ||
      type.getRank() < 1 || type.getRank() > 2 || type.getNumElements() == 0)
    return op.emitOpError("expected a static 1-D or 2-D tensor of f16, bf16, "
                          "f32 or f64, without a side, but got ")
           << type;
  // C2
  Attribute origin = op.getOrigin();
  if (!isa<FileAttr, SinusoidalAttr, SeededAttr, DenseFPElementsAttr>(origin) &&
      !isDerived(origin))
    return op.emitOpError(
               "expected the origin to be a file, sinusoidal, seeded, "
               "dense or derived attribute but got ")
           << origin;
  // C3
  if (auto dense = dyn_cast<DenseFPElementsAttr>(origin);
      dense && dense.getType() != type)
    return op.emitOpError("expected a dense origin of type ")
           << type << " but got " << dense.getType();
  auto sinusoidal = dyn_cast<SinusoidalAttr>(origin);
  if (sinusoidal && type.getRank() != 2)
    return op.emitOpError("expected a sinusoidal table to be 2-D but got ")
           << type;
  if (sinusoidal && (sinusoidal.getFirst() < 0 || sinusoidal.getBlank() < 0 ||
                     sinusoidal.getBlank() > type.getDimSize(0)))
    return op.emitOpError("expected a sinusoidal table from a position of 0 or more on with "
                          "0 to all of its rows blank but got ")
           << sinusoidal;
  // C8
  if (isDerived(origin) && !element.isF32())
    return op.emitOpError("expected a derived weight of f32 but got ") << type;
  return success();
}

LogicalResult WeightOp::verify() {
  if (failed(verifyWeightType(*this)))
    return failure();
  bool matrix = getTensorType().getRank() == 2;
  // C4
  if (getFormat() && !findWeightFormat(*getFormat()))
    return emitOpError("expected a format of ")
           << weightFormatNames() << " but got " << getFormatAttr();
  if (&getStored() != &weightFormats().front() && !matrix)
    return emitOpError("expected a 2-D weight behind format = ")
           << getFormatAttr() << " but got " << getTensorType();
  // C5
  if (getLayout() && !matrix)
    return emitOpError("expected a 2-D weight behind layout = #encdec.packed "
                       "but got ")
           << getTensorType();
  // C6
  for (auto offset : {getOffset(), getScaleOffset()})
    if (offset && (int64_t(*offset) < 0 || *offset % 64 != 0))
      return emitOpError("expected offsets to be multiples of 64 but got ")
             << int64_t(*offset);
  if (getScaleOffset() && !getStored().hasScales())
    return emitOpError("expected a format with scales beside a scale_offset but got ")
           << getStored().name;
  // C7
  if (getBans() && matrix)
    return emitOpError("expected a 1-D weight that bans but got ")
           << getTensorType();
  return success();
}

LogicalResult EmbedOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C1
  if (failed(expectSide(*this, "output", getOutput(), *sideOf(getIds()),
                        getIds(), "ids",
                        "an embedding stays on its tokens' side")))
    return failure();
  int64_t width = widthOf(getOutput());
  // C2, C3
  if (failed(expectWeight(*this, symbols, "table", getTableAttr(), {kAny, width})))
    return failure();
  return expectWeight(*this, symbols, "position_table", getPositionTableAttr(),
                      {kAny, width});
}

LogicalResult RelativeBiasOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C3
  int64_t heads = cast<RankedTensorType>(getBias().getType()).getDimSize(0);
  if (failed(expectWeight(*this, symbols, "table", getTableAttr(), {kAny, heads})))
    return failure();
  int64_t buckets =
      lookupWeight(symbols, *this, getTableAttr()).getTensorType().getDimSize(0);
  // C4
  int64_t directions = isBidirectional() ? 2 : 1;
  if (buckets % directions != 0 || buckets < 2 * directions)
    return emitOpError("expected ")
           << (isBidirectional() ? "an even number of buckets, at least 4," : "at least 2 buckets")
           << " but got " << buckets << " in " << getTableAttr();
  // C5
  int64_t exact = buckets / directions / 2;
  if (int64_t(getMaxDistance()) <= exact || getMaxDistance() > INT32_MAX)
    return emitOpError("expected max_distance in [")
           << exact + 1 << ", " << INT32_MAX << "], since the first " << exact
           << " distances have a bucket each, but got " << int64_t(getMaxDistance());
  return success();
}

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C1
  if (getOutputs().empty() || getWeights().size() != getOutputs().size())
    return emitOpError("expected as many weights as outputs, at least one, but "
                       "got ")
           << getWeights().size() << " weights and " << getOutputs().size()
           << " outputs";
  // C2
  if (!getBiases().empty() && getBiases().size() != getWeights().size())
    return emitOpError("expected no biases or as many as weights but got ")
           << getBiases().size() << " biases and " << getWeights().size()
           << " weights";
  for (auto [i, output] : llvm::enumerate(getOutputs())) {
    // C3
    if (failed(expectSide(*this, "output", output, *sideOf(getInput()),
                          getInput(), "input",
                          "a linear stays on its input's side")))
      return failure();
    // C4, C5
    int64_t out = widthOf(output);
    if (failed(expectWeight(*this, symbols, "weight", getWeight(i),
                            {out, widthOf(getInput())})) ||
        failed(expectWeight(*this, symbols, "bias", getBias(i), {out})))
      return failure();
  }
  return success();
}

LogicalResult NormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C1
  int64_t width = widthOf(getInput());
  if (failed(expectWeight(*this, symbols, "gamma", getGammaAttr(), {width})))
    return failure();
  return expectWeight(*this, symbols, "beta", getBetaAttr(), {width});
}

LogicalResult MemoryProjectOp::verifySymbolUses(SymbolTableCollection &symbols) {
  int64_t out = cast<MemoryType>(getMemory().getType()).getWidth();
  auto check = [&](StringRef what, FlatSymbolRefAttr weight,
                   FlatSymbolRefAttr bias) -> LogicalResult {
    // C3, C4
    if (failed(expectWeight(*this, symbols, what + "_weight", weight,
                            {out, widthOf(getInput())})))
      return failure();
    return expectWeight(*this, symbols, what + "_bias", bias, {out});
  };
  if (failed(check("key", getKeyWeightAttr(), getKeyBiasAttr())))
    return failure();
  return check("value", getValueWeightAttr(), getValueBiasAttr());
}

LogicalResult FfnOp::verifySymbolUses(SymbolTableCollection &symbols) {
  int64_t width = widthOf(getInput());
  // C1
  if (failed(expectWeight(*this, symbols, "up_weight", getUpWeightAttr(), {kAny, width})))
    return failure();
  int64_t hidden =
      lookupWeight(symbols, *this, getUpWeightAttr()).getTensorType().getDimSize(0);
  // C2, C3, C4
  if (failed(expectWeight(*this, symbols, "up_bias", getUpBiasAttr(), {hidden})) ||
      failed(expectWeight(*this, symbols, "down_weight", getDownWeightAttr(),
                          {width, hidden})))
    return failure();
  if (failed(expectWeight(*this, symbols, "down_bias", getDownBiasAttr(), {width})))
    return failure();
  // C5, C6
  if (getGateBiasAttr() && !getGateWeightAttr())
    return emitOpError("expected a gate_weight beside gate_bias ")
           << getGateBiasAttr() << " but got none";
  if (failed(expectWeight(*this, symbols, "gate_weight", getGateWeightAttr(),
                          {hidden, width})))
    return failure();
  return expectWeight(*this, symbols, "gate_bias", getGateBiasAttr(), {hidden});
}

LogicalResult AddNormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C3
  int64_t width = widthOf(getInput());
  if (failed(expectWeight(*this, symbols, "gamma", getGammaAttr(), {width})))
    return failure();
  return expectWeight(*this, symbols, "beta", getBetaAttr(), {width});
}

LogicalResult VocabularyOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C1, C2
  int64_t vocabulary = widthOf(getLogitBias());
  if (failed(expectWeight(*this, symbols, "weight", getWeightAttr(),
                          {vocabulary, widthOf(getInput())})))
    return failure();
  if (failed(expectWeight(*this, symbols, "bias", getBiasAttr(), {vocabulary})))
    return failure();
  // C3
  WeightOp sketch = lookupWeight(symbols, *this, getSketchAttr());
  if (!getSketchAttr() || !sketch)
    return expectWeight(*this, symbols, "sketch", getSketchAttr(), {kAny, kAny});
  WeightOp weight = lookupWeight(symbols, *this, getWeightAttr());
  if (sketch.getOrigin() != weight.getOrigin() ||
      sketch.getTensorType() != weight.getTensorType())
    return emitOpError("expected sketch to be the same weight as ")
           << getWeightAttr() << " but got another, " << getSketchAttr();
  if (sketch.getStored().name != "int8" || weight.getStored().name != "f32")
    return emitOpError("expected a sketch in format int8 of a weight in f32 but got ")
           << sketch.getStored().name << " of " << weight.getStored().name;
  return success();
}
