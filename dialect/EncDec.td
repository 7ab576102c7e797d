// The dialect itself: sides, handles, where a weight's values come from, the
// trait and the interface that its ops share. The ops stand in Ops.td.
#ifndef ENCDEC_DIALECT_ENCDEC_TD
#define ENCDEC_DIALECT_ENCDEC_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"

def EncDec_Dialect : Dialect {
  let name = "encdec";
  let cppNamespace = "::encdec";
  let summary = "Encoder-decoder transformers, as the textbook tells them";
  let description = [{
    The decoder asks, the encoder answers. Every sequence tensor carries its side
    in its type, `tensor<?x512xf32, #encdec.side<decoder>>`; only cross-attention
    connects the two sides. See dialect/README.md.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

//===-- Sides --------------------------------------------------------------===//

def EncDec_Side : I32EnumAttr<"Side", "which half of the model", [
    I32EnumAttrCase<"encoder", 0>, I32EnumAttrCase<"decoder", 1>]> {
  let cppNamespace = "::encdec";
  let genSpecializedAttr = 0;
}

def EncDec_SideAttr : EnumAttr<EncDec_Dialect, EncDec_Side, "side", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let assemblyFormat = "`<` $value `>`";
  let summary = "the side of a sequence tensor, as its encoding";
}

def EncDec_ActivationKind : I32EnumAttr<"ActivationKind", "a nonlinearity", [
    I32EnumAttrCase<"relu", 0>, I32EnumAttrCase<"gelu", 1>,
    I32EnumAttrCase<"gelu_tanh", 2>, I32EnumAttrCase<"silu", 3>]> {
  let cppNamespace = "::encdec";
  let genSpecializedAttr = 0;
}

def EncDec_ActivationKindAttr
    : EnumAttr<EncDec_Dialect, EncDec_ActivationKind, "activation_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

def EncDec_NormKind : I32EnumAttr<"NormKind", "what a norm divides by", [
    I32EnumAttrCase<"layer", 0>, I32EnumAttrCase<"rms", 1>]> {
  let cppNamespace = "::encdec";
  let genSpecializedAttr = 0;
}

def EncDec_NormKindAttr : EnumAttr<EncDec_Dialect, EncDec_NormKind, "norm_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

//===-- Where a weight's values come from ----------------------------------===//

class EncDec_Attr<string cppName, string attrMnemonic>
    : AttrDef<EncDec_Dialect, cppName> {
  let mnemonic = attrMnemonic;
}

def EncDec_FileAttr : EncDec_Attr<"File", "file"> {
  let summary = "stored bytes: a file of the checkpoint's folder, offset of the first";
  let parameters = (ins StringRefParameter<>:$file, "int64_t":$offset);
  let assemblyFormat = "`<` $file `,` $offset `>`";
}

def EncDec_Sinusoids : I32EnumAttr<"Sinusoids", "a formula of sinusoidal positions", [
    I32EnumAttrCase<"paper", 0>, I32EnumAttrCase<"tensor2tensor", 1>]> {
  let cppNamespace = "::encdec";
  let genSpecializedAttr = 0;
}
def EncDec_DefaultSinusoids : EnumParameter<EncDec_Sinusoids> {
  let defaultValue = "::encdec::Sinusoids::paper";
}

def EncDec_SinusoidalAttr : EncDec_Attr<"Sinusoidal", "sinusoidal"> {
  let summary = "a table of sinusoidal positions, computed";
  let description = [{
    ```mlir
    #encdec.sinusoidal
    #encdec.sinusoidal<formula = tensor2tensor, first = 2, blank = 1>
    ```
    Row r is position p = first + r; the last `blank` rows are zeros. Formula paper (Vaswani
    et al., arXiv:1706.03762), column j of d: sin(p / 10000^(2j/d)) in the first ceil(d/2)
    columns, cos of the same angles in the rest. Formula tensor2tensor (its get_timing_signal):
    sin(p * 10000^(-j/(h-1))) in the first h = floor(d/2) columns, cos of the same angles in
    the next h, and zeros in the last column of an odd d; its angles are products of f32.
  }];
  let parameters = (ins EncDec_DefaultSinusoids:$formula,
                        DefaultValuedParameter<"int64_t", "0">:$first,
                        DefaultValuedParameter<"int64_t", "0">:$blank);
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
}

def EncDec_SeededAttr : EncDec_Attr<"Seeded", "seeded"> {
  let summary = "pseudo-random non-zero values in (-scale, scale), for tests";
  let parameters = (ins "uint64_t":$seed, APFloatParameter<"f64">:$scale);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "uint64_t":$seed, "double":$scale), [{
    return $_get($_ctxt, seed, ::llvm::APFloat(scale));
  }]>];
}

// Derived origins: expressions over other weights. Derived.h says what they give.
def EncDec_ScaledAttr : EncDec_Attr<"Scaled", "scaled"> {
  let summary = "every value of a weight times a constant";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight, APFloatParameter<"f64">:$factor);
  let assemblyFormat = "`<` $weight `,` custom<Factor>($factor) `>`";
  let genVerifyDecl = 1;
}

