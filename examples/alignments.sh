#!/usr/bin/env bash
# Where the decoder looked while it translated: one sentence's cross-attention as
# a self-contained SVG, words on both axes, one panel a head.
#   examples/alignments.sh "The old man lives in a small house." house.svg
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${ENCDEC_BUILD:-$root/build}
case ${1:-} in
  -h|--help|"") sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit $([ $# -gt 0 ] && echo 0 || echo 2) ;;
esac
picture=${2:-alignments.svg}
if [ ! -x "$build/bin/encdec" ]; then
  echo "alignments.sh: no $build/bin/encdec; build first (tests/setup.sh release), or set ENCDEC_BUILD" >&2
  exit 1
fi
"$build/bin/encdec" generate "$root/examples/models/en-fr" \
  --text "$1" --alignments "$picture"
echo "wrote $picture" >&2
