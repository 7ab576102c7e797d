// Levels, and how a kernel function is made.
#include "compiler/lower/CpuKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace encdec::lower {
namespace {

// Few rows are bound by reading weights: several panels are several streams. Many
// rows are bound by multiplying: accumulators fill the registers, and a broadcast
// and the weights of a panel are all else there is room for.
//
// AVX2: 16 registers of 8 lanes; 6 rows x 1 panel are 12 accumulators.
constexpr TileShape v3F32[] = {{6, 1}, {5, 1}, {4, 1}, {3, 2}, {2, 2}, {1, 4}};
constexpr TileShape v3Int8[] = {{6, 1}, {5, 1}, {4, 1}, {3, 1}, {2, 2}, {1, 4}};
// AVX-512: 32 registers of 16 lanes; 12 rows x 2 panels are 24 accumulators.
constexpr TileShape v4Any[] = {{12, 2}, {11, 2}, {10, 2}, {9, 2},
                               {8, 2},  {7, 2},  {6, 2},  {5, 2},
                               {4, 4},  {3, 4},  {2, 8},  {1, 8}};
// NEON: 32 registers of 4 lanes; 6 rows x 1 panel are 24 accumulators.
constexpr TileShape neonAny[] = {{6, 1}, {5, 1}, {4, 1}, {3, 1}, {2, 2}, {1, 4}};

constexpr CpuLevel levels[] = {
    {"v3", 8, v3F32, v3Int8, Dot::Pairs, "llvm.x86.avx2.pmadd.wd"},
    {"v3-avxvnni", 8, v3F32, v3Int8, Dot::Quads,
     "llvm.x86.avx512.vpdpbusd.256"}, // LLVM's name of both encodings
    {"v4", 16, v4Any, v4Any, Dot::Pairs, "llvm.x86.avx512.pmaddw.d.512"},
    {"v4-vnni", 16, v4Any, v4Any, Dot::Quads, "llvm.x86.avx512.vpdpbusd.512"},
    {"neon", 4, neonAny, neonAny, Dot::Pairs, ""},
};

} // namespace

StringRef nameOf(WeightKind kind) {
  switch (kind) {
  case WeightKind::f32:
    return "f32";
  case WeightKind::bf16:
    return "bf16";
  case WeightKind::int8:
    return "i8";
  case WeightKind::int8Dynamic:
    return "i8d";
  }
  return {};
}

StringRef nameOf(KeyKind kind) { return kind == KeyKind::f32 ? "" : "_bf16"; }

WeightKind kindOf(WeightOp weight) {
  bool isBf16 = weight.getStorage() && weight.getStorage()->isBF16();
  return weight.isDynamic()     ? WeightKind::int8Dynamic
         : weight.isQuantized() ? WeightKind::int8
         : isBf16               ? WeightKind::bf16
                                : WeightKind::f32;
}

ArrayRef<CpuLevel> cpuLevels() { return levels; }

const CpuLevel *findCpuLevel(StringRef name) {
  const auto *found =
      llvm::find_if(levels, [&](const CpuLevel &l) { return l.name == name; });
  return found == std::end(levels) ? nullptr : found;
}

CpuKernels::CpuKernels(ModuleOp module, const CpuLevel &level)
    : module(module), level(level),
      ptr(LLVM::LLVMPointerType::get(module.getContext())),
      i64(IntegerType::get(module.getContext(), 64)) {}

func::FuncOp CpuKernels::define(StringRef name, ArrayRef<Type> arguments,
                                Body body) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  MLIRContext *context = module.getContext();
  KernelBuilder k(UnknownLoc::get(context), context);
  k.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(k, name, FunctionType::get(context, arguments, {}));
  function.setPrivate();
  // Shared between layers, so never inlined into them; and free of library
  // calls, which a loop idiom would otherwise become.
  function->setAttr("passthrough",
                    k.getStrArrayAttr({"noinline", "no-builtins"}));
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
  k.setInsertionPointToStart(function.addEntryBlock());
  Vals values;
  for (BlockArgument argument : function.getArguments())
    values.push_back(k.wrap(argument));
  body(k, values);
  func::ReturnOp::create(k);
  return function;
}

func::FuncOp CpuKernels::defineKernel(StringRef name, KernelBody body) {
  return define(name, {ptr, ptr},
                [&](KernelBuilder &k, ArrayRef<Val> arguments) {
                  Frame frame(k, arguments[0], arguments[1]);
                  body(k, frame);
                });
}

// With one worker there is no barrier function.
func::FuncOp CpuKernels::barrier() {
  return define(
      "barrier", {ptr}, [&](KernelBuilder &k, ArrayRef<Val> arguments) {
        Frame f(k, arguments[0]);
        Val function = f.contextPointer("barrier");
        k.unless(k.isNull(function), [&] {
          auto type = LLVM::LLVMFunctionType::get(
              LLVM::LLVMVoidType::get(k.getContext()), {ptr, i64});
          SmallVector<Value> operands{function.value,
                                      f.contextPointer("barrier_data").value,
                                      f.worker().value};
          LLVM::CallOp::create(k, type, operands);
        });
      });
}

} // namespace encdec::lower
