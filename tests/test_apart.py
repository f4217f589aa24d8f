"""A small network tells clips apart that differ, and cannot where they do not."""

import json

import numpy as np
import pytest
import torch

from yozora.evaluate import apart
from yozora.evaluate.world import Exam


def pairs_of(strength: float) -> torch.Tensor:
    """Pairs of noisy clips, of which the first have a brighter square that grows with the strength."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(60, 120, (16, 2, 5, 32, 32, 3), generator=generator, dtype=torch.uint8)
    frames[:, 0, :, 8:16, 8:16] += round(100 * strength)
    return frames


@pytest.mark.parametrize(("strength", "low", "high"), [(1.0, 0.9, 1.0), (0.0, 0.2, 0.8)])
def test_what_differs_is_told_and_what_does_not_is_guessed(strength, low, high):
    right = apart.accuracy(pairs_of(strength), steps=40)
    assert len(right) == 16 and low <= apart.share(right)[0] <= high


def test_a_clip_is_judged_by_a_network_that_has_not_seen_it(monkeypatch):
    """A network that says of the clips that it has seen that they are the model's, and the opposite of all others, is never right."""
    pairs = pairs_of(0.0)

    def memory(seen, steps, seed):
        known = {pair[kind].sum().item(): 1 - 2 * kind for pair in seen for kind in (0, 1)}
        wanted = {pair[kind].sum().item(): 2 * kind - 1 for pair in pairs for kind in (0, 1)}
        sums = {apart.signal(pair).sum((1, 2, 3, 4))[kind].item(): pair[kind].sum().item() for pair in pairs for kind in (0, 1)}
        return lambda clips: torch.tensor([(wanted | known)[sums[clip.sum().item()]] for clip in clips], dtype=torch.float32)

    monkeypatch.setattr(apart, "learned", memory)
    monkeypatch.setattr(apart, "signal", lambda clips: clips.double().movedim(-1, 2))
    assert apart.accuracy(pairs) == [0] * len(pairs)
    assert apart.share([2, 1, 2, 1]) == pytest.approx((0.75, 0.283), abs=1e-3)


def test_a_pair_is_of_one_scene_and_made_the_same_again(tmp_path, tiny_model):
    pairs = apart.Pairs(exam=Exam(model=str(tiny_model), folder=tmp_path, seal="a"))
    pairs(3)
    first = np.load(pairs.file(3))
    pairs(3)
    assert first.shape == (3, apart.LOOKED, 64, 64, 3) and np.array_equal(first, np.load(pairs.file(3)))
    assert pairs.scene(3)[0] == pairs.scene(3)[0] != pairs.scene(4)[0] and len({clip.tobytes() for clip in first}) == 3


def test_what_is_found_becomes_a_page(tmp_path, tiny_model, monkeypatch):
    monkeypatch.setattr(apart, "at_once", lambda _: 1)
    monkeypatch.setattr(apart, "learned", lambda pairs, steps, seed: lambda clips: torch.tensor([1.0, 1.0]))
    apart.main(str(tiny_model), 4, "standard", tmp_path / "frames", tmp_path / "docs")
    page, facts = (tmp_path / "docs" / "apart.md").read_text(), json.loads((tmp_path / "docs" / "apart.json").read_text())
    assert page.count("| 50.0 % +- 0.0 |") == 2 and "{" not in page and facts["pairs"] == 4
    assert (tmp_path / "docs" / "apart.png").stat().st_size > 500
