// Uses the installed compiler: parses a module and fuses it.
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/emit/Compile.h"
#include "dialect/Ops.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

static const char *text = R"(
encdec.weight @up : tensor<8x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @down : tensor<4x8xf32> = #encdec.seeded<2, 1.0>
func.func @f(%x: tensor<?x4xf32, #encdec.side<decoder>>)
    -> tensor<?x4xf32, #encdec.side<decoder>> {
  %h = encdec.linear %x, @up : tensor<?x4xf32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  %a = encdec.activation %h {kind = relu} : tensor<?x8xf32, #encdec.side<decoder>>
  %y = encdec.linear %a, @down : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x4xf32, #encdec.side<decoder>>
  return %y : tensor<?x4xf32, #encdec.side<decoder>>
})";

int main() {
  mlir::DialectRegistry registry;
  encdec::registerEncDecDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return 1;
  mlir::PassManager pm(&context);
  encdec::buildFusePipeline(pm);
  if (mlir::failed(pm.run(*module)))
    return 1;
  int fused = 0;
  module->walk([&](encdec::FfnOp) { ++fused; });
  llvm::outs() << fused << " fused ffn\n";
  return fused == 1 ? 0 : 1;
}
