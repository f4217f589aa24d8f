"""What a model can draw, in numbers: `python -m yozora.evaluate.card MODEL --clips 100 --out FOLDER`.

Prompts are drawn by the training sampler with seeds 0, 1, 2, ..., nothing left out; by the same sampler among held-out
combinations; and from free sentences. Beside the model stand the renders of the same scenes, and those through its
compression network, judged alike: no model can be expected to do better. A clip that could not be made counts as failed.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer

from yozora.evaluate.measures import METRICS, judge, record
from yozora.evaluate.report import Row, earlier, share, split, table, tally, wilson
from yozora.evaluate.spec import Spec, free_sentences
from yozora.evaluate.track import look
from yozora.evaluate.truth import act, asked, film, squeeze
from yozora.model import Model, load
from yozora.pipeline import Sampling, render
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Shot
from yozora.video import Video
from yozora.video.sheet import sheet
from yozora.world.sample import sample
from yozora.world.scene import Scene
from yozora.world.words import caption

NAMES = (*(metric.__name__ for metric in METRICS), "all")
GROUPS = {"train": "training sampler", "held": "held-out combinations", "free": "free sentences"}
KINDS = {"model": "the model", "vae": "renders through its VAE", "truth": "renders"}
SHEET, STRIP = 16, 6  # clips on the contact sheet, frames of each


@dataclass(frozen=True, kw_only=True)
class Case:
    """One prompt, what it asks for, and the scene it was written for, if any; `number` is also the clip's seed."""

    group: str
    number: int
    prompt: str
    spec: Spec
    scene: Scene | None

    @property
    def name(self) -> str:
        """Such as train-007."""
        return f"{self.group}-{self.number:03d}"


def cases(clips: int, shot: Shot) -> list[Case]:
    """All prompts: `clips` of the sampler, as many held out (pairs and triples in turn), and the free sentences."""
    found = []
    for group in ("train", "held"):
        for seed in range(clips):
            scene = sample(seed, "train" if group == "train" else ("pairs", "triples")[seed % 2])
            found.append(Case(group=group, number=seed, prompt=caption(scene, seed).sentence, spec=asked(scene, shot), scene=scene))
    free = free_sentences()
    return found + [Case(group="free", number=i, prompt=text, spec=spec, scene=None) for i, (text, spec) in enumerate(free)]


class Studio:
    """Makes clips of each kind for cases."""

    def __init__(self, model: Model, device: torch.device) -> None:
        self.model, self.device = model, device
        habits = model.habits
        width, height = habits.size
        self.shot = Shot(width=width, height=height, frames=max(1, round(habits.seconds * habits.fps)), fps=habits.fps)
        self.sampling = Sampling.by(habits)

    def make(self, kind: str, batch: Sequence[Case]) -> list[Video]:
        """A clip for each case."""
        if kind == "model":
            canvases = [Generate(prompt=case.prompt).canvas(self.shot) for case in batch]
            return render(canvases, [case.number for case in batch], self.sampling, self.model)
        clips = film([act(case.scene, self.shot) for case in batch if case.scene], self.shot, self.device)
        return squeeze(clips, self.model.vae) if kind == "vae" else clips

    def attempt(self, kind: str, batch: Sequence[Case]) -> Iterator[tuple[Case, Video | None, str]]:
        """Clips with their cases; one by one where a batch fails, and no clip but the reason where one fails alone."""
        try:
            yield from ((case, clip, "") for case, clip in zip(batch, self.make(kind, batch), strict=True))
        except Exception as error:  # noqa: BLE001  whatever goes wrong in a model is that model's failure
            if len(batch) == 1:
                yield batch[0], None, f"{type(error).__name__}: {error}"
                return
            for case in batch:
                yield from self.attempt(kind, [case])


def judged(case: Case, kind: str, clip: Video | None, error: str) -> Row:
    """A clip's line in the records."""
    scores = record(judge(look(clip), case.spec)) if clip else {}
    scene = case.scene
    traits = {"family": scene.family, "objects": len(scene.objects), "camera": scene.camera.kind, "style": scene.style} if scene else {}
    return {"name": case.name, "group": case.group, "kind": kind, "prompt": case.prompt, **traits, "scores": scores, "error": error}


