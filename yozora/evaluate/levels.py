"""At which noise level a model loses what a clip shows: `python -m yozora.evaluate.levels MODEL`.

True clips are noised to a level and denoised again with their true words, and judged like any other. What is lost from a low level on
the model cannot draw though it sees where it belongs; what is lost only near pure noise it cannot invent.
"""

from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
import typer

from yozora import command
from yozora.canvas import Canvas, Cue
from yozora.evaluate.measures import METRICS, judge, record
from yozora.evaluate.report import Row, table
from yozora.evaluate.sight.track import look
from yozora.evaluate.truth import FIRST_SEED, act, asked, film, squeeze, usual_shot
from yozora.model import load
from yozora.order import Sampling
from yozora.pipeline import render
from yozora.plan import choose_device, choose_dtype
from yozora.video import Video
from yozora.world.sample import sample
from yozora.world.words import caption

LEVELS = (0.5, 0.75, 0.9, 0.95, 1.0)


def main(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="a bundled model or a model's folder")],
    clips: Annotated[int, typer.Option(min=1, help="clips at each level")] = 16,
    steps: Annotated[int | None, typer.Option(min=1, help="solver steps; by default the model's own")] = None,
) -> None:
    """Print the shares that pass at each level, beside the true clips and the same through the compression network."""
    device = choose_device()
    model = load(name, device, choose_dtype(device))
    habits = model.habits
    sampling = replace(Sampling.by(habits), steps=steps or habits.steps)
    shot = usual_shot(model)
    rows: dict[str, list[Row]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + clips):
        scene = sample(seed, "train")
        spec, words = asked(scene, shot), caption(scene, seed).sentence
        (true,) = film([act(scene, shot)], shot, torch.device("cpu"))
        made: dict[str, Video] = {"renders": true, "through the VAE": squeeze([true], model.vae)[0]}
        for level in LEVELS:
            start = np.full((1, 1, 1), level, np.float32)
            canvas = Canvas(given=true, start=start, script=(Cue(text=words, start=0.0, end=shot.seconds),))
            (made[f"from level {level:g}"],) = render([canvas], [seed], sampling, model)
        for kind, video in made.items():
            rows.setdefault(kind, []).append({"scores": record(judge(look(video), spec))})
        typer.echo(f"{seed - FIRST_SEED + 1} of {clips} clips", err=True)
    typer.echo(table(rows, (*(metric.__name__ for metric in METRICS), "all"), f"{name} {model.digest}"))


if __name__ == "__main__":
    command.run(main)
