"""encdec beside other engines: the same weights, the same source ids, the same
threads, in turns. See bench/README.md."""
import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import chart
import environment
import report
from engines import Encdec, Failure, Peer, workloads
from environment import ENVIRONMENTS, PEERS, ROOT, say

# Idle threads of some libraries spin for up to 0.2 s; the next engine waits longer.
SETTLE = 0.3


def arguments():
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build",
                        help="build folder with bin/encdec (default: build)")
    parser.add_argument("--model", help="checkpoint folder; default: a random one "
                        "of OPUS-MT's size, made once")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="default 5; 2 with --short")
    parser.add_argument("--short", action="store_true",
                        help="few rounds, short lengths, CTranslate2 and "
                        "transformers alone: under 3 minutes")
    parser.add_argument("--json", type=Path, help="all figures, to this file")
    parser.add_argument("--svg", type=Path, help="a chart, to this file")
    parser.add_argument("--only", action="append", metavar="ENGINE",
                        choices=["ctranslate2", "openvino", "onnxruntime",
                                 "transformers", "encdec"],
                        help="these peers alone, may be repeated; encdec runs always")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.short else 5)
    if options.threads < 1 or options.rounds < 1:
        parser.error("--threads and --rounds count from 1")
    if not (options.build / "bin" / "encdec").exists():
        parser.error(f"{options.build}/bin/encdec is missing; build it "
                     "(tests/setup.sh release) or name the folder with --build")
    return options


def wanted_peers(options):
    kinds = options.only or list({peer[0] for peer in PEERS.values()})
    if options.short:
        kinds = [kind for kind in kinds if kind in ("ctranslate2", "transformers")]
    return [name for name in PEERS if PEERS[name][0] in kinds]


def pin(threads):
    """This process and, by inheritance, every engine: the same first cores."""
    cores = sorted(os.sched_getaffinity(0))
    if threads > len(cores):
        sys.exit(f"compare: --threads {threads}, but there are {len(cores)} cores")
    os.sched_setaffinity(0, cores[:threads])
    return cores[:threads]


def start_engines(options):
    """The engines that can run, and a sentence for each that cannot."""
    engines, left_out = [], {}
    names = wanted_peers(options)
    needed = {PEERS[name][1] for name in names}
    if not options.model:
        needed.add("compare-venv") # it makes the checkpoint
    problems = {key: environment.install(key) for key in ENVIRONMENTS if key in needed}
    if not options.model and problems["compare-venv"]:
        sys.exit(f"compare: {problems['compare-venv']}")
    source = environment.checkpoint(options.model, options.threads)
    compile_seconds = {}
    for weights in environment.WEIGHTS:
        say(f"compiling {weights}")
        bundle, seconds = environment.compile_bundle(options.build, source, weights)
        compile_seconds[weights] = seconds
        engines.append(Encdec(options.build, bundle, weights, options.threads))
    for name in names:
        problem = problems[PEERS[name][1]]
        if problem is None:
            folder, problem = environment.peer_form(name, source, options.threads)
        if problem is None:
            try:
                engines.append(Peer(name, folder, options.threads))
                continue
            except Failure as failure:
                problem = f"it does not start: {failure}"
        left_out[name] = problem
        say(f"{name} is left out: {problem}")
    return engines, left_out, source, compile_seconds


def run_rounds(engines, tasks, rounds, repeats, vocabulary):
    """samples[task name][engine name] = [ms], one a round: of work that takes
    milliseconds, the median of `repeats` runs. Round 0 warms up and counts for
    nothing; an engine's failure there is forgiven, since it may come from a first
    run. Later ones are kept as sentences."""
    samples = {task.name: {engine.name: [] for engine in engines} for task in tasks}
    failures = {}
    for turn in range(rounds + 1):
        started = time.monotonic()
        for task in tasks:
            # Another engine begins each round: none always follows the same one.
            shift = turn % len(engines)
            for engine in engines[shift:] + engines[:shift]:
                time.sleep(SETTLE)
                try:
                    value = engine.measure(task, vocabulary, repeats)
                except Failure as failure:
                    if turn > 0:
                        failures.setdefault(f"{engine.name}, {task.name}", []).append(
                            str(failure))
                    continue
                if turn > 0:
                    samples[task.name][engine.name].append(value)
        say(f"round {turn} of {rounds}" + (" (warming up)" if turn == 0 else "")
            + f": {time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}")
    return samples, failures


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    options = arguments()
    cores = pin(options.threads)
    engines, left_out, source, compile_seconds = start_engines(options)
    with open(source / "config.json", encoding="utf-8") as file:
        vocabulary = json.load(file)["vocab_size"]
    tasks = workloads(options.short)
    load = [os.getloadavg()[0]]
    samples, failures = run_rounds(engines, tasks, options.rounds,
                                   2 if options.short else 5, vocabulary)
    load.append(os.getloadavg()[0])
    for engine in engines:
        engine.close()
    result = report.summary(engines, tasks, samples)
    result |= {
        "date": time.strftime("%Y-%m-%d"), "rounds": options.rounds,
        "short": options.short, "model": options.model or "random, OPUS-MT size",
        "machine": report.machine(engines, cpu_model(), cores, load),
        "compile_seconds": compile_seconds,
        "left_out": left_out, "failures": failures, "samples_ms": samples}
    print(report.text(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.svg:
        options.svg.write_text(chart.svg(result), encoding="utf-8")


if __name__ == "__main__":
    main()
