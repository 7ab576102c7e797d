// The reproducer of each pipeline, and of patterns, gives what the run that wrote it gave. It
// prints its own recipe behind the module.
// RUN: encdec-opt %S/../lower/replay.mlir -o %t.0
// RUN: encdec-opt %t.0 --encdec-fuse --mlir-generate-reproducer=%t.r1 | sed '/^$/d' > %t.1
// RUN: encdec-opt %t.r1 --run-reproducer | sed '/^$/d;/^{-#/,$d' | diff %t.1 -
// RUN: encdec-opt %t.1 --encdec-place=weights=int8 --mlir-generate-reproducer=%t.r2 | sed '/^$/d' > %t.2
// RUN: encdec-opt %t.r2 --run-reproducer | sed '/^$/d;/^{-#/,$d' | diff %t.2 -
// RUN: encdec-opt %t.2 --encdec-schedule --mlir-generate-reproducer=%t.r3 | sed '/^$/d' > %t.3
// RUN: encdec-opt %t.r3 --run-reproducer | sed '/^$/d;/^{-#/,$d' | diff %t.3 -
// RUN: encdec-opt %t.3 --encdec-to-llvm=level=v3 --mlir-generate-reproducer=%t.r4 | sed '/^$/d' > %t.4
// RUN: encdec-opt %t.r4 --run-reproducer | sed '/^$/d;/^{-#/,$d' | diff %t.4 -
// RUN: encdec-opt %S/../fuse/group.mlir --patterns %S/../../examples/tutorials/cross-output.pdll --mlir-generate-reproducer=%t.r5 | sed '/^$/d' > %t.5
// RUN: encdec-opt %t.r5 --run-reproducer | sed '/^$/d;/^{-#/,$d' | diff %t.5 -
// RUN: FileCheck %s --input-file=%t.5
// CHECK: encdec.fused
