#!/usr/bin/env bash
# Installs what it needs, builds, and runs the whole suite.
#   tests/run.sh          the quick suite (under 10 minutes on 2 cores once built)
#   tests/run.sh --full   also the long ones: live comparison with transformers
#                         and, briefly, other engines, in virtual environments
#                         of their own; --configs N: N random configurations of
#                         each family against transformers
#   tests/run.sh -R NAME  further arguments go to ctest
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
full=0
long=()
args=()
while [ $# -gt 0 ]; do
  arg=$1
  shift
  case $arg in
    --full) full=1 ;;
    --configs) long=(--configs "${1:?run: --configs needs a number}"); shift ;;
    -h|--help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) args+=("$arg") ;;
  esac
done
"$root/tests/setup.sh" release
cd "$root/build"
ctest --output-on-failure -j "$(nproc)" "${args[@]}"
if [ "$full" = 1 ]; then
  "$root/tests/full.sh" "${long[@]}"
fi
