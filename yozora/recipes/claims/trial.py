"""A claim put to trial: arms that differ in one thing, trained from the same seeds, measured on the same clips and cases."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from yozora.evaluate.cases import GIVEN
from yozora.evaluate.compare import mcnemar, split
from yozora.evaluate.plot import bars
from yozora.evaluate.report import Row, measures, table, tally
from yozora.evaluate.world import MODEL, RENDER, Exam, clip_file, collect
from yozora.model import load, save
from yozora.plan import at_once, choose_device, machine
from yozora.recipes import further
from yozora.train.generator import Aids
from yozora.train.held import losses, mean
from yozora.train.recipe import GeneratorStage, Recipe
from yozora.train.stages import train_generator
from yozora.video import Video
from yozora.video.sheet import sheet

TOKENS = 2048  # of a step, about
BATCHES = 12  # of about 8,000 tokens of unseen clips, over which a loss is taken
CHANCE = 0.05
SHOWN, STRIP = 3, 6  # cases on a sheet, and frames of each clip

Say = Callable[[str], None]
Folder = Annotated[Path, typer.Option(help="where clips, models and records are kept; an interrupted run goes on from there")]
Out = Annotated[Path, typer.Option(help="where the page goes")]
PAGES = Path("docs/claims")
SHARES = "passed, of"  # the key of the shares among the numbers of a page


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What was measured of one arm, and its records."""

    exam: Exam
    rows: Sequence[Row]

    @property
    def made(self) -> list[Row]:
        """The records of what the model made from words; what goes on from a given clip is better for it."""
        return self.of(MODEL)

    def of(self, kind: str) -> list[Row]:
        """The records of one kind of clip from words."""
        return [row for row in self.rows if row["kind"] == kind and row["level"] not in GIVEN]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page says of a claim; its plot shows the measures `plotted`, by default the first ones, or is the SVG `plot`.

    `facts` are kept beside the shares.
    """

    name: str
    title: str
    text: str
    plotted: tuple[str, ...] = ()
    plot: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def small(steps: int) -> GeneratorStage:
    """The generator of `further` from random weights in so many small steps, a third of them mostly on stills, without aids."""
    stage = further.recipe().generator
    batching = replace(stage.batching, tokens=TOKENS, groups=3, opening=steps // 3)
    how = replace(stage.optimization, rate=1e-3, steps=steps, warmup=min(100, steps // 5 + 1))
    kept = {"save_every": max(1, min(200, steps)), "show_every": steps, "average": 0.999, "posthoc": False}
    return replace(stage, batching=batching, optimization=how, aids=Aids(), **kept)


def train(arms: Mapping[str, GeneratorStage], folder: Path, model: str, say: Say, *, start: bool = False) -> dict[str, Path]:
    """Train each arm with the compression network of a model, from random weights or from those of the model; goes on where it stopped."""
    device = choose_device()
    base, other = further.recipe(), load(model, device, torch.float32)
    found = {}
    for name, stage in arms.items():
        say(f"{name}: {stage.optimization.steps} steps")
        recipe = replace(base, name=f"arm-{name}", variant=f"arm-{name}", generator=stage)
        found[name] = folder / recipe.name
        save(train_generator(recipe, other.vae, folder, device, say, model if start else ""), found[name])
    return found


@dataclass(frozen=True)
class Lost:
    """The loss of an arm on unseen clips, how far it is from the first arm's on the same ones, and that difference's standard error."""

    loss: float
    apart: float
    error: float

    def __str__(self) -> str:
        return f"{self.loss:.3f} ({self.apart:+.3f} +- {self.error:.3f})" if self.apart or self.error else f"{self.loss:.3f}"


def held(models: Mapping[str, Path], recipe: Recipe, say: Say) -> dict[str, Lost]:
    """The loss of every arm on the same unseen clips and noise."""
    loaded = [load(str(folder), choose_device(), torch.float32) for folder in models.values()]
    found = losses(loaded, recipe, BATCHES, say)
    return {name: Lost(mean(batches, "loss")[0], *mean(batches, "loss", found[0])) for name, batches in zip(models, found, strict=True)}


def measure(models: Mapping[str, Path], exam: Exam, count: int) -> dict[str, Arm]:
    """Every arm on the same cases, those of `exam`, each made once; records lie in its folder under the arm's name."""
    found = {}
    for name, folder in models.items():
        own = replace(exam, model=str(folder), folder=exam.folder / name, takes=1)
        found[name] = Arm(exam=own, rows=collect(own, count, at_once(choose_device())))
    return found


def write(out: Path, page: Page, arms: Mapping[str, Arm]) -> Path:
    """A page on what became of the arms: `NAME.md` with its plot `NAME.svg`, clips side by side `NAME.png` and numbers `NAME.json`."""
    out.mkdir(parents=True, exist_ok=True)
    name = page.name
    groups = {arm: found.made for arm, found in arms.items()}
    groups["renders"] = next(iter(arms.values())).of(RENDER)
    names = measures([row for rows in groups.values() for row in rows])
    parts = [f"# {page.title}", page.text, table(groups, names[:6], "arm"), table(groups, [names[0], *names[6:]], "arm")]
    if len(arms) > 1:
        parts.append(differing(arms, names))
    shares = {arm: {one: tally(rows, one) for one in names} for arm, rows in groups.items()}
    plotted = {one: {arm: some[one] for arm, some in shares.items()} for one in page.plotted or names[:6]}
    (out / f"{name}.svg").write_text(page.plot or bars(plotted, "share that passes"), encoding="utf-8")
    parts.append(f"![shares that pass, with 95 % intervals]({name}.svg)")
    if side_by_side(arms, out / f"{name}.png"):
        parts.append(f"The first cases, {' above '.join(arms)}:\n\n![clips]({name}.png)")
    made_on = f"{machine()}, torch {torch.__version__}, Python {platform.python_version()}"
    parts.append(f"All shares are of clips from words, with their 95 % Wilson intervals. {made_on}.")
    (out / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    (out / f"{name}.json").write_text(json.dumps({SHARES: shares, **page.facts}, indent=1) + "\n", encoding="utf-8")
    return out / f"{name}.md"


def differing(arms: Mapping[str, Arm], names: Sequence[str]) -> str:
    """In which measures arms differ from the first one beyond chance, by how many clips that one of the two alone passes."""
    (first, one), *others = arms.items()
    said = [f"On the same clips, how many only the one passes and only the other, where McNemar's p is below {CHANCE:g}:\n"]
    for name, other in others:
        counts = {measure: split(list(zip(other.made, one.made, strict=True)), measure) for measure in names}
        tested = {measure: (alone, first_alone, mcnemar(alone, first_alone)) for measure, (_, alone, first_alone, _) in counts.items()}
        found = [f"{measure} {alone} and {others} (p {p:.2g})" for measure, (alone, others, p) in tested.items() if p < CHANCE]
        said.append(f"- {name} and {first}, of {len(names)} measures: {'; '.join(found) or 'none'}")
    return "\n".join(said)


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
