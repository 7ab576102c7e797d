"""How the time of a step grows with layers, width, source length, position, rows and
threads, each beside the least time that the machine's measured limits leave. Makes
random checkpoints, compiles and measures them one after the other, and removes them.
See bench/README.md."""
import argparse
import json
import os
import shutil
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import checkpoint
import lines
import roofline
from environment import ROOT, compile_to, cpu_model, say
from limits import machine, run, stored
from report import number
from roofline import Shape

FOLDER = ROOT / "build" / "growth"
LEAVES = 1.5 # points that take more than this times the least time are marked


def square(width, layers, vocabulary):
    """A shape with equally many layers on both sides and an ffn of 4 * width."""
    return Shape(width, 4 * width, 4 * width, layers, layers, vocabulary)


@dataclass(frozen=True)
class Point:
    shape: Shape
    threads: int
    rows: int = 1
    source: int = 32
    position: int = 32


@dataclass(frozen=True)
class Series:
    name: str
    x: str          # the name of the size that grows
    points: tuple   # (x, Point)
    kind: str = "step"


def all_series(short, cores):
    """Points that several series share are measured once."""
    base = Point(square(512, 2 if short else 6, 8000 if short else 32000), min(2, cores))

    def varied(key, value):
        shape = base.shape
        if key == "layers":
            return replace(base, shape=square(shape.width, value, shape.vocabulary))
        if key == "width":
            return replace(base, shape=square(value, shape.decoder_layers,
                                              shape.vocabulary))
        return replace(base, **{key: value})

    def grow(name, x, kind, key, chosen):
        return Series(name, x, tuple((value, varied(key, value)) for value in chosen), kind)

    sources = (8, 128) if short else (8, 32, 128, 500, 2000)
    return [
        grow("layers", "layers", "step", "layers", (1, 2) if short else (1, 2, 4, 6, 12)),
        grow("width", "d_model", "step", "width",
             (256, 512) if short else (256, 512, 1024)),
        grow("source length", "source tokens", "step", "source", sources),
        grow("position", "tokens before", "step", "position",
             (16, 64) if short else (16, 64, 250, 1000)),
        grow("rows", "sentences", "step", "rows",
             (1, 8) if short else (1, 2, 4, 8, 16, 32, 64)),
        grow("threads", "threads", "step", "threads", (1, 2) if short else (1, 2, 4)),
        grow("encoding", "source tokens", "encode", "source", sources)]


def positions_needed(series):
    return max(max(point.source, 2 * point.position) + 1
               for one in series for _, point in one.points)


def specification(shape, positions):
    heads = shape.width // 64
    return {**checkpoint.OPUS, "d_model": shape.width, "vocab": shape.vocabulary,
            "encoder_layers": shape.encoder_layers, "encoder_heads": heads,
            "encoder_ffn": shape.encoder_ffn, "decoder_layers": shape.decoder_layers,
            "decoder_heads": heads, "decoder_ffn": shape.decoder_ffn,
            "positions": positions}


