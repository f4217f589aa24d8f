"""A claim put to trial: arms that differ in one thing, trained from the same seeds, measured on the same clips and cases."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from yozora.evaluate.plot import bars
from yozora.evaluate.report import Row, measures, table, tally
from yozora.evaluate.summary import machine
from yozora.evaluate.world import MODEL, RENDER, Exam, clip_file, collect
from yozora.model import load, save
from yozora.plan import choose_device, cores
from yozora.recipes import further
from yozora.train.held import losses, mean
from yozora.train.recipe import GeneratorStage, Recipe
from yozora.train.stages import train_generator
from yozora.video import Video
from yozora.video.sheet import sheet

TOKENS = 2048  # of a step
BATCHES = 12  # of unseen clips, over which a loss is taken
SHOWN, STRIP = 6, 6  # clips on a sheet, and frames of each

Say = Callable[[str], None]
Folder = Annotated[Path, typer.Option(help="where clips, models and records are kept; an interrupted run goes on from there")]
Out = Annotated[Path, typer.Option(help="where the page goes")]
PAGES = Path("docs/claims")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What became of one arm: its model's folder, its records, and its loss on unseen clips with the standard error, if it was taken."""

    model: Path
    exam: Exam
    rows: Sequence[Row]
    loss: tuple[float, float] = (nan, nan)

    @property
    def made(self) -> list[Row]:
        """The records of the first take of each case that the model made."""
        return [row for row in self.rows if row["kind"] == MODEL and row["take"] == 0]


def small(recipe: Recipe, steps: int) -> GeneratorStage:
    """The generator of a recipe from random weights in so many small steps, a third of them mostly on stills."""
    stage = recipe.generator
    batching = replace(stage.batching, tokens=TOKENS, groups=3, opening=steps // 3)
    how = replace(stage.optimization, rate=1e-3, steps=steps, warmup=min(100, steps // 5 + 1))
    return replace(stage, batching=batching, optimization=how, show_every=steps, save_every=max(1, min(200, steps)))


def train(arms: Mapping[str, GeneratorStage], folder: Path, model: str, say: Say, base: Recipe | None = None) -> dict[str, Path]:
    """Train each arm with the compression network of a model, from random weights; goes on where it was interrupted."""
    device = choose_device()
    base, other = base or further.recipe(), load(model, device, torch.float32)
    found = {}
    for name, stage in arms.items():
        say(f"{name}: {stage.optimization.steps} steps")
        recipe = replace(base, name=f"arm-{name}", variant=f"arm-{name}", generator=stage)
        found[name] = folder / recipe.name
        save(train_generator(recipe, other.vae, folder, device, say), found[name])
    return found


def measure(models: Mapping[str, Path], exam: Exam, count: int, base: Recipe, say: Say) -> dict[str, Arm]:
    """Every arm on the same unseen clips and the same cases, those of `exam`; records lie in its folder under the arm's name."""
    loaded = [load(str(folder), choose_device(), torch.float32) for folder in models.values()]
    lost = losses(loaded, base, BATCHES, say)
    found = {}
    for (name, folder), batches in zip(models.items(), lost, strict=True):
        own = replace(exam, model=str(folder), folder=exam.folder / name)
        found[name] = Arm(model=folder, loss=mean(batches, "loss"), exam=own, rows=collect(own, count, cores()))
    return found


def write(out: Path, name: str, title: str, text: str, arms: Mapping[str, Arm], plot: str = "") -> Path:
    """A page on what became of the arms: `NAME.md` with its plot `NAME.svg`, clips side by side `NAME.png` and numbers `NAME.json`."""
    out.mkdir(parents=True, exist_ok=True)
    groups = {arm: found.made for arm, found in arms.items()}
    groups["renders"] = [row for row in next(iter(arms.values())).rows if row["kind"] == RENDER]
    names = measures([row for rows in groups.values() for row in rows])
    parts = [f"# {title}", text, table(groups, names[:6], "arm"), table(groups, [names[0], *names[6:]], "arm")]
    plot = plot or bars({one: {arm: tally(rows, one) for arm, rows in groups.items()} for one in names[:6]}, "pass")
    (out / f"{name}.svg").write_text(plot, encoding="utf-8")
    parts.append(f"![shares that pass]({name}.svg)")
    if side_by_side(arms, out / f"{name}.png"):
        parts.append(f"The first cases, {' above '.join(arms)}:\n\n![clips]({name}.png)")
    parts.append(f"{machine()}, torch {torch.__version__}, Python {platform.python_version()}.")
    (out / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    shares = {arm: {one: tally(rows, one) for one in names} for arm, rows in groups.items()}
    facts = {"passed, of": shares, "loss": {arm: found.loss for arm, found in arms.items()}}
    (out / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return out / f"{name}.md"


def side_by_side(arms: Mapping[str, Arm], file: Path) -> bool:
    """A picture with a strip of each arm's clip of the first cases, case by case; False where no clip was made."""
    strips = []
    for rows in list(zip(*(arm.made for arm in arms.values()), strict=True))[:SHOWN]:
        for arm, row in zip(arms.values(), rows, strict=True):
            path = clip_file(arm.exam.folder / "clips", row)
            strips.append(Video.load(path).frames if path.exists() else None)
    size = next((clip.shape[1:] for clip in strips if clip is not None), None)
    if size is None:
        return False
    nothing = np.zeros((0, *size), np.uint8)
    sheet([nothing if clip is None else clip for clip in strips], STRIP).save(file)
    return True


def echo(line: str) -> None:
    """To standard error, so that what a command prints is its page alone."""
    typer.echo(line, err=True)
