// narrow-keys: chooses how cached keys and values are stored.
//
//   func.func @step(…, %c: !encdec.cache<4x64>)
//     => func.func @step(…, %c: !encdec.cache<4x64, bf16>)
//
// Scores and contexts are sums in f32 either way; a key or value is rounded once, when
// it is written. With many hypotheses a step reads more keys and values than weights.
#include "compiler/Passes.h"
#include "dialect/Ops.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/TypeSwitch.h"

namespace encdec {
#define GEN_PASS_DEF_NARROWKEYSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

struct NarrowKeys : impl::NarrowKeysPassBase<NarrowKeys> {
  using NarrowKeysPassBase::NarrowKeysPassBase;
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    if (type != "f32" && type != "bf16") {
      emitError(getOperation().getLoc(), "narrow-keys: expected type f32 or bf16, but got '")
          << type << "'";
      return signalPassFailure();
    }
    Type element = type == "bf16" ? Type(BFloat16Type::get(context))
                                  : Type(Float32Type::get(context));
    auto stored = [&](Type type) -> Type {
      return TypeSwitch<Type, Type>(type)
          .Case<MemoryType, CacheType>([&](auto handle) {
            return decltype(handle)::get(context, handle.getHeads(),
                                         handle.getHeadSize(), element);
          })
          .Default(type);
    };
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      FunctionType before = function.getFunctionType();
      function.setFunctionType(
          FunctionType::get(context, llvm::map_to_vector(before.getInputs(), stored),
                            llvm::map_to_vector(before.getResults(), stored)));
      if (!function.isExternal())
        for (BlockArgument argument : function.getArguments())
          argument.setType(stored(argument.getType()));
    }
  }
};

} // namespace
} // namespace encdec
