"""The engines' outputs beside transformers in f32: how many sources got the same ids,
how many tokens transformers would have chosen too, and whether encdec's are wrong.

A token is judged after the tokens that the engine itself wrote before it, so one near
tie does not count against all that follow. Its gap is the distance of its logit from
the best one, in standard deviations of the logits."""
import statistics

# f32 engines take sums in different orders. No such difference exceeds this gap.
F32_GAP = 1e-3
# Rounded weights choose a near best token; a token at random lies some 4 below.
ROUNDED_MEAN_GAP = 0.5


def same(ids, reference):
    """Sources whose ids are the reference's, all of them."""
    return sum(a == b for a, b in zip(ids, reference))


def agreement(task, outputs, reference, gaps):
    """outputs, gaps: by engine name; gaps are None where tokens are no greedy choices."""
    row = {"workload": task.name, "sources": task.batch, "same": {}, "chosen": {},
           "mean_gap": {}, "worst_gap": {}}
    for name, ids in outputs.items():
        if reference is not None:
            row["same"][name] = same(ids, reference)
        if gaps.get(name) is not None:
            flat = [gap for line in gaps[name] for gap in line]
            row["chosen"][name] = sum(gap == 0 for gap in flat) / len(flat)
            row["mean_gap"][name] = statistics.fmean(flat)
            # NaN is the worst gap, which max() alone would overlook.
            row["worst_gap"][name] = max(flat, key=lambda gap: (gap != gap, gap))
    return row


def wrong(rows, engines):
    """Sentences about outputs of encdec that rounding does not explain."""
    errors = []
    for row in rows:
        for engine in engines:
            name = engine["name"]
            if engine["family"] != "encdec" or name not in row["worst_gap"]:
                continue
            mean, worst = row["mean_gap"][name], row["worst_gap"][name]
            if engine["quality"] == "f32" and not worst <= F32_GAP:
                errors.append(f"{name}, {row['workload']}: a token lies {worst:.2g} "
                              f"standard deviations below the best, expected at most "
                              f"{F32_GAP:g}")
            if engine["quality"] != "f32" and not mean <= ROUNDED_MEAN_GAP:
                errors.append(f"{name}, {row['workload']}: tokens lie {mean:.2g} "
                              f"standard deviations below the best in the mean, "
                              f"expected at most {ROUNDED_MEAN_GAP:g}")
    return errors


def text(rows, names):
    """A Markdown table."""
    if not any(row["same"] or row["chosen"] for row in rows):
        return []
    lines = ["| beside transformers f32 | " + " | ".join(names) + " |",
             "|---" * (len(names) + 1) + "|"]
    for row in rows:
        if row["same"]:
            lines.append(f"| {row['workload']}: same ids, of {row['sources']} | " + " | ".join(
                str(row["same"].get(name, "-")) for name in names) + " |")
        if row["chosen"]:
            lines.append(f"| {row['workload']}: tokens it would choose | " + " | ".join(
                f"{100 * row['chosen'][name]:.1f} %" if name in row["chosen"] else "-"
                for name in names) + " |")
    return lines
