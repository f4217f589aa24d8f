"""A small network tells clips apart that differ, and cannot where they do not."""

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
    right, of = apart.accuracy(pairs_of(strength), steps=40)
    assert of == 32 and low <= right / of <= high


def test_a_clip_is_judged_by_a_network_that_has_not_seen_it(monkeypatch):
    """With labels that only memory could know, whoever had seen the judged pairs would be right."""
    seen = []
    learn = apart.learned
    monkeypatch.setattr(apart, "learned", lambda pairs, steps, seed: seen.append(pairs) or learn(pairs, 1, seed))
    pairs = pairs_of(0.0)
    apart.accuracy(pairs, steps=1)
    assert len(seen) == 2 and sum(map(len, seen)) == len(pairs)
    assert torch.equal(torch.cat(seen).sum((1, 2, 3, 4, 5)).sort().values, pairs.sum((1, 2, 3, 4, 5)).sort().values)


def test_a_pair_is_of_one_scene_and_made_the_same_again(tmp_path, tiny_model):
    pairs = apart.Pairs(exam=Exam(model=str(tiny_model), folder=tmp_path, seal="a"))
    pairs(3)
    first = np.load(pairs.file(3))
    pairs(3)
    assert first.shape == (2, apart.LOOKED, 64, 64, 3) and np.array_equal(first, np.load(pairs.file(3)))
    assert pairs.scene(3)[0] == pairs.scene(3)[0] != pairs.scene(4)[0] and not np.array_equal(first[0], first[1])
