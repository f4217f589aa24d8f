"""What the bundled model's clips show, claim by claim: `python -m yozora.recipes.claims.shown space`.

Space: the floor moves as one plane under the camera that was asked for. Permanence: what passes behind a wall comes out the same.
Interaction: what an event changes stays changed. Each beside the renders of the same scenes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count, islice
from math import nan
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.cases import LEVELS, NOTHING, Case, attend, case
from yozora.evaluate.depth import rigid
from yozora.evaluate.report import Row
from yozora.evaluate.spec import Spec
from yozora.evaluate.truth import usual_shot
from yozora.evaluate.world import MODEL, RENDER, Exam, clip_file, loaded, seal_of
from yozora.recipes.claims.trial import PAGES, Arm, Folder, Out, Page, measure, write
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.framing import lens

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
        "plane does under the camera that is seen, `camera` whether that is of the kind, way and pace that were asked for.",
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


def followed(rows: Sequence[Row]) -> list[float]:
    """The share of patches of the floor that move as one plane under the camera that is seen, of each clip that shows such patches."""
    return [row["scores"]["rigid"][0] for row in rows if row["scores"].get("rigid") and row["scores"]["rigid"][2] != NOTHING.seen]


def obeyed(asked: Case, clip: Video) -> list[float]:
    """The share of patches of the floor that move as the camera that was asked for makes them; none where too few can be followed.

    Kind, way and speed are the engine's; how steeply the camera looks down, which no words say, is as it is seen.
    """
    sight, camera = attend(clip, asked.spec), asked.scene.camera
    speed = {"left": -1.0, "right": 1.0, "up": 1.0, "down": -1.0, "in": 1.0, "out": -1.0, "none": 0.0}[camera.direction] * camera.speed
    rate = speed / float(asked.take.view.position[0, 2]) if camera.kind == "dolly" else speed
    move = replace(sight.move, kind=camera.kind, rate=rate, focal=lens(camera, asked.shot.width / asked.shot.height))
    score = rigid(replace(sight, move=move), asked.spec)
    return [score.value] if score else []


def shares(found: Sequence[float]) -> str:
    """The mean of some shares with its 95 % interval (normal), and how many they are."""
    if not found:
        return "none"
    apart = 196 * stdev(found) / len(found) ** 0.5 if len(found) > 1 else nan
    return f"{100 * mean(found):.0f} % +- {apart:.0f} of {len(found)} clips"


def patches(arm: Arm) -> str:
    """A table of how much of the floor obeys one camera, of the model's clips and of renders."""
    made = [(arm.exam.case(row["case"]), clip_file(arm.exam.folder / "clips", row)) for row in arm.made]
    clips = [(asked, Video.load(path)) for asked, path in made if path.exists()]
    seen = [shares(followed(arm.of(kind))) for kind in (MODEL, RENDER)]
    known = [[share for asked, clip in some for share in obeyed(asked, clip)] for some in (clips, [(one, one.truth) for one, _ in made])]
    rows = [("the camera that is seen", *seen), ("the camera that was asked for", *map(shares, known))]
    head = "| patches of the floor that move as one plane does under | clips of the model | renders |\n|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


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
        text += "\n\nMean shares of patches, of the clips in which at least some can be followed:\n\n" + patches(arm)
    page = Page(name=claim.value, title=question.title, text=text, plotted=question.measures)
    typer.echo(write(out, page, arms))


if __name__ == "__main__":
    command.run(main)
