// The ops, one meaning each; the plain ops of attention stand in AttentionOps.td, the fused
// ones in FusedOps.td. Numbers (C1, C2, …) count an op's own constraints; each stands beside
// its check in Verify.cpp or VerifyWeights.cpp and in the name of the test that breaks it.
//
// Letters: R rows, K keys of all segments laid end to end, H heads, D head size,
// E model width, F ffn width, V vocabulary.
//
// Ragged rows: the keys of a batch are laid end to end, `offsets` has one entry
// per segment and one more, `rows` maps each query row to its segment: row r
// sees keys offsets[rows[r]] … offsets[rows[r]+1]-1. Column j of scores is the
// j-th key of the row's own segment; columns beyond its length are -inf.
#ifndef ENCDEC_DIALECT_OPS_TD
#define ENCDEC_DIALECT_OPS_TD

include "dialect/EncDec.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

//===-- Operand kinds ------------------------------------------------------===//

class EncDec_Tensor<string test, string summary>
    : Type<CPred<"::encdec::" # test # "($_self)">, summary,
           "::mlir::RankedTensorType">;
// Activations, [R, E].
def EncDec_Rows : EncDec_Tensor<"isRowsTensor",
    "[?, width] f32 tensor with a side">;
// Token ids, [R].
def EncDec_Ids : EncDec_Tensor<"isIdsTensor", "[?] i32 tensor with a side">;
// Scores and probs, [H, R, K of a row's segment].
def EncDec_Scores : EncDec_Tensor<"isScoresTensor",
    "[heads, ?, ?] f32 tensor with a side">;
// What a distance between query and key adds to a score, [H, distances].
def EncDec_RelativeBias : EncDec_Tensor<"isRelativeBiasTensor",
    "[heads, ?] f32 tensor with a side">;
// Rows of additive logit biases, [?, V]; shared by all rows, no side.
def EncDec_LogitBias : EncDec_Tensor<"isLogitBiasTensor",
    "[?, width] f32 tensor without a side">;
// Row maps, offsets, positions.
def EncDec_Index : EncDec_Tensor<"isIndexTensor",
    "[?] i32 tensor without a side">,
    BuildableType<"::encdec::indexType($_builder.getContext())">;
// Slots that hold a row's past, [R, positions].
def EncDec_Ancestors : EncDec_Tensor<"isAncestorsTensor",
    "[?, ?] i32 tensor without a side">,
    BuildableType<"::encdec::ancestorsType($_builder.getContext())">;
// A row's chosen tokens, best first, [R, how many].
def EncDec_TopIds : EncDec_Tensor<"isTopIdsTensor",
    "[?, ?] i32 tensor with a side">;
// Their log-probabilities, [R, how many].
def EncDec_TopValues : EncDec_Tensor<"isTopValuesTensor",
    "[?, ?] f32 tensor without a side">;

// Results print under the names of their locations (%q, %scores), see Ops.cpp.
def EncDec_Scale : ConfinedAttr<F32Attr, [AttrConstraint<
    CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValue().isFinite()">, "that is finite">]>;
def EncDec_Epsilon : ConfinedAttr<EncDec_Scale, [AttrConstraint<
    CPred<"!::llvm::cast<::mlir::FloatAttr>($_self).getValue().isNegative()">,
    "that is not negative">]>;

class EncDec_Op<string mnemonic, list<Trait> traits = []>
    : Op<EncDec_Dialect, mnemonic, traits # [
          DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let hasVerifier = 1;
}
// Ops that name weights, whose types are checked where the symbols can be looked up.
class EncDec_WeightUser<string mnemonic, list<Trait> traits = []>
    : EncDec_Op<mnemonic, traits # [
          DeclareOpInterfaceMethods<SymbolUserOpInterface>,
          DeclareOpInterfaceMethods<EncDec_WeightUserOpInterface>]> {
  let hasVerifier = 0;
}
def EncDec_Decomposable : DeclareOpInterfaceMethods<EncDec_DecomposableOpInterface>;

//===-- Weights ------------------------------------------------------------===//

