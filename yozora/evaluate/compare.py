"""Two models on the same cases: `python -m yozora.evaluate.compare RUN RUN`, of folders of the world suite made with one `--seal`.

Only cases that one of them passes and the other does not tell them apart; McNemar's exact test says how likely so uneven a split of
these is among equals.
"""

from collections.abc import Mapping, Sequence
from math import comb
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.cases import GIVEN, LEVELS
from yozora.evaluate.report import Row, measures
from yozora.evaluate.world import MODEL, records


def mcnemar(one: int, other: int) -> float:
    """How likely, among equals, a split of one + other differing cases at least so uneven is (two-sided, exact; McNemar 1947)."""
    count = one + other
    return min(1.0, 2 * sum(comb(count, few) for few in range(min(one, other) + 1)) / 2**count)


def firsts(folder: Path) -> dict[str, Row]:
    """The first take of each case of a run, by the case's name; raises ValueError where there is none."""
    return {row["name"]: row for row in records(folder) if row["kind"] == MODEL and row["take"] == 0}


def paired(one: Mapping[str, Row], other: Mapping[str, Row]) -> list[tuple[Row, Row]]:
    """The records of the cases that both have; raises ValueError where these are not the same cases, judged in the same way."""
    both = [(one[name], other[name]) for name in one if name in other]
    if not both or any(first["prompt"] != second["prompt"] for first, second in both):
        raise ValueError("the runs have other cases; make both with the same --seal")
    judged = {row["digest"].partition(" ")[2] for pair in both for row in pair}
    if len(judged) > 1 or "judged by" not in judged.pop():
        raise ValueError("the runs were judged in different ways; make both with the same version and the same --seal")
    return both


def split(pairs: Sequence[tuple[Row, Row]], measure: str) -> tuple[int, int, int, int]:
    """In how many cases both pass a measure, the first alone, the second alone, and neither."""
    scores = [(a["scores"].get(measure), b["scores"].get(measure)) for a, b in pairs]
    verdicts = [(a[1], b[1]) for a, b in scores if a and b]
    both, first, second, neither = (verdicts.count(one) for one in ((True, True), (True, False), (False, True), (False, False)))
    return both, first, second, neither


def table(pairs: Sequence[tuple[Row, Row]]) -> str:
    """All measures over the cases from words, then the joint verdict level by level, as Markdown."""
    words = [pair for pair in pairs if pair[0]["level"] not in GIVEN]
    groups = [("joint" if name == "all" else name, words, name) for name in measures([row for pair in pairs for row in pair])]
    groups += [(f"joint, {title}", [pair for pair in pairs if pair[0]["level"] == level], "all") for level, title in LEVELS.items()]
    found = ["| measure | cases | both pass | only the first | only the second | neither | p |", "|---" * 7 + "|"]
    for title, some, name in groups:
        counts = split(some, name)
        if sum(counts):
            found.append(f"| {title} | {sum(counts)} | {' | '.join(map(str, counts))} | {mcnemar(counts[1], counts[2]):.2g} |")
    return "\n".join(found)


def main(
    first: Annotated[Path, typer.Argument(help="folder of a run of the world suite")],
    second: Annotated[Path, typer.Argument(help="folder of another, of the same cases")],
) -> None:
    """Print in how many cases two models differ, measure by measure, with McNemar's exact test."""
    one, other = firsts(first), firsts(second)
    pairs = paired(one, other)
    typer.echo(
        f"{len(pairs)} cases in both, {len(one) + len(other) - 2 * len(pairs)} in one run alone, which are left out.\n\n{table(pairs)}"
    )


if __name__ == "__main__":
    command.run(main)
