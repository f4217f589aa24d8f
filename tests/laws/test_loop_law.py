"""A loop has no seam: what the ideal denoiser of a clip makes, turned at every step, is as continuous there as anywhere.

The "video" is the one of test_canvas_law: 8 frames of one number each, Gaussian, correlation 0.9 from frame to frame.
"""

from itertools import count

import numpy as np
import torch

from tests.laws.test_canvas_law import FRAMES, velocity
from yozora.flow.denoisers import rolled
from yozora.flow.schedule import times_for
from yozora.flow.solver import solve, unipc
from yozora.patches import Tokens, Words

WORDS = Words(states=torch.zeros(1, 1), lengths=(1,), tokens=(FRAMES,))
COORDINATES = torch.arange(FRAMES)[:, None].expand(-1, 3)


def ideal(tokens, level, words):
    return velocity(tokens.values, level)


def made(shifts):
    """The matrix that turns the noise of a clip into the clip, when it is moved along by one of `shifts` at each step."""
    denoiser = rolled(ideal, ((shift,) for shift in shifts))

    def moving(state, level):
        return denoiser(Tokens(values=state, coordinates=COORDINATES, lengths=(FRAMES,)), level, WORDS)

    noise = torch.eye(FRAMES, dtype=torch.float64)
    return solve(moving, noise, torch.ones(FRAMES, dtype=torch.float64), times_for(40, 2.0), unipc)


def neighbours(law):
    """Correlation of each frame with the next, the last with the first."""
    deviation = law.diagonal().sqrt()
    return (law / deviation[:, None] / deviation).diagonal(1).tolist() + [float(law[-1, 0] / deviation[-1] / deviation[0])]


def test_without_turning_the_ends_do_not_meet():
    carry = made(0 for _ in count())
    *inner, seam = neighbours(carry @ carry.T)
    assert min(inner) > 0.89 and seam < 0.5


def test_turned_at_every_step_the_seam_is_like_any_other_place():
    rng = np.random.default_rng(0)
    for _ in range(5):
        carry = made(int(rng.integers(FRAMES)) for _ in count())
        *inner, seam = neighbours(carry @ carry.T)
        assert min(inner) - 0.05 < seam < max(inner) + 0.05 and seam > 0.8


def test_a_denoiser_that_knows_loops_is_not_changed_by_turning():
    distance = torch.arange(FRAMES)
    around = torch.minimum((distance[:, None] - distance) % FRAMES, (distance - distance[:, None]) % FRAMES)
    law = 0.9 ** around.double()

    def circular(tokens, level, words):
        level = level[:1, None]
        return level * tokens.values - law @ torch.linalg.solve((1 - level) ** 2 * law + level**2 * torch.eye(FRAMES), tokens.values)

    level = torch.full((FRAMES,), 0.6, dtype=torch.float64)
    clip = torch.randn(FRAMES, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tokens = Tokens(values=clip, coordinates=COORDINATES, lengths=(FRAMES,))
    torch.testing.assert_close(rolled(circular, iter([(3,)]))(tokens, level, WORDS), circular(tokens, level, WORDS))
