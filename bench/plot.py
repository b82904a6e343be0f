#!/usr/bin/env python3
"""Draw results.tsv of run.py as SVG: throughput and latency by message size.

    bench/plot.py RESULTS.tsv DIR

Colours and greys are such that they can be read on white and on black.
"""
import csv
import math
import pathlib
import sys

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 78, 122, 62, 58
COLOURS = {"zinc": "#0ea5a0", "libzmq": "#e8743b"}
GREY = "#7d8590"

# Kind: title, unit of the axis, and lines: figure, how it is called, how it is drawn.
PLOTS = {
    "throughput": ("Throughput over {}: messages a second", "",
                   [("mean throughput [msg/s]", "", "")]),
    "latency": ("Latency over {}: one way, microseconds", " µs",
                [("p50 latency [us]", "p50", ""), ("p99 latency [us]", "p99", "5 4")]),
}


def short(x):
    """1, 200, 5k, 10M, 0.5"""
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if x >= least:
            return f"{x / least:g}{unit}"
    return f"{x:g}"


def size_text(size):
    for unit in ("B", "KiB", "MiB"):
        if size < 1024 or size % 1024:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} GiB"


class Axis:
    """A logarithmic one."""

    def __init__(self, values, low, high):
        self.least, self.most = min(values), max(values)
        self.low, self.high = low, high

    def widen(self, steps):
        """To the nearest of these steps of a decade; returns those that it has."""
        marks = [s * 10.0 ** e for e in range(-4, 12) for s in steps]
        self.least = max(m for m in marks if m <= self.least * 1.0001)
        self.most = min(m for m in marks if m >= self.most * 0.9999)
        return [m for m in marks if self.least <= m <= self.most]

    def at(self, value):
        span = math.log(self.most / self.least) or 1
        return self.low + math.log(value / self.least) / span * (self.high - self.low)


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{words}</text>'


def line(x1, y1, x2, y2, opacity):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{GREY}" stroke-opacity="{opacity}"/>')


def spread(places, gap):
    """Moves labels apart: {name: y} with at least gap between any two."""
    names = sorted(places, key=places.get)
    for _ in range(100):
        for a, b in zip(names, names[1:]):
            lack = gap - (places[b] - places[a])
            if lack > 0:
                places[a] -= lack / 2
                places[b] += lack / 2
    return places


def draw(title, unit, sizes, curves):
    """curves: (library, label, dash, values by size)"""
    x = Axis(sizes, LEFT + 14, WIDTH - RIGHT - 10)
    y = Axis([v for c in curves for v in c[3]], HEIGHT - BOTTOM, TOP)
    steps = (1,) if y.most / y.least > 2000 else (1, 2, 5)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           f'width="{WIDTH}" height="{HEIGHT}" role="img" '
           f'font-family="system-ui, sans-serif" font-size="13" fill="{GREY}">',
           f"<title>{title}</title>",
           text(LEFT, 30, title, "start", ' font-size="17" font-weight="600"')]

    for mark in y.widen(steps):
        out += [line(LEFT, y.at(mark), WIDTH - RIGHT, y.at(mark), 0.28),
                text(LEFT - 9, y.at(mark) + 4.5, short(mark) + unit, "end")]
    for size in sizes:
        out += [line(x.at(size), TOP, x.at(size), HEIGHT - BOTTOM, 0.14),
                text(x.at(size), HEIGHT - BOTTOM + 20, size_text(size), more=""
                     if len(sizes) < 8 else ' font-size="12"')]
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "message size"))

    ends = spread({(c[0], c[1]): y.at(c[3][-1]) for c in curves}, 17)
    for library, label, dash, values in curves:
        points = [(x.at(s), y.at(v)) for s, v in zip(sizes, values)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        style = (f' stroke-dasharray="{dash}"' if dash else "")
        width = 1.8 if dash else 2.6
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[library]}" '
                   f'stroke-width="{width}" stroke-linejoin="round"{style}/>')
        out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{2.6 if dash else 3.6}" '
                f'fill="{COLOURS[library]}"/>' for a, b in points]
        out.append(text(WIDTH - RIGHT + 8, ends[library, label] + 4.5,
                        f"{library} {label}".strip(), "start",
                        f' fill="{COLOURS[library]}" font-size="14" font-weight="600"'))
    return "\n".join([*out, "</svg>"]) + "\n"


def draw_all(results, folder):
    found = {}
    with open(results) as f:
        for row in csv.DictReader(f, delimiter="\t"):
            place = found.setdefault((row["what"], row["transport"], row["figure"]), {})
            place[int(row["size"])] = {n: float(row[n]) for n in COLOURS}

    for (kind, transport) in {k[:2] for k in found if k[0] in PLOTS}:
        title, unit, figures = PLOTS[kind]
        curves, sizes = [], []
        for figure, label, dash in figures:
            by_size = found[kind, transport, figure]
            sizes = sorted(by_size)
            for library in COLOURS:
                curves.append((library, label, dash, [by_size[s][library] for s in sizes]))
        svg = draw(title.format(transport), unit, sizes, curves)
        pathlib.Path(folder, f"{kind}-{transport}.svg").write_text(svg)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw_all(sys.argv[1], sys.argv[2])
