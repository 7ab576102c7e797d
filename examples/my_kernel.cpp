// An op with a kernel, as a plugin of encdec's programs:
//
//   encdec compile examples/models/en-fr -o build/mine.encdec
//     --load-pass-plugin build/lib/my_kernel.so --pass-pipeline mine-add3 --at fuse:before
//
// mine.add3 %a, %b, %c is (a + b) + c in one pass over the rows. It says which textbook ops it
// stands for (decompose), so the interpreter, verify-form and groups understand it; and it
// brings a kernel, which the target calls in place of two of its own. What the kernel touches
// is declared, so barriers, memory and the proof follow.
#include "compiler/lower/KernelPlugin.h"
#include "compiler/place/Layout.h"
#include "dialect/Ops.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;
using namespace encdec;
using kernel::Mode;
using kernel::Part;

namespace {

class Add3Op : public Op<Add3Op, OpTrait::NOperands<3>::Impl, OpTrait::OneResult,
                         OpTrait::ZeroRegions, OpTrait::ZeroSuccessors,
                         OpTrait::SameOperandsAndResultType, RowWise, MemoryEffectOpInterface::Trait,
                         DecomposableOpInterface::Trait> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Add3Op)
  using Op::Op;
  static StringRef getOperationName() { return "mine.add3"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  void getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &) {} // none
  static Add3Op create(OpBuilder &builder, Location loc, ValueRange operands) {
    OperationState state(loc, getOperationName(), operands, operands[0].getType());
    return cast<Add3Op>(builder.create(state));
  }
  static ParseResult parse(OpAsmParser &parser, OperationState &state) {
    SmallVector<OpAsmParser::UnresolvedOperand, 3> operands;
    Type type;
    return failure(parser.parseOperandList(operands, 3) || parser.parseColonType(type) ||
                   parser.resolveOperands(operands, type, state.operands) ||
                   parser.addTypeToList(type, state.types));
  }
  void print(OpAsmPrinter &p) {
    p << " " << getOperation()->getOperands() << " : " << getOperation()->getResult(0).getType();
  }
  FailureOr<SmallVector<Value>> decompose(OpBuilder &b) {
    Operation *op = getOperation();
    Type type = op->getResult(0).getType();
    Value sum = AddOp::create(b, op->getLoc(), type, op->getOperand(0), op->getOperand(1));
    return SmallVector<Value>{AddOp::create(b, op->getLoc(), type, sum, op->getOperand(2))};
  }
};

class MineDialect : public Dialect {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MineDialect)
  explicit MineDialect(MLIRContext *context)
      : Dialect(getDialectNamespace(), context, TypeID::get<MineDialect>()) {
    addOperations<Add3Op>();
  }
  static StringRef getDialectNamespace() { return "mine"; }
};

/// add, add → add3, where nothing else reads the first sum.
struct MineAdd3 : PassWrapper<MineAdd3, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MineAdd3)
  StringRef getArgument() const override { return "mine-add3"; }
  StringRef getDescription() const override { return "two adds in one"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<MineDialect>();
  }
  void runOnOperation() override {
    SmallVector<AddOp> adds;
    getOperation().walk([&](AddOp add) { adds.push_back(add); });
    IRRewriter rewriter(&getContext());
    for (AddOp add : adds) {
      auto inner = add.getX().getDefiningOp<AddOp>();
      if (!inner || !inner->hasOneUse())
        continue;
      rewriter.setInsertionPoint(add);
      rewriter.replaceOp(add, Add3Op::create(rewriter, add.getLoc(),
                                             {inner.getX(), inner.getY(), add.getY()}));
      rewriter.eraseOp(inner);
    }
  }
};

/// What the kernel touches: each worker reads and writes its own (row, panel of 16 columns).
LogicalResult declare(Operation *op, kernel::CallBuilder &call) {
  Type type = op->getResult(0).getType();
  int64_t width = widthOf(op->getResult(0));
  for (Value operand : op->getOperands())
    call.read(operand, Part::row_panels);
  call.arena(type, rowStride(width) * 4, Mode::write, Part::row_panels)
      .split(Part::row_panels, (width + 15) / 16)
      .config("width", width);
  return success();
}

/// y[r][n] = (a[r][n] + b[r][n]) + c[r][n]. Rows lie end to end, so a worker's units are one
/// run of panels. Table: a, b, c, y.
void body(kernel::CallOp call, StringRef, lower::KernelBuilder &k, lower::Frame &f) {
  int64_t panels = (call.getConfig().getAs<IntegerAttr>("width").getInt() + 15) / 16;
  VectorType vector = k.vector(k.f32(), 16);
  lower::Val a = f.place(0), b = f.place(1), c = f.place(2), y = f.place(3);
  auto [first, last] = f.share(f.context("rows") * panels);
  k.loop(first, last, [&](lower::Val panel) {
    lower::Val at = panel * 64;
    k.store(k.load(vector, a + at) + k.load(vector, b + at) + k.load(vector, c + at), y + at);
  });
}

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "my_kernel", LLVM_VERSION_STRING,
          [] { PassRegistration<MineAdd3>(); }};
}

extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "my_kernel", LLVM_VERSION_STRING,
          [](DialectRegistry *registry) {
            registry->insert<MineDialect>();
            registerKernel({"cpu", "mine.add3", "mine_add3", declare, body});
          }};
}
