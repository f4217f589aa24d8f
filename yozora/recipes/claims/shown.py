"""What the bundled model's clips show, claim by claim: `python -m yozora.recipes.claims.shown space`.

Space: the floor moves as one plane under the camera that was asked for. Permanence: what passes behind a wall comes out the same.
Interaction: what an event changes stays changed. Each beside the renders of the same scenes.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.cases import LEVELS, Case
from yozora.evaluate.world import Exam, collect, loaded, seal_of
from yozora.plan import cores
from yozora.recipes.claims.trial import PAGES, Arm, Folder, Out, write

SOURCES = ("seen", "pairs", "triples")  # levels in which any camera may be asked for


class Claim(StrEnum):
    """What can be measured so."""

    space = "space"
    permanence = "permanence"
    interaction = "interaction"


@dataclass(frozen=True)
class Question:
    """A claim: its title, of which levels or families its cases are, and what they must ask for."""

    title: str
    text: str
    levels: tuple[str, ...]
    moving: bool = False


QUESTIONS = {
    Claim.space: Question(
        "Space: one world under a moving camera",
        "Only cases whose camera moves, in a way that the words say. `rigid` says whether most patches of the floor move as one\n"
        "plane does under one camera, `camera` whether it is the camera that was asked for.",
        SOURCES,
        moving=True,
    ),
    Claim.permanence: Question(
        "Permanence: what is hidden is still there",
        "Cases of the families `hide` (something passes behind a wall) and `return` (it comes back from behind it). `permanence`\n"
        "says whether nothing is lost, added or changed on the way, `deeds` whether it comes out where its motion leads.",
        ("hide", "return"),
    ),
    Claim.interaction: Question(
        "Interaction: what is changed stays changed",
        "Cases of what changes the world for good: towers that fall, trails of paint, seesaws, things that break, heaps that are\n"
        "poured. `irreversible` says whether the change is there and stays.",
        ("tower", "paint", "seesaw", "break", "pour"),
    ),
}


def places_of(exam: Exam, question: Question, cases: int) -> tuple[tuple[str, int], ...]:
    """The first cases of a question's levels, level by level in turn, that ask for what it needs."""
    found: list[tuple[str, int]] = []
    for number in count():
        for level in question.levels:
            place = (level, number)
            if not question.moving or _moves(replace(exam, places=(place,)).case(0)):
                found.append(place)
        if len(found) >= cases:
            return tuple(found[:cases])
    raise AssertionError("there is no last case")


def _moves(case: Case) -> bool:
    return case.spec.camera is not None and case.spec.camera[0] != "static"


def main(
    claim: Annotated[Claim, typer.Argument(help="what is measured")],
    model: Annotated[str, typer.Option(help="bundled model or folder")] = "hoshi",
    cases: Annotated[int, typer.Option(min=1)] = 60,
    folder: Folder = Path("runs/claims"),
    out: Out = PAGES,
) -> None:
    """Measure one claim on cases that follow from the weights, and write a page."""
    command.check_folder(out)
    question = QUESTIONS[claim]
    exam = Exam(model=model, folder=folder / claim.value, seal=seal_of(loaded(model)))
    exam = replace(exam, places=places_of(exam, question, cases))
    arm = Arm(model=Path(model), exam=exam, rows=collect(exam, cases, cores()))
    levels = ", ".join(LEVELS.get(level, f"`{level}`") for level in question.levels)
    text = f"`python -m yozora.recipes.claims.shown {claim.value} --cases {cases}`\n\n{question.text} Drawn from {levels}; nobody picked."
    typer.echo(write(out, claim.value, question.title, text, {model: arm}))


if __name__ == "__main__":
    command.run(main)
