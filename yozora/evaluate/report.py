"""Shares of clips that pass, with their uncertainty, as Markdown."""

import json
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from pathlib import Path

Row = dict  # one clip: "scores" has [value, passed, seen] by metric; what a metric does not apply to is null


def earlier(file: Path, digest: str) -> list[Row]:
    """The records that an earlier run left in a file, a case in a line; none without one. A last line that was cut off is cut away.

    Raises ValueError where they are of other weights than `digest`, or damaged.
    """
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    if not text.endswith("\n"):
        file.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    try:
        rows = lines(file)
        others = {row["digest"] for row in rows} - {digest}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file} is damaged; delete it, or choose another --out") from error
    if others:
        raise ValueError(f"{file} has clips of {others.pop()}, not of {digest}; delete it, or choose another --out")
    return rows


def lines(file: Path) -> list[Row]:
    """All records of a file, of whose lines each holds one or a list of them."""
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for one in found for row in (one if isinstance(one, list) else [one])]


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) where there is nothing."""
    if not of:
        return 0.0, 1.0
    share, spread = right / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def difference(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float, float]:
    """By how much one share, (right, of), is larger than another, with the 95 % interval (Newcombe 1998, his method 10)."""
    shares = [right / max(of, 1) for right, of in (one, other)]
    (low, high), (least, most) = wilson(*one), wilson(*other)
    found = shares[0] - shares[1]
    return (
        found,
        found - sqrt((shares[0] - low) ** 2 + (most - shares[1]) ** 2),
        found + sqrt((high - shares[0]) ** 2 + (shares[1] - least) ** 2),
    )


def takes_of(rows: Sequence[Row]) -> list[list[Row]]:
    """The records of each case, take by take, in the order in which the cases are first met."""
    cases: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["take"]):
        cases.setdefault(row["case"], []).append(row)
    return [cases[number] for number in dict.fromkeys(row["case"] for row in rows)]


def measures(rows: Sequence[Row]) -> list[str]:
    """The names of all measures that any clip was judged by, the joint one first."""
    names = dict.fromkeys(name for row in rows for name in row["scores"] if name != "all")
    return ["all", *names]


def tally(rows: Sequence[Row], metric: str) -> tuple[int, int]:
    """How many clips pass a metric, of how many to which it applies; a clip that was never made fails."""
    judged = [row["scores"].get(metric) if row["scores"] else [0.0, False, ""] for row in rows]
    return sum(bool(score[1]) for score in judged if score is not None), sum(score is not None for score in judged)


def percent(right: int, of: int) -> str:
    """Such as `87 % (79-92)`: a share and its interval in percent; `-` where there is nothing."""
    low, high = wilson(right, of)
    return f"{100 * right / of:.0f} % ({100 * low:.0f}-{100 * high:.0f})" if of else "-"


def of_all(right: int, of: int) -> str:
    """Such as `87 % (79-92) of 60`."""
    return f"{percent(right, of)} of {of}" if of else "-"


def share(rows: Sequence[Row], metric: str) -> str:
    """Such as `87 % (79-92) of 60`: the share of clips that pass; of how many is told where the metric does not apply to all."""
    right, of = tally(rows, metric)
    return of_all(right, of) if of < len(rows) else percent(right, of)


def table(groups: Mapping[str, Sequence[Row]], metrics: Sequence[str], first: str) -> str:
    """A Markdown table with a line for each group of clips and a column for each metric."""
    lines = [f"| {first} | clips | {' | '.join(metrics)} |", "|---" * (len(metrics) + 2) + "|"]
    for name, rows in groups.items():
        lines.append(f"| {name} | {len(rows)} | {' | '.join(share(rows, metric) for metric in metrics)} |")
    return "\n".join(lines)


def split(rows: Sequence[Row], key: Callable[[Row], str | int]) -> dict[str, Sequence[Row]]:
    """Rows by some property, in the order of its values."""
    return {str(value): [row for row in rows if key(row) == value] for value in sorted({key(row) for row in rows})}
