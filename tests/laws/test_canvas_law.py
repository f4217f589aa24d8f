"""The mechanism, before any network: with the ideal denoiser every canvas gives exactly the law it stands for.

The "video" is Gaussian: 8 frames of one number each, correlation 0.9 from frame to frame. The velocity is linear in the
state, so the solver is run once on the identity and its whole result is known: no sampling, no sampling error.
"""

import itertools

import pytest
import torch

from yozora.flow.schedule import times_for
from yozora.flow.solver import heun, solve, unipc

FRAMES = 8
FRAME = torch.arange(FRAMES, dtype=torch.float64)
LAW = 0.9 ** (FRAME[:, None] - FRAME).abs()  # covariance of the frames


def velocity(state, level):
    """E[noise - data | state] of many clips at once, `state` [(clip frame) column], when frame i has noise level s_i."""
    s = level.reshape(-1, FRAMES)
    clip = state.reshape(len(s), FRAMES, -1)
    data = (1 - s)[:, None] * LAW  # rows: frames of the data; columns: what is seen of them
    seen = (1 - s)[:, :, None] * data + torch.diag_embed(s**2)
    solved = torch.linalg.solve(seen, clip)
    return (s[:, :, None] * solved - data @ solved).reshape(state.shape)


def carried(start, end, step=heun, steps=160):
    """The matrix `[clip frame frame]` that the solver applies to states of these start and end levels, `[clip frame]`."""
    identity = torch.eye(FRAMES, dtype=torch.float64).repeat(len(start), 1)
    # Steps grow denser towards both ends, where the velocity turns fastest.
    times = [0.5 - 0.5 * torch.cos(torch.tensor(time * torch.pi)).item() for time in times_for(steps)]
    return solve(velocity, identity, start.flatten(), times, step, end.flatten()).reshape(-1, FRAMES, FRAMES)


def noised(law, level):
    """Covariance `[clip frame frame]` of data of covariance `law` when each frame is noised to its level."""
    return (1 - level)[:, :, None] * law * (1 - level)[:, None] + torch.diag_embed(level**2)


@pytest.mark.parametrize("step", [heun, unipc])
def test_every_set_of_known_frames_gives_the_conditional_law(step):
    start = torch.tensor(list(itertools.product([0.0, 1.0], repeat=FRAMES)), dtype=torch.float64)
    maps = carried(start, torch.zeros_like(start), step)
    for levels, carry in zip(start, maps, strict=True):
        unknown, known = levels == 1, levels == 0
        assert torch.equal(carry[known], torch.eye(FRAMES, dtype=torch.float64)[known]), "known frames are kept to the bit"
        gain = LAW[unknown][:, known] @ torch.linalg.inv(LAW[known][:, known])
        spread = LAW[unknown][:, unknown] - gain @ LAW[known][:, unknown]
        # The state was the known frames and, elsewhere, unit noise: what comes of the first is the mean, of the second the spread.
        torch.testing.assert_close(carry[unknown][:, known], gain, atol=2e-3, rtol=0)
        torch.testing.assert_close(carry[unknown][:, unknown] @ carry[unknown][:, unknown].T, spread, atol=2e-3, rtol=0)


def random_levels(seed, clips=64):
    """Start levels with everything in them: known, invented and restyled frames."""
    rng = torch.Generator().manual_seed(seed)
    levels = torch.rand(clips, FRAMES, generator=rng, dtype=torch.float64)
    return (levels * 1.6 - 0.3).clamp(0, 1)


def test_a_given_drawn_from_the_data_keeps_the_law_of_the_data():
    start = random_levels(0)
    carry = carried(start, torch.zeros_like(start))
    torch.testing.assert_close(carry @ noised(LAW, start) @ carry.mT, LAW.expand_as(carry), atol=2e-3, rtol=0)


def test_walking_to_any_end_gives_the_noised_law_of_that_end():
    start = random_levels(1)
    end = start * torch.rand(start.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64).round(decimals=1)
    carry = carried(start, end)
    torch.testing.assert_close(carry @ noised(LAW, start) @ carry.mT, noised(LAW, end), atol=2e-3, rtol=0)


def test_a_rolling_window_ends_in_the_law_of_the_data():
    """Frames come in as noise behind one another, each a quarter more noisy than the one before."""
    window = 4
    carry = torch.eye(FRAMES, dtype=torch.float64)
    edges = [((FRAME - head + 1) / window).clamp(0, 1)[None] for head in range(1 - window, FRAMES + 1)]
    assert bool((edges[0] == 1).all()) and bool((edges[-1] == 0).all())
    for start, end in itertools.pairwise(edges):
        carry = carried(start, end, steps=40)[0] @ carry
    torch.testing.assert_close(carry @ carry.T, LAW, atol=2e-3, rtol=0)


def test_the_length_of_a_walk_does_not_matter_where_it_is_cut():
    """From start to end in one go is from start to the middle and from there to the end."""
    start = random_levels(3, clips=8)
    middle, end = start * 0.6, start * 0.2
    torch.testing.assert_close(carried(middle, end) @ carried(start, middle), carried(start, end), atol=1e-3, rtol=0)
