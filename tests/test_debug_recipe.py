"""The debug recipe goes through every stage and learns its one clip by heart; killed in the middle, it goes on to the same bits."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from yozora.pipeline import perform
from yozora.recipes import debug
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Settings
from yozora.train.clips import film, to_signal
from yozora.train.stages import run_recipe
from yozora.vae import load_vae
from yozora.weights import sha256

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
    ceiling = psnr(((again.clamp(-1, 1) + 1) * 127.5).permute(1, 2, 3, 0).numpy(), truth)
    settings = Settings(model=str(folder), seconds=shape.frames / recipe.habits.fps, seed=11)
    ((video, _),) = perform(Generate(prompt=prompt), settings)
    assert ceiling > 20
    assert psnr(video.frames, truth) > ceiling - CLOSE


def test_killed_and_started_again_it_ends_with_the_same_model(folder, tmp_path):
    script = (
        "import sys, torch, pathlib, os, signal\n"
        "from yozora.recipes import debug\n"
        "from yozora.train.stages import run_recipe\n"
        "said = lambda line: os.kill(os.getpid(), signal.SIGKILL) if 'generator/loss' in line and 'step 1/' not in line else None\n"
        "run_recipe(debug.recipe(), pathlib.Path(sys.argv[1]), torch.device('cpu'), say=said)\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    again = run_recipe(debug.recipe(), tmp_path, torch.device("cpu"), say=lambda line: None)
    for file in ("vae", "text", "transformer"):
        assert sha256(again / f"{file}.safetensors") == sha256(folder / f"{file}.safetensors")
