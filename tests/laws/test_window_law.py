"""A long clip made in windows has the law of a whole one: with the ideal denoiser, what each window sees is all that it needs.

The "video" is Gaussian: one number a frame, correlation 0.9 from frame to frame, so that what lies beyond the nearest known frame on
either side tells nothing more. Everything is linear in the noise; a frame is kept as its row of factors.
"""

import numpy as np
import pytest
import torch

from yozora.canvas import Canvas, Cue
from yozora.flow.schedule import times_for
from yozora.flow.solver import heun, solve
from yozora.video import Video
from yozora.windows import cut, next_window, put_back

LONGEST, CELL = 9, 2
CORRELATION = 0.9


def law(frames):
    place = torch.arange(frames, dtype=torch.float64)
    return CORRELATION ** (place[:, None] - place).abs()


def ideal(state, level):
    """E[noise - data | state] of one clip, `[frame factor]`, when each frame has its own level."""
    data = (1 - level)[None] * law(len(level))
    seen = (1 - level)[:, None] * data + torch.diag(level**2)
    solved = torch.linalg.solve(seen, state)
    return level[:, None] * solved - data @ solved


def made(holes, frames):
    """Factors `[frame factor]` of a clip whose other frames are drawn from the law, made window by window, and the number of windows."""
    start = np.zeros((frames, 1, 1), np.float32)
    start[list(holes)] = 1
    nothing = Video(np.zeros((frames, 2, 2, 3), np.uint8), 8.0)
    canvas = Canvas(given=nothing, start=start, script=(Cue(text="", start=0.0, end=frames / 8),))
    factors = torch.linalg.cholesky(law(frames)) * torch.from_numpy(1 - start[:, :, 0])
    times = [0.5 - 0.5 * torch.cos(torch.tensor(time * torch.pi)).item() for time in times_for(120)]
    windows = 0
    while span := next_window(canvas, LONGEST, CELL):
        part, inside = cut(canvas, span), slice(*span)
        level = torch.from_numpy(part.levels.astype(np.float64))
        fresh = torch.diag(level)[:, level > 0]
        state = torch.cat([factors[inside], fresh], dim=1)
        factors = torch.cat([factors, factors.new_zeros(frames, fresh.shape[1])], dim=1)
        factors[inside] = solve(ideal, state, level, times, heun)
        canvas = put_back(canvas, span, part.given, ())
        windows += 1
    return factors, windows


@pytest.mark.parametrize(
    ("holes", "windows"), [(range(30), 5), (range(5, 30), 4), (range(25), 4), (range(12, 15), 1), ([12, 20], 2), (range(1, 29, 2), 4)]
)
def test_a_clip_made_in_windows_has_the_law_of_the_whole(holes, windows):
    """Known on one side at most, or near enough on both: a bridge that no window spans begins without sight of its other end."""
    factors, taken = made(holes, 30)
    assert taken >= windows
    torch.testing.assert_close(factors @ factors.T, law(30), atol=0.02, rtol=0)
