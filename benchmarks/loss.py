"""The training loss of models on clips that no run has seen, each on the same noise: `python benchmarks/loss.py MODEL MODEL`.

Shares of clips that pass tell two stages of a training apart only after hundreds of clips; the loss does so after a few, because
everything that is drawn is drawn alike for all models.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from yozora import command
from yozora.model import load
from yozora.plan import choose_device
from yozora.recipes import further
from yozora.train.stages import clips_of, generator_task
from yozora.vae import save_vae

SEED = 900  # of clips, canvases, times and noise: no recipe has it
BLOCK = 48  # clips of each shape


def main(
    names: Annotated[list[str], typer.Argument(metavar="MODEL...", help="bundled models or models' folders, with the same VAE")],
    steps: Annotated[int, typer.Option(help="batches of about 8,000 tokens")] = 24,
) -> None:
    """Print the mean loss of each model by kind of clip and level of noise, and its difference from the first one's."""
    recipe, device = further.recipe(), choose_device()
    shapes = tuple(replace(shape, pool=BLOCK) for shape in recipe.generator.batching.shapes)
    batching = replace(recipe.generator.batching, shapes=shapes, seed=SEED)
    recipe = replace(recipe, generator=replace(recipe.generator, batching=batching))
    models = [load(name, device, torch.float32) for name in names]
    if len({model.vae_digest for model in models}) > 1:
        raise ValueError("these models have different compression networks, so that their losses cannot be compared")
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "vae.safetensors"
        save_vae(models[0].vae, weights)
        with clips_of(recipe, models[0].vae, weights, lambda line: typer.echo(line, err=True)) as source, torch.no_grad():
            tasks = [generator_task(recipe, model, source) for model in models]
            found = [
                [{name: float(value) for name, value in next(task.losses(step)).parts.items()} for step in range(steps)] for task in tasks
            ]
    for name in found[0][0]:
        values = np.array([[step[name] for step in one] for one in found])
        line = f"{name:>16}"
        for one in values:
            apart = one - values[0]
            error = np.nanstd(apart, ddof=1) / np.sqrt(np.isfinite(apart).sum())
            line += f"  {np.nanmean(one):.4f}" + (f" ({np.nanmean(apart):+.4f} +- {error:.4f})" if one is not values[0] and error else "")
        typer.echo(line)


if __name__ == "__main__":
    command.run(main)
