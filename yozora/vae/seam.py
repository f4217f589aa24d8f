"""Given pixels put back into what was decoded, so that neither an edge nor a jump shows where they end."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from yozora.canvas import Canvas

# How far what was given is carried into what was invented, and a change of the picture, of 255, at which it no longer belongs there.
FRAMES, PIXELS, CHANGE = 8, 8, 6.0

Frames = UInt8[np.ndarray, "time height width 3"]
Known = Bool[np.ndarray, "time height width"]
Numbers = Float32[np.ndarray, "time height width _"]


def paste(decoded: Frames, canvas: Canvas) -> Frames:
    """Put the pixels with start 0 back, bit for bit.

    What was invented near them takes on their difference from what was decoded. In time that is carried on, with the fine detail
    that the compression network loses and what has changed in colour at once, as long as the picture stays the same there;
    within a frame it is the slow part of it. Both fade.
    """
    known = np.broadcast_to(canvas.start == 0, decoded.shape[:3])
    if not known.any() or known.all():
        return canvas.given.frames.copy() if known.any() else decoded
    result = decoded.copy()
    for frames in _near(known):
        result[frames] = _softened(decoded[frames], canvas.given.frames[frames], known[frames])
    result[known] = canvas.given.frames[known]
    return result


def _near(known: Known) -> list[np.ndarray]:
    """Runs of frames that hold known pixels or are within reach of some; those far from any are left alone."""
    held = np.flatnonzero(known.any(axis=(1, 2)))
    near = np.unique((held[:, None] + np.arange(-FRAMES, FRAMES + 1)).clip(0, len(known) - 1))
    return np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)


def _softened(decoded: Frames, given: Frames, known: Known) -> Frames:
    here = known[..., None].astype(np.float32)
    difference = (given.astype(np.float32) - decoded) * here
    carried, share = _carried(decoded, difference, known)
    near = _blurred(np.concatenate([difference, here], axis=3))
    # The blurred mask is one half at a straight border and falls to zero at the seam's reach.
    beside = near[..., :3] / np.maximum(near[..., 3:], 1e-6) * np.minimum(2 * near[..., 3:], 1)
    return np.clip(np.rint(decoded + carried * share + beside * (1 - share)), 0, 255).astype(np.uint8)


def _carried(decoded: Frames, difference: Numbers, known: Known) -> tuple[Numbers, Numbers]:
    """The difference of each pixel at the nearest known times before and after, and how much of it holds there, from 0 to 1."""
    weighted, share = difference.copy(), known[..., None].astype(np.float32)
    for order in (range(len(known)), reversed(range(len(known)))):
        for frame, (last, left) in _passed_on(decoded, difference, known, order):
            weighted[frame] += left * last
            share[frame] += left
    return weighted / np.maximum(share, 1e-6), np.minimum(share, 1)


def _passed_on(decoded: Frames, difference: Numbers, known: Known, order: Iterable[int]):
    """What of the difference reaches each frame, and with which weight, as the frames are walked through in an order."""
    last, seen = np.zeros_like(difference[0]), np.zeros_like(difference[0])
    age = np.full(known.shape[1:], FRAMES + 1)
    for frame in order:
        here, change = known[frame], seen - decoded[frame]
        alike = np.exp(-np.square(_mean(np.abs(change).mean(axis=2), 1, (0, 1)) / CHANGE))[..., None].astype(np.float32)
        new = (age == 1) & ~here
        if new.any():  # where the given part ends, all colours may change a little at once
            still = alike * new[..., None]
            near = _blurred(np.concatenate([change * still, still], axis=2)[None])[0]
            last = last + np.where(new[..., None], near[..., :3] / np.maximum(near[..., 3:], 1e-6), 0)
        left = np.where(here, 0, np.maximum(1 - age / (FRAMES + 1), 0)).astype(np.float32)[..., None]
        yield frame, (last, left * alike)
        last, seen = (np.where(here[..., None], new, old) for new, old in ((difference[frame], last), (decoded[frame], seen)))
        age = np.where(here, 1, age + 1)


def _blurred(x: Numbers) -> Numbers:
    for _ in range(2):
        x = _mean(x, PIXELS // 2, (1, 2))
    return x


def _mean(x: np.ndarray, radius: int, axes: tuple[int, ...]) -> np.ndarray:
    """Mean over up to `2 radius + 1` neighbours along each axis, those beyond the border left out."""
    for axis in axes:
        size = x.shape[axis]
        total = np.insert(np.cumsum(x, axis=axis, dtype=np.float64), 0, 0, axis=axis)
        first, last = np.maximum(np.arange(size) - radius, 0), np.minimum(np.arange(size) + radius + 1, size)
        count = (last - first).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        x = ((total.take(last, axis) - total.take(first, axis)) / count).astype(np.float32)
    return x
