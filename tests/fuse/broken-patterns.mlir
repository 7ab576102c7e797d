// Files of patterns that are wrong, each in its own way, and what is said of each: where it is
// wrong, by a code that stays. None ends the program by a signal.
// RUN: split-file %s %t
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/empty-file.pdll 2>&1 | FileCheck %s --check-prefix=EMPTY-FILE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/no-pattern.pdll 2>&1 | FileCheck %s --check-prefix=NO-PATTERN
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/syntax.pdll 2>&1 | FileCheck %s --check-prefix=SYNTAX
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/missing-include.pdll 2>&1 | FileCheck %s --check-prefix=MISSING-INCLUDE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/unknown-name.pdll 2>&1 | FileCheck %s --check-prefix=UNKNOWN-NAME
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/operands.pdll 2>&1 | FileCheck %s --check-prefix=OPERANDS
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/same-name.pdll 2>&1 | FileCheck %s --check-prefix=SAME-NAME
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/own-attribute.pdll 2>&1 | FileCheck %s --check-prefix=OWN-ATTRIBUTE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/own-type.pdll 2>&1 | FileCheck %s --check-prefix=OWN-TYPE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/number.pdll 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/not-root.pdll 2>&1 | FileCheck %s --check-prefix=NOT-ROOT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/unused-op.pdll 2>&1 | FileCheck %s --check-prefix=UNUSED-OP
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/text.pdll 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/type-text.pdll 2>&1 | FileCheck %s --check-prefix=TYPE-TEXT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/output.pdll 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/result-types.pdll 2>&1 | FileCheck %s --check-prefix=RESULT-TYPES
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/result-groups.pdll 2>&1 | FileCheck %s --check-prefix=RESULT-GROUPS
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/result-number.pdll 2>&1 | FileCheck %s --check-prefix=RESULT-NUMBER
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/op-name.pdll 2>&1 | FileCheck %s --check-prefix=OP-NAME
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/attribute-name.pdll 2>&1 | FileCheck %s --check-prefix=ATTRIBUTE-NAME
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/native-body.pdll 2>&1 | FileCheck %s --check-prefix=NATIVE-BODY
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/native-name.pdll 2>&1 | FileCheck %s --check-prefix=NATIVE-NAME
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/native-arguments.pdll 2>&1 | FileCheck %s --check-prefix=NATIVE-ARGUMENTS
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/forgotten-constraint.pdll 2>&1 | FileCheck %s --check-prefix=FORGOTTEN-CONSTRAINT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/missing-attribute.pdll 2>&1 | FileCheck %s --check-prefix=MISSING-ATTRIBUTE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/missing-heads.pdll 2>&1 | FileCheck %s --check-prefix=MISSING-HEADS
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/wrong-weight.pdll 2>&1 | FileCheck %s --check-prefix=WRONG-WEIGHT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/other-side.pdll 2>&1 | FileCheck %s --check-prefix=OTHER-SIDE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/erased-in-use.pdll 2>&1 | FileCheck %s --check-prefix=ERASED-IN-USE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/erase-before.pdll 2>&1 | FileCheck %s --check-prefix=ERASE-BEFORE
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/diverges.pdll 2>&1 | FileCheck %s --check-prefix=DIVERGES
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/grows.pdll 2>&1 | FileCheck %s --check-prefix=GROWS
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/after-root.pdll 2>&1 | FileCheck %s --check-prefix=AFTER-ROOT
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/foreign-op.pdll 2>&1 | FileCheck %s --check-prefix=FOREIGN-OP
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/not-pdl.mlir 2>&1 | FileCheck %s --check-prefix=NOT-PDL
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/pdl-syntax.mlir 2>&1 | FileCheck %s --check-prefix=PDL-SYNTAX
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/external.mlir 2>&1 | FileCheck %s --check-prefix=EXTERNAL
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/kind.txt 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns 2>&1 | FileCheck %s --check-prefix=NONAME
// RUN: not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/none.pdll 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: env ENCDEC_PDLL=/nowhere not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/syntax.pdll 2>&1 | FileCheck %s --check-prefix=NOTOOL
// RUN: env ENCDEC_PDLL=/bin/false not encdec-opt %t/ir.mlir --encdec-apply-patterns=file=%t/syntax.pdll 2>&1 | FileCheck %s --check-prefix=FAILED

