#!/usr/bin/env bash
# Code of level neon, run by qemu, gives the bits that level v3 gives here: random
# models, all weight types, encode and steps.
#   levels.sh LEVEL_OBJECTS CLANG SOURCE_DIR
# Exits with 77 (skipped), saying why, where one of the two does not run.
set -euo pipefail
objects=$1 clang=$2 source=$3
skip() { echo "skipped: level neon beside v3: $1"; exit 77; }
command -v qemu-aarch64 >/dev/null ||
  skip "there is no qemu-aarch64 (package qemu-user, which tests/setup.sh installs)"
grep -qw avx2 /proc/cpuinfo || skip "this machine does not run level v3"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$objects" "$work" v3 neon
compared=0
for model in "$work"/*/; do
  # driver LEVEL OPTION...
  driver() {
    "$clang" -O1 -I "$source/include" -include "$model/model.h" -DWEIGHTS="\"$model/weights\"" \
      "${@:2}" "$source/tests/lower/levels.c" "$model/$1.o" -o "$model/$1"
  }
  driver v3
  driver neon --target=aarch64-linux-gnu -ffreestanding -fno-stack-protector -nostdlib \
    -static -fuse-ld=lld
  "$model/v3" >"$model/v3.out"
  qemu-aarch64 "$model/neon" >"$model/neon.out"
  # Outputs must differ from each other: steps that wrote nothing would agree too.
  numbers=$(od -An -v -tx4 -w4 "$model/v3.out" | sort -u | wc -l)
  [ "$numbers" -gt 100 ] || { echo "$model: only $numbers different numbers"; exit 1; }
  ! od -An -v -tf4 "$model/v3.out" | grep -q nan || { echo "$model: NaN"; exit 1; }
  cmp "$model/v3.out" "$model/neon.out"
  compared=$((compared + 1))
done
echo "level neon under qemu: the bits of level v3, $compared models"
