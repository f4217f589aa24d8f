"""The model that comes with the package: it loads, is small, and draws."""

from pathlib import Path

import torch

import yozora
from yozora.model import find, load

LIMIT = 32 * 2**20


def test_all_bundled_weights_together_are_small():
    folder = Path(yozora.__file__).parent / "models"
    assert 0 < sum(path.stat().st_size for path in folder.rglob("*.safetensors")) < LIMIT


def test_the_bundled_model_draws_what_no_noise_looks_like():
    model = load("hoshi", torch.device("cpu"), torch.float32)
    assert model.transformer.config.spread == model.vae.config.spread != ()
    video = yozora.generate("a red ball on a floor", size=(64, 64), seconds=0.5, seed=0)
    frames = torch.from_numpy(video.frames).float()
    assert video.frames.shape[1:] == (64, 64, 3) and frames.std() > 2
    beside = (frames[:, :, 1:] - frames[:, :, :-1]).abs().mean()
    assert beside < 0.5 * frames.std()  # neighbours agree, as in no noise


def test_the_card_names_the_weights_it_measured():
    card = (find("hoshi") / "README.md").read_text(encoding="utf-8")
    assert load("hoshi", torch.device("cpu"), torch.float32).digest in card
