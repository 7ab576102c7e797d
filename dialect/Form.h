// The forms of a module: what no single op can hold.
#pragma once
#include "dialect/Ops.h"

namespace encdec {

/// decomposed: plain ops, as imported. fused: every attention, FFN and
/// vocabulary block is one op. mixed: blocks of either kind, as rewrite patterns leave
/// them. (A further form, scheduled, knows no op of this dialect: compiler/schedule.)
enum class Form { decomposed, fused, mixed };

/// The form by its name; nothing if there is none of that name.
std::optional<Form> symbolizeForm(llvm::StringRef name);
llvm::StringRef stringifyForm(Form form);

/// Checks `module`, as if the ops of its groups, and those that ops of other dialects
/// stand for, stood in their places; emits an error at the op that breaks one of
///   F1 an op stands in the form: see the table of forms in README.md.
///   F2 no foreign op in a function with encdec.entry, apart from return and
///      constants without a side: it would launder a side. The function is one
///      block.
///   F3 the sub-layers of `step` follow each other as masked self-attention,
///      cross-attention, FFN; those of `encode` as self-attention, FFN; each
///      takes its input from the one before; the function's output, results
///      and memories, depends on all of them; the last layer is whole.
///   F4 the decoder's self-attention is masked.
///   F5 each sub-layer ends in a residual connection around itself, which
///      the output depends on.
///   F6 each sub-layer is normed: its input (pre-norm) or its sum (post-norm),
///      by a norm that the output depends on.
///   F7 `encode` is the encoder's alone: it takes no tensor of the decoder and
///      no cache, and reads no memory.
///   F8 what a context weighs values by is a softmax's result.
mlir::LogicalResult verifyForm(mlir::ModuleOp module, Form form);

} // namespace encdec