// EMPTY-FILE: empty-file.pdll:1:1: error: apply-patterns [empty]: expected at least one Pattern but the file has none
// NO-PATTERN: no-pattern.pdll:1:1: error: apply-patterns [empty]: 
// SYNTAX: syntax.pdll:4:3: error: apply-patterns [bad-pdll]: 
// MISSING-INCLUDE: missing-include.pdll:1:10: error: apply-patterns [bad-pdll]: unable to open include file `encdec/fusions.pdll`
// UNKNOWN-NAME: unknown-name.pdll:4:3: error: apply-patterns [bad-pdll]: undefined reference to `HasOneUser`
// OPERANDS: operands.pdll:3:11: error: apply-patterns [bad-pdll]: invalid number of operand groups for `encdec.norm`; expected 1, but got 2
// SAME-NAME: same-name.pdll:6:9: error: apply-patterns [bad-pdll]: `P` has already been defined
// OWN-ATTRIBUTE: own-attribute.pdll:3:51: error: apply-patterns [bad-literal]: 
// OWN-TYPE: own-type.pdll:3:47: error: apply-patterns [bad-literal]: {{.*}}IsType(t, attr<
// NUMBER: number.pdll:3:67: error: apply-patterns [bad-literal]: {{.*}}got '1e-5 : f32', which PDLL cannot read; write 1.0e-5 : f32
// NOT-ROOT: not-root.pdll:4:11: error: apply-patterns [bad-pdll]: 'pdl.operation' op expected a bindable user {{.*}}; a pattern sees the op that it rewrites and those that make its operands, and this op is neither
// UNUSED-OP: unused-op.pdll:3:15: error: apply-patterns [bad-pdll]: 'pdl.operation' op expected a bindable user
// TEXT: text.pdll:4:13: error: apply-patterns [bad-text]: 
// TYPE-TEXT: type-text.pdll:4:13: error: apply-patterns [bad-text]: expected a type as a text in quotes
// OUTPUT: output.pdll:2:1: error: apply-patterns [native-failed]: pattern P calls a rewrite that fails: Output: expected a number below 1, the number of results of encdec.add
// RESULT-TYPES: result-types.pdll:5:16: error: apply-patterns [bad-pdl]: {{.*}}; give the types of its results, several outputs' as TypeList2(a, b)
// RESULT-GROUPS: result-groups.pdll:4:18: error: apply-patterns [bad-pdll]: {{.*}}; the types of several outputs are TypeList2(a, b)
// RESULT-NUMBER: result-number.pdll:6:{{[0-9]+}}: error: apply-patterns [bad-pdll]: {{.*}}; further outputs of an op that the pattern makes are Output(op, attr<"1 : i64">)
// OP-NAME: op-name.pdll:3:11: error: apply-patterns [unknown-op]: no op is called encdec.nrm; did you mean 'encdec.norm'?
// ATTRIBUTE-NAME: attribute-name.pdll:3:11: error: apply-patterns [unknown-attribute]: encdec.norm has no attribute 'gama'; did you mean 'gamma'?
// NATIVE-BODY: native-body.pdll:5:3: error: apply-patterns [unknown-native]: the library has no constraint 'Mine'; encdec/fusion.pdll declares what it has
// NATIVE-NAME: native-name.pdll:6:26: error: apply-patterns [unknown-native]: the library has no rewrite 'ScaleWeight'; did you mean 'ScaledWeight'?
// NATIVE-ARGUMENTS: native-arguments.pdll:4:3: error: apply-patterns [native-arguments]: expected HasOneUse(Value) but got (Value, Value); include encdec/fusion.pdll, which declares it
// FORGOTTEN-CONSTRAINT: forgotten-constraint.pdll:2:1: error: apply-patterns [native-failed]: pattern P calls a rewrite that fails: expected the factors of a product to be {{.}}n, k] and [k, m] or [k] but got [4] of @g and [4] of @g; ask the constraint that encdec/fusion.pdll has for it
// MISSING-ATTRIBUTE: missing-attribute.pdll:2:1: error: apply-patterns [invalid]: pattern P makes IR that is not valid: 'encdec.norm' op requires attribute 'eps'
// MISSING-HEADS: missing-heads.pdll:2:1: error: apply-patterns [invalid]: pattern P makes IR that is not valid: 'encdec.scores' op requires attribute 'heads'
// WRONG-WEIGHT: wrong-weight.pdll:2:1: error: apply-patterns [invalid]: pattern P makes IR that is not valid: 'encdec.norm' op expected gamma to be [4] but got 'tensor<5x4xf16>'
// OTHER-SIDE: other-side.pdll:2:1: error: apply-patterns [invalid]: pattern P makes IR that is not valid: 
// ERASED-IN-USE: erased-in-use.pdll:2:1: error: apply-patterns [erased-in-use]: pattern P erases an op whose results are read, encdec.norm; replace it, or erase its readers first
// ERASE-BEFORE: erase-before.pdll:2:1: error: apply-patterns [erased-in-use]: pattern P erases an op whose results are read, encdec.add
// DIVERGES: diverges.pdll:2:1: error: apply-patterns [diverges]: pattern P still matches after 32 rounds; let it match only what it does not make
// GROWS: grows.pdll:2:1: error: apply-patterns [diverges]: pattern P still matches
// AFTER-ROOT: after-root.pdll:2:1: error: apply-patterns [invalid]: pattern P makes IR that is not valid: 
// FOREIGN-OP: foreign-op.pdll:1:1: error: apply-patterns [form]: the module with these patterns breaks a rule of its form: 
// NOT-PDL: not-pdl.mlir:1:1: error: apply-patterns [bad-pdl]: expected only pdl.pattern but got func.func
// PDL-SYNTAX: pdl-syntax.mlir:2:3: error: apply-patterns [bad-pdl]: 
// EXTERNAL: external.mlir:3:3: error: apply-patterns [unknown-native]: expected a rewrite with a body but got the external one 'mine'
// KIND: kind.txt:1:1: error: apply-patterns [file-kind]: expected a file of PDLL (.pdll) or of the pdl dialect (.mlir) but got
// NONAME: error: apply-patterns [no-file]: expected a file of patterns but got no name
// NOFILE: error: apply-patterns [no-file]: expected a file of patterns but '{{.*}}none.pdll' cannot be read
// NOTOOL: error: apply-patterns [no-tool]: ENCDEC_PDLL names '/nowhere', which is no program
// FAILED: syntax.pdll:1:1: error: apply-patterns [tool-failed]: /bin/false failed (1)

