#!/usr/bin/env bash
# Random sets of generation options, new ones in each run, judged by Transformers live.
#   live_options.sh PYTHON BUILD COUNT [SEED [FAMILY...]]
# PYTHON has torch and transformers; COUNT sets of each family; SEED (printed) makes a run
# again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$1 build=$2 count=$3 seed=${4:-$(date +%s)}
shift $(($# < 4 ? $# : 4))
mkdir -p "$build/e2e"
echo "live_options: seed $seed" >&2
table=$build/e2e/live-options.json
"$python" "$here/../models/options.py" --random "$count" --seed "$seed" "$table" \
  "${@/#/--family=}"
python3 "$here/options_test.py" "$build" "$table"
