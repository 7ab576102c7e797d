#!/bin/sh
# The imported module reads like the textbook, and encdec-import's exit codes
# hold. Usage: textbook.sh ENCDEC_IMPORT FILECHECK MODELS_FOLDER
set -eu
import=$1 check=$2 models=$3
here=$(dirname "$0")

"$import" "$models/one-layer-each" | "$check" "$here/textbook.check"

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
expect 3 --strict "$models/bad-words"
