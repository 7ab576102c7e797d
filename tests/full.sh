#!/usr/bin/env bash
# The long tests: 2,000 random graphs and 10,000 mutants of schedules of each kind, faults
# planted in the compiler, each of which a test must catch (tests/mutants; an hour or two),
# verdicts of encdec lab whose truth is known, the runtime under the thread sanitizer, then
# everything judged live by Transformers (models, option sets, tokenizers), in a virtual
# environment of its own (build/venv, packages from PyPI: gigabytes, once), and a short
# comparison with other engines (build/compare-venv), which fails where encdec's output is
# wrong, never where something is slow.
#   tests/full.sh [--configs N] [TABLE]
# N is how many random configurations of each family Transformers judges live (default 3);
# they are new in every run, and the seed is printed. TABLE holds the sentences that the
# example model translates, one a line: the English sentence, a tab, and its French
# references, with tabs between. Default: tests/data/en-fr-1000.tsv, 1,000 sentences that
# the model was not trained on. It prints the share of tokens equal to the reference's and
# BLEU, for each weight type.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in -h|--help) sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
configs=3
if [ "${1:-}" = --configs ]; then
  configs=${2:?full: --configs needs a number}
  shift 2
fi
table=${1:-$root/tests/data/en-fr-1000.tsv}
[ -r "$table" ] || { echo "full: cannot read the table $table; see tests/full.sh --help" >&2; exit 2; }
"$root/tests/setup.sh" release
echo "== random graphs and mutants of schedules" >&2
ENCDEC_GRAPHS=2000 "$root/build/bin/encdec_lower_tests" --gtest_filter='Graphs.*' >&2
ENCDEC_MUTANTS=10000 "$root/build/bin/encdec_schedule_tests" --gtest_filter='Mutants.*' >&2
echo "== faults planted in the compiler, and drawn ones" >&2
"$root/tests/mutants/mutants.py" >&2
"$root/tests/mutants/mutants.py" --draw 24 >&2
echo "== verdicts of encdec lab on a build against itself, and with a delay of 3 %" >&2
python3 "$root/tests/lab/power.py" "$root/build" "$root/examples/models/en-fr" --runs 5 >&2
"$root/tests/setup.sh" runtime-only-tsan
echo "== threads" >&2
ENCDEC_GENERATIONS=10000 "$root/build-runtime-tsan/bin/encdec_runtime_tests" \
  --gtest_filter='Engine.EachSource*' >&2
ENCDEC_GENERATIONS=100000 "$root/build/bin/encdec_runtime_tests" \
  --gtest_filter='Engine.TakesNoMore*' >&2
ctest --test-dir "$root/build-runtime-tsan" --output-on-failure -L runtime \
  -E TheCounterCounts # the sanitizer's own allocator is not counted
venv=$root/build/venv
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv" || {
    echo "full: python3 has no venv module; install the package python3-venv" >&2
    exit 1
  }
fi
"$venv/bin/pip" install -q torch transformers==5.24.0 sentencepiece sacrebleu
echo "== each installed header compiled alone" >&2
"$root/tests/package/package.sh" "$root/build" 1 clang-22 clang++-22 -fsyntax-only
echo "== goldens against the live reference" >&2
"$venv/bin/python" "$root/tests/models/goldens.py" --check
"$venv/bin/python" "$root/tests/models/scores.py" --check
"$venv/bin/python" "$root/tests/models/options.py" --check
"$venv/bin/python" "$root/tests/processors/goldens.py" --check
echo "== $configs random configurations of each family" >&2
"$root/tests/e2e/live_families.sh" "$venv/bin/python" "$root/build" "$configs"
echo "== 216 random option sets of each family" >&2
"$root/tests/e2e/live_options.sh" "$venv/bin/python" "$root/build" 216
echo "== tokenizers against the live reference, 100,000 strings each" >&2
"$venv/bin/python" "$root/tests/tokenizers/goldens.py"
"$venv/bin/python" "$root/tests/tokenizers/goldens.py" --full "$root/build/bin/encdec_tokenize_test"
echo "== the example model on $table" >&2
"$venv/bin/python" "$root/tests/e2e/live.py" "$root/build" "$table"
echo "== beside other engines" >&2
"$root/bench/compare" --short --rounds 1
