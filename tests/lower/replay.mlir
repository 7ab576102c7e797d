// encdec-opt can run its dumped pipelines again: all passes, down to LLVM's, from the
// dump, and the passes that led to an error from the reproducer.
// RUN: encdec-opt %s --encdec-fuse --encdec-place --encdec-schedule --encdec-to-llvm \
// RUN:   --dump-pass-pipeline -o %t.first 2> %t.dump
// RUN: sed -e "1s/.*/--pass-pipeline='/" -e "s/^)$/)'/" %t.dump > %t.options
// RUN: encdec-opt %s @%t.options -o %t.second
// RUN: diff %t.first %t.second
// RUN: FileCheck %s --input-file=%t.second
// CHECK: llvm.func @encdec_step
//
// RUN: not encdec-opt %s --encdec-fuse --encdec-place --encdec-schedule \
// RUN:   --encdec-to-llvm=level=v9 --mlir-pass-pipeline-crash-reproducer=%t.mlir
// RUN: not encdec-opt %t.mlir --run-reproducer 2>&1 | FileCheck %s --check-prefix=AGAIN
// AGAIN: v9

!src = tensor<?xi32, #encdec.side<encoder>>
!tgt = tensor<?xi32, #encdec.side<decoder>>
!enc = tensor<?x16xf32, #encdec.side<encoder>>
!dec = tensor<?x16xf32, #encdec.side<decoder>>
!logits = tensor<?x40xf32, #encdec.side<decoder>>
!top = tensor<?x?xi32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5>
func.func @encode(%tokens: !src {encdec.arg = "tokens"}, %positions: !index {encdec.arg = "positions"},
    %rows: !index {encdec.arg = "rows"}, %offsets: !index {encdec.arg = "offsets"}) -> !enc
    attributes {encdec.entry = "encode"} {
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} : !src -> !enc
  return %x : !enc
}
func.func @step(%tokens: !tgt {encdec.arg = "tokens"}, %positions: !index {encdec.arg = "positions"},
    %ancestors: tensor<?x?xi32> {encdec.arg = "ancestors"}, %sources: !index {encdec.arg = "sources"},
    %offsets: !index {encdec.arg = "offsets"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"},
    %row_bias: !index {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"},
    %memory: !enc {encdec.arg = "memory"}, %cache: !encdec.cache<2x8> {encdec.arg = "cache.0"})
    -> (!top, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} : !tgt -> !dec
  encdec.cache_append %cache, %x, %x of %ancestors at %positions : !encdec.cache<2x8>, !dec, !dec
  %k, %v, %o, %r = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x8>
  %s = encdec.scores %x, %k of %r in %o {heads = 2, scale = 0.25} : !dec, !dec
  %m = encdec.mask %s at %positions : tensor<2x?x?xf32, #encdec.side<decoder>>
  %p = encdec.softmax %m : tensor<2x?x?xf32, #encdec.side<decoder>>
  %c = encdec.context %p, %v of %r in %o {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, !dec
  %l = encdec.linear %c, @table : !dec -> !logits
  %t, %lp = encdec.top_tokens %l biased %bias by %row_bias keep %top : !logits, tensor<?x40xf32>
  return %t, %lp : !top, tensor<?x?xf32>
}
