#!/usr/bin/env bash
# From a clean clone to French: installs what it needs, builds the compiler and the
# runtime, compiles the bundled model into one file, and translates the sentence.
#   examples/translate.sh "I love machine learning"
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
  -h|--help|"") sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit $([ $# -gt 0 ] && echo 0 || echo 2) ;;
esac
"$root/tests/setup.sh" release encdec encdec-compile
bundle=$root/build/en-fr.encdec
if [ ! -f "$bundle" ] || [ -n "$(find "$root/examples/models/en-fr" "$root/build/bin/encdec-compile" -newer "$bundle" -print -quit)" ]; then
  printf '== compiling examples/models/en-fr into build/en-fr.encdec\n' >&2
  "$root/build/bin/encdec" compile "$root/examples/models/en-fr" -o "$bundle"
fi
texts=()
for text in "$@"; do texts+=(--text "$text"); done
"$root/build/bin/encdec" generate "$bundle" "${texts[@]}"
