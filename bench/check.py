#!/usr/bin/env python3
"""Runs a few small benchmarks briefly and checks what they report: that every
limit is there, and that counters are numbers that make sense. Speed itself is not
judged.

usage: check.py ENCDEC_BENCH
"""
import json
import subprocess
import sys

# At least one of each family, small enough to take seconds in all.
FAMILIES = ["linear/f32/512x512/rows:1$", "linear/int8/512x512/rows:4$",
            "linear/int8/512x512/rows:16$", "linear/bf16/512x512/rows:1$",
            "linear/int8-dynamic/512x512/rows:16$", "memory_project/f32/512x512/tokens:16$",
            "cross_attention/streamed/rows:4/keys:64$", "self_attention/near/rows:1/keys:64$",
            "cache_append/rows:1$", "encoder_attention/sources:1/tokens:64$",
            "block_keys/sources:1/tokens:64$", "add_norm/512/rows:16$", "norm/512/rows:16$",
            "add/512/rows:16$", "quantize/512/rows:16$",
            "relu/2048/rows:1$", "silu/2048/rows:1$", "gelu/2048/rows:1$",
            "embed/f32/512/rows:16$", "embed/int8/512/rows:16$",
            "vocabulary/f32/512x58101/rows:1/top:1$", "vocabulary/int8/512x58101/rows:1/top:1$"]
LIMITS = ["limit_read_L1_GB/s", "limit_read_L2_GB/s", "limit_read_L3_GB/s",
          "limit_read_memory_GB/s", "limit_GMAC/s", "limit_dot_GMAC/s"]
# A kernel may beat a limit that was measured while a neighbour was busy, by any factor
# that the neighbour can slow a measurement down.
LARGEST_FRACTION = 10


def run(program):
    out = subprocess.run(
        [program, "--benchmark_min_time=0.001", "--benchmark_format=json",
         "--benchmark_filter=^(" + "|".join(FAMILIES) + ")"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(out)


def errors_of(result):
    errors = []
    for limit in LIMITS:
        value = float(result["context"].get(limit, "0"))
        if not value > 0:
            errors.append(f"context: expected {limit} > 0, got {value}")
    names = [b["name"] for b in result["benchmarks"]]
    for family in FAMILIES:
        if family.rstrip("$") not in names:
            errors.append(f"expected a benchmark {family}, got none of that name")
    for b in result["benchmarks"]:
        for counter in ("MAC/s", "bytes/s", "fraction_of_limit"):
            if counter not in b:
                errors.append(f"{b['name']}: expected a counter {counter}, got none")
        fraction = b.get("fraction_of_limit", 0)
        if not 0 < fraction <= LARGEST_FRACTION:
            errors.append(f"{b['name']}: expected fraction_of_limit in (0, "
                          f"{LARGEST_FRACTION}], got {fraction:.3g}")
        if not b.get("bytes/s", 0) > 0:
            errors.append(f"{b['name']}: expected bytes/s > 0")
        if not b.get("label"):
            errors.append(f"{b['name']}: expected a label naming the limit, got none")
    return errors


def main():
    result = run(sys.argv[1])
    errors = errors_of(result)
    for error in errors:
        print(error, file=sys.stderr)
    print(f"{len(result['benchmarks'])} benchmarks, {len(errors)} errors")
    return 1 if errors else 0


sys.exit(main())
