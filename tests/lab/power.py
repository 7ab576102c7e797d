#!/usr/bin/env python3
"""How often encdec lab is right on this machine: a build against itself, and with a delay that is
injected into its steps (delay.c). Takes RUNS times SECONDS for each; run by hand.

usage: power.py BUILD_DIR MODEL [--runs 20] [--seconds 60] [--delay 0.03]
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("build", type=pathlib.Path)
parser.add_argument("model")
parser.add_argument("--runs", type=int, default=20)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--delay", type=float, default=0.03)
arguments = parser.parse_args()

for delay in (0, arguments.delay):
    found = collections.Counter()
    for _ in range(arguments.runs):
        out = subprocess.run(
            [arguments.build / "bin" / "encdec", "lab", arguments.model, "--rows", "1", "--json",
             "--no-passes", "--time-equal", "--seconds", str(arguments.seconds)],
            capture_output=True, text=True, check=True,
            env={**os.environ, "LD_PRELOAD": str(arguments.build / "lib" / "lab_delay.so"),
                 "LAB_DELAY": str(delay)}).stdout
        step = next(row for row in json.loads(out)["times"] if row["figure"] == "step")
        found[step["finding"]] += 1
        print(f"delay {delay:g}: {step['verdict']}, {step['rounds']} rounds", flush=True)
    print(f"delay {delay:g}:", ", ".join(f"{n} {name}" for name, n in found.items()), flush=True)
