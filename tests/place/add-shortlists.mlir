// RUN: split-file %s %t
// RUN: encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/fr.ids,de=%t/de.ids" | FileCheck %t/step.mlir
// RUN: encdec-opt %t/step.mlir --encdec-quantize-weights=type=int8 --encdec-add-shortlists="lists=fr=%t/fr.ids" | FileCheck %t/step.mlir --check-prefix=INT8
// RUN: encdec-opt %t/step.mlir --encdec-place="shortlists=fr=%t/fr.ids" --encdec-schedule | FileCheck %t/step.mlir --check-prefix=SCHEDULED
// RUN: encdec-opt %t/step.mlir --encdec-add-shortlists | FileCheck %t/step.mlir --check-prefix=NONE --implicit-check-not=shortlist
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr" 2>&1 | FileCheck %t/step.mlir --check-prefix=FORM
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/none" 2>&1 | FileCheck %t/step.mlir --check-prefix=FILE
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/wrong.ids" 2>&1 | FileCheck %t/step.mlir --check-prefix=TOKEN
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/word.ids" 2>&1 | FileCheck %t/step.mlir --check-prefix=WORD
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/empty.ids" 2>&1 | FileCheck %t/step.mlir --check-prefix=EMPTY
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/fr.ids,fr=%t/de.ids" 2>&1 | FileCheck %t/step.mlir --check-prefix=TWICE
// RUN: not encdec-opt %t/step.mlir --encdec-add-shortlists="lists=fr=%t/fr.ids" --encdec-add-shortlists="lists=de=%t/de.ids" 2>&1 | FileCheck %t/step.mlir --check-prefix=AGAIN
// RUN: not encdec-opt %t/encode.mlir --encdec-add-shortlists="lists=fr=%t/fr.ids" 2>&1 | FileCheck %t/encode.mlir
// Each list of tokens, with the end tokens, gets a step whose vocabulary has their rows alone.

//--- fr.ids
7, 3
//--- de.ids
[19, 0,
 3, 3]
//--- wrong.ids
1
20
//--- empty.ids
[]
//--- word.ids
1 two

//--- encode.mlir
// CHECK: error: add-shortlists [no-vocabulary]: expected a step with one encdec.vocabulary, which encdec-fuse-vocabulary makes, but found 0

//--- step.mlir
!dec = tensor<?x4xf32, #encdec.side<decoder>>
module attributes {encdec.generation = {decoder_start_token_id = 0 : i64, eos_token_id = [1], max_length = 16 : i64}} {
// CHECK: encdec.shortlists = {de = array<i32: 0, 1, 3, 19>, fr = array<i32: 1, 3, 7>}
// NONE: module
// FORM: error: add-shortlists [form]: expected NAME=FILE with a name of letters, digits, '_' and '-', other than none and language, as in 'fr=fr.ids', but got 'fr'
// FILE: error: add-shortlists [file]: list 'fr': '{{.*}}none' cannot be read: No such file or directory
// TOKEN: error: add-shortlists [token]: list 'fr': '{{.*}}wrong.ids', line 2: expected an id from 0 to 19, but got '20'
// WORD: error: add-shortlists [token]: list 'fr': '{{.*}}word.ids', line 1: expected an id from 0 to 19, but got 'two'
// EMPTY: error: add-shortlists [token]: list 'fr': '{{.*}}empty.ids': expected ids of tokens, but found none
// TWICE: error: add-shortlists [twice]: expected lists of different names, but 'fr' is the name of two
// AGAIN: error: add-shortlists [twice]: expected a module without lists, but it has some already

// CHECK-DAG: encdec.weight @w.fr : tensor<3x4xf32> = #encdec.gathered<@w, [1, 3, 7]>
// CHECK-DAG: encdec.weight @w.de : tensor<4x4xf32> = #encdec.gathered<@w, [0, 1, 3, 19]>
// CHECK-DAG: encdec.weight @b.fr : tensor<3xf32> = #encdec.gathered<@b, [1, 3, 7]> {bans}
// INT8-DAG: encdec.weight @w.fr : tensor<3x4xf32> = #encdec.gathered<@w, [1, 3, 7]> {format = "int8"}
// SCHEDULED-DAG: encdec.weight @w.fr : {{.*}}offset =
encdec.weight @w : tensor<20x4xf16> = #encdec.seeded<1, 1.0>
encdec.weight @b : tensor<20xf32> = #encdec.seeded<2, 1.0> {bans}

// CHECK-LABEL: func.func @step(
// CHECK: encdec.vocabulary %{{.*}}, @w, @b biased
// CHECK-LABEL: func.func @step.fr(
// CHECK-SAME: tensor<?x3xf32>
// CHECK-SAME: encdec.entry = "step", encdec.shortlist = 2 : i64
// CHECK: encdec.embed %{{.*}}, @w {
// CHECK: encdec.vocabulary %{{.*}}, @w.fr, @b.fr biased {{.*}} tensor<?x3xf32>
// CHECK-LABEL: func.func @step.de(
// CHECK-SAME: encdec.entry = "step", encdec.shortlist = 1 : i64
// SCHEDULED-LABEL: func.func @step.fr(
// SCHEDULED: encdec_kernel.call "vocabulary"
// SCHEDULED-SAME: columns = 3
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %at: tensor<?xi32> {encdec.arg = "positions"}, %bias: tensor<?x20xf32> {encdec.arg = "logit_bias"}, %row: tensor<?xi32> {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}) -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %at, @w {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %t, %p = encdec.vocabulary %x, @w, @b biased %bias by %row keep %top : !dec, tensor<?x20xf32>
  return %t, %p : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}
}
