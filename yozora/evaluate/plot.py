"""Curves as a picture that a page can show: SVG, written by hand."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

WIDTH, HEIGHT, MARGIN = 640, 360, 48
COLOURS = ("#2b5fd9", "#d9482b", "#2b9d5a", "#8a4fd0", "#c98a12")

Curve = Sequence[tuple[float | int, float | int]]


def curves(lines: Mapping[str, Curve], across: str, up: str) -> str:
    """An SVG of curves by name through points (x above 0, share from 0 to 1); x by powers of ten. `across` and `up` name the axes."""
    xs = [x for line in lines.values() for x, _ in line]
    low, high = floor(log10(min(xs))), max(ceil(log10(max(xs))), floor(log10(min(xs))) + 1)

    def place(x: float | int, y: float | int) -> tuple[float | int, float | int]:
        right = MARGIN + (log10(x) - low) / (high - low) * (WIDTH - 2 * MARGIN)
        return round(right, 1), round(HEIGHT - MARGIN - y * (HEIGHT - 2 * MARGIN), 1)

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for power in range(low, high + 1):
        x, y = place(10**power, 0)
        parts += [stroke([(x, y), place(10**power, 1)], "#e4e4e8"), text(x, y + 18, f"{10**power:,}" if power >= 0 else f"{10.0**power:g}")]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = place(10**low, share)
        parts += [stroke([(x, y), place(10**high, share)], "#e4e4e8"), text(x - 8, y + 4, f"{share:.0%}", "end")]
    for order, (name, line) in enumerate(lines.items()):
        colour = COLOURS[order % len(COLOURS)]
        y = HEIGHT - MARGIN - 16 * (len(lines) - order) + 4
        parts += [stroke([place(*point) for point in line], colour, 2.5), text(WIDTH - MARGIN - 8, y, name, "end", colour)]
    parts += [text(WIDTH / 2, HEIGHT - 10, across), text(MARGIN, MARGIN - 16, up, "start")]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, *parts, "</svg>\n"])


def stroke(points: Curve, colour: str, width: float | int = 1) -> str:
    """A line through points."""
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def text(x: float | int, y: float | int, words: str, anchor: str = "middle", colour: str = "#444") -> str:
    """Words that begin, end or have their middle at a point."""
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
