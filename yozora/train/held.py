"""The training loss of models on clips that no run has seen, each on the same clips, canvases, times and noise.

Shares of clips that pass tell two stages of a training apart only after hundreds of clips; the loss does so after a few, because
everything that is drawn is drawn alike for all models.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from yozora.model import Model
from yozora.train.generator import Aids
from yozora.train.recipe import Recipe
from yozora.train.stages import clips_of, generator_task
from yozora.vae import save_vae

SEED = 900  # of clips, canvases, times and noise: no recipe has it
BLOCK = 48  # clips of each shape
TOKENS = 8192  # of a batch

Parts = dict[str, float]  # the loss of a batch, and its parts by kind of clip and level of noise


def losses(models: Sequence[Model], recipe: Recipe, steps: int, say: Callable[[str], None]) -> list[list[Parts]]:
    """The loss of each model in each of some batches, of the recipe's shapes of clips and mixture of canvases.

    Raises ValueError for models of different compression networks.
    """
    if len({model.vae_digest for model in models}) > 1:
        raise ValueError("these models have different compression networks, so that their losses cannot be compared")
    stage = recipe.generator
    shapes = tuple(replace(shape, pool=BLOCK) for shape in stage.batching.shapes)
    batching = replace(stage.batching, shapes=shapes, seed=SEED, turn=0, tokens=TOKENS, groups=7, opening=0)
    recipe = replace(recipe, generator=replace(stage, batching=batching, aids=Aids()), retold=None)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "vae.safetensors"
        save_vae(models[0].vae, weights)
        with clips_of(recipe, models[0].vae, weights, say) as source, torch.no_grad():
            tasks = [generator_task(recipe, model, source) for model in models]
            parts = [[next(task.losses(step)).parts for step in range(steps)] for task in tasks]
    return [[{name: float(value) for name, value in batch.items()} for batch in one] for one in parts]


def mean(batches: Sequence[Parts], name: str, beside: Sequence[Parts] | None = None) -> tuple[float, float]:
    """The mean of a part over batches, or of how much it differs from that beside it, and its standard error; nan where there is none."""
    values = np.array([batch[name] for batch in batches])
    if beside is not None:
        values = values - np.array([batch[name] for batch in beside])
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
