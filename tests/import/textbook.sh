#!/bin/sh
# The imported module reads like the textbook, and encdec-import's exit codes
# hold. Usage: textbook.sh ENCDEC_IMPORT FILECHECK MODELS_FOLDER PYTHON
set -eu
import=$1 check=$2 models=$3 python=$4
here=$(dirname "$0")

"$import" "$models/one-layer-each" | "$check" "$here/textbook.check"

# Families that are built of other parts.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
reads_like() { # family, specification
  echo "{\"family\": \"$1\", \"encoder_layers\": 1, \"decoder_layers\": 1, $2}" \
    >"$folder/$1.json"
  "$python" "$here/../models/make_checkpoint.py" "$folder/$1.json" "$folder/$1"
  "$import" --strict "$folder/$1" | "$check" "$here/textbook-$1.check"
}
reads_like bart '"vocab": 40'
reads_like blenderbot_small '"vocab": 40'
reads_like t5 '"vocab": 40, "head_size": 5, "activation": "gated-gelu"'

expect() { # expected code, arguments…
  expected=$1
  shift
  code=0
  "$import" "$@" >/dev/null 2>&1 || code=$?
  if [ "$code" -ne "$expected" ]; then
    echo "encdec-import $*: exit code $code, expected $expected" >&2
    exit 1
  fi
}
expect 0 --help
expect 2
expect 2 --unknown
expect 2 "$models/plain" "$models/plain"
expect 3 "$models/no-such-model"
echo '{"family": "marian", "generation": {"penalty_alpha": 0.6}}' >"$folder/contrast.json"
"$python" "$here/../models/make_checkpoint.py" "$folder/contrast.json" "$folder/contrast"
expect 0 "$folder/contrast"
expect 3 --strict "$folder/contrast"
