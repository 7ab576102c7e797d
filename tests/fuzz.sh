#!/usr/bin/env bash
# Fuzzes every reader of foreign bytes (tests/fuzz) by libFuzzer, a process a core.
#   tests/fuzz.sh MINUTES [TARGET…]   MINUTES in all, shared by the targets
# Builds preset fuzz first. What is learnt stays in build-fuzz/corpus for the next
# time; an input that fails is left in build-fuzz/findings and named, exit code 1.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
minutes=${1:-}
case $minutes in
  ""|*[!0-9]*|0) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
shift
"$root/tests/setup.sh" fuzz
work=$root/build-fuzz
fuzz=$work/bin/encdec_fuzz
mkdir -p "$work/findings" "$work/logs"

# Readers of folders need a file for each input: in memory, where /dev/shm exists.
TMPDIR=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR UBSAN_OPTIONS=print_stacktrace=1

declare -A longest
while read -r target bytes; do
  longest[$target]=$bytes
done < <("$fuzz" --targets)
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <("$fuzz" --targets | cut -d' ' -f1)
jobs=$(nproc)
seconds=$((minutes * 60 * jobs / ${#targets[@]}))

one() {
  local corpus=$work/corpus/$1
  mkdir -p "$corpus"
  export ENCDEC_FUZZ=$1
  "$fuzz" "--seeds=$corpus"
  # A finding: an input of some kilobytes that takes 256 MB at once, or two minutes.
  "$fuzz" "$corpus" -max_total_time="$seconds" -max_len="${longest[$1]}" -timeout=120 \
    -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$work/findings/$1-"
}

failed=0
report() {
  local log=$work/logs/$1.log status=$2 runs
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-18s %12s executions' "$1" "${runs:-0}"
  if [ "$status" = 0 ]; then
    printf '  no finding\n'
  else
    failed=1
    printf '  FINDING (%s)\n' "$log"
    sed -n 's/^Test unit written to /  /p; /expected: /p; /^SUMMARY/p' "$log"
  fi
}

for target in "${targets[@]}"; do
  [ -n "${longest[$target]:-}" ] || { echo "fuzz.sh: no target '$target'" >&2; exit 2; }
done
for ((first = 0; first < ${#targets[@]}; first += jobs)); do
  group=("${targets[@]:first:jobs}")
  declare -A process=()
  for target in "${group[@]}"; do
    one "$target" > "$work/logs/$target.log" 2>&1 &
    process[$target]=$!
  done
  for target in "${group[@]}"; do
    status=0
    wait "${process[$target]}" || status=$?
    report "$target" "$status"
  done
done
exit $failed