def EncDec_WeightOp : EncDec_Op<"weight", [Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight by name: its checkpoint type and where its values are";
  let description = [{
    ```mlir
    encdec.weight @l0.q.w : tensor<512x512xf16> = #encdec.file<"model.safetensors", 1234>
    ```
    A weight may be derived, an expression over other weights of the module (Derived.h),
    which are only packed where ops name them too:
    ```mlir
    encdec.weight @l0.q.scaled : tensor<512x512xf32> = #encdec.scaled<@l0.q.w, 1.250000e-01>
    encdec.weight @l0.vo : tensor<512x512xf32> = #encdec.product<@l0.o.w, @l0.v.w>
    encdec.weight @l0.qkv : tensor<1536x512xf32> = #encdec.concat<[@l0.q.scaled, @l0.k.w, @l0.v.w]>
    ```
    `format` says how quantize-weights has it stored (WeightFormat.h): f32, the default,
    bf16, int8, or int8-dynamic, with which products round each row of their input too. The
    logical value of a weight is what its format keeps of the f32 of each checkpoint value
    (of f64, the nearest one). All values are finite, but in a weight that `bans` -inf is
    added to a logit and bans the token. Weights of linear ops are [out, in]. `layout`,
    `offset` and `scale_offset` (bytes within the weights section) are set by pack-weights.

    C1 the type is a static 1-D or 2-D tensor of f16, bf16, f32 or f64, of at most 2^48
       elements.
    C2 the origin is a file, sinusoidal, seeded, dense or derived attribute.
    C3 a dense origin has the weight's own type; a sinusoidal one is 2-D, of
       positions from 0 on, with at most all rows blank.
    C4 the format is one of the table; those other than f32 are for 2-D weights.
    C5 only a 2-D weight is packed.
    C6 offsets are multiples of 64, and only a format with scales has a scale_offset.
    C7 only a 1-D weight bans.
    C8 a derived weight is of f32: its expression is evaluated in f64 and rounded once.
    C9 what an expression names are weights of the module.
    C10 their shapes go together and give the derived weight's own.
    C11 rows and columns lie inside the weight they are taken from, at least one.
    C12 no weight is derived from itself; an expression is at most 16 weights deep and,
        written out, names at most 1024.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<AnyRankedTensor>:$type, AnyAttr:$origin,
                       OptionalAttr<StrAttr>:$format,
                       OptionalAttr<EncDec_PackedAttr>:$layout,
                       OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<I64Attr>:$scale_offset,
                       UnitAttr:$bans);
  let assemblyFormat = "$sym_name `:` $type `=` $origin attr-dict";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
      "::mlir::RankedTensorType":$type, "::mlir::Attribute":$origin)>];
  let extraClassDeclaration = [{
    /// The checkpoint's type of this weight.
    ::mlir::RankedTensorType getTensorType();
    /// How its values are stored; f32 where nothing is said.
    const ::encdec::WeightFormat &getStored();
    /// A weight that no op names may go (symbol-dce).
    bool canDiscardOnUseEmpty() { return true; }
  }];
}

//===-- Plain ops ----------------------------------------------------------===//

def EncDec_EmbedOp : EncDec_WeightUser<"embed", [Pure, EncDec_RowWise]> {
  let summary = "tokens to rows: scale * table[id] + position_table[position]";
  let description = [{
    ```mlir
    %x = encdec.embed %ids at %positions, @table, @positions {scale = 16.0} : tensor<?xi32, #s> -> tensor<?x256xf32, #s>
    ```
    C1 output has the side of ids.
    C2 table is [V, E] with E the output's width.
    C3 position_table, if any, is [positions, E].
  }];
  let arguments = (ins EncDec_Ids:$ids, EncDec_Index:$positions,
                       FlatSymbolRefAttr:$table,
                       OptionalAttr<FlatSymbolRefAttr>:$position_table,
                       EncDec_Scale:$scale);
  let results = (outs EncDec_Rows:$output);
  let assemblyFormat = [{
    $ids `at` $positions `,` $table (`,` $position_table^)?
    ` ` `{` `scale` `=` $scale `}` attr-dict `:` type($ids) `->` type($output)
  }];
}

def EncDec_LinearOp : EncDec_WeightUser<"linear",
    [Pure, EncDec_RowWise, EncDec_Decomposable]> {
  let summary = "y = x Wᵀ + b, for one weight or several at once";
  let description = [{
    ```mlir
    %q = encdec.linear %x, @q.w, @q.b : tensor<?x8xf32, #s> -> tensor<?x8xf32, #s>
    %q, %k = encdec.linear %x, [@q.w, @k.w], [@q.b, @k.b] : tensor<…> -> tensor<…>, tensor<…>
    ```
    C1 there are as many weights as outputs, at least one.
    C2 there are no biases or as many as weights.
    C3 each output has the side of the input.
    C4 each weight is [out, in] with in the input's width, out its output's.
    C5 each bias is [out].
  }];
  let arguments = (ins EncDec_Rows:$input, FlatSymbolRefArrayAttr:$weights,
                       FlatSymbolRefArrayAttr:$biases);
  let results = (outs Variadic<EncDec_Rows>:$outputs);
  let assemblyFormat = [{
    $input `,` custom<WeightsAndBiases>($weights, $biases) attr-dict
    `:` type($input) `->` type($outputs)
  }];
  let builders = [
    // bias may be null
    OpBuilder<(ins "::mlir::Type":$output, "::mlir::Value":$input,
      "::mlir::FlatSymbolRefAttr":$weight, "::mlir::FlatSymbolRefAttr":$bias)>,
    OpBuilder<(ins "::mlir::Type":$output, "::mlir::Value":$input,
      "::llvm::StringRef":$weight, "::llvm::StringRef":$bias)>];
  let extraClassDeclaration = [{
    /// Name of weight or bias i; the bias is null where there is none.
    ::mlir::FlatSymbolRefAttr getWeight(unsigned i = 0);
    ::mlir::FlatSymbolRefAttr getBias(unsigned i = 0);
    /// The one output of a plain linear.
    ::mlir::Value getOutput(unsigned i = 0) { return getOutputs()[i]; }
  }];
}

