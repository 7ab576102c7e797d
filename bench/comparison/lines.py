"""Curves as SVG, without a library: one panel a series, both axes logarithmic, so
that proportional growth is a straight line. Each type has its points and, dashed, the
least time."""
import math
from html import escape

from report import number

COLOURS = ("#0b6e4f", "#d99a2b", "#3b4a8c", "#7d3c6e")
WIDTH, HEIGHT, LEFT, TOP, GAP, ACROSS = 250, 170, 60, 70, 75, 3 # pixels; panels a row


def scale(low, high, pixels):
    """value -> pixel on a logarithmic axis. A single value lies in the middle."""
    if high <= low:
        return lambda value: pixels / 2
    return lambda value: pixels * math.log(value / low) / math.log(high / low)


def decades(low, high):
    """Powers of ten in [low, high], or the two ends where there is none."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    return [10.0 ** power for power in range(first, last + 1)] or [low, high]


def panel(one, names, left, top):
    xs = [point["x"] for point in one["points"]]
    ys = [point[name][key] for point in one["points"] for name in names
          for key in ("ms", "least_ms")]
    low, high = min(ys) / 1.3, max(ys) * 1.3
    across, up = scale(xs[0], xs[-1], WIDTH), scale(low, high, HEIGHT)
    px = lambda x: left + across(x)
    py = lambda y: top + HEIGHT - up(y)
    body = [f'<text x="{left}" y="{top - 8}" class="head">{escape(one["series"])}: ms '
            f'{"to encode" if one["kind"] == "encode" else "a step"}</text>',
            f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
            'stroke="#999"/>']
    for y in decades(low, high):
        body.append(f'<text x="{left - 6}" y="{py(y) + 4:.1f}" text-anchor="end">'
                    f'{number(y)}</text><line x1="{left}" x2="{left + WIDTH}" '
                    f'y1="{py(y):.1f}" y2="{py(y):.1f}" stroke="#ddd"/>')
    for x in xs:
        body.append(f'<text x="{px(x):.1f}" y="{top + HEIGHT + 14}" '
                    f'text-anchor="middle">{x}</text>')
    body.append(f'<text x="{left + WIDTH / 2}" y="{top + HEIGHT + 30}" '
                f'text-anchor="middle">{escape(one["x_name"])}</text>')
    for name, colour in zip(names, COLOURS):
        for key, dash in (("least_ms", ' stroke-dasharray="4 3"'), ("ms", "")):
            path = " ".join(f'{px(point["x"]):.1f},{py(point[name][key]):.1f}'
                            for point in one["points"])
            body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                        f'stroke-width="1.5"{dash}/>')
        body += [f'<circle cx="{px(point["x"]):.1f}" cy="{py(point[name]["ms"]):.1f}" '
                 f'r="3" fill="{colour}"/>' for point in one["points"]]
    return body


def svg(result):
    names, at = result["weights"], result["machine"]
    body = []
    for index, one in enumerate(result["series"]):
        body += panel(one, names, LEFT + index % ACROSS * (WIDTH + GAP),
                      TOP + 15 + index // ACROSS * (HEIGHT + GAP))
    columns = min(ACROSS, len(result["series"]))
    width = LEFT + columns * (WIDTH + GAP)
    height = TOP + 15 + math.ceil(len(result["series"]) / ACROSS) * (HEIGHT + GAP)
    legend, x = [], 10
    for name, colour in zip(names, COLOURS):
        legend.append(f'<text x="{x}" y="56" fill="{colour}" class="key">{escape(name)}'
                      "</text>")
        x += 9 * len(name) + 20
    legend.append(f'<text x="{x}" y="56">dashed: the least time that the measured '
                  "limits leave</text>")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        "<style>text { font: 11px sans-serif } .head { font-weight: bold; font-size: "
        "12px } .key { font-weight: bold } .title { font-size: 15px; font-weight: bold "
        "}</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<text x="10" y="22" class="title">Time as the work grows</text>',
        f'<text x="10" y="38">{escape(at["cpu"])}, {at["cores"]} cores; '
        f'{result["date"]}</text>', *legend, *body, "</svg>", ""])
