#!/usr/bin/env bash
# Installs what a preset needs from Debian's packages and builds it. Safe to run
# again: what is there is left alone.
#   tests/setup.sh [PRESET [TARGET...]]
# PRESET is release (the default), debug, asan, runtime-only, runtime-only-asan,
# runtime-only-tsan or fuzz; CMakePresets.json says what each is. Without a TARGET all is
# built, tests and benchmarks too; with targets (encdec encdec-compile), those and what
# they need.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in -h|--help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
preset=${1:-release}
targets=("${@:2}")

say() { printf '== %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

packages=(cmake ninja-build g++ libfmt-dev nlohmann-json3-dev libxxhash-dev
          libutf8proc-dev libcli11-dev libgtest-dev python3)
case $preset in
  release|debug|asan)
    packages+=(clang-22 libclang-rt-22-dev lld-22 llvm-22-dev llvm-22-tools
               libmlir-22-dev mlir-22-tools libbenchmark-dev zlib1g-dev libzstd-dev
               libxml2-dev binutils)
    # Only tests run code of another architecture.
    [ ${#targets[@]} -gt 0 ] || packages+=(qemu-user) ;;
  runtime-only|runtime-only-asan|runtime-only-tsan) ;;
  fuzz) packages+=(clang-22 libclang-rt-22-dev) ;;
  *) fail "unknown preset '$preset'; the presets are in CMakePresets.json" ;;
esac

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || fail "this needs the Debian packages ${missing[*]}, and there is no apt-get here"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing ${missing[*]} needs root or sudo"
    as_root=(sudo)
  fi
  say "refreshing the package lists"
  "${as_root[@]}" apt-get update -qq
  for package in "${missing[@]}"; do
    # "Candidate: (none)" or no answer at all: no configured suite has it.
    candidate=$(LC_ALL=C apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
    if [ -z "$candidate" ] || [ "$candidate" = "(none)" ]; then
      fail "this system's package sources have no '$package'. LLVM and MLIR 22 are in Debian 12's security suite (bookworm-security); add that suite to the package sources, or use a system that has them, and run this again."
    fi
  done
  say "installing ${missing[*]}"
  # What it will cost, in apt's own words: "Need to get …", "After this operation …".
  LC_ALL=C apt-get install --assume-no --no-install-recommends "${missing[@]}" 2>/dev/null |
    sed -n 's/^\(Need to get\|After this\)/== \1/p' >&2 || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

cd "$root"
say "configuring preset $preset"
cmake --preset "$preset" >&2
if [ ${#targets[@]} -gt 0 ]; then what="${targets[*]}"; else what="everything, tests and benchmarks too"; fi
say "building $what; the first time this takes minutes (README.md)"
cmake --build --preset "$preset" ${targets[@]:+--target "${targets[@]}"} >&2