//--- empty-file.pdll

//--- no-pattern.pdll
#include "encdec/fusion.pdll"
Constraint Mine(value: Value) { HasOneUse(value); }

//--- syntax.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value)
  erase n;
}

//--- missing-include.pdll
#include "encdec/fusions.pdll"

//--- unknown-name.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value);
  HasOneUser(x);
  replace n with x;
}

//--- operands.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value, y: Value);
  replace n with x;
}

//--- same-name.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value);
  replace n with x;
}
Pattern P {
  let n = op<encdec.norm>(x: Value);
  replace n with x;
}

//--- own-attribute.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {kind = attr<"#encdec.norm_kind<rms>">};
  replace n with x;
}

//--- own-type.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) -> (type<"tensor<?x4xf32, #encdec.side<encoder>>">);
  replace n with x;
}

//--- number.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {gamma = g: Attr, eps = attr<"1e-5 : f32">};
  replace n with x;
}

//--- not-root.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let k = op<encdec.linear>(x: Value) -> (t: Type);
  let a = op<encdec.activation>(k.0);
  erase k;
}

//--- unused-op.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let spare = op<encdec.linear>;
  let a = op<encdec.add>(x: Value, y: Value);
  erase a;
}

//--- text.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {kind = k: Attr};
  Equals(k, attr<"\"#encdec.norm_kind<rmz>\"">);
  replace n with x;
}

//--- type-text.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value) -> (t: Type);
  IsType(t, attr<"\"tensor<?x4xf32, #encdec.side<nobody>>\"">);
  erase a;
}

//--- output.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value);
  rewrite n with {
    let made = op<encdec.add>(x, x);
    replace n with Output(made, attr<"1 : i64">);
  };
}

//--- result-types.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value) -> (t: Type);
  rewrite a with {
    let made = op<encdec.linear>(x) {weights = attr<"[@w]">, biases = attr<"[]">} -> ((t, t));
    replace a with Output(made, attr<"1 : i64">);
  };
}

//--- result-groups.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value) -> (t: Type);
  replace a with op<encdec.linear>(x) {weights = attr<"[@w]">, biases = attr<"[]">} -> (t, t);
}

//--- result-number.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value) -> (t: Type);
  rewrite a with {
    let made = op<encdec.linear>(x) {weights = attr<"[@w]">, biases = attr<"[]">} -> (TypeList2(t, t));
    replace a with made.1;
  };
}

