"""From samples to medians, ratios and one table."""
import statistics

import agreement


def median(values):
    return statistics.median(values) if values else None


def spread(values):
    """Half the distance between the quartiles, over the median."""
    if len(values) < 4:
        return None
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle


def fastest(cells, engines, quality, ours):
    """The name of the fastest engine of a quality, among ours or the peers."""
    names = [engine["name"] for engine in engines
             if engine["quality"] == quality and (engine["family"] == "encdec") == ours
             and cells.get(engine["name"]) is not None]
    return min(names, key=cells.get, default=None)


def summary(engines, tasks, samples):
    described = [{"name": engine.name, "family": engine.family, "type": engine.type,
                  "quality": engine.quality, "setting": engine.setting,
                  "versions": engine.versions}
                 for engine in engines]
    rows = []
    for task in tasks:
        cells = {name: median(values) for name, values in samples[task.name].items()}
        row = {"workload": task.name, "source": task.source, "batch": task.batch,
               "beams": task.beams, "new_tokens": task.new_tokens, "ms": cells,
               "spread": {name: spread(values)
                          for name, values in samples[task.name].items()},
               "ratios": {}}
        for quality in ("f32", "int8"):
            ours = fastest(cells, described, quality, True)
            theirs = fastest(cells, described, quality, False)
            if ours and theirs:
                row["ratios"][quality] = {"encdec": ours, "peer": theirs,
                                          "ratio": cells[theirs] / cells[ours]}
        rows.append(row)
    return {"engines": described, "rows": rows}


def absent(name, kind):
    """A column without figures: the peer was left out."""
    return {"name": name, "family": kind.family, "type": kind.type,
            "quality": kind.quality, "setting": None, "versions": {}}


def machine(engines, cpu, cores, load):
    ours = [engine for engine in engines if engine.family == "encdec"]
    return {"cpu": cpu, "level": ours[0].level, "threads": len(cores), "cores": cores,
            "read_bandwidth_gb_s": median(
                [value for engine in ours for value in engine.bandwidths]),
            "load_before_after": load}


def number(value):
    """Three digits that count, or a dash."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def text(result):
    """The table as Markdown, and what must be known to read it."""
    names = [engine["name"] for engine in result["engines"]]
    least = result["least_ms"]
    lines = ["| ms | " + " | ".join(names) + " | f32: limit | int8: limit "
             "| f32: peer / encdec | int8: peer / encdec |",
             "|---" * (len(names) + 5) + "|"]
    for row in result["rows"]:
        best = {ratio[side] for ratio in row["ratios"].values()
                for side in ("encdec", "peer")}
        cells = [number(row["ms"].get(name)) + ("*" if name in best else "")
                 for name in names]
        cells += [number(least.get(row["workload"], {}).get(quality))
                  for quality in ("f32", "int8")]
        cells += [f"{row['ratios'][quality]['ratio']:.2f}"
                  if quality in row["ratios"] else "-" for quality in ("f32", "int8")]
        lines.append(f"| {row['workload']} | " + " | ".join(cells) + " |")
    compared = agreement.text(result["agreement"], names)
    lines += ["", *compared] if compared else []
    at = result["machine"]
    spreads = [value for row in result["rows"] for value in row["spread"].values()
               if value is not None]
    bandwidth = at["read_bandwidth_gb_s"]
    lines += [
        "",
        "*: the fastest of its class (f32; int8), encdec's and the peers'. A step is "
        "of the whole batch. Limit: the greater of bytes / read bandwidth and "
        "multiply-adds / peak.",
        f"{at['cpu']}, level {at['level']}, {at['threads']} threads; reads "
        + (f"{bandwidth:.1f}" if bandwidth else "-") + " GB/s; " + "".join(
            f"one core {value:.1f} GMAC/s {key}; "
            for key, value in at["peaks_gmac_s"].items())
        + f"load {at['load_before_after'][0]:.1f} before, "
        f"{at['load_before_after'][1]:.1f} after.",
        f"{result['date']}, {result['rounds']} rounds in turn, medians"
        + (f"; half the quartile distance is {100 * median(spreads):.0f} % of the "
           f"median in the middle cell, {100 * max(spreads):.0f} % in the worst."
           if spreads else "."),
        "Versions: " + ", ".join(sorted({
            version if name == "encdec" else f"{name} {version}"
            for engine in result["engines"]
            for name, version in engine["versions"].items()})) + "."]
    lines += [f"Setting of {engine['name']}: " + ", ".join(
        f"{key} {value}" for key, value in engine["setting"].items()) + "."
        for engine in result["engines"] if engine["setting"]]
    lines += [f"Left out: {name}: {why}" for name, why in result["left_out"].items()]
    lines += [f"Failed {len(why)} times: {where}: {why[0]}"
              for where, why in result["failures"].items()]
    lines += [f"WRONG: {sentence}" for sentence in result["wrong"]]
    return "\n".join(lines)
