#!/usr/bin/env bash
# A summary of each file, a line each. MODEL is a summarizer (BART, Pegasus, T5 ...): a
# bundle, or its checkpoint folder. The checkpoint itself says how many beams there are, how
# long a summary is and which n-grams may not repeat; what does not fit into the model is
# cut off.
#   examples/summarize.sh MODEL article.txt report.txt
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 2 ]; then
  sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
fi
model=$1
shift
for file in "$@"; do
  tr '\n' ' ' < "$file"
  echo
done | "${ENCDEC_BUILD:-$root/build}/bin/encdec" generate "$model" --truncate
