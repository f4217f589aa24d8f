"""Holes of a clip, filled from what is given, so that encoding it tells nothing of what the holes held."""

import numpy as np
from jaxtyping import Bool, Shaped, UInt8

GREY = 128  # where nothing at all is given


def fill(
    frames: UInt8[np.ndarray, "time height width 3"], holes: Bool[np.ndarray, "time height width"], cell: int
) -> UInt8[np.ndarray, "time height width 3"]:
    """Fill holes within a frame smoothly from around them, and whole missing frames with the nearest given one.

    A frame of the same latent cell (of `cell` frames) is preferred, so that a still alone in its cell is repeated there.
    """
    missing = np.asarray(holes.all(axis=(1, 2)))
    if missing.all():
        return np.full_like(frames, GREY)
    filled = frames.copy()
    for index in np.flatnonzero(holes.any(axis=(1, 2)) & ~missing):
        filled[index] = _fill_frame(frames[index], holes[index])
    filled[missing] = filled[_sources(missing, cell)[missing]]
    return filled


def _sources(missing: Bool[np.ndarray, " time"], cell: int) -> Shaped[np.ndarray, " time"]:
    times = np.arange(len(missing))
    cells = (times + cell - 1) // cell  # frame 0 is a cell of its own
    given = np.flatnonzero(~missing)
    distance = np.abs(times[:, None] - given) + len(missing) * (cells[:, None] != cells[given])
    return given[distance.argmin(axis=1)]


def _fill_frame(frame: UInt8[np.ndarray, "height width 3"], hole: Bool[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Average what is given at ever coarser scales, then take each hole's colour from the finest scale that knows it."""
    weight = (~hole)[..., None].astype(np.float32)
    smooth = _pull_push(frame * weight, weight)
    return np.where(hole[..., None], np.rint(np.clip(smooth, 0, 255)).astype(np.uint8), frame)


def _pull_push(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    # `total` is colour times weight; a weight above one counts as one.
    colour = total / np.maximum(weight, 1e-6)
    if max(colour.shape[:2]) == 1:
        return colour
    coarse = _pull_push(*(_halve(x) for x in (colour * np.minimum(weight, 1), np.minimum(weight, 1))))
    height, width = colour.shape[:2]
    share = np.minimum(weight, 1)
    return share * colour + (1 - share) * _double(coarse)[:height, :width]


def _halve(x: np.ndarray) -> np.ndarray:
    """Sums over 2x2 pixels; odd sizes are padded with nothing."""
    x = np.pad(x, ((0, x.shape[0] % 2), (0, x.shape[1] % 2), (0, 0)))
    return x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]


def _double(x: np.ndarray) -> np.ndarray:
    """Bilinear enlargement by two."""
    for axis in (0, 1):
        padded = np.pad(x, [(1, 1) if axis == i else (0, 0) for i in range(3)], mode="edge")
        before, after = (padded.take(range(first, first + x.shape[axis]), axis) for first in (0, 2))
        x = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        x = x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
    return x
