// All passes of encdec: one entry, one file, one flag, one test each.
//
// Before/after IR in a description is cut from the pass's lit test, shortened:
// types of encdec ops end in `: …`.
#ifndef ENCDEC_COMPILER_PASSES_TD
#define ENCDEC_COMPILER_PASSES_TD

include "mlir/Pass/PassBase.td"

//===-- fuse/: value semantics, decomposed to fused form -------------------===//
// Every pass here runs on the module (remarks are not safe under threads), visits its
// candidates once in program order, and reports each candidate under its flag without
// `encdec-`: what was gained, or a stable code that says why nothing was.
// compiler/fuse/README.md lists the codes.

def FuseAttentionPass : Pass<"encdec-fuse-attention", "mlir::ModuleOp"> {
  let summary = "scores, mask, softmax, context to self_attention or cross_attention";
  let description = [{
    Before:
    ```mlir
    %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 5.000000e-01} : …
    %m = encdec.mask %s at %positions : …
    %p = encdec.softmax %m : …
    %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : …
    ```
    After:
    ```mlir
    %c = encdec.self_attention %q, %k, %v of %rows in %offsets causal at %positions {heads = 2, scale = 5.000000e-01} : …
    ```
    The fused op is a cross_attention where the query is of the decoder and the keys
    are of the encoder. Probabilities that something else reads become the fused op's
    second result.
  }];
}

def FuseProjectionsPass : Pass<"encdec-fuse-projections", "mlir::ModuleOp"> {
  let summary = "query, key and value of a self-attention in one linear";
  let description = [{
    Before:
    ```mlir
    %q = encdec.linear %x, @q.w, @q.b : …
    %k = encdec.linear %x, @k.w, @k.b : …
    %v = encdec.linear %x, @v.w, @v.b : …
    ```
    After:
    ```mlir
    %q, %k, %v = encdec.linear %x, [@q.w, @k.w, @v.w], [@q.b, @k.b, @v.b] : …
    ```
    In the decoder, key and value are looked for behind the cache: in the
    cache_append to the cache that the attention reads.
  }];
}

def FuseFfnPass : Pass<"encdec-fuse-ffn", "mlir::ModuleOp"> {
  let summary = "linear, activation, linear to ffn";
  let description = [{
    Before:
    ```mlir
    %h = encdec.linear %x, @up.w, @up.b : …
    %a = encdec.activation %h {kind = relu} : …
    %y = encdec.linear %a, @down.w, @down.b : …
    ```
    After:
    ```mlir
    %y = encdec.ffn %x, up @up.w @up.b, down @down.w @down.b {kind = relu} : …
    ```
    A gated activation of two linears, joined or not, becomes an `ffn` with a gate.
  }];
}

def FuseAddNormPass : Pass<"encdec-fuse-add-norm", "mlir::ModuleOp"> {
  let summary = "add, norm to add_norm";
  let description = [{
    Before:
    ```mlir
    %z = encdec.add %x, %r : …
    %y = encdec.norm %z, @g, @b {eps = 9.99999974E-6} : …
    ```
    After:
    ```mlir
    %y = encdec.add_norm %x, %r, @g, @b {eps = 9.99999974E-6} : …
    ```
    or, where something else reads the sum:
    ```mlir
    %y, %z = encdec.add_norm %x, %r, @g, @b {eps = 9.99999974E-6, sum} : …
    ```
  }];
}

def FuseVocabularyPass : Pass<"encdec-fuse-vocabulary", "mlir::ModuleOp"> {
  let summary = "linear, top_tokens to vocabulary: logits need not be stored";
  let description = [{
    Before:
    ```mlir
    %l = encdec.linear %x, @w, @b : …
    %tokens, %log_probs = encdec.top_tokens %l biased %logit_bias by %row_bias keep %top : …
    ```
    After:
    ```mlir
    %tokens, %log_probs = encdec.vocabulary %x, @w, @b biased %logit_bias by %row_bias keep %top : …
    ```
  }];
}

