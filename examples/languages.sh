#!/usr/bin/env bash
# One text in many languages. MODEL is a translator of several (M2M-100, NLLB, mBART-50 ...):
# a bundle, or its checkpoint folder. Languages are named as the checkpoint does (fra_Latn),
# or in short (fr).
#   examples/languages.sh MODEL "I like tea." en fr de sw
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 4 ]; then
  sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
fi
model=$1 text=$2 source=$3
for target in "${@:4}"; do
  translated=$("${ENCDEC_BUILD:-$root/build}/bin/encdec" generate "$model" \
    --source-lang "$source" --target-lang "$target" --text "$text")
  printf '%s\t%s\n' "$target" "$translated"
done
