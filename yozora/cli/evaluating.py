"""The commands that measure."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yozora.cli.training import RecipeName, recipe_of
from yozora.command import check_folder
from yozora.quality import Quality

if TYPE_CHECKING:
    from yozora.world.scene import Scene

CASES = 16  # of each verb, unless asked otherwise


class Suite(StrEnum):
    """What can be measured."""

    world = "world"
    verbs = "verbs"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(evaluate)
    app.command()(judge)


def evaluate(  # noqa: PLR0913 (options of a command)
    model: Annotated[str, typer.Argument(help="bundled model or folder")] = "hoshi",
    suite: Annotated[Suite, typer.Option(help="world: clips from words and from a known start; verbs: each on given clips")] = Suite.world,
    cases: Annotated[int | None, typer.Option(min=1, help="by default 400, on a GPU 1,000; of each verb 16")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="few cases of the world suite: five minutes on two cores")] = False,  # noqa: FBT002
    out: Annotated[Path, typer.Option(help="where clips and tables go; an interrupted run goes on from there")] = Path("evaluation"),
    verb: Annotated[list[str] | None, typer.Option(help="measure this one alone; may be given several times")] = None,
    seal: Annotated[str, typer.Option(help="any words that decide on the cases, to compare models on the same ones")] = "",
    recipe: Annotated[list[RecipeName] | None, typer.Option(help="whose clips the model was trained on, and is compared with")] = None,
    quality: Annotated[Quality, typer.Option(help="how carefully clips are made")] = "standard",
    processes: Annotated[int, typer.Option(min=0, help="how many cases at once; 0: one for each core, or one on a GPU")] = 0,
) -> None:
    """Measure a model on cases that nobody picked, beside true renders."""
    if verb and suite is not Suite.verbs:
        raise ValueError("--verb chooses among the verbs; leave it out, or measure --suite verbs")
    if suite is not Suite.world and (quick or seal or recipe or processes or quality != "standard"):
        raise ValueError("--quick, --seal, --recipe, --quality and --processes belong to the world suite; leave them out, or choose it")
    if quick and cases:
        raise ValueError("--quick sets the number of cases; leave out --cases")
    check_folder(out)
    if suite is Suite.verbs:
        from yozora.evaluate.verbs import suite as verbs

        print(verbs.run(model, out, cases or CASES, verb or tuple(verbs.VERBS)))
        return
    from yozora.evaluate import summary
    from yozora.evaluate.world import Exam
    from yozora.plan import at_once, choose_device

    device = choose_device()
    count = summary.QUICK if quick else cases or (summary.STANDARD if device.type == "cpu" else summary.FULL)
    learned = learned_by(recipe) if recipe else None
    exam = Exam(model=model, folder=out, seal=seal, quality=quality)
    print(summary.run(exam, count, processes=processes or at_once(device), learned=learned))


def judge(
    file: Annotated[Path, typer.Argument(help="a video or picture")],
    words: Annotated[str, typer.Argument(help="what it should show")],
) -> None:
    """Say of one clip which measures it passes, and which do not apply to it; of a clip of the game, which rules it keeps."""
    from yozora.evaluate.clip import judge_file

    for verdict in judge_file(file, words):
        print(verdict)


def learned_by(names: list[RecipeName]):
    """The function that gives so many, at most, of the scenes that recipes train on in clips of their native length and size."""
    from yozora.train.clips import scene_of

    batchings = [recipe_of(name).generator.batching for name in names]
    native = [max(batching.shapes, key=lambda shape: shape.frames * shape.weight) for batching in batchings]

    def scenes(count: int) -> "list[Scene]":
        share = count // len(names)
        shapes = [(batching.seed, shape, min(share, shape.pool or share)) for batching, shape in zip(batchings, native, strict=True)]
        return [scene_of(seed, number, shape) for seed, shape, number_of in shapes for number in range(number_of)]

    return scenes
