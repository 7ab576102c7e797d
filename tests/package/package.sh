#!/usr/bin/env bash
# Installs the build into a temporary prefix and builds a project against it.
#   package.sh BUILD_DIR PROJECT_DIR WITH_COMPILER CC CXX
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
# Programs of the installed tree find their libraries, and each other, there.
"$work/prefix/bin/encdec" --version
if [ "$3" = 1 ]; then "$work/prefix/bin/encdec" compile --help | head -n 3; fi
cmake -G Ninja -S "$2" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
      -DCMAKE_C_COMPILER="$4" -DCMAKE_CXX_COMPILER="$5" -DWITH_COMPILER="$3"
cmake --build "$work/build"
"$work/build/use_runtime"
if [ "$3" = 1 ]; then "$work/build/use_compiler"; fi
