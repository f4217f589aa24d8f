"""Given pixels put back into what was decoded, so that neither an edge nor a jump shows where they end."""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from yozora.canvas import Canvas

FRAMES, PIXELS = 8, 8  # how far what was given reaches into what was invented
CHANGE = 6.0  # of 255: where a picture changes so much, what was given no longer belongs there
LOST = 30.0  # of 255: where what was decoded differs so much from what was given, it is another picture

Frames = UInt8[np.ndarray, "time height width 3"]
Known = Bool[np.ndarray, "time height width"]
Numbers = Float32[np.ndarray, "height width _"]


def paste(decoded: Frames, canvas: Canvas) -> Frames:
    """Put the pixels with start 0 back, bit for bit.

    What was invented near them takes on their difference from what was decoded. In time that is carried on, with the fine detail
    that the compression network loses and what has changed in colour at once, as long as the picture stays the same there;
    within a frame it is the slow part of it. Both fade.
    """
    known = np.broadcast_to(canvas.start == 0, decoded.shape[:3])
    if not known.any():
        return decoded
    result = decoded.copy()
    for frames in [] if known.all() else _near(known):
        result[frames] = _softened(decoded[frames], canvas.given.frames[frames], known[frames])
    result[known] = canvas.given.frames[known]
    return result


def _near(known: Known) -> list[np.ndarray]:
    """Runs of frames that hold known pixels or are within reach of some; those far from any are left alone."""
    held = np.flatnonzero(known.any(axis=(1, 2)))
    near = np.unique((held[:, None] + np.arange(-FRAMES, FRAMES + 1)).clip(0, len(known) - 1))
    return np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)


def _softened(decoded: Frames, given: Frames, known: Known) -> Frames:
    carried = np.zeros(decoded.shape, np.float32)
    share = np.zeros((*known.shape, 1), np.float32)
    for order in (range(len(known)), reversed(range(len(known)))):
        for frame, detail, weight in _passed_on(decoded, given, known, order):
            carried[frame] += weight * detail
            share[frame] += weight
    result = np.empty_like(decoded)
    for frame, picture in enumerate(decoded):
        here = known[frame][..., None].astype(np.float32)
        beside, near = _slow(given[frame].astype(np.float32) - picture, here)
        in_time = np.minimum(share[frame], 1)
        change = carried[frame] / np.maximum(share[frame], 1e-6) * in_time
        # The blurred mask is one half at a straight border and falls to zero at the seam's reach.
        change += beside * np.minimum(2 * near, 1) * (1 - in_time)
        result[frame] = np.clip(np.rint(picture + change), 0, 255).astype(np.uint8)
    return result


def _passed_on(decoded: Frames, given: Frames, known: Known, order: Iterable[int]) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Frames in an order, with what reaches each of the last given ones, and the weight of it: none where a pixel is given."""
    detail, seen = (np.zeros(decoded.shape[1:], np.float32) for _ in range(2))
    age = np.full((*known.shape[1:], 1), FRAMES + 1)
    for frame in order:
        here, change = known[frame][..., None], seen - decoded[frame]
        alike = _alike(change, CHANGE)
        leaving = (age == 1) & ~here
        if leaving.any():  # all colours may change a little at once where the given part ends
            detail = detail + np.where(leaving, _slow(change, alike * leaving)[0], 0)
        fading = np.where(here, 0, np.maximum(1 - age / (FRAMES + 1), 0)).astype(np.float32)
        yield frame, detail, fading * alike
        difference = given[frame].astype(np.float32) - decoded[frame]
        kept = difference * _alike(difference, LOST)
        kept = np.where(age == 1, (detail + kept) / 2, kept)  # so that what moves along counts for less than what stays
        detail, seen = np.where(here, kept, detail), np.where(here, decoded[frame], seen).astype(np.float32)
        age = np.where(here, 1, age + 1)


def _alike(difference: Numbers, scale: float) -> Numbers:
    """1 where two pictures are equal, and less the more they differ."""
    around = _mean(np.abs(difference).mean(axis=2, keepdims=True), 1)
    return np.exp(-np.square(around / scale)).astype(np.float32)


def _slow(values: Numbers, weight: Numbers) -> tuple[Numbers, Numbers]:
    """The mean of the values around each pixel where they have weight, and the mean weight."""
    near = np.concatenate([values * weight, weight], axis=2)
    for _ in range(2):
        near = _mean(near, PIXELS // 2)
    return near[..., :-1] / np.maximum(near[..., -1:], 1e-6), near[..., -1:]


def _mean(x: Numbers, radius: int) -> Numbers:
    """Mean over up to `2 radius + 1` rows and columns, those beyond the border left out."""
    for axis in (0, 1):
        size = x.shape[axis]
        total = np.insert(np.cumsum(x, axis=axis, dtype=np.float64), 0, 0, axis=axis)
        first, last = np.maximum(np.arange(size) - radius, 0), np.minimum(np.arange(size) + radius + 1, size)
        count = (last - first).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        x = ((total.take(last, axis) - total.take(first, axis)) / count).astype(np.float32)
    return x
