// The fused ops: each stands for several plain ops of Ops.td, which includes this
// file, and knows how to decompose into them.
#ifndef ENCDEC_DIALECT_FUSEDOPS_TD
#define ENCDEC_DIALECT_FUSEDOPS_TD

class EncDec_Attention<string mnemonic, list<Trait> more = []>
    : EncDec_InferredOp<mnemonic, [Pure, EncDec_Decomposable] # more> {
  let results = (outs EncDec_Rows:$output, Optional<EncDec_Scores>:$probs);
}

def EncDec_SelfAttentionOp : EncDec_Attention<"self_attention", [AttrSizedOperandSegments]> {
  let summary = "scores, mask if causal, softmax and context within one side";
  let description = [{
    ```mlir
    %c = encdec.self_attention %q, %k, %v of %rows in %offsets causal at %positions {heads = 4, scale = 0.125} : tensor<…>, tensor<…>, tensor<…>
    %c = encdec.self_attention %q, %k, %v of %rows in %offsets bias %b at %positions {heads = 4, scale = 1.0} : tensor<…>, tensor<…>, tensor<…>, tensor<…>
    %c, %p = encdec.self_attention … {heads = 4, scale = 0.125, probs = [0, 3]} : …
    ```
    With `probs`, the second result holds the probabilities of those heads. The bias is
    added as encdec.scores adds it.

    C1 query, key and value have one side.
    C2 causal is for the decoder.
    C3 query, key and value have one width.
    C4 heads is positive and divides the width.
    C5 probs names heads, ascending.
    C6 bias and its positions come together.
    C7 bias has the side of the query.
    C8 bias is for as many heads.
    C9 where they are seen, bias is made over the offsets that the attention reads, or to
       bias_positions; and keys of a cache are read to bias_positions.
    C10 causal and bias are at the same positions.
    C11 keys of a cache are read with its heads.
  }];
  let arguments = (ins EncDec_Rows:$query, EncDec_Rows:$key, EncDec_Rows:$value,
                       EncDec_Index:$rows, EncDec_Index:$offsets,
                       Optional<EncDec_RelativeBias>:$bias,
                       Optional<EncDec_Index>:$bias_positions,
                       Optional<EncDec_Index>:$positions, I64Attr:$heads,
                       EncDec_Scale:$scale,
                       OptionalAttr<DenseI64ArrayAttr>:$probs_heads);
  let assemblyFormat = [{
    $query `,` $key `,` $value `of` $rows `in` $offsets
    (`bias` $bias^ `at` $bias_positions)? (`causal` `at` $positions^)?
    ` ` `{` `heads` `=` $heads `,` `scale` `=` $scale
    (`,` `probs` `=` $probs_heads^)? `}` attr-dict
    `:` type($query) `,` type($key) `,` type($value) (`,` type($bias)^)?
  }];
}

def EncDec_CrossAttentionOp : EncDec_Attention<"cross_attention"> {
  let summary = "the decoder asks, the encoder answers: scores, softmax, context";
  let description = [{
    ```mlir
    %c = encdec.cross_attention %q, %k, %v of %rows in %offsets {heads = 4, scale = 0.125} : tensor<…>, tensor<…>, tensor<…>
    ```
    There is no causal form: the whole source is there from the start. There is no bias:
    a row of the decoder has no distance from a key of the encoder.

    C1 query is of the decoder.
    C2 key and value are of the encoder.
    C3 query, key and value have one width.
    C4 heads is positive and divides the width.
    C5 probs names heads, ascending.
    C6 keys of a memory are read with its heads.
  }];
  let arguments = (ins EncDec_Rows:$query, EncDec_Rows:$key, EncDec_Rows:$value,
                       EncDec_Index:$rows, EncDec_Index:$offsets,
                       I64Attr:$heads, EncDec_Scale:$scale,
                       OptionalAttr<DenseI64ArrayAttr>:$probs_heads);
  let assemblyFormat = [{
    $query `,` $key `,` $value `of` $rows `in` $offsets
    ` ` `{` `heads` `=` $heads `,` `scale` `=` $scale
    (`,` `probs` `=` $probs_heads^)? `}` attr-dict
    `:` type($query) `,` type($key) `,` type($value)
  }];
}

def EncDec_FfnOp : EncDec_WeightUser<"ffn", [Pure, EncDec_RowWise,
    EncDec_Decomposable, AllTypesMatch<["input", "output"]>]> {
  let summary = "FFN(x) = activation(x W1ᵀ + b1) W2ᵀ + b2, each row alone";
  let description = [{
    ```mlir
    %y = encdec.ffn %x, up @w1 @b1, down @w2 @b2 {kind = relu} : tensor<?x8xf32, #s>
    %y = encdec.ffn %x, up @w1, gate @wg, down @w2 {kind = gelu_tanh} : tensor<?x8xf32, #s>
    ```
    With a gate, FFN(x) = (activation(x W1ᵀ + b1) * (x Wgᵀ + bg)) W2ᵀ + b2.

    C1 up_weight is [F, E] with E the input's width.
    C2 up_bias, if any, is [F].
    C3 down_weight is [E, F].
    C4 down_bias, if any, is [E].
    C5 gate_weight, if any, is [F, E].
    C6 gate_bias, if any, is [F], and has a gate_weight.
  }];
  let arguments = (ins EncDec_Rows:$input, FlatSymbolRefAttr:$up_weight,
                       OptionalAttr<FlatSymbolRefAttr>:$up_bias,
                       OptionalAttr<FlatSymbolRefAttr>:$gate_weight,
                       OptionalAttr<FlatSymbolRefAttr>:$gate_bias,
                       FlatSymbolRefAttr:$down_weight,
                       OptionalAttr<FlatSymbolRefAttr>:$down_bias,
                       EncDec_ActivationKindAttr:$kind);
  let results = (outs EncDec_Rows:$output);
  let assemblyFormat = [{
    $input `,` `up` $up_weight (custom<Symbol>($up_bias)^)? `,`
    custom<Gate>($gate_weight, $gate_bias) `` `down` $down_weight
    (custom<Symbol>($down_bias)^)? ` ` `{` `kind` `=` custom<Kind>($kind) `}` attr-dict
    `:` type($input)
  }];
}

