"""Where the curve points: `python -m yozora.recipes.claims.curve`, after `python -m yozora.recipes.claims.scaling`.

The bundled model on the clips and cases of the scaling trial, and how much compute each bar would take if shares rose on as they did.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from yozora import command
from yozora.evaluate.plot import curves
from yozora.evaluate.report import of_all, tally, wilson
from yozora.evaluate.world import Exam
from yozora.model import load
from yozora.recipes import further
from yozora.recipes.claims.scaling import CASES, NAME, OPERATIONS, work
from yozora.recipes.claims.trial import BATCHES, PAGES, SHARES, Folder, Out, echo, held, measure

BARS = {"all": 0.6, "colours": 0.95, "count": 0.95, "shapes": 0.95, "permanence": 0.8}
NEEDED = (SHARES, OPERATIONS, CASES)  # of the numbers of the scaling trial
DRAWS, MOST = 4000, 6.0  # of the shares; and decades beyond the model, further than which nothing is said
TEXT = """# Where the curve points

`python -m yozora.recipes.claims.curve --tokens {tokens:g}`

`{model}`, trained on {tokens:g} tokens with {operations:.1e} operations (6 for each parameter and token), beside the runs of
[the scaling trial](scaling.md), on the same {cases} cases and {batches} batches of unseen clips. Its loss there is {loss:.3f}; from
the longest run on it fell by {slope:.2f} for each tenfold compute.

| measure | bar | {names} | points for each tenfold | the bar, if it goes on so |
|---|---|{columns}---|---|
{rows}

A share is taken to rise as a logistic curve over the logarithm of compute: a straight line through the log odds of all runs, each
weighted by its clips. Brackets are 95 % of {draws:,} draws of the shares from what was counted (Jeffreys). *For each tenfold*: at
the model's own compute. The last column is how many times the compute of `{model}` the bar would take; `reached` is none, `beyond` more
than a million times, or never. The runs differ in more than compute (the model's is a sum of parts with other clips, steps and rates, and
it may be sampled in another way by now), and nobody knows whether a curve stays one: it is a direction, no promise.

![shares by compute](curve.svg)
"""


@dataclass(frozen=True)
class Line:
    """A line through log odds: draws of its height at the last point, and of its rise for each tenfold compute."""

    height: np.ndarray
    rise: np.ndarray

    @classmethod
    def through(cls, operations: Sequence[float], counted: Sequence[tuple[int, int]]) -> "Line":
        """The lines through draws of the shares that were counted, (right, of), at each amount of compute."""
        decades = np.log10(operations) - log10(operations[-1])
        drawn = np.random.default_rng(0)
        shares = np.stack([drawn.beta(right + 0.5, of - right + 0.5, DRAWS) for right, of in counted])
        odds = np.log(shares / (1 - shares))
        weights = np.array([(of + 1) * (right + 0.5) / (of + 1) * (of - right + 0.5) / (of + 1) for right, of in counted])
        mean, middle = weights @ odds / weights.sum(), weights @ decades / weights.sum()
        apart = decades - middle
        rise = (weights * apart) @ (odds - mean) / (weights @ apart**2)
        return cls(mean - rise * middle, rise)

    def points(self) -> str:
        """By how many points the share rises for each tenfold compute, at the last point."""
        share = 1 / (1 + np.exp(-self.height))
        middle, low, high = quantiles(100 * self.rise * share * (1 - share))
        return f"{middle:+.0f} ({low:+.0f} to {high:+.0f})"

    def times(self, bar: float) -> str:
        """How many times the compute of the last point it takes to reach a share."""
        missing = np.log(bar / (1 - bar)) - self.height
        decades = np.where(missing <= 0, 0.0, np.where(self.rise > 0, missing / np.maximum(self.rise, 1e-9), MOST + 1))
        middle, low, high = (
            ("reached" if not found else f"{10**found:,.0f} times" if found <= MOST else "beyond") for found in quantiles(decades)
        )
        return f"{middle} ({low} to {high})"


def quantiles(drawn: np.ndarray) -> tuple[float, float, float]:
    """The median of some draws and the ends of their middle 95 %."""
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    return float(middle), float(low), float(high)


def main(
    tokens: Annotated[float, typer.Option(min=1, help="on which the model was trained, by its card")] = 1.09e8,
    model: Annotated[str, typer.Option("--from", help="bundled model or folder")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Measure a model on the clips and cases of the scaling trial, and write a page on where its shares are heading."""
    command.check_folder(out)
    before = read(out / f"{NAME}.json")
    shares, operations, cases = (before[part] for part in NEEDED)
    loss = held({model: Path(model)}, further.recipe(), echo)[model].loss
    (arm,) = measure({model: Path(model)}, Exam(model=model, folder=folder / NAME, seal=NAME), cases).values()
    runs = {name: shares[name] for name in operations} | {model: {one: tally(arm.made, one) for one in BARS}}
    done = [*(ops for ops, _ in operations.values()), work(load(model, torch.device("cpu"), torch.float32), tokens)]
    rows = []
    for measured, bar in BARS.items():
        counted = [(run[measured][0], run[measured][1]) for run in runs.values()]
        line = Line.through(done, counted)
        rows.append(f"| {measured} | {bar:.0%} | {' | '.join(of_all(*one) for one in counted)} | {line.points()} | {line.times(bar)} |")
    (last, lost) = list(operations.values())[-1]
    kept = {"tokens": tokens, "model": model, "operations": done[-1], "cases": cases, "batches": BATCHES, "draws": DRAWS, "loss": loss}
    kept |= {"names": " | ".join(runs), "columns": "---|" * len(runs), "slope": (lost - loss) / log10(done[-1] / last)}
    lines = {one: [(ops, run[one][0] / run[one][1]) for ops, run in zip(done, runs.values(), strict=True)] for one in BARS}
    spans = {one: [wilson(*run[one]) for run in runs.values()] for one in BARS}
    (out / "curve.svg").write_text(curves(lines, "operations", "share that passes", spans=spans), encoding="utf-8")
    (out / "curve.md").write_text(TEXT.format(rows="\n".join(rows), **kept), encoding="utf-8")
    typer.echo(out / "curve.md")


def read(file: Path) -> dict:
    """The numbers of the scaling trial; raises ValueError where they are missing."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {name: found[name] for name in NEEDED}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} has no numbers of the scaling trial; run python -m yozora.recipes.claims.scaling first") from error


if __name__ == "__main__":
    command.run(main)