def GroupRowsPass : Pass<"encdec-group-rows", "mlir::ModuleOp"> {
  let summary = "the row-wise ops between two attentions in one group";
  let description = [{
    Before:
    ```mlir
    %o = encdec.linear %c, @o.w, @o.b : …
    %y = encdec.add_norm %o, %x, @g, @b {eps = 9.99999974E-6} : …
    ```
    After:
    ```mlir
    %y = encdec.fused(%a = %c, %r = %x) : … {
      %o = encdec.linear %a, @o.w, @o.b : …
      %n = encdec.add_norm %o, %r, @g, @b {eps = 9.99999974E-6} : …
      encdec.yield %n : …
    }
    ```
    The target decides what a group becomes.
  }];
  let options = [Option<"entry", "entry", "std::string", "\"\"",
                        "encode or step; default: both">];
}

def DecomposePass : Pass<"encdec-decompose", "mlir::ModuleOp"> {
  let summary = "every fused op to the plain ops it stands for";
  let description = [{
    The inverse of the five above, through DecomposableOpInterface. An op that has
    no plain form (probabilities of some heads only) stays, with a missed remark
    `no-plain-form`.
  }];
}

def ApplyPatternsPass : Pass<"encdec-apply-patterns", "mlir::ModuleOp"> {
  let summary = "a user's rewrite patterns, of PDLL or the pdl dialect";
  let description = [{
    ```
    #include "encdec/fusion.pdll"
    Pattern AddNorm {
      let sum = op<encdec.add>(x: Value, y: Value);
      let norm = op<encdec.norm>(sum.sum)
                   {gamma = gamma: Attr, beta = beta: Attr, eps = eps: Attr, kind = kind: Attr};
      HasOneUse(sum.sum);
      replace norm with op<encdec.add_norm>(x, y)
                   {gamma = gamma, beta = beta, eps = eps, kind = kind};
    }
    ```
    Before:
    ```mlir
    %z = encdec.add %x, %r : …
    %y = encdec.norm %z, @g, @b {eps = 9.99999974E-6} : …
    ```
    After:
    ```mlir
    %y = encdec.add_norm %x, %r, @g, @b {eps = 9.99999974E-6} : …
    ```
    At each op of each function in program order, the patterns are tried by benefit, then in
    the order of the file; ops that a pattern makes are tried at once. This is repeated until
    nothing matches. Each application is verified, is an action `encdec-fusion` and has a
    remark. compiler/fuse/Fusion.pdll says what a pattern may call.
  }];
  let options = [Option<"file", "file", "std::string", "\"\"",
                        "file of patterns: PDLL (.pdll) or the pdl dialect (.mlir)">];
  let dependentDialects = ["::mlir::pdl::PDLDialect", "::mlir::pdl_interp::PDLInterpDialect"];
}

def VerifyFormPass : Pass<"encdec-verify-form", "mlir::ModuleOp"> {
  let summary = "check what no single op can: the form of a whole module";
  let description = [{
    The order masked self-attention, cross-attention, FFN in each decoder layer,
    no foreign op on a tensor with a side, and only ops of the form asked for.
    Fails with the checks' own messages (dialect/Form.h); changes nothing.
  }];
  let options = [Option<"form", "form", "std::string", "\"decomposed\"",
                        "decomposed, fused or mixed">];
}

//===-- place/: where computation and weights live ------------------------===//

def HoistEncoderPass : Pass<"encdec-hoist-encoder", "mlir::ModuleOp"> {
  let summary = "Compute once per source what depends on the encoder alone";
  let description = [{
    Keys and values of every cross-attention move from `step`, which runs for each
    token, to the end of `encode`, which runs once. Before (decomposed or fused):

    ```mlir
    func.func @step(…, %memory: tensor<?x4xf32, #encdec.side<encoder>>, …) {
      %k = encdec.linear %memory, @k.w : …
      %v = encdec.linear %memory, @v.w : …
      %c = encdec.cross_attention %q, %k, %v of %sources in %offsets …
    ```
    After:

    ```mlir
    func.func @encode(…, %memory.0: !encdec.memory<2x2>) {
      encdec.memory_project %memory.0, %out, key @k.w, value @v.w in %offsets : …
    func.func @step(…, %memory.0: !encdec.memory<2x2>) {
      %k, %v, %o = encdec.memory_read %memory.0 : !encdec.memory<2x2>
      %c = encdec.cross_attention %q, %k, %v of %sources in %o …
    ```
    Remarks (hoist-encoder): `projected-once` with the FLOPs each step saves,
    `moved` for what stood between. An op of `step` that still depends on the
    encoder's output alone is an error that names it.
  }];
}