def EncDec_AddNormOp : EncDec_WeightUser<"add_norm", [Pure, EncDec_RowWise,
    EncDec_Decomposable, InferTypeOpAdaptor]> {
  let summary = "norm(x + residual), and the sum where it is the next residual";
  let description = [{
    ```mlir
    %y = encdec.add_norm %x, %residual, @gamma, @beta {eps = 1.0e-5} : tensor<?x8xf32, #s>, tensor<?x8xf32, #s>
    %y, %sum = encdec.add_norm %x, %residual, @gamma {eps = 1.0e-6, kind = rms, sum} : tensor<?x8xf32, #s>, tensor<?x8xf32, #s>
    ```
    The first is the end of a post-norm sub-layer. With `sum`, the second result is x +
    residual, the residual of the next sub-layer, whose norm the first result is: pre-norm.

    C1 residual has the side of the input.
    C2 residual has the width of the input.
    C3 gamma and beta, if any, are [E] with E the input's width.
  }];
  let arguments = (ins EncDec_Rows:$input, EncDec_Rows:$residual,
                       FlatSymbolRefAttr:$gamma, OptionalAttr<FlatSymbolRefAttr>:$beta,
                       EncDec_Epsilon:$eps, EncDec_NormKindAttr:$kind, UnitAttr:$keeps_sum);
  let results = (outs EncDec_Rows:$output, Optional<EncDec_Rows>:$sum);
  let assemblyFormat = [{
    $input `,` $residual `,` $gamma (`,` $beta^)? ` ` `{` `eps` `=` $eps
    `` custom<NormOptions>($kind, $keeps_sum) `}` attr-dict
    `:` type($input) `,` type($residual)
  }];
  let hasVerifier = 1;
}

def EncDec_VocabularyOp : EncDec_WeightUser<"vocabulary", [Pure, EncDec_RowWise,
    EncDec_Decomposable, InferTypeOpAdaptor]> {
  let summary = "linear to the vocabulary, then top_tokens: logits need not be stored";
  let description = [{
    ```mlir
    %t, %l = encdec.vocabulary %x, @w, @b biased %bias by %row_bias keep %count : tensor<…>, tensor<…>
    %t, %l = encdec.vocabulary %x, @w, @b sketch @s biased %bias by %row_bias keep %count : tensor<…>, tensor<…>
    ```
    A sketch is the same weight in int8. It changes no result: where only the best
    token is asked for, the sketch bounds every logit, and most columns of the weight
    need not be read.

    C1 weight is [V, E] with E the input's width, V the width of logit_bias.
    C2 bias, if any, is [V].
    C3 sketch, if any, is weight in format int8, and weight is in f32.
  }];
  let arguments = (ins EncDec_Rows:$input, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias,
                       OptionalAttr<FlatSymbolRefAttr>:$sketch,
                       EncDec_LogitBias:$logit_bias, EncDec_Index:$row_bias,
                       I64:$count);
  let results = (outs EncDec_TopIds:$tokens, EncDec_TopValues:$log_probs);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? (`sketch` $sketch^)?
    `biased` $logit_bias `by` $row_bias `keep` $count attr-dict
    `:` type($input) `,` type($logit_bias)
  }];
}

//===-- Groups -------------------------------------------------------------===//

def EncDec_FusedOp : Op<EncDec_Dialect, "fused", [
    IsolatedFromAbove, SingleBlock, Pure, EncDec_RowWise, EncDec_Decomposable,
    DeclareOpInterfaceMethods<OpAsmOpInterface,
                              ["getAsmResultNames", "getAsmBlockArgumentNames"]>]> {
  let summary = "a group: row-wise ops that may become few kernel calls";
  let description = [{
    ```mlir
    %y, %s = encdec.fused(%a = %c, %r = %x) : (tensor<…>, tensor<…>) -> (tensor<…>, tensor<…>) {
      %o = encdec.linear %a, @o.w, @o.b : …
      %n, %z = encdec.add_norm %o, %r, @g, @b {eps = 9.99999974E-6, sum} : …
      encdec.yield %n, %z : tensor<…>, tensor<…>
    }
    ```
    It computes what its ops compute, in every bit; a target decides which kernels do so.
    Fusions and patterns leave its region alone. `groupOps` (Group.h) makes one.

    C1 the region has an argument for each input, of its type.
    C2 the region holds RowWise ops that make rows, and no group.
    C3 the region ends in a yield of the results' types.
    C4 inputs and results are of one side: a group has one number of rows.
  }];
  let arguments = (ins Variadic<AnyTypeOf<[EncDec_Rows, EncDec_Ids, EncDec_Index]>>:$inputs);
  let results = (outs Variadic<EncDec_Rows>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}

def EncDec_YieldOp : Op<EncDec_Dialect, "yield", [
    Pure, Terminator, ReturnLike, HasParent<"FusedOp">]> {
  let summary = "what a group hands out";
  let arguments = (ins Variadic<EncDec_Rows>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // ENCDEC_DIALECT_FUSEDOPS_TD
