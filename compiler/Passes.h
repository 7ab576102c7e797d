// Declarations of all passes, generated from Passes.td: create functions,
// option structs and registerEncDecPasses().
#pragma once
#include "mlir/Pass/Pass.h"
#include <memory>
#include <string>

namespace encdec {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Passes.h.inc"
} // namespace encdec
