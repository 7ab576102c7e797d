#!/usr/bin/env bash
# Random configurations of every family, new ones in each run, judged by Transformers live.
#   live_families.sh PYTHON BUILD COUNT [SEED]
# PYTHON has torch and transformers; COUNT configurations a family; SEED (printed) makes a
# run again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$1 build=$2 count=$3 seed=${4:-$(date +%s)}
folder=$build/models/live
rm -rf "$folder"
echo "live_families: seed $seed" >&2
"$python" "$here/../models/goldens.py" --random "$count" --seed "$seed" "$folder"
for goldens in "$folder"/*.json; do
  family=$(basename "$goldens" .json)
  python3 "$here/../models/make_checkpoint.py" --goldens "$goldens" "$folder/$family"
  python3 "$here/random_test.py" "$build" "$family" "$goldens" "$folder/$family"
done
