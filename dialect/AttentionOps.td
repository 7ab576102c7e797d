// The plain ops of attention, one line of the textbook each; Ops.td includes this file.
#ifndef ENCDEC_DIALECT_ATTENTIONOPS_TD
#define ENCDEC_DIALECT_ATTENTIONOPS_TD

def EncDec_RelativeBiasOp : EncDec_WeightUser<"relative_bias",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "what each distance from query to key adds to the scores, per head";
  let description = [{
    ```mlir
    %b = encdec.relative_bias @table over %offsets {max_distance = 128} : tensor<4x?xf32, #encdec.side<encoder>>
    %b = encdec.relative_bias @table to %positions {max_distance = 128} : tensor<4x?xf32, #encdec.side<decoder>>
    ```
    bias[h][i] = table[bucket(key position - query position)][h] with i = key position -
    query position + n - 1 (Raffel et al., arXiv:1910.10683, as its code computes it). `over`
    segments, both directions: n is the longest segment and the bias has 2n - 1 distances;
    half of the buckets are for keys after the query. `to` positions, causal: n is one more
    than the greatest position and the bias has n distances, the last of them 0. Of the B
    buckets of one direction the first B/2 are of one distance each, the others of ranges
    that grow with the logarithm, up to max_distance; the last holds all beyond.

    C1 it is made either over offsets or to positions.
    C2 over offsets it is of the encoder, to positions of the decoder, whose query stands
       where its cache ends.
    C3 table is [buckets, H] with H the heads of the result.
    C4 over offsets the buckets are even, at least 4; to positions at least 2.
    C5 max_distance exceeds the number of buckets of one distance each, and fits 32 bits.
  }];
  let arguments = (ins FlatSymbolRefAttr:$table, Optional<EncDec_Index>:$offsets,
                       Optional<EncDec_Index>:$positions, I64Attr:$max_distance);
  let results = (outs EncDec_RelativeBias:$bias);
  let assemblyFormat = [{
    $table (`over` $offsets^)? (`to` $positions^)?
    ` ` `{` `max_distance` `=` $max_distance `}` attr-dict `:` type($bias)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether keys stand on both sides of a query.
    bool isBidirectional() { return bool(getOffsets()); }
  }];
}

def EncDec_ScoresOp : EncDec_InferredOp<"scores", [Pure, AttrSizedOperandSegments]> {
  let summary = "scale * query · key, per head, with a bias of their distance";
  let description = [{
    ```mlir
    %s = encdec.scores %q, %k of %rows in %offsets {heads = 4, scale = 0.125} : tensor<…>, tensor<…>
    %s = encdec.scores %q, %k of %rows in %offsets bias %b at %positions {heads = 4, scale = 1.0} : tensor<…>, tensor<…>, tensor<…>
    ```
    The result is tensor<heads x ? x ? x f32> with the side of its rows, the
    query's. A decoder query on encoder keys is cross-attention; the other way
    round is an error: the decoder asks, the encoder answers.

    With a bias of n key positions, scores[h][r][j] is scale * query · key +
    bias[h][j - positions[r] + n - 1].

    C1 an encoder query has encoder keys.
    C2 query and key have one width.
    C3 heads is positive and divides the width.
    C4 bias and its positions come together.
    C5 bias is for keys of the query's own side: there is no distance between the sides.
    C6 bias has the side of the query.
    C7 bias is for as many heads.
    C8 where they are seen, bias is made over the offsets that the scores read, or to
       bias_positions; and keys of a cache are read to bias_positions.
    C9 keys of a memory or a cache are read with its heads.
  }];
  let arguments = (ins EncDec_Rows:$query, EncDec_Rows:$key, EncDec_Index:$rows,
                       EncDec_Index:$offsets, Optional<EncDec_RelativeBias>:$bias,
                       Optional<EncDec_Index>:$bias_positions, I64Attr:$heads,
                       EncDec_Scale:$scale);
  let results = (outs EncDec_Scores:$scores);
  let assemblyFormat = [{
    $query `,` $key `of` $rows `in` $offsets (`bias` $bias^ `at` $bias_positions)?
    ` ` `{` `heads` `=` $heads `,` `scale` `=` $scale `}` attr-dict
    `:` type($query) `,` type($key) (`,` type($bias)^)?
  }];
}

def EncDec_MaskOp : EncDec_Op<"mask", [Pure, AllTypesMatch<["scores", "masked"]>]> {
  let summary = "causal: row r keeps keys 0 … positions[r]; later ones become -inf";
  let description = [{
    ```mlir
    %m = encdec.mask %s at %positions : tensor<4x?x?xf32, #encdec.side<decoder>>
    ```
    C1 scores are of the decoder: the encoder sees its whole source.
    C2 scores are not cross-attention's (seen through the op that defines them).
    C3 scores with a bias have it at the same positions (where they are seen).
  }];
  let arguments = (ins EncDec_Scores:$scores, EncDec_Index:$positions);
  let results = (outs EncDec_Scores:$masked);
  let assemblyFormat = "$scores `at` $positions attr-dict `:` type($scores)";
}

def EncDec_SoftmaxOp : EncDec_Op<"softmax", [Pure, AllTypesMatch<["scores", "probs"]>]> {
  let summary = "probabilities over each row's keys";
  let arguments = (ins EncDec_Scores:$scores);
  let results = (outs EncDec_Scores:$probs);
  let assemblyFormat = "$scores attr-dict `:` type($scores)";
  let hasVerifier = 0;
}

def EncDec_ContextOp : EncDec_InferredOp<"context", [Pure]> {
  let summary = "probs · value per head, heads side by side";
  let description = [{
    ```mlir
    %c = encdec.context %p, %v of %rows in %offsets {heads = 4} : tensor<…>, tensor<…>
    ```
    The result is [R, width of value] with the side of probs.

    C1 an encoder's probs have encoder values.
    C2 heads is positive and divides the value's width.
    C3 probs have as many heads.
    C4 value has the side of the keys that probs came from (where they are seen).
  }];
  let arguments = (ins EncDec_Scores:$probs, EncDec_Rows:$value,
                       EncDec_Index:$rows, EncDec_Index:$offsets, I64Attr:$heads);
  let results = (outs EncDec_Rows:$context);
  let assemblyFormat = [{
    $probs `,` $value `of` $rows `in` $offsets ` ` `{` `heads` `=` $heads `}`
    attr-dict `:` type($probs) `,` type($value)
  }];
}

#endif // ENCDEC_DIALECT_ATTENTIONOPS_TD