def bench(encdec, bundle, point, repeat):
    """encdec bench takes the median over steps 1 to N. Later steps take longer, so the
    median is that of step N / 2."""
    new_tokens = 2 * point.position
    repeat = max(1, repeat * 64 // max(64, new_tokens))
    return json.loads(run(
        encdec, "bench", bundle, "--json", "--repeat", str(repeat),
        "--batch", str(point.rows), "--source-length", str(point.source),
        "--new-tokens", str(new_tokens), "--threads", str(point.threads)
    ).splitlines()[-1])


def measured(at, kinds, limits, weights, sizes, result):
    """One measured point as it stands in the results: {kind: figures}."""
    ram = result["read_bandwidth"] * 1e9
    figures = {}
    for kind in kinds:
        work = (roofline.encode(at.shape, sizes, at.rows, at.source) if kind == "encode"
                else roofline.step(at.shape, sizes, at.rows, 1, at.source, at.position))
        seconds, limit = roofline.least(work, limits, weights, at.threads, ram)
        took = result["encode_ms" if kind == "encode" else "step_ms"]
        figures[kind] = {"ms": took, "least_ms": seconds * 1e3, "limit": limit,
                         "ratio": took / (seconds * 1e3), "bytes": work.bytes,
                         "macs": work.macs, "read_bandwidth_gb_s": ram / 1e9}
    return figures


def measure_all(options, series, limits):
    """{(point, weights): {kind: figures}}. One model after the other: together they
    would fill gigabytes."""
    encdec = options.build / "bin" / "encdec"
    points = {point for one in series for _, point in one.points}
    positions, found = positions_needed(series), {}
    for shape in sorted({point.shape for point in points}):
        name = f"{shape.width} wide, {shape.encoder_layers} + {shape.decoder_layers} layers"
        folder = FOLDER / name.replace(" ", "-").replace(",", "")
        shutil.rmtree(folder, ignore_errors=True)
        say(name)
        checkpoint.write(specification(shape, positions), folder)
        for weights in options.weights:
            bundle = folder / f"{weights}.encdec"
            compile_to(options.build, folder, bundle, weights)
            sizes = stored(encdec, bundle)
            for point in sorted((p for p in points if p.shape == shape), key=repr):
                found[point, weights] = measured(
                    point, ("step", "encode"), limits, weights, sizes,
                    bench(encdec, bundle, point, 1 if options.short else 5))
            bundle.unlink()
        shutil.rmtree(folder)
    return found


def summary(series, found, weights):
    return [{"series": one.name, "kind": one.kind, "x_name": one.x,
             "points": [{"x": x, "threads": point.threads, **asdict(point.shape),
                         **{kind: found[point, kind][one.kind] for kind in weights}}
                        for x, point in one.points]} for one in series]


def text(result):
    """One Markdown table: each row a point, each type its time, its least time and
    how many times that it takes."""
    names = result["weights"]
    rows = ["| grows | | " + " | ".join(
        f"{name}, ms | least | ratio | set by" for name in names) + " |",
        "|---" * (2 + 4 * len(names)) + "|"]
    for one in result["series"]:
        for point in one["points"]:
            cells = []
            for name in names:
                at = point[name]
                mark = "!" if at["ratio"] > LEAVES else ""
                cells += [number(at["ms"]), number(at["least_ms"]),
                          f"{at['ratio']:.2f}{mark}", at["limit"]]
            rows.append(f"| {one['series']} | {point['x']} | " + " | ".join(cells) + " |")
    at = result["machine"]
    left = sum(point[name]["ratio"] > LEAVES for one in result["series"]
               for point in one["points"] for name in names)
    rates = [point[name]["read_bandwidth_gb_s"] for one in result["series"]
             for point in one["points"] for name in names]
    return "\n".join(rows + [
        "",
        "least: the greater of bytes / read bandwidth (beside each run; of a cache where "
        "all fits) and multiply-adds / peak. encoding: of one source; all else: a step.",
        f"!: more than {LEAVES:g} times the least: {left} points of "
        f"{len(rates)}. Barriers, norms and exp are in no least time.",
        f"{at['cpu']}, {at['cores']} cores; memory {min(rates):.1f}-{max(rates):.1f} "
        f"GB/s (median {statistics.median(rates):.1f}); one core: "
        f"{at['peaks']['f32'] / 1e9:.1f} GMAC/s f32, {at['peaks']['int'] / 1e9:.1f} whole "
        f"numbers; load {at['load_before_after'][0]:.1f} before, "
        f"{at['load_before_after'][1]:.1f} after; {result['date']}; {result['encdec']}."])


def arguments():
    parser = argparse.ArgumentParser(prog="bench/growth", description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build",
                        help="build folder with bin/encdec and bin/encdec_bench "
                        "(default: build)")
    parser.add_argument("--weights", default="f32,int8-dynamic",
                        help="types, with commas (default: f32,int8-dynamic)")
    parser.add_argument("--only", action="append", metavar="SERIES",
                        help="these series alone, may be repeated: layers, width, "
                        "source length, position, rows, threads, encoding")
    parser.add_argument("--short", action="store_true",
                        help="two points each of a small model: a minute or two")
    parser.add_argument("--json", type=Path, help="all figures, to this file")
    parser.add_argument("--svg", type=Path, help="a chart, to this file")
    options = parser.parse_args()
    options.weights = options.weights.split(",")
    for name in ("encdec", "encdec_bench"):
        if not (options.build / "bin" / name).exists():
            parser.error(f"{options.build}/bin/{name} is missing; build it "
                         "(tests/setup.sh release) or name the folder with --build")
    series = all_series(options.short, len(os.sched_getaffinity(0)))
    unknown = set(options.only or []) - {one.name for one in series}
    if unknown:
        parser.error(f"--only {sorted(unknown)[0]}: no such series")
    return options, [one for one in series if one.name in (options.only or [one.name])]


def main():
    options, series = arguments()
    load = [os.getloadavg()[0]]
    limits = machine(options.build)
    found = measure_all(options, series, limits)
    load.append(os.getloadavg()[0])
    result = {
        "date": time.strftime("%Y-%m-%d"), "short": options.short,
        "encdec": run(options.build / "bin" / "encdec", "--version").split("\n")[0],
        "machine": {"cpu": cpu_model(), **asdict(limits), "load_before_after": load},
        "weights": options.weights, "series": summary(series, found, options.weights)}
    print(text(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.svg:
        options.svg.write_text(lines.svg(result), encoding="utf-8")


if __name__ == "__main__":
    main()