//--- op-name.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.nrm>(x: Value);
  replace n with x;
}

//--- attribute-name.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {gama = g: Attr};
  replace n with x;
}

//--- native-body.pdll
#include "encdec/fusion.pdll"
Constraint Mine(value: Value) [{ return success(); }];
Pattern P {
  let n = op<encdec.norm>(x: Value);
  Mine(x);
  replace n with x;
}

//--- native-name.pdll
#include "encdec/fusion.pdll"
Rewrite ScaleWeight(weight: Attr, factor: Attr) -> Attr;
Pattern P {
  let n = op<encdec.norm>(x: Value) {gamma = g: Attr, eps = e: Attr, kind = k: Attr};
  replace n with op<encdec.norm>(x) {eps = e, kind = k,
                 gamma = ScaleWeight(g, attr<"2.0 : f32">)};
}

//--- native-arguments.pdll
#include "dialect/Ops.td"
Constraint HasOneUse(a: Value, b: Value);
Pattern P { let n = op<encdec.norm>(x: Value);
  HasOneUse(x, x);
  replace n with x;
}

//--- forgotten-constraint.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {gamma = g: Attr, eps = e: Attr, kind = k: Attr};
  replace n with op<encdec.norm>(x) {eps = e, kind = k, gamma = ProductWeight(g, g)};
}

//--- missing-attribute.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {gamma = g: Attr, kind = k: Attr};
  replace n with op<encdec.norm>(x) {gamma = g, kind = k};
}

//--- missing-heads.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let s = op<encdec.scores>(q: Value, k: Value, r: Value, o: Value, b: ValueRange, p: ValueRange) {scale = f: Attr};
  replace s with op<encdec.scores>(q, k, r, o, b, p) {scale = f};
}

//--- wrong-weight.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {gamma = g: Attr, eps = e: Attr, kind = k: Attr};
  replace n with op<encdec.norm>(x) {eps = e, kind = k, gamma = attr<"@w">};
}

//--- other-side.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let s = op<encdec.softmax>(scores: Value);
  let c = op<encdec.context>(s.probs, v: Value, r: Value, o: Value) {heads = h: Attr};
  replace c with op<encdec.add>(v, r);
}

//--- erased-in-use.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value);
  erase n;
}

//--- erase-before.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value);
  let n = op<encdec.norm>(a.sum) {gamma = g: Attr, beta = b: Attr, eps = e: Attr, kind = k: Attr};
  rewrite n with {
    erase a;
    replace n with op<encdec.add_norm>(x, y) {gamma = g, beta = b, eps = e, kind = k};
  };
}

//--- diverges.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value);
  replace a with op<encdec.add>(y, x);
}

//--- grows.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value);
  rewrite a with {
    let more = op<encdec.add>(x, x);
    replace a with op<encdec.add>(more, y);
  };
}

//--- after-root.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let n = op<encdec.norm>(x: Value) {gamma = g: Attr, eps = e: Attr, kind = k: Attr};
  rewrite n with {
    replace n with x;
    let made = op<encdec.norm>(x) {gamma = attr<"@w">, eps = e, kind = k};
  };
}

//--- foreign-op.pdll
#include "encdec/fusion.pdll"
Pattern P {
  let a = op<encdec.add>(x: Value, y: Value) -> (t: Type);
  replace a with op<arith.addf>(x, y) -> (t);
}

//--- not-pdl.mlir
func.func private @f()

//--- pdl-syntax.mlir
pdl.pattern @p : benefit(1) {
  operand }

//--- external.mlir
pdl.pattern @p : benefit(1) {
  %0 = operation "encdec.norm"
  rewrite %0 with "mine"
}

//--- kind.txt
Pattern
//--- ir.mlir
!x = tensor<?x4xf32, #encdec.side<encoder>>
!d = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @g : tensor<4xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<5x4xf16> = #encdec.seeded<2, 0.5>
func.func @block(%x: !x, %r: !x) -> !x attributes {encdec.entry = "encode"} {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g, @g {eps = 1.0e-5} : !x
  return %y : !x
}
func.func @attention(%q: !d, %k: !x, %rows: !index, %offsets: !index) -> !d {
  %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 0.5} : !d, !x
  %p = encdec.softmax %s : tensor<2x?x?xf32, #encdec.side<decoder>>
  %c = encdec.context %p, %k of %rows in %offsets {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, !x
  return %c : !d
}
