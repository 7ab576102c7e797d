#!/usr/bin/env bash
# The long tests: the runtime under the thread sanitizer, then everything judged
# live by Transformers, in a virtual environment of its own (build/venv, packages
# from PyPI), and a short comparison with other engines (build/compare-venv), which
# fails where encdec's output is wrong, never where something is slow.
#   tests/full.sh [TABLE.tsv]   sentences with references; default: tests/data
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
table=${1:-$root/tests/data/en-fr-200.tsv}
"$root/tests/setup.sh" runtime-only-tsan
echo "== threads" >&2
ctest --test-dir "$root/build-runtime-tsan" --output-on-failure -L runtime \
  -E TheCounterCounts # the sanitizer's own allocator is not counted
venv=$root/build/venv
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv" || {
    echo "full: python3 has no venv module; install the package python3-venv" >&2
    exit 1
  }
fi
"$venv/bin/pip" install -q torch transformers==5.23.0 sentencepiece sacrebleu
echo "== each installed header compiled alone" >&2
"$root/tests/package/package.sh" "$root/build" 1 clang-22 clang++-22 -fsyntax-only
echo "== goldens against the live reference" >&2
"$venv/bin/python" "$root/tests/models/goldens.py" --check
echo "== the example model on $table" >&2
"$venv/bin/python" "$root/tests/e2e/live.py" "$root/build" "$table"
echo "== beside other engines" >&2
"$root/bench/compare" --short --rounds 1
