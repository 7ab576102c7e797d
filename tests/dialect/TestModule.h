// A module from text, with the dialect loaded, for all tests of this folder.
#pragma once
#include "dialect/ReferenceRun.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace encdec {

/// Weights and type names that the snippets below share: E = 8, F = 12, V = 11.
inline const char *const kPrelude = R"mlir(
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!f = tensor<?x12xf32, #encdec.side<decoder>>
!l = tensor<?x11xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
!top = tensor<?x?xi32, #encdec.side<decoder>>
!s = tensor<2x?x?xf32, #encdec.side<decoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<11x8xf16> = #encdec.seeded<1, 1.0>
encdec.weight @places : tensor<16x8xf32> = #encdec.sinusoidal
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<2, 0.5>
encdec.weight @w2 : tensor<8x8xf16> = #encdec.seeded<3, 0.5> {format = "int8"}
encdec.weight @b : tensor<8xf16> = #encdec.seeded<5, 0.5>
encdec.weight @g : tensor<8xf16> = #encdec.seeded<6, 1.5>
encdec.weight @up : tensor<12x8xf16> = #encdec.seeded<7, 0.5>
encdec.weight @gate : tensor<12x8xf16> = #encdec.seeded<11, 0.5>
encdec.weight @buckets : tensor<4x2xf16> = #encdec.seeded<12, 0.5>
encdec.weight @up.b : tensor<12xf16> = #encdec.seeded<8, 0.5>
encdec.weight @down : tensor<8x12xf16> = #encdec.seeded<9, 0.5>
encdec.weight @logits.b : tensor<11xf16> = #encdec.seeded<10, 0.5>
)mlir";

class TestModule {
public:
  explicit TestModule(const std::string &text)
      : context(registry()), handler(&context, [this](mlir::Diagnostic &d) {
          messages += d.str() + "\n";
          return mlir::success();
        }) {
    context.allowUnregisteredDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(kPrelude + text, &context);
    EXPECT_TRUE(module) << messages;
  }

  mlir::func::FuncOp function(llvm::StringRef name = "f") {
    return module->lookupSymbol<mlir::func::FuncOp>(name);
  }
  /// The first op of a type in @f.
  template <typename Op> Op first() {
    Op found;
    function().walk([&](Op op) {
      if (!found)
        found = op;
    });
    return found;
  }
  /// Runs @f; the tensors it returns.
  std::vector<reference::Tensor> run(std::vector<reference::Value> arguments) {
    auto results =
        reference::Interpreter(*module).run(function(), std::move(arguments));
    EXPECT_TRUE(mlir::succeeded(results)) << messages;
    std::vector<reference::Tensor> tensors;
    if (mlir::succeeded(results))
      for (reference::Value &value : *results)
        tensors.push_back(std::get<reference::Tensor>(value));
    return tensors;
  }

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<EncDecDialect, mlir::func::FuncDialect,
                    mlir::arith::ArithDialect>();
    return registry;
  }

  mlir::MLIRContext context;
  std::string messages;
  mlir::ScopedDiagnosticHandler handler;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

inline void expectNear(const reference::Tensor &got,
                       const reference::Tensor &expected, double tolerance) {
  ASSERT_EQ(got.shape, expected.shape);
  for (size_t i = 0; i < got.values.size(); ++i)
    EXPECT_NEAR(got.values[i], expected.values[i], tolerance) << "at " << i;
}

} // namespace encdec