class EncDec_InferredOp<string mnemonic, list<Trait> traits = []>
    : EncDec_Op<mnemonic, traits # [InferTypeOpAdaptor]>;

include "dialect/AttentionOps.td"

def EncDec_AddOp : EncDec_Op<"add",
    [Pure, EncDec_RowWise, AllTypesMatch<["x", "sum"]>]> {
  let summary = "x + y: a residual connection";
  let description = [{
    ```mlir
    %z = encdec.add %x, %y : tensor<?x8xf32, #s>, tensor<?x8xf32, #s>
    ```
    C1 y has the side of x.
    C2 y has the width of x.
  }];
  let arguments = (ins EncDec_Rows:$x, EncDec_Rows:$y);
  let results = (outs EncDec_Rows:$sum);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x) `,` type($y)";
}

def EncDec_NormOp : EncDec_WeightUser<"norm",
    [Pure, EncDec_RowWise, AllTypesMatch<["input", "output"]>]> {
  let summary = "LayerNorm or RMSNorm of each row, times gamma, plus beta";
  let description = [{
    ```mlir
    %y = encdec.norm %x, @gamma, @beta {eps = 1.0e-5} : tensor<?x8xf32, #s>
    %y = encdec.norm %x, @gamma {eps = 1.0e-6, kind = rms} : tensor<?x8xf32, #s>
    ```
    Kind layer, the default: (x - mean) / sqrt(variance + eps) * gamma + beta, with mean
    and (biased) variance of one row. Kind rms: x / sqrt(mean(x²) + eps) * gamma + beta.

    C1 gamma and beta, if any, are [E] with E the input's width.
  }];
  let arguments = (ins EncDec_Rows:$input, FlatSymbolRefAttr:$gamma,
                       OptionalAttr<FlatSymbolRefAttr>:$beta, EncDec_Epsilon:$eps,
                       EncDec_NormKindAttr:$kind);
  let results = (outs EncDec_Rows:$output);
  let assemblyFormat = [{
    $input `,` $gamma (`,` $beta^)? ` ` `{` `eps` `=` $eps `` custom<NormOptions>($kind) `}`
    attr-dict `:` type($input)
  }];
}

def EncDec_ActivationOp : EncDec_Op<"activation",
    [Pure, EncDec_RowWise, AllTypesMatch<["input", "output"]>,
     OptionalTypesMatchWith<"the gate has the input's type", "input", "gate", "$_self">]> {
  let summary = "relu, gelu (erf), gelu_tanh or silu of each element, times a gate";
  let description = [{
    ```mlir
    %y = encdec.activation %x {kind = relu} : tensor<?x8xf32, #s>
    %y = encdec.activation %x gated %g {kind = gelu_tanh} : tensor<?x8xf32, #s>
    ```
    The second is activation(x) * gate (Shazeer, arXiv:2002.05202).
  }];
  let arguments = (ins EncDec_Rows:$input, Optional<EncDec_Rows>:$gate,
                       EncDec_ActivationKindAttr:$kind);
  let results = (outs EncDec_Rows:$output);
  let assemblyFormat = [{
    $input (`gated` $gate^)? ` ` `{` `kind` `=` custom<Kind>($kind) `}` attr-dict `:` type($input)
  }];
  let hasVerifier = 0;
}

def EncDec_TopTokensOp : EncDec_InferredOp<"top_tokens", [Pure, EncDec_RowWise]> {
  let summary = "the best tokens of each row and their log-probabilities";
  let description = [{
    ```mlir
    %t, %l = encdec.top_tokens %logits biased %bias by %row_bias keep %count : tensor<…>, tensor<…>
    ```
    tokens[r] are the `count` greatest v by logits[r][v] + logit_bias[row_bias[r]][v],
    best first, lower ids first on ties; log_probs[r] are their log-probabilities under
    the softmax of the *unbiased* logits. Tokens biased to -inf are never chosen: a place
    that no token takes has token 0 and log-probability -inf.

    C1 logit_bias has the width of logits.
  }];
  let arguments = (ins EncDec_Rows:$logits, EncDec_LogitBias:$logit_bias,
                       EncDec_Index:$row_bias, I64:$count);
  let results = (outs EncDec_TopIds:$tokens, EncDec_TopValues:$log_probs);
  let assemblyFormat = [{
    $logits `biased` $logit_bias `by` $row_bias `keep` $count attr-dict
    `:` type($logits) `,` type($logit_bias)
  }];
}

