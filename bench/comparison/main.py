"""encdec beside other engines: the same weights, the same source ids, the same
threads, in turns. See bench/README.md."""
import argparse
import json
import os
import sys
import time
from pathlib import Path

import agreement
import chart
import checkpoint
import environment
import limits
import report
import roofline
from engines import Encdec, Failure, end_of, quality_of, start_peer, workloads
from environment import ENVIRONMENTS, PEERS, ROOT, say

# Idle threads of some libraries spin for up to 0.2 s; the next engine waits longer.
SETTLE = 0.3
# The classes, and the weights of encdec that each class's limit is of.
LIMITED = {"f32": "f32", "int8": "int8-dynamic"}


def arguments():
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build",
                        help="build folder with bin/encdec (default: build)")
    parser.add_argument("--model", help="checkpoint folder; default: a random one "
                        "of --size, made once")
    parser.add_argument("--size", choices=list(checkpoint.SIZES), default="opus",
                        help="of the random checkpoint")
    parser.add_argument("--long-source", type=int, metavar="TOKENS",
                        help="also steps and an encoding of one source of so many tokens "
                        "(default: 512 for bart-large)")
    parser.add_argument("--threads", type=int,
                        default=min(2, len(os.sched_getaffinity(0))),
                        help="default 2, or 1 where there is one core")
    parser.add_argument("--rounds", type=int, help="default 5; 2 with --short")
    parser.add_argument("--short", action="store_true",
                        help="few rounds, short lengths, no trial of settings; "
                        "CTranslate2 and transformers unless --only names others: "
                        "under 3 minutes once installed")
    parser.add_argument("--json", type=Path, help="all figures, to this file")
    parser.add_argument("--svg", type=Path, help="a chart, to this file")
    parser.add_argument("--only", action="append", metavar="ENGINE",
                        choices=["ctranslate2", "openvino", "onnxruntime",
                                 "transformers", "encdec"],
                        help="these peers alone, may be repeated; encdec runs always")
    parser.add_argument("--quality", choices=["f32", "int8"],
                        help="engines of this class alone; half the time")
    options = parser.parse_args()
    if options.size == "bart-large" and not options.long_source:
        options.long_source = 512
    options.rounds = options.rounds or (2 if options.short else 5)
    if options.threads < 1 or options.rounds < 1:
        parser.error("--threads and --rounds count from 1")
    if not (options.build / "bin" / "encdec").exists():
        parser.error(f"{options.build}/bin/encdec is missing; build it "
                     "(tests/setup.sh release) or name the folder with --build")
    return options


def wanted_peers(options):
    short = ["ctranslate2", "transformers"]
    kinds = options.only or (short if options.short else
                             {peer.family for peer in PEERS.values()})
    return [name for name in PEERS
            if PEERS[name].family in kinds and PEERS[name].quality in qualities(options)]


def qualities(options):
    return [options.quality] if options.quality else list(LIMITED)


def pin(threads):
    """This process and, by inheritance, every engine: the same first cores."""
    cores = sorted(os.sched_getaffinity(0))
    if threads > len(cores):
        sys.exit(f"compare: --threads {threads}, but there are {len(cores)} cores")
    os.sched_setaffinity(0, cores[:threads])
    return cores[:threads]


def start_encdec(options, source):
    engines, compile_seconds = [], {}
    for weights in (weights for weights in environment.WEIGHTS
                    if quality_of(weights) in qualities(options)):
        say(f"compiling {weights}")
        bundle, seconds = environment.compile_bundle(options.build, source, weights)
        compile_seconds[weights] = seconds
        engines.append(Encdec(options.build, source, bundle, weights, options.threads))
    return engines, compile_seconds


def start_peers(options, source, vocabulary):
    """The peers that can run, a sentence for each that cannot, and what the trials
    of settings took."""
    engines, left_out, trials = [], {}, {}
    names = wanted_peers(options)
    needed = {PEERS[name].environment for name in names}
    problems = {key: environment.install(key) for key in ENVIRONMENTS if key in needed}
    for name in names:
        problem = problems[PEERS[name].environment]
        if problem is None:
            folder, problem = environment.peer_form(name, source, options.threads)
        if problem is None:
            say(f"starting {name}")
            try:
                peer, trials[name] = start_peer(name, PEERS[name], folder, options.threads,
                                                vocabulary, not options.short)
                engines.append(peer)
                continue
            except Failure as failure:
                problem = f"it does not start: {failure}"
        left_out[name] = problem
        say(f"{name} is left out: {problem}")
    return engines, left_out, trials


