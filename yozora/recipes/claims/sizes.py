"""Training at native sizes frames better than training on square crops: `python -m yozora.recipes.claims.sizes`.

Two runs of equal compute from random weights: on whole pictures of three shapes, and on the square middles of such pictures.
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
from yozora.recipes.claims.trial import PAGES, Folder, Out, echo, measure, small, train, write
from yozora.train.clips import ClipShape

SIDES = ((128, 128), (160, 96), (96, 160))  # width, height
STILLS, CLIPS = 2400, 960  # of each shape
MEASURED = {"inside": "nothing is cut off that should not be", "round_balls": "balls are round"}
TEXT = """`python -m yozora.recipes.claims.sizes --steps {steps} --cases {cases}`

A version of Sora that was trained on square crops cut subjects off, where training at native sizes framed them. Here two generators
take {steps} steps of about 2,048 tokens each, from random weights and the same seed: one on whole pictures of 128x128, 160x96 and 96x160
pixels, the other on the square middles of such pictures. Both are asked for all three shapes, {cases} cases each.

| asked for | arm | {names} |
|---|---|{columns}
{rows}

The table over all measures and the picture below are of the widest shape."""


def stage_of(steps: int, *, square: bool):
    """The generator's stage on whole pictures, or on their square middles."""
    shapes = []
    for width, height in SIDES:
        side, out_of = min(width, height), (width, height) if square and width != height else None
        cut = (side, side) if square else (width, height)
        common = {"width": cut[0], "height": cut[1], "families": "every", "out_of": out_of}
        shapes += [
            ClipShape(frames=1, weight=0.1, pool=STILLS, **common),
            ClipShape(frames=33, weight=0.9, pool=CLIPS, **common),
        ]
    stage = small(further.recipe(), steps)
    return replace(stage, batching=replace(stage.batching, shapes=tuple(shapes)))


def main(
    steps: Annotated[int, typer.Option(min=5)] = 900,
    cases: Annotated[int, typer.Option(min=1, help="of each shape, the same for both")] = 40,
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Train on whole pictures and on square crops, measure how each shape is framed, and write a page."""
    command.check_folder(out)
    models = train({"native": stage_of(steps, square=False), "square": stage_of(steps, square=True)}, folder, model, echo)
    rows, plotted = [], {}
    for shape in SIDES:
        exam = Exam(model=model, folder=folder / "sizes" / "{}x{}".format(*shape), seal="sizes", shape=shape)
        exam = replace(exam, places=tuple(("seen", number) for number in range(cases)))
        arms = measure(models, exam, cases, further.recipe(), echo)
        for name, arm in arms.items():
            found = {one: tally(arm.made, one) for one in MEASURED}
            rows.append(f"| {shape[0]}x{shape[1]} | {name} | {' | '.join(of_all(*one) for one in found.values())} |")
            plotted |= {f"{shape[0]}x{shape[1]}": plotted.get(f"{shape[0]}x{shape[1]}", {}) | {name: found["inside"]}}
        if shape == SIDES[1]:
            shown = arms
    text = TEXT.format(steps=steps, cases=cases, names=" | ".join(MEASURED.values()), columns="---|" * len(MEASURED), rows="\n".join(rows))
    typer.echo(write(out, "sizes", "Native sizes against square crops", text, shown, bars(plotted, MEASURED["inside"])))


if __name__ == "__main__":
    command.run(main)