def QuantizeWeightsPass : Pass<"encdec-quantize-weights", "mlir::ModuleOp"> {
  let summary = "Choose the format of each weight";
  let description = [{
    Before: `encdec.weight @w : tensor<8x4xf16> = …`
    After, with type=int8: `encdec.weight @w : tensor<8x4xf16> = … {format = "int8"}`

    A format (dialect/WeightFormat.h) holds for matrices of linear, ffn, vocabulary,
    memory_project and for token tables; vectors and position tables stay f32.
    `for=GLOB=FORMAT` chooses another format for weights whose names match; the last
    match counts, and a pattern that matches no name is an error.
  }];
  let options = [Option<"type", "type", "std::string", "\"f32\"",
                        "f32, bf16, int8 or int8-dynamic">,
                 ListOption<"overrides", "for", "std::string",
                            "GLOB=FORMAT for weights whose names match">];
}

def AddShortlistsPass : Pass<"encdec-add-shortlists", "mlir::ModuleOp"> {
  let summary = "Add a step for each list of tokens, with a vocabulary of these tokens alone";
  let description = [{
    Before: `encdec.vocabulary %x, @w, @b biased %bias …` of `@step`
    After, with lists=fr=FILE, in addition: `encdec.vocabulary %x, @w.fr, @b.fr biased …` of
    `@step.fr`, a copy of `@step` with `encdec.shortlist = 1`, and
    `encdec.weight @w.fr : tensor<3x512xf32> = #encdec.gathered<@w, [0, 7, 9]>`

    FILE holds token ids, separated by white space, commas or brackets. The pass adds the end
    tokens, and the tokens that encdec.generation forces. The module's encdec.shortlists says which token each
    row stands for; the runtime chooses a step by the list's name.
  }];
  let options = [ListOption<"lists", "lists", "std::string", "NAME=FILE">];
}

def SketchVocabularyPass : Pass<"encdec-sketch-vocabulary", "mlir::ModuleOp"> {
  let summary = "Let a greedy step read a quarter of an f32 vocabulary, for the same token";
  let description = [{
    Before: `encdec.vocabulary %x, @w biased …`
    After: `encdec.vocabulary %x, @w sketch @w.sketch biased …` and
    `encdec.weight @w.sketch : … {format = "int8"}`

    For weights stored as f32; other weights are left as they are. The sketch bounds every
    logit, and only columns that can still hold the best are multiplied exactly.
  }];
}

def NarrowKeysPass : Pass<"encdec-narrow-keys", "mlir::ModuleOp"> {
  let summary = "Choose how cached keys and values are stored";
  let description = [{
    Before: `func.func @step(…, %c: !encdec.cache<4x64>)`
    After, with type=bf16: `func.func @step(…, %c: !encdec.cache<4x64, bf16>)`

    Holds for caches and memories of all functions. Keys and values are rounded to
    nearest when they are written; sums over them stay f32. The encoder's own
    attention, which keeps nothing, stays f32.
  }];
  let options = [Option<"type", "type", "std::string", "\"f32\"", "f32 or bf16">];
}

def PackWeightsPass : Pass<"encdec-pack-weights", "mlir::ModuleOp"> {
  let summary = "Give each weight its layout and its place in the weights section";
  let description = [{
    Before: `encdec.weight @w : tensor<8x4xf32> = …`
    After: `encdec.weight @w : tensor<8x4xf32> = … {layout = #encdec.packed, offset = 0}`

    Matrices and token tables are packed `[N/16][K][16]` (int8-dynamic:
    `[N/16][K/4][16][4]`), one copy for both uses;
    position tables keep their rows, padded to whole lanes, and so do vectors.
    Places come in the order of use, the step's first. Weights that nothing uses
    get no place.
  }];
}

//===-- schedule/ and lower/: kernel calls, barriers, memory, code ---------===//