def check_outputs(engines, tasks, vocabulary, banned, failures):
    """Every engine decodes every workload once, which warms it up, and the outputs are
    compared. A peer may try twice: some fail once when the number of beams changes."""
    rows = []
    judge = next((engine for engine in engines if engine.family == "transformers"), None)
    for task in (task for task in tasks if task.kind == "decode"):
        outputs, gaps = {}, {}
        for engine in engines:
            for attempt in ("first run", "second run"):
                try:
                    outputs[engine.name] = engine.outputs(task, vocabulary)
                    break
                except Failure as failure:
                    failures.setdefault(f"{engine.name}, {task.name}, {attempt}",
                                        []).append(str(failure))
                    if engine.family == "encdec":
                        break
        say(f"{task.name}: outputs of {len(outputs)} engines")
        judged = {} # several engines write the same
        for name, ids in outputs.items():
            if judge and task.beams == 1: # beam search does not choose the best tokens
                key = json.dumps(ids)
                try:
                    if key not in judged:
                        judged[key] = judge.gaps(task, vocabulary, ids, banned)
                    gaps[name] = judged[key]
                except Failure as failure:
                    failures.setdefault(f"judging {name}", []).append(str(failure))
        rows.append(agreement.agreement(
            task, outputs, outputs.get(judge.name) if judge else None, gaps))
    return rows


def run_rounds(engines, tasks, rounds, repeats, vocabulary, failures):
    """samples[task name][engine name] = [ms], one a round: of work that takes
    milliseconds, the median of `repeats` runs. Failures are kept as sentences."""
    samples = {task.name: {engine.name: [] for engine in engines} for task in tasks}
    for turn in range(rounds):
        started = time.monotonic()
        for task in tasks:
            # Each round begins with another engine.
            shift = turn % len(engines)
            for engine in engines[shift:] + engines[:shift]:
                time.sleep(SETTLE)
                try:
                    samples[task.name][engine.name].append(
                        engine.measure(task, vocabulary, repeats))
                except Failure as failure:
                    failures.setdefault(f"{engine.name}, {task.name}", []).append(
                        str(failure))
        say(f"round {turn + 1} of {rounds}: {time.monotonic() - started:.0f} s, "
            f"load {os.getloadavg()[0]:.1f}")
    return samples


def machine_limits(build):
    """The machine's limits; None where encdec_bench, which measures them, was not built."""
    return limits.machine(build) if (build / "bin" / "encdec_bench").exists() else None


def least_times(machine, options, source, config, tasks, bandwidth):
    """{workload: {class: ms}}: the least time of each by the limits, with encdec's
    bundles."""
    if machine is None or bandwidth is None:
        return {}
    shape, result = limits.shape_of(config), {}
    limited = {name: LIMITED[name] for name in qualities(options)}
    sizes = {weights: limits.stored(options.build / "bin" / "encdec",
                                    environment.bundle_path(source, weights))
             for weights in limited.values()}
    for task in tasks:
        result[task.name] = {name: 1e3 * roofline.workload(
            task.kind, shape, sizes[weights], machine, weights, options.threads,
            bandwidth * 1e9, batch=task.batch, beams=task.beams, source=task.source,
            new_tokens=task.new_tokens)
            for name, weights in limited.items()}
    return result


def suppressed(source, config):
    """The ids that a request forbids or a checkpoint may forbid: not judged."""
    ids = {config["eos_token_id"], config["pad_token_id"]}
    bad = end_of(source, "bad_words_ids") or []
    return sorted(ids | {row[0] for row in bad if len(row) == 1})


def wrong_of(result):
    """Sentences for which the program ends with 1. They are about encdec alone, and never
    about slowness."""
    return agreement.wrong(result["agreement"], result["engines"]) + [
        f"{where}: {why[0]}" for where, why in result["failures"].items()
        if where.startswith("encdec")]


def main():
    options = arguments()
    cores = pin(options.threads)
    source = environment.checkpoint(options.model, options.size)
    with open(source / "config.json", encoding="utf-8") as file:
        config = json.load(file)
    vocabulary = config["vocab_size"]
    tasks = workloads(options.short, options.long_source)
    machine = machine_limits(options.build)
    ours, compile_seconds = start_encdec(options, source)
    peers, left_out, trials = start_peers(options, source, vocabulary)
    engines, failures = ours + peers, {}
    rows = check_outputs(engines, tasks, vocabulary, suppressed(source, config), failures)
    load = [os.getloadavg()[0]]
    samples = run_rounds(engines, tasks, options.rounds, 2 if options.short else 5,
                         vocabulary, failures)
    load.append(os.getloadavg()[0])
    for engine in engines:
        engine.close()
    result = report.summary(engines, tasks, samples)
    result["engines"] += [report.absent(name, PEERS[name]) for name in left_out]
    result |= {
        "date": time.strftime("%Y-%m-%d"), "rounds": options.rounds,
        "short": options.short, "model": options.model or f"random, {options.size} size",
        "machine": report.machine(engines, environment.cpu_model(), cores, load),
        "compile_seconds": compile_seconds, "agreement": rows, "trials_ms": trials,
        "left_out": left_out, "failures": failures, "samples_ms": samples}
    result["least_ms"] = least_times(machine, options, source, config, tasks,
                                     result["machine"]["read_bandwidth_gb_s"])
    result["machine"]["peaks_gmac_s"] = {
        key: value / 1e9 for key, value in machine.peaks.items()} if machine else {}
    result["wrong"] = wrong_of(result)
    print(report.text(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.svg:
        options.svg.write_text(chart.svg(result), encoding="utf-8")
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
