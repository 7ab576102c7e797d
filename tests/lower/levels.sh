#!/bin/sh
# Code of level neon, run by qemu, gives the bits that level v3 gives here.
# usage: levels.sh BUILD_BIN LLVM_BIN CXX SOURCE_DIR; 77 (skipped) without qemu.
set -eu
tools=$1 llvm=$2 clang=$3 source=$4
if ! command -v qemu-aarch64 >/dev/null; then
  echo "skipped: no qemu-aarch64 (package qemu-user)"
  exit 77
fi
if ! grep -q avx2 /proc/cpuinfo; then
  echo "skipped: this machine does not run level v3"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# object LEVEL TRIPLE CPU
object() {
  "$tools/encdec-opt" "$source/tests/lower/lower.mlir" "--encdec-to-llvm=cpu=$1" |
    "$llvm/mlir-translate" --mlir-to-llvmir |
    "$llvm/llc" -O3 "-mtriple=$2" "-mcpu=$3" -relocation-model=pic \
      -filetype=obj -o "$work/$1.o"
}
object v3 x86_64-linux-gnu x86-64-v3
object neon aarch64-linux-gnu generic
object v4 x86_64-linux-gnu x86-64-v4
"$llvm/llvm-objdump" -d "$work/neon.o" | grep -q 'fmla.*v.*\.4s'

"$clang" -O1 -I "$source/include" -x c "$source/tests/lower/levels.c" \
  -x none "$work/v3.o" -o "$work/v3"
"$clang" --target=aarch64-linux-gnu -O1 -ffreestanding -fno-stack-protector -nostdlib \
  -static -fuse-ld=lld -I "$source/include" -x c "$source/tests/lower/levels.c" \
  -x none "$work/neon.o" -o "$work/neon"
"$work/v3" >"$work/v3.txt"
qemu-aarch64 "$work/neon" >"$work/neon.txt"
test "$(wc -l <"$work/v3.txt")" -eq 810
# Not all the same: a step that wrote nothing would agree too.
test "$(sort -u "$work/v3.txt" | wc -l)" -gt 500
cmp "$work/v3.txt" "$work/neon.txt"
echo "level neon: the bits of level v3"
