"""Whether clips drift when they are extended again and again: `python -m yozora.evaluate.verbs.joins MODEL`.

Clips are rendered by the world and extended many times through files, as a user does it: once with the latents that lie
beside each file, once with pixels alone, which are encoded anew at each join.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from yozora import command
from yozora.canvas import Canvas
from yozora.evaluate.truth import FIRST_SEED, act, film, usual_shot
from yozora.made import Made
from yozora.model import load
from yozora.order import Sampling
from yozora.pipeline import meet
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.extend import Extend
from yozora.tasks.source import Source, read_source
from yozora.video import Video
from yozora.world.sample import sample
from yozora.world.words import caption

SCENES = FIRST_SEED + 5000


def extended(clip: Video, meet: Callable[[Source, int], Canvas], folder: Path, joins: int) -> Iterator[Video]:
    """A clip after each of several joins; `meet` extends what was read from a file, with the number of the join as its seed."""
    source = read_source(clip)
    for join in range(joins):
        canvas = meet(source, join)
        made = Made(canvas.given.frames, canvas.given.fps, kept=canvas.kept)
        source = read_source(made.save(folder / f"{join}.mp4"))
        yield source.video


def drift(clip: Video, first: int, step: int) -> tuple[float, float]:
    """How far the last `step` frames are from the given `first`: of the median colour, of 255, and the share of fine detail left."""
    early, late = clip.frames[:first].astype(float), clip.frames[-step:].astype(float)
    colour = np.abs(np.median(early, axis=(0, 1, 2)) - np.median(late, axis=(0, 1, 2))).mean()
    detail = [np.abs(np.diff(part, axis=1)).mean() + np.abs(np.diff(part, axis=2)).mean() for part in (early, late)]
    return float(colour), detail[1] / max(detail[0], 1e-6)


def main(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="a bundled model or a model's folder")],
    clips: Annotated[int, typer.Option(min=1, help="clips to extend")] = 4,
    joins: Annotated[int, typer.Option(min=1, help="times that each is extended by a second")] = 10,
    steps: Annotated[int, typer.Option(min=1, help="solver steps of each")] = 12,
) -> None:
    """Print the drift after each join, with kept latents and with pixels alone, as means over the clips."""
    device = choose_device()
    model = load(name, device, choose_dtype(device))
    habits = model.habits
    usual = usual_shot(model)
    given, more = replace(usual, frames=1 + 4 * usual.beat), replace(usual, frames=2 * usual.beat)
    sampling = replace(Sampling.by(habits), steps=steps)
    scenes = [sample(SCENES + index, "train") for index in range(clips)]
    first = film([act(scene, given) for scene in scenes], given, torch.device("cpu"))
    print(f"{clips} clips of {given.frames} frames, extended {joins} times by {more.frames} frames; {name} {model.digest}")
    print("| kept | join | colour moved, of 255 | fine detail left |\n|---|---|---|---|")
    for kept in ("latents", "pixels"):
        seen = []
        for index, (scene, clip) in enumerate(zip(scenes, first, strict=True)):
            words = caption(scene, index).sentence

            def extend(source: Source, seed: int, words: str = words, kept: str = kept) -> Canvas:
                (canvas,) = meet([Extend(video=source, prompt=words).canvas(more)], [seed], sampling, model)
                return canvas if kept == "latents" else replace(canvas, kept=())

            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
                seen.append([drift(video, clip.num_frames, more.frames) for video in extended(clip, extend, Path(folder), joins)])
        for join, (colour, detail) in enumerate(np.mean(seen, axis=0), 1):
            print(f"| {kept} | {join} | {colour:.2f} | {detail:.2f} |", flush=True)


if __name__ == "__main__":
    command.run(main)
