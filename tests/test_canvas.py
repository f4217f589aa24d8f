"""Canvas and Grid."""

import numpy as np
import pytest

from yozora.canvas import Canvas, Cue, Grid
from yozora.video import Video


def blank(frames=5, height=48, width=64):
    return Video(frames=np.zeros((frames, height, width, 3), np.uint8), fps=12.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 1), (1, 48, 64), (5, 48, 64)])
def test_start_broadcasts_over_time_and_place(shape):
    canvas = Canvas(given=blank(), start=np.ones(shape, np.float32), script=(Cue(text="a ball", start=0.0, end=5 / 12),))
    assert canvas.start.shape == shape


@pytest.mark.parametrize("start", [np.ones((4, 1, 1)), np.full((1, 1, 1), 1.5), np.full((1, 1, 1), -0.1), np.full((1, 1, 1), np.nan)])
def test_a_start_that_does_not_fit_is_refused(start):
    with pytest.raises(ValueError, match="start|broadcast"):
        Canvas(given=blank(), start=start.astype(np.float32), script=())


def test_a_grid_covers_its_pixels_by_the_fewest_whole_tokens():
    for frames in (1, 2, 5, 6, 48, 49, 50):
        for height, width in ((256, 256), (2, 2), (32, 34), (270, 480)):
            grid = Grid(frames=frames, height=height, width=width, cell=(4, 16, 16))
            padded, step = grid.padded, (4, 32, 32)
            for size, whole, one in zip((frames, height, width), padded, step, strict=True):
                assert 0 <= whole - size < one
            assert grid.num_tokens == np.prod(grid.tokens)
            assert grid.cells == tuple(token * patch for token, patch in zip(grid.tokens, grid.patch, strict=True))


def test_an_image_is_one_cell_in_time():
    assert Grid(frames=1, height=64, width=64, cell=(4, 16, 16)).cells == (1, 4, 4)
    assert Grid(frames=49, height=256, width=256, cell=(4, 16, 16)).num_tokens == 13 * 8 * 8
