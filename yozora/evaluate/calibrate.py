"""Whether the metrics can be trusted: their verdicts on true clips and on faults, `python -m yozora.evaluate.calibrate`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
import typer

from yozora.evaluate.faults import PIXEL_FAULTS, WORLD_FAULTS, spoilt_change
from yozora.evaluate.joint import MEASURES
from yozora.evaluate.measures import judge, record
from yozora.evaluate.report import Row, split, table
from yozora.evaluate.spec import Spec
from yozora.evaluate.track import Sight, look
from yozora.evaluate.truth import act, asked, film, squeeze
from yozora.model import load
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.settings import Shot, read_size
from yozora.vae import VideoVAE
from yozora.video import Video
from yozora.world.sample import named, sample
from yozora.world.scene import Scene

FIRST_SEED = 80_000_000  # scenes of the training split that no detector was trained on
NAMES = (*(measure.__name__ for measure in MEASURES), "all")
TRUE, THROUGH, ASKED_ELSE = "ground truth", "through the VAE", "another clip's prompt"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A scene, how it is filmed, and the network that it is put through, if any."""

    scene: Scene
    other: Scene
    shot: Shot
    vae: VideoVAE | None
    device: torch.device


def run(trial: Trial, rng: np.random.Generator, *, faults: bool) -> list[Row]:
    """The verdicts on one scene's clip and on what was done to it."""
    spec, take = asked(trial.scene, trial.shot), act(trial.scene, trial.shot)
    (clip,) = film([take], trial.shot, trial.device)
    sight = look(clip)
    rows = [row(TRUE, trial.scene, verdicts(sight, spec))]
    if trial.vae is not None:
        rows.append(row(THROUGH, trial.scene, verdicts(look(squeeze([clip], trial.vae)[0]), spec)))
    if faults:
        rows.append(row(ASKED_ELSE, trial.scene, verdicts(sight, asked(trial.other, trial.shot))))
        faulty = [(fault.__name__, film([fault(take, rng)], trial.shot, trial.device)[0]) for fault in WORLD_FAULTS]
        faulty += [(fault.__name__, Video(frames=fault(clip.frames, rng), fps=clip.fps)) for fault in PIXEL_FAULTS]
        faulty += spoilt_change(take, clip, lambda spoilt: film([spoilt], trial.shot, trial.device)[0])
        rows += [row(name, trial.scene, verdicts(look(video), spec)) for name, video in faulty]
    return rows


def verdicts(sight: Sight, spec: Spec) -> dict[str, list | None]:
    """All measures of a clip as JSON."""
    return record(judge(sight, spec, MEASURES))


def row(name: str, scene: Scene, scores: dict) -> Row:
    """A clip's entry in the tables."""
    sideways = any(event.direction in ("left", "right") for event in scene.events)
    traits = {"family": scene.family, "camera": scene.camera.kind, "objects": len(scene.objects), "sideways": sideways}
    return {"what": name, **traits, "scores": scores}


def tables(rows: Sequence[Row]) -> str:
    """All of it as Markdown."""
    kinds = {name: [one for one in rows if one["what"] == name] for name in dict.fromkeys(one["what"] for one in rows)}
    if "mirror" in kinds:
        kinds["mirror, of sideways motion"] = [one for one in kinds["mirror"] if one["sideways"]]
    parts = [table(kinds, NAMES, "clips")]
    for key in ("family", "camera", "objects"):
        parts.append(table(split(kinds[TRUE], lambda one, key=key: one[key]), NAMES, f"ground truth by {key}"))
    return "\n\n".join(parts)


def main(
    clips: Annotated[int, typer.Option(help="true clips")] = 200,
    faulty: Annotated[int, typer.Option(help="of which so many are also spoilt in every way")] = 40,
    size: Annotated[str, typer.Option(help="width x height")] = "128x128",
    model: Annotated[str, typer.Option(help="put the clips through this model's compression network too")] = "",
    style: Annotated[str, typer.Option(help="the style of all clips, or `sampled`")] = "natural",
    families: Annotated[str, typer.Option(help="usual, every, or names with commas")] = "usual",
) -> None:
    """Print the verdicts of all metrics on true and on spoilt clips."""
    device = choose_device()
    vae = load(model, device, choose_dtype(device)).vae if model else None
    width, height = read_size(size)
    shot = Shot(width=width, height=height, frames=49, fps=12)
    rows: list[Row] = []
    for number in range(clips):
        scene, other = (sample(FIRST_SEED + seed, "train", named(families)) for seed in (number, number + clips))
        if style != "sampled":
            scene = replace(scene, style=style)
        trial = Trial(scene=scene, other=other, shot=shot, vae=vae, device=device)
        found = run(trial, np.random.default_rng(number), faults=number < faulty)
        rows += found
        wrong = [f"{name} ({score[2]})" for name, score in found[0]["scores"].items() if name != "all" and score and not score[1]]
        typer.echo(f"{number + 1} of {clips} {scene.family} {scene.camera.kind}: {'; '.join(wrong) or 'right'}", err=True)
    typer.echo(tables(rows))


if __name__ == "__main__":
    typer.run(main)