//===-- Handles ------------------------------------------------------------===//

def EncDec_MemoryReadOp : EncDec_InferredOp<"memory_read"> {
  let summary = "views of a memory: keys, values, where each source starts";
  let description = [{
    ```mlir
    %k, %v, %offsets = encdec.memory_read %memory : !encdec.memory<4x64>
    ```
    Segments are sources. Keys and values are of the encoder.
  }];
  let arguments = (ins Arg<EncDec_MemoryType, "", [MemRead]>:$memory);
  let results = (outs EncDec_Rows:$key, EncDec_Rows:$value, EncDec_Index:$offsets);
  let assemblyFormat = "$memory attr-dict `:` qualified(type($memory))";
  let hasVerifier = 0;
}

def EncDec_CacheReadOp : EncDec_InferredOp<"cache_read"> {
  let summary = "views of a cache: what each row of the step may look back on";
  let description = [{
    ```mlir
    %k, %v, %offsets, %rows = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<4x64>
    ```
    Segments are the rows of the step: row r sees positions p = 0 … positions[r],
    each in slot ancestors[r][p], and `rows` is 0, 1, 2, … So hypotheses share the
    past that they have in common, and none is ever copied. Keys and values are of
    the decoder.
  }];
  let arguments = (ins Arg<EncDec_CacheType, "", [MemRead]>:$cache,
                       EncDec_Ancestors:$ancestors, EncDec_Index:$positions);
  let results = (outs EncDec_Rows:$key, EncDec_Rows:$value,
                      EncDec_Index:$offsets, EncDec_Index:$rows);
  let assemblyFormat = [{
    $cache `of` $ancestors `to` $positions attr-dict `:` qualified(type($cache))
  }];
  let hasVerifier = 0;
}

def EncDec_CacheAppendOp : EncDec_Op<"cache_append"> {
  let summary = "write each row's key and value at its position";
  let description = [{
    ```mlir
    encdec.cache_append %cache, %k, %v of %ancestors at %positions : !encdec.cache<4x64>, tensor<…>, tensor<…>
    ```
    Row r goes to slot ancestors[r][positions[r]], which is no other row's.

    C1 key and value are of the decoder: the memory does not grow.
    C2 key and value have the cache's width.
    C3 the op stands in a function with encdec.entry = "step".
  }];
  let arguments = (ins Arg<EncDec_CacheType, "", [MemWrite]>:$cache,
                       EncDec_Rows:$key, EncDec_Rows:$value,
                       EncDec_Ancestors:$ancestors, EncDec_Index:$positions);
  let assemblyFormat = [{
    $cache `,` $key `,` $value `of` $ancestors `at` $positions attr-dict
    `:` qualified(type($cache)) `,` type($key) `,` type($value)
  }];
}

def EncDec_MemoryProjectOp : EncDec_WeightUser<"memory_project"> {
  let summary = "project the encoder's output to keys and values, once per source";
  let description = [{
    ```mlir
    encdec.memory_project %memory, %x, key @k.w @k.b, value @v.w @v.b in %offsets : !encdec.memory<4x64>, tensor<…>
    ```
    C1 the input is of the encoder.
    C2 the op stands in a function with encdec.entry = "encode": nothing writes
       memory in a step.
    C3 the weights are [heads * head size, width of input].
    C4 the biases, if any, are [heads * head size].
  }];
  let arguments = (ins Arg<EncDec_MemoryType, "", [MemWrite]>:$memory,
                       EncDec_Rows:$input, EncDec_Index:$offsets,
                       FlatSymbolRefAttr:$key_weight,
                       OptionalAttr<FlatSymbolRefAttr>:$key_bias,
                       FlatSymbolRefAttr:$value_weight,
                       OptionalAttr<FlatSymbolRefAttr>:$value_bias);
  let assemblyFormat = [{
    $memory `,` $input `,` `key` $key_weight (custom<Symbol>($key_bias)^)?
    `,` `value` $value_weight (custom<Symbol>($value_bias)^)? `in` $offsets
    attr-dict `:` qualified(type($memory)) `,` type($input)
  }];
  let hasVerifier = 1;
}

include "dialect/FusedOps.td"

#endif // ENCDEC_DIALECT_OPS_TD
