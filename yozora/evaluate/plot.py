"""Curves as a picture that a page can show: SVG, written by hand."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

from yozora.evaluate.report import wilson

WIDTH, HEIGHT, MARGIN = 640, 360, 48
HEAD = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
COLOURS = ("#2b5fd9", "#d9482b", "#2b9d5a", "#8a4fd0", "#c98a12")

Curve = Sequence[tuple[float | int, float | int]]


def curves(lines: Mapping[str, Curve], across: str, up: str, most: float | None = None, spans: Mapping[str, Curve] | None = None) -> str:
    """An SVG of curves by name through points (x above 0); x by powers of ten. `across` and `up` name the axes.

    What is plotted are shares from 0 to 1, or, where `most` is given, numbers from 0 to that; `spans` has the interval (low, high) of
    each point of some curves.
    """
    xs = [x for line in lines.values() for x, _ in line]
    low, high = floor(log10(min(xs))), max(ceil(log10(max(xs))), floor(log10(min(xs))) + 1)

    def place(x: float | int, y: float | int) -> tuple[float | int, float | int]:
        right = MARGIN + (log10(x) - low) / (high - low) * (WIDTH - 2 * MARGIN)
        return round(right, 1), round(HEIGHT - MARGIN - y / (most or 1) * (HEIGHT - 2 * MARGIN), 1)

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for power in range(low, high + 1):
        x, y = place(10**power, 0)
        label = f"{10**power:,}" if 0 <= power < 6 else f"1e{power}"
        parts += [stroke([(x, y), place(10**power, most or 1)], "#e4e4e8"), text(x, y + 18, label)]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = place(10**low, share * (most or 1))
        label = f"{share * most:.2g}" if most else f"{share:.0%}"
        parts += [stroke([(x, y), place(10**high, share * (most or 1))], "#e4e4e8"), text(x - 8, y + 4, label, "end")]
    for order, (name, line) in enumerate(lines.items()):
        colour = COLOURS[order % len(COLOURS)]
        y = HEIGHT - MARGIN - 16 * (len(lines) - order) + 4
        aside = 4 * (order - (len(lines) - 1) / 2)  # pixels, so that intervals at one x do not hide each other
        for (x, _), span in zip(line, (spans or {}).get(name, ()), strict=False):
            (column, low_end), (_, high_end) = (place(x, end) for end in span)
            parts.append(stroke([(column + aside, low_end), (column + aside, high_end)], colour, 1.2))
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in (place(*point) for point in line)]
        parts += [stroke([place(*point) for point in line], colour, 2.5), text(WIDTH - MARGIN - 8, y, name, "end", colour)]
    parts += [text(WIDTH / 2, HEIGHT - 10, across), text(MARGIN, MARGIN - 16, up, "start")]
    return "\n".join([HEAD, *parts, "</svg>\n"])


def bars(groups: Mapping[str, Mapping[str, tuple[int, int]]], up: str) -> str:
    """An SVG of shares, each (right, of) with its 95 % interval: for every group a bar for each name. `up` names the axis."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    wide, high = (WIDTH - 2 * MARGIN) / len(groups), HEIGHT - 2 * MARGIN
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = HEIGHT - MARGIN - share * high
        parts += [stroke([(MARGIN, y), (WIDTH - MARGIN, y)], "#e4e4e8"), text(MARGIN - 8, y + 4, f"{share:.0%}", "end")]
    for column, (group, shares) in enumerate(groups.items()):
        left, thin = MARGIN + (column + 0.1) * wide, 0.8 * wide / len(names)
        parts.append(text(MARGIN + (column + 0.5) * wide, HEIGHT - MARGIN + 18, group))
        for order, name in enumerate(names):
            right, of = shares.get(name, (0, 0))
            if not of:
                continue
            x, top = left + order * thin, HEIGHT - MARGIN - right / of * high
            low, most = (HEIGHT - MARGIN - bound * high for bound in wilson(right, of))
            colour, middle = COLOURS[order % len(COLOURS)], x + thin / 2
            parts += [
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{thin * 0.9:.1f}" height="{HEIGHT - MARGIN - top:.1f}" fill="{colour}"/>',
                stroke([(round(middle, 1), round(low, 1)), (round(middle, 1), round(most, 1))], "#222", 1.5),
            ]
    for order, name in enumerate(names):
        parts.append(text(WIDTH - MARGIN, MARGIN - 30 + 14 * order, name, "end", COLOURS[order % len(COLOURS)]))
    parts.append(text(MARGIN, MARGIN - 16, up, "start"))
    return "\n".join([HEAD, *parts, "</svg>\n"])


def stroke(points: Curve, colour: str, width: float | int = 1) -> str:
    """A line through points."""
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def text(x: float | int, y: float | int, words: str, anchor: str = "middle", colour: str = "#444") -> str:
    """Words that begin, end or have their middle at a point."""
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
