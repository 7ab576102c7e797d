#!/usr/bin/env bash
# Compares this build with an older one, bit for bit: bundles of each weight type that both
# compile from the example model, the small trained T5 and random checkpoints give the same
# logits at every CPU level of this machine, with 1, 2 and 4 threads.
#   tests/e2e/same_bits.sh OLD_SOURCE [OLD_BUILD] [BUILD]   builds: build/ of the sources
# The random checkpoints are those of build/models (ctest -R models.make).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '5,6p' "${BASH_SOURCE[0]}" >&2; exit 2; }
old=$(cd "$1" && pwd) oldBuild=${2:-$1/build} build=${3:-$root/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() { # SOURCE BUILD PROGRAM
  ${CC:-cc} -O1 -I"$1/include" "$root/tests/e2e/same_bits.c" -o "$3" -L"$2/lib" \
    -lencdec_runtime -Wl,-rpath,"$2/lib"
}
compile "$old" "$oldBuild" "$work/old"
compile "$root" "$build" "$work/new"
levels=$("$build/bin/encdec" doctor --json | python3 -c '
import json, sys
best = json.load(sys.stdin)["cpu_level"]
print(" ".join({"v4-vnni": ["v3", "v4", "v4-vnni"], "v4": ["v3", "v4"],
                "v3-avxvnni": ["v3", "v3-avxvnni"]}.get(best, [best])))')
models=("$root/examples/models/en-fr")
for name in plain one-head head-size-20 ffn-333 odd-width sides-differ gelu deep \
  tiny-vocabulary stored-positions-f16; do
  models+=("$build/models/marian/$name")
done
models+=("$root/tests/models/small-t5")
for name in t5/plain t5/gated-gelu umt5/plain m2m100/plain m2m100/forced-bos bart/plain; do
  models+=("$build/models/$name")
done
same=0 other=0
for model in "${models[@]}"; do
  for weights in f32 bf16 int8 int8-dynamic; do
    for which in old new; do
      tree=$oldBuild
      [ $which = old ] || tree=$build
      "$tree/bin/encdec" compile "$model" -o "$work/$which.encdec" --weights "$weights" \
        --quiet --cpu "${levels// /,}" >/dev/null
    done
    for level in $levels; do
      for threads in 1 2 4; do
        a=$("$work/old" "$work/old.encdec" "$level" $threads)
        b=$("$work/new" "$work/new.encdec" "$level" $threads)
        if [ "$a" = "$b" ]; then
          same=$((same + 1))
        else
          other=$((other + 1))
          echo "differs: $(basename "$model") $weights $level, $threads threads: $a, $b"
        fi
      done
    done
  done
done
echo "$same equal, $other different: ${#models[@]} models, 4 weight types, levels $levels, 1, 2 and 4 threads"
[ $other = 0 ] && [ $same -gt 0 ]
