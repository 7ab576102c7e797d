"""The machine's limits as encdec_bench measures them, and a bundle's sizes from its
manifest: the two inputs of roofline.py."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from roofline import Machine, Shape, Stored


def run(*command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"{command[0]} {command[1]}: {done.stderr.strip()}")
    return done.stdout


def cache_sizes():
    """[(level, bytes)] of one core's data caches, smallest first."""
    found = []
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (folder / "type").read_text().strip() != "Instruction":
            size = re.fullmatch(r"(\d+)K", (folder / "size").read_text().strip())
            found.append((int((folder / "level").read_text()), int(size[1]) << 10))
    return sorted(found)


def machine(build):
    """The limits of one thread. encdec_bench prints them before its benchmarks, so the
    smallest benchmark suffices."""
    result = json.loads(run(
        build / "bin" / "encdec_bench", "--benchmark_format=json",
        "--benchmark_min_time=0.001", "--benchmark_filter=^norm/512/rows:16$"))
    measured = {key: float(value) * 1e9 for key, value in result["context"].items()
                if key.startswith("limit_")}
    whole = [value for key, value in measured.items()
             if key.endswith("GMAC/s") and key != "limit_GMAC/s"]
    caches = tuple((level, size, measured[f"limit_read_L{level}_GB/s"])
                   for level, size in cache_sizes()
                   if f"limit_read_L{level}_GB/s" in measured)
    return Machine(len(os.sched_getaffinity(0)), {
        "f32": measured["limit_GMAC/s"],
        "int": max(whole + [measured["limit_GMAC/s"]])}, caches)


def stored(encdec, bundle):
    manifest = json.loads(run(encdec, "inspect", bundle, "--json"))["manifest"]
    memory = manifest["memory"]
    return Stored(manifest["weights"]["bytes"], manifest["weights"]["step_bytes"],
                  memory["cache_per_key"], memory["memory_per_key"])


def shape_of(config):
    """Of a checkpoint's config.json: BART's keys or T5's. A gated ffn has three products of
    d f where another has two."""
    def first(*keys):
        return next(config[key] for key in keys if config.get(key))

    gates = 1.5 if config.get("feed_forward_proj", "").startswith("gated-") else 1
    return Shape(config["d_model"], round(gates * first("encoder_ffn_dim", "d_ff")),
                 round(gates * first("decoder_ffn_dim", "d_ff")),
                 first("encoder_layers", "num_layers"),
                 first("decoder_layers", "num_decoder_layers", "num_layers"),
                 first("decoder_vocab_size", "vocab_size"))