def SelectKernelsPass : Pass<"encdec-select-kernels", "mlir::ModuleOp"> {
  let summary = "ops of the fused form to kernel calls of a target";
  let description = [{
    Before: `%y = encdec.norm %x, @gamma, @beta {eps = 1.0e-5} : …`
    After:
    ```mlir
    %y = encdec_kernel.call "norm" (%x : read rows) to arena <per_row = 2048> : update rows split rows weights […] cost <> {eps = 1.0e-05 : f32, width = 512} : …
    ```
    A call says what its workers read and write, how they share the work, which
    temporaries it needs and what it costs (compiler/schedule/README.md). What no
    kernel of the target can honour is an error `not lowerable [code]`.
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu\"",
                        "whose kernels, a folder of compiler/">,
                 ListOption<"tuning", "tuning", "std::string",
                            "CHOICE=NUMBER, one of the target's choices">];
  let dependentDialects = ["::encdec::kernel::KernelDialect"];
}

def InsertBarriersPass : Pass<"encdec-insert-barriers", "mlir::ModuleOp"> {
  let summary = "barriers between calls whose workers touch each other's elements";
  let description = [{
    Before: `%x = encdec_kernel.call "norm" … split rows`, then a call that reads all of %x.
    After: `encdec_kernel.barrier` between the two.

    Barriers follow from the flow of values, handles and outputs alone. Accesses of the
    same part of one value under the same split belong to one worker and need no barrier.
  }];
  let dependentDialects = ["::encdec::kernel::KernelDialect"];
}

def PlanMemoryPass : Pass<"encdec-plan-memory", "mlir::ModuleOp"> {
  let summary = "Place every value in the arena or in scratch; state sizes as formulas";
  let description = [{
    Before: `… to arena <per_row = 2048> : write rows`
    After: `… to arena <per_row = 2048> at <per_row = 1024> : write rows`

    Values that are alive between the same two barriers share no byte; others may.
    `encdec_kernel.arena` and `encdec_kernel.scratch` of each entry hold the sizes.
  }];
  let dependentDialects = ["::encdec::kernel::KernelDialect"];
}

def VerifySchedulePass : Pass<"encdec-verify-schedule", "mlir::ModuleOp"> {
  let summary = "prove that no two workers race and every read finds its value";
  let description = [{
    The proof rests on what the calls declare and where plan-memory has placed their
    values, not on the passes before; it changes nothing. Errors: `schedule [S1]` to
    `[S4]` (compiler/schedule/README.md).
  }];
  let dependentDialects = ["::encdec::kernel::KernelDialect"];
}

def LowerPass : Pass<"encdec-lower", "mlir::ModuleOp"> {
  let summary = "scheduled form to entry functions, and the kernels that they call";
  let description = [{
    Replaces `encode` and `step` by the entry points of include/encdec/abi.h and
    adds the kernels they call, specialised on static sizes and shared by all
    layers of one shape. Before:

    ```mlir
    func.func @step(…) attributes {encdec.entry = "step"} {
      %q = encdec_kernel.call "linear" (%x : read all) to arena … : write panels …
      encdec_kernel.barrier
    ```
    After:

    ```mlir
    func.func @encdec_step(%ctx: !llvm.ptr, %worker: i64, %workers: i64) {
      …
      %t = llvm.mlir.addressof @encdec_step.1.linear : !llvm.ptr
      call @linear_512_f32x512(%frame, %t) : (!llvm.ptr, !llvm.ptr) -> ()
      call @barrier(%frame) : (!llvm.ptr) -> ()
    ```
    Errors have stable codes: not-selected, not-placed, … (compiler/lower/README.md).

    With `kernel` the entries call nothing else: such code computes nothing, and shows how long
    the kernel takes on the model's own weights. "linear" means every kernel of that kind.
  }];
  let options = [Option<"level", "level", "std::string", "\"\"",
                        "level of the target; default: the target's first">,
                 Option<"kernel", "kernel", "std::string", "\"\"",
                        "for timing: only the calls of this kernel; default: all calls">];
  let dependentDialects = [
    "mlir::LLVM::LLVMDialect", "mlir::arith::ArithDialect",
    "mlir::func::FuncDialect", "mlir::math::MathDialect", "mlir::scf::SCFDialect",
    "mlir::vector::VectorDialect"];
}

#endif // ENCDEC_COMPILER_PASSES_TD
