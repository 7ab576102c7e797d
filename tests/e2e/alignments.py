"""Cross-attention from the C API, and from the picture that shows it."""
import subprocess
import xml.etree.ElementTree

from driver import BUILD

SVG = "{http://www.w3.org/2000/svg}"


def cross_attention(bundle, text):
    """Source ids, generated ids and [layer][head][generated id][source id]."""
    out = subprocess.run([BUILD / "bin" / "encdec_probs", bundle, text], check=True,
                         capture_output=True, text=True).stdout.splitlines()
    (layers, heads), source, target = ([int(word) for word in line.split()] for line in out[:3])
    rows = iter([float(word) for word in line.split()] for line in out[3:])
    return source, target, [[[next(rows) for _ in target] for _ in range(heads)]
                            for _ in range(layers)]


def read_alignments(path):
    """For each head its pieces across and down, and {(row, column): (shade, number in the
    tooltip, whether it has the ring)}."""
    root = xml.etree.ElementTree.parse(path).getroot()
    size = float(root.find(f".//{SVG}pattern").get("width"))
    panels = []
    for group in root.iter(f"{SVG}g"):
        labels = [label for label in group.iter(f"{SVG}text") if label.find(f"{SVG}title") is not None]
        columns, rows = ([label.find(f"{SVG}title").text for label in labels
                          if (label.get("transform") is not None) == across]
                         for across in (True, False))
        cells = {}
        for cell in group.iter(f"{SVG}rect"):
            if not (cell.get("class") or "").startswith("p"):
                continue
            place = tuple(int(float(cell.get(axis)) // size) for axis in "yx")
            assert place not in cells, f"two cells at {place}"
            number = float(cell.find(f"{SVG}title").text.rpartition(" ")[2])
            cells[place] = float(cell.get("fill-opacity")), number, "best" in cell.get("class")
        panels.append((columns, rows, cells))
    return panels
