"""The debug recipe goes through every stage and learns its one clip by heart."""

import numpy as np
import pytest
import torch

from yozora.order import prepare
from yozora.pipeline import perform
from yozora.recipes import debug
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Settings
from yozora.train.clips import film
from yozora.train.runs import run_recipe
from yozora.vae import load_vae, to_frames, to_signal

CLOSE = 3.0  # dB below the compression network's own error


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.square(a.astype(float) - b).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("debug")
    return run_recipe(debug.recipe(), root, torch.device("cpu"), say=lambda line: None)


def test_it_draws_its_clip_from_noise(folder):
    recipe = debug.recipe()
    shape = recipe.generator.batching.shapes[0]
    clips = film(recipe.generator.batching.seed, [0], shape, recipe.habits.fps, torch.device("cpu"))
    truth, prompt = clips.frames[0].numpy(), clips.captions[0].sentence
    vae = load_vae(folder / "vae.safetensors")
    with torch.no_grad():
        again = vae.decode(vae.encode(to_signal(clips.frames)))[0]
    ceiling = psnr(to_frames(again).numpy(), truth)
    settings = Settings(model=str(folder), seconds=shape.frames / recipe.habits.fps, seed=11)
    (made,) = perform(prepare(Generate(prompt=prompt), settings))
    assert ceiling > 20
    assert psnr(made.frames, truth) > ceiling - CLOSE
