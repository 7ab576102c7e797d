#!/usr/bin/env bash
# Installs the build into a temporary prefix and builds projects against it.
#   package.sh BUILD_DIR WITH_COMPILER CC CXX [HEADER_CHECK]
# HEADER_CHECK is the compiler's option for each installed header alone: -E, or
# -fsyntax-only, which takes minutes.
set -euo pipefail
build=$1 with_compiler=$2 cc=$3 cxx=$4 check=${5:--E}
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bin=$work/prefix/bin
# install [--component NAME]: installed programs find their libraries and each other in
# the installed tree.
install() {
  cmake --install "$build" --prefix "$work/prefix" "$@" >"$work/log" || { cat "$work/log"; exit 1; }
  "$bin/encdec" --version
}
# outside FOLDER [OPTION...]: builds the project there, as by somebody who has no clone.
outside() {
  local name=${1##*/}
  cmake -G Ninja -S "$source/$1" -B "$work/$name" -DCMAKE_PREFIX_PATH="$work/prefix" \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" "${@:2}"
  cmake --build "$work/$name"
}

install --component runtime
outside tests/package/runtime
"$work/runtime/use_runtime"
if [ "$with_compiler" = 1 ]; then
  install
  "$bin/encdec" compile "$source/examples/models/en-fr" -o "$work/en-fr.encdec" --quiet
  "$bin/encdec" generate "$work/en-fr.encdec" --text "I love machine learning"
  outside tests/package/compiler -DHEADER_CHECK="$check"
  "$work/compiler/use_compiler"
  "$work/compiler/use_compiler_c" "$source/examples/models/en-fr" "$work/from-c.encdec"
  "$bin/encdec" verify "$work/from-c.encdec"
  outside examples/tutorials/plugin
  cp "$source/tests/fuse/my-fusion.mlir" "$work/module.mlir"
  "$bin/encdec-opt" "$work/module.mlir" --load-pass-plugin="$work/plugin/my_fusion.so" \
    --pass-pipeline='builtin.module(my-fuse-memory-projections)' -o "$work/fused.mlir"
  for module in module fused; do
    "$bin/encdec-run-reference" "$work/$module.mlir" --seed 1 >"$work/$module.numbers"
  done
  cmp "$work/module.numbers" "$work/fused.numbers"
  "$bin/encdec-reduce" --help | grep -- --encdec-leave-out
  python3 "$source/tests/tools/lsp_test.py" "$work/prefix"
  # Patterns include the installed files.
  cp "$source/tests/fuse/apply-patterns.pdll" "$work"
  "$bin/encdec" compile "$source/examples/models/en-fr" -o "$work/patterns.encdec" --quiet \
    --patterns "$work/apply-patterns.pdll" --at fuse:before
  "$bin/encdec" inspect "$work/patterns.encdec" --json | grep "AddNorm 14"
fi
