"""Training at native sizes frames better than training on square crops: `python -m yozora.recipes.claims.sizes`.

Two runs of equal compute from the weights of one model: on whole pictures of three shapes, and on the square middles of the same pictures.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.plot import bars
from yozora.evaluate.report import of_all, tally
from yozora.evaluate.world import Exam
from yozora.recipes import further
from yozora.recipes.claims.trial import BATCHES, PAGES, Folder, Out, Page, echo, held, measure, small, train, write
from yozora.train.clips import ClipShape
from yozora.train.recipe import GeneratorStage

SIDES = ((128, 128), (160, 96), (96, 160))  # width, height
STILLS, CLIPS = 1200, 960  # of each shape
RATE = 3e-4
GROUP = 1620  # tokens: 3 clips of 160x96, 5 of 96x96, 27 or 45 stills of these
MEASURED = {"inside": "nothing is cut off that should not be", "round_balls": "balls are round"}
TEXT = """`python -m yozora.recipes.claims.sizes --steps {steps} --cases {cases}`

A version of Sora that was trained on square crops cut subjects off, where training at native sizes framed them. Here two generators
take {steps} steps of about {tokens:,} tokens each, from the weights of `{model}` (which knows native sizes; from random weights nothing
that could be framed is drawn after so few steps) and the same seed: one on whole pictures of 128x128, 160x96 and 96x160 pixels, the other
on the square middles of the same pictures. Both are asked for all three shapes, {cases} cases each.

| arm | loss on {batches} batches of whole pictures, none of them seen |
|---|---|
{losses}

In brackets how far the second is from the first on the same clips and noise, with the standard error of that.

| asked for | arm | {names} |
|---|---|{columns}
{rows}

The table over all measures and the picture below are of 160x96."""


def stage_of(steps: int, *, square: bool) -> GeneratorStage:
    """The generator's stage on whole pictures, or on their square middles."""
    shapes = []
    for width, height in SIDES:
        whole = ClipShape(frames=33, width=width, height=height, weight=0.9, pool=CLIPS, families="every")
        side = min(width, height)
        seen = replace(whole, width=side, height=side, out_of=(width, height)) if square and width != height else whole
        shapes += [replace(seen, frames=1, weight=0.1, pool=STILLS), seen]
    stage = small(steps)
    batching = replace(stage.batching, shapes=tuple(shapes), tokens=3 * GROUP, opening=0)
    return replace(stage, batching=batching, optimization=replace(stage.optimization, rate=RATE))


def main(
    steps: Annotated[int, typer.Option(min=5)] = 400,
    cases: Annotated[int, typer.Option(min=1, help="of each shape, the same for both")] = 40,
    model: Annotated[str, typer.Option("--from", help="from whose weights both begin")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Train on whole pictures and on square crops, measure how each shape is framed, and write a page."""
    command.check_folder(out)
    models = train({name: stage_of(steps, square=name == "square") for name in ("native", "square")}, folder, model, echo, start=True)
    stage = stage_of(steps, square=False)
    lost = held(models, replace(further.recipe(), generator=stage), echo)
    asked = {}
    for shape in SIDES:
        exam = Exam(model=model, folder=folder / "sizes" / "{}x{}".format(*shape), seal="sizes", shape=shape, rule="seen")
        asked[shape] = measure(models, replace(exam, places=tuple(("seen", number) for number in range(cases))), cases)
    found = {shape: {name: {one: tally(arm.made, one) for one in MEASURED} for name, arm in arms.items()} for shape, arms in asked.items()}
    rows = [
        f"| {shape[0]}x{shape[1]} | {name} | {' | '.join(of_all(*some[one]) for one in MEASURED)} |"
        for shape, arms in found.items()
        for name, some in arms.items()
    ]
    framed = {"{}x{}".format(*shape): {name: some["inside"] for name, some in arms.items()} for shape, arms in found.items()}
    kept = {
        "names": " | ".join(MEASURED.values()),
        "columns": "---|" * len(MEASURED),
        "tokens": 3 * GROUP,
        "model": model,
        "batches": BATCHES,
    }
    kept["losses"] = "\n".join(f"| {name} | {loss} |" for name, loss in lost.items())
    text = TEXT.format(steps=steps, cases=cases, rows="\n".join(rows), **kept)
    page = Page(name="sizes", title="Native sizes against square crops", text=text, plot=bars(framed, MEASURED["inside"]))
    typer.echo(write(out, page, asked[SIDES[1]]))


if __name__ == "__main__":
    command.run(main)
