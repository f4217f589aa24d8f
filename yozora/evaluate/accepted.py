"""Which scenes become cases of the world suite: `python -m yozora.evaluate.accepted --scenes 40`, family by family.

Not all that the sampler draws can be asked for: a picture must be able to show what its words name (`legible.py`). A family that is
left out more often than others weighs less in the figures of the suite than in training.
"""

from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.legible import legible, plain
from yozora.evaluate.report import Row, share
from yozora.evaluate.truth import act
from yozora.tasks.request import Shot
from yozora.world.sample import EVERY, sample

FIRST = 70_000_000  # the first seed; no case is drawn from it
SHOT = Shot(width=128, height=128, frames=33, fps=8.0, beat=4)


def rows(family: str, scenes: int) -> list[Row]:
    """Of some scenes of a family: whether they are natural and without white and black things, and if so, whether they are legible."""
    found = []
    for seed in range(FIRST, FIRST + scenes):
        scene = sample(seed, "train", {family: 1.0})
        natural = plain(scene)
        shown = natural and legible(scene, act(scene, SHOT), SHOT)
        found.append({"scores": {"plain": [0, natural, ""], "legible": [0, shown, ""] if natural else None, "all": [0, shown, ""]}})
    return found


def main(scenes: Annotated[int, typer.Option(min=1, help="of each family")] = 40) -> None:
    """Print for each family the share of its scenes that may become cases."""
    typer.echo("| family | scenes | natural, nothing white or black | of these, legible | may become a case |\n|---|---|---|---|---|")
    for family in EVERY:
        found = rows(family, scenes)
        typer.echo(f"| {family} | {scenes} | {share(found, 'plain')} | {share(found, 'legible')} | {share(found, 'all')} |")


if __name__ == "__main__":
    command.run(main)
