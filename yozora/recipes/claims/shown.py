"""What the bundled model's clips show, claim by claim: `python -m yozora.recipes.claims.shown space`.

Space: the floor moves as one plane under the camera that was asked for. Permanence: what passes behind a wall comes out the same.
Interaction: what an event changes stays changed. Each beside the renders of the same scenes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count, islice
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.cases import LEVELS, NOTHING, case
from yozora.evaluate.report import Row
from yozora.evaluate.spec import Spec
from yozora.evaluate.truth import usual_shot
from yozora.evaluate.world import RENDER, Exam, loaded, seal_of
from yozora.recipes.claims.trial import PAGES, Folder, Out, Page, measure, write
from yozora.tasks.request import Shot

SOURCES = ("seen", "pairs", "triples")  # levels in which any camera may be asked for


class Claim(StrEnum):
    """What can be measured so."""

    space = "space"
    permanence = "permanence"
    interaction = "interaction"


@dataclass(frozen=True)
class Question:
    """A claim: its title and text, of which levels or families its cases are, what they must ask for, and the measures that answer it."""

    title: str
    text: str
    levels: tuple[str, ...]
    measures: tuple[str, ...]
    moving: bool = False


QUESTIONS = {
    Claim.space: Question(
        "Space: one world under a moving camera",
        "Only cases whose camera moves, in a way that the words say. `rigid` says whether most patches of the floor move as one\n"
        "plane does under the camera that is seen, `camera` whether that is the camera that was asked for.",
        SOURCES,
        ("rigid", "camera"),
        moving=True,
    ),
    Claim.permanence: Question(
        "Permanence: what is hidden is still there",
        "Cases of the families `hide` (something passes behind a wall) and `return` (it comes back from behind it). `permanence`\n"
        "says whether nothing is lost, added or changed on the way, `deeds` whether it comes out where its motion leads.",
        ("hide", "return"),
        ("permanence", "deeds", "count"),
    ),
    Claim.interaction: Question(
        "Interaction: what is changed stays changed",
        "Cases of what changes the world for good: towers that fall, trails of paint, seesaws, things that break, heaps that are\n"
        "poured. `irreversible` says whether the change is there and stays.",
        ("tower", "paint", "seesaw", "break", "pour"),
        ("irreversible", "colours"),
    ),
}


def places_of(seal: str, question: Question, shot: Shot, cases: int) -> tuple[tuple[str, int], ...]:
    """The first cases of a question's levels, level by level in turn, that ask for what it needs."""
    turns = ((level, number) for number in count() for level in question.levels)
    wanted = (place for place in turns if not question.moving or _moves(case(seal, *place, shot).spec))
    return tuple(islice(wanted, cases))


def _moves(spec: Spec) -> bool:
    return spec.camera is not None and spec.camera[0] != "static"


def followed(rows: Sequence[Row]) -> str:
    """The mean share of patches of the floor that move as one plane, of how many clips; of clips that show such patches."""
    shares = [row["scores"]["rigid"][0] for row in rows if row["scores"].get("rigid") and row["scores"]["rigid"][2] != NOTHING.seen]
    return f"{100 * sum(shares) / len(shares):.0f} % of {len(shares)} clips" if shares else "none"


def main(
    claim: Annotated[Claim, typer.Argument(help="what is measured")],
    model: Annotated[str, typer.Option(help="bundled model or folder")] = "hoshi",
    cases: Annotated[int, typer.Option(min=1)] = 60,
    folder: Folder = Path("runs/claims"),
    out: Out = PAGES,
) -> None:
    """Measure one claim on cases that follow from the weights, and write a page."""
    command.check_folder(out)
    question, shot, seal = QUESTIONS[claim], usual_shot(loaded(model)), seal_of(loaded(model))
    exam = Exam(model=model, folder=folder / claim.value, seal=seal, rule=claim.value)
    exam = replace(exam, places=places_of(seal, question, shot, cases))
    arms = measure({loaded(model).name: Path(model)}, exam, cases)
    (arm,) = arms.values()
    levels = ", ".join(LEVELS.get(level, f"`{level}`") for level in question.levels)
    text = f"`python -m yozora.recipes.claims.shown {claim.value} --cases {cases}`\n\n{question.text} Drawn from {levels}; nobody picked."
    if question.moving:
        renders = [row for row in arm.rows if row["kind"] == RENDER]
        text += "\n\nShare of patches of the floor that move as one plane, mean over the clips in which such are seen: "
        text += f"{followed(arm.made)}; renders: {followed(renders)}."
    page = Page(name=claim.value, title=question.title, text=text, plotted=question.measures)
    typer.echo(write(out, page, arms))


if __name__ == "__main__":
    command.run(main)