def collect(studio: Studio, wanted: Sequence[Case], folder: Path, batch: int) -> list[Row]:
    """All records, those of an earlier run of the same weights included; clips of the model are kept in `folder/clips`.

    Raises ValueError where the folder has records of other weights.
    """
    file = folder / "clips.jsonl"
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    rows = earlier(file, studio.model.digest)
    done = {(row["name"], row["kind"]) for row in rows}
    jobs = [(kind, [c for c in wanted if (c.name, kind) not in done and (c.scene or kind == "model")]) for kind in KINDS]
    total, began, made = sum(len(group) for _, group in jobs), time.monotonic(), 0
    with file.open("a", encoding="utf-8") as out:
        for kind, group in jobs:
            for start in range(0, len(group), batch):
                for case, clip, error in studio.attempt(kind, group[start : start + batch]):
                    rows.append({"digest": studio.model.digest, **judged(case, kind, clip, error)})
                    out.write(json.dumps(rows[-1]) + "\n")
                    out.flush()
                    if clip and kind == "model":
                        clip.save(folder / "clips" / f"{case.name}.mp4", {"prompt": case.prompt, "seed": str(case.number)})
                    made += 1
                left = (time.monotonic() - began) / made * (total - made)
                typer.echo(f"{made} of {total} clips ({KINDS[kind]}), {left / 60:.1f} min left", err=True)
    return rows


def summary(rows: Sequence[Row]) -> dict:
    """Shares with their intervals by group, kind and metric."""
    found: dict = {}
    for group in GROUPS:
        for kind in KINDS:
            some = [row for row in rows if row["group"] == group and row["kind"] == kind]
            if some:
                counts = {name: tally(some, name) for name in NAMES}
                shares = {name: {"right": right, "of": of, "interval": wilson(right, of)} for name, (right, of) in counts.items()}
                found.setdefault(group, {})[kind] = shares
    return found


def page(rows: Sequence[Row]) -> str:
    """The tables as Markdown."""
    parts = []
    for group, title in GROUPS.items():
        by_kind = {KINDS[kind]: [row for row in rows if row["group"] == group and row["kind"] == kind] for kind in KINDS}
        parts.append(table({name: some for name, some in by_kind.items() if some}, NAMES, title))
    drawn = [row for row in rows if row["group"] == "train" and row["kind"] == "model"]
    for key in ("family", "objects", "camera", "style"):
        parts.append(table(split(drawn, lambda row, key=key: row[key]), NAMES, f"the model by {key}"))
    return "\n\n".join(parts) + "\n"


def contact_sheet(folder: Path) -> None:
    """The first clips of the sampler's prompts, one a row, frames evenly spaced in time; a clip that is missing stays black."""
    paths = [folder / "clips" / f"train-{number:03d}.mp4" for number in range(SHEET)]
    found = {path: Video.load(path).frames for path in paths if path.exists()}
    if found:
        missing = next(iter(found.values()))[:0]
        sheet([found.get(path, missing) for path in paths], STRIP, columns=2).save(folder / "contact-sheet.png")


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder")],
    clips: Annotated[int, typer.Option(help="prompts of the sampler, and held-out ones")] = 100,
    out: Annotated[Path, typer.Option(help="where clips and tables go; an interrupted run goes on from there")] = Path("card"),
    batch: Annotated[int, typer.Option(help="clips generated together")] = 4,
) -> None:
    """Measure a model and write clips.jsonl, card.json, card.md, the clips and a contact sheet."""
    device = choose_device()
    loaded = load(model, device, choose_dtype(device))
    studio = Studio(loaded, device)
    rows = collect(studio, cases(clips, studio.shot), out, batch)
    facts = {"model": loaded.name, "digest": loaded.digest, "habits": asdict(loaded.habits), "shares": summary(rows), "clips": rows}
    (out / "card.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (out / "card.md").write_text(page(rows), encoding="utf-8")
    contact_sheet(out)
    typer.echo(page(rows))
    typer.echo(f"all right: {share([row for row in rows if row['kind'] == 'model'], 'all')} of the model's clips")


if __name__ == "__main__":
    typer.run(main)
