"""A bar chart as SVG, without a library: one group a workload, one bar an engine.
A bar's length is its time over the slowest of its group, so groups of different
sizes can be read side by side; the time stands at its end."""
from html import escape

from report import number

COLOURS = {"encdec": ("#0b6e4f", "#17a673", "#6fd3ac"), "ctranslate2": ("#8c5a00", "#d99a2b"),
           "openvino": ("#3b4a8c", "#7a89cf"), "onnxruntime": ("#7d3c6e",),
           "transformers": ("#777777",)}
BAR, GAP, LABEL, FULL = 15, 26, 150, 520 # pixels


def colours(engines):
    """Each engine's colour: shades of its family, in the order of its types."""
    seen, chosen = {}, {}
    for engine in engines:
        shades = COLOURS[engine["family"]]
        index = seen.get(engine["family"], 0)
        seen[engine["family"]] = index + 1
        chosen[engine["name"]] = shades[index % len(shades)]
    return chosen


def group(row, names, paint, top):
    """One workload's lines of SVG and the height they take."""
    shown = [(name, row["ms"][name]) for name in names
             if row["ms"].get(name) is not None]
    slowest = max((value for _, value in shown), default=1)
    lines = [f'<text x="10" y="{top + 14}" class="head">{escape(row["workload"])}</text>']
    y = top + 22
    for name, value in shown:
        width = max(1.0, FULL * value / slowest)
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 3}" '
            f'fill="{paint[name]}"/>',
            f'<text x="{LABEL + width + 6:.1f}" y="{y + 11}">{number(value)} ms</text>']
        y += BAR
    return lines, y - top + GAP


def svg(result):
    names = [engine["name"] for engine in result["engines"]]
    paint = colours(result["engines"])
    at = result["machine"]
    body, top = [], 50
    for row in result["rows"]:
        lines, height = group(row, names, paint, top)
        body += lines
        top += height
    subtitle = (f'{at["cpu"]}, level {at["level"]}, {at["threads"]} threads, '
                f'{number(at["read_bandwidth_gb_s"])} GB/s; {result["date"]}; '
                f'{result["model"]}; medians of {result["rounds"]} rounds')
    width = LABEL + FULL + 90
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" '
        f'viewBox="0 0 {width} {top}">',
        "<style>text { font: 11px sans-serif; fill: #222 } .head { font-weight: bold; "
        "font-size: 12px } .title { font-size: 15px; font-weight: bold }</style>",
        f'<rect width="{width}" height="{top}" fill="white"/>',
        '<text x="10" y="22" class="title">Milliseconds; shorter is better</text>',
        f'<text x="10" y="38">{escape(subtitle)}</text>', *body, "</svg>", ""])
