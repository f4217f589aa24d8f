"""Laws of the canvases that training draws, and of the path that begins at what is given."""

import numpy as np
import pytest
import torch

from yozora.canvas import Grid
from yozora.flow import mix
from yozora.train import canvases
from yozora.train.generator import detour

GRID = Grid(frames=33, height=96, width=128, cell=(4, 16, 16))


def drawn(name: str) -> list[np.ndarray]:
    """Forty draws of one kind as whole fields."""
    draw = getattr(canvases, name)
    return [np.broadcast_to(draw(np.random.default_rng(seed), GRID), (33, 96, 128)) for seed in range(40)]


@pytest.mark.parametrize("name", ["_first_frame", "_prefix", "_suffix", "_both_ends", "_missing", "_box", "_border"])
def test_given_parts_are_given_whole_and_something_is_invented(name):
    for field in drawn(name):
        assert set(np.unique(field)) <= {0.0, 1.0} and (field == 1).any()
    assert np.mean([(field == 0).any() for field in drawn(name)]) > 0.9


def test_frames_are_missing_in_one_stretch_and_known_around_it():
    fields = [field[:, 0, 0] for field in drawn("_missing")]
    assert all((np.abs(np.diff(np.concatenate([[0], frames, [0]]))) > 0).sum() == 2 for frames in fields)
    assert np.mean([frames[0] == 0 and frames[-1] == 0 for frames in fields]) > 0.6


@pytest.mark.parametrize("name", ["_rising", "_staggered"])
def test_levels_rise_along_the_clip_and_stay_levels(name):
    for field in drawn(name):
        levels = field[:, 0, 0]
        assert (np.diff(levels) >= 0).all() and 0 <= levels[0] < levels[-1] <= 1
        assert name == "_rising" or 2 <= len(np.unique(levels)) <= 4


def test_a_box_is_invented_and_its_border_kept():
    for field in drawn("_box"):
        rows, columns = np.nonzero(field[0])
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


def test_the_path_of_a_partly_given_token_begins_where_the_solver_does():
    generator = torch.Generator().manual_seed(0)
    data, given, noise = (torch.randn(5, 3, generator=generator) for _ in range(3))
    start = torch.tensor([0.0, 0.25, 0.7, 0.95, 1.0])
    turned = noise + detour(start)[:, None] * (given - data)
    torch.testing.assert_close(mix(data, turned, start)[1:4], mix(given, noise, start)[1:4])
    assert torch.equal(turned[[0, 4]], noise[[0, 4]])