def EncDec_ProductAttr : EncDec_Attr<"Product", "product"> {
  let summary = "the matrix product [n, k] · [k, m], or [n, k] · [k]";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$left, "::mlir::FlatSymbolRefAttr":$right);
  let assemblyFormat = "`<` $left `,` $right `>`";
}

def EncDec_SumAttr : EncDec_Attr<"Sum", "sum"> {
  let summary = "the sum of two weights of one shape, value by value";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$left, "::mlir::FlatSymbolRefAttr":$right);
  let assemblyFormat = "`<` $left `,` $right `>`";
}

def EncDec_RowsAttr : EncDec_Attr<"Rows", "rows"> {
  let summary = "rows from … to - 1 of a matrix, or those values of a vector";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight, "int64_t":$from, "int64_t":$to);
  let assemblyFormat = "`<` $weight `,` $from `,` $to `>`";
}

def EncDec_GatheredAttr : EncDec_Attr<"Gathered", "gathered"> {
  let summary = "these rows of a matrix, or values of a vector, in this order";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight, ArrayRefParameter<"int32_t">:$rows);
  let assemblyFormat = "`<` $weight `,` `[` $rows `]` `>`";
}

def EncDec_ColumnsAttr : EncDec_Attr<"Columns", "columns"> {
  let summary = "columns from … to - 1 of a matrix";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$weight, "int64_t":$from, "int64_t":$to);
  let assemblyFormat = "`<` $weight `,` $from `,` $to `>`";
}

def EncDec_ConcatAttr : EncDec_Attr<"Concat", "concat"> {
  let summary = "the rows of all parts, one part after the other";
  let parameters = (ins ArrayRefParameter<"::mlir::FlatSymbolRefAttr">:$parts);
  let assemblyFormat = "`<` `[` $parts `]` `>`";
  let genVerifyDecl = 1;
}

def EncDec_PackedAttr : EncDec_Attr<"Packed", "packed"> {
  let summary = "weight layout [N/16][K/group][16][group], padded with zeros";
  let description = [{
    Group 4 is for int8 weights whose products are of whole numbers: bytes at even
    columns hold the value plus a zero point of 128, bytes at odd columns the value, so
    that two bytes are a 16-bit number that is multiplied without being widened.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "1">:$group);
  let assemblyFormat = "(`<` $group^ `>`)?";
}

//===-- Handles ------------------------------------------------------------===//

class EncDec_HandleType<string cppName, string typeMnemonic>
    : TypeDef<EncDec_Dialect, cppName> {
  let mnemonic = typeMnemonic;
  let parameters = (ins "int64_t":$heads, "int64_t":$headSize, "::mlir::Type":$element);
  let builders = [TypeBuilder<(ins "int64_t":$heads, "int64_t":$headSize), [{
    return $_get($_ctxt, heads, headSize, ::mlir::Float32Type::get($_ctxt));
  }]>];
  let assemblyFormat = "`<` custom<Handle>($heads, $headSize, $element) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Width of one key or value row: heads times head size.
    int64_t getWidth() const { return getHeads() * getHeadSize(); }
  }];
}

def EncDec_MemoryType : EncDec_HandleType<"Memory", "memory"> {
  let summary = "one cross-attention's keys and values, one copy per source";
  let description = [{
    `!encdec.memory<heads x head size>`. Written in `encode`, read in `step`.
    `!encdec.memory<heads x head size, bf16>` rounds what is written.
  }];
}

def EncDec_CacheType : EncDec_HandleType<"Cache", "cache"> {
  let summary = "one decoder layer's own keys and values, all slots; grows";
  let description = [{
    `!encdec.cache<heads x head size>`, or `<heads x head size, bf16>`, which rounds what
    is appended.
  }];
}

//===-- Trait and interface ------------------------------------------------===//

// Rows never mix; see RowWise.h. A property test (tests/dialect/RowWiseTest.cpp) checks
// every op with the trait.
def EncDec_RowWise : NativeOpTrait<"RowWise"> {
  let cppNamespace = "::encdec";
}

def EncDec_DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::encdec";
  let description = "Fused ops: they know the plain ops they stand for.";
  let methods = [InterfaceMethod<
    /*desc=*/[{
      Builds the plain ops that compute this op's results, at the builder's
      insertion point, and returns one value per result. Fails, having built
      nothing, when the op has no plain form (chosen heads' probabilities of
      fewer than all heads; a linear that is already plain).
    }],
    "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose",
    (ins "::mlir::OpBuilder &":$builder)>];
}

def EncDec_WeightUserOpInterface : OpInterface<"WeightUserOpInterface"> {
  let cppNamespace = "::encdec";
  let description = "Ops that name weights: which, and what for.";
  let methods = [InterfaceMethod<
    "Calls `visit` for each weight that the op names, in the order of its assembly.",
    "void", "visitWeights",
    (ins "::llvm::function_ref<void(::mlir::FlatSymbolRefAttr, ::encdec::WeightRole)>":$visit)>];
}

#endif // ENCDEC_DIALECT_ENCDEC_TD
