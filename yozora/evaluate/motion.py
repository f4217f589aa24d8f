"""Which way things go, the camera's own move taken out: their paths on the picture that a camera at rest would have taken."""

from dataclasses import dataclass

import numpy as np

from yozora.evaluate.track import Sight


@dataclass(frozen=True)
class MotionLimits:
    """All thresholds of the motion metric, tuned on training scenes and then frozen. Lengths are tangents of angles of view."""

    moved: float = 0.03  # least shift across the picture
    grown: float = 0.10  # least change of the logarithm of size, for what goes straight toward or away
    sideways: float = 0.7  # least shift to the side over the shift in depth
    falling: float = 0.5  # most of the growth that a thing on the floor would show, for one that falls
    row: float = 0.02  # least shift of the middle of a falling row


LIMITS = MotionLimits()


@dataclass(frozen=True)
class Path:
    """Where something is in the picture of a camera that stays as in frame 0, by frame: its foot, x to the right and y down, and its size."""

    frame: np.ndarray  # int64[point]
    foot: np.ndarray  # float64[point 2], in tangents
    size: np.ndarray  # float64[point], the root of its area


def path(sight: Sight, which: np.ndarray) -> Path:
    """The path of what some regions show; several of one frame count as one body."""
    blobs = sight.found.blobs.chosen(which)
    width, height = sight.found.size
    frames = np.unique(blobs.frame)
    box = np.array([[*blobs.box[blobs.frame == t, :2].min(0), *blobs.box[blobs.frame == t, 2:].max(0)] for t in frames]).reshape(-1, 4)
    area = np.bincount(blobs.frame, blobs.area, minlength=sight.found.frames)[frames]
    whole = (box[:, 0] > 0) & (box[:, 2] < width) & (box[:, 3] < height)
    frames, box, area = frames[whole], box[whole].astype(float), area[whole]
    feet = np.stack([(box[:, 0] + box[:, 2] - width) / height, box[:, 3] * 2 / height - 1, np.ones(len(box))], -1)
    floor = sight.move.floor(np.arange(sight.found.frames) / sight.fps)
    back = floor[0] @ np.linalg.inv(floor[frames])
    there = np.einsum("nij,nj->ni", back, feet)
    foot = there[:, :2] / there[:, 2:]
    wider = (back[:, 0, 0] - foot[:, 0] * back[:, 2, 0]) / there[:, 2]
    return Path(frames, foot / sight.move.focal, np.sqrt(area) * np.abs(wider))


def directions(sight: Sight, which: np.ndarray, span: tuple[float, float], *, row: bool = False) -> tuple[str, ...]:
    """The ways in which regions of one thing go between two shares of the clip: `still`, or one or two of the others.

    `row`: they are slabs, of which the whole row is watched. Seen too briefly, a thing goes no way at all.
    """
    way = path(sight, which)
    start, end = span[0] * sight.found.frames, span[1] * sight.found.frames
    inside = (way.frame >= start - 1) & (way.frame < end + 1)
    if inside.sum() < 2:
        return ()
    foot, size = smooth(way.foot[inside]), smooth(way.size[inside, None])[:, 0]
    begin = slice(0, max(1, min(3, len(foot) // 4)))
    here = np.median(foot[begin], axis=0)
    shift, growth = foot - here, np.log(size / np.median(size[begin]))
    if row:
        side = shift[-1, 0]
        return ("still",) if abs(side) < LIMITS.row else ("right" if side > 0 else "left",)
    farthest = int(np.argmax(np.hypot(*shift.T)))
    if np.hypot(*shift[farthest]) < LIMITS.moved:
        return ("still",)
    lean = np.deg2rad(sight.move.elevation)
    slant = np.maximum(np.sin(lean) + foot[:, 1] * np.cos(lean), 0.05)  # camera heights over distance, on the floor
    base = max(np.sin(lean) + here[1] * np.cos(lean), 0.05)
    lowest = int(np.argmax(shift[:, 1]))
    ways = []
    if shift[lowest, 1] > LIMITS.moved and growth[lowest] < LIMITS.falling * np.log(slant[lowest] / base):
        ways.append("down")
        farthest = len(foot) - 1
        base = slant[farthest]
        here = np.array([here[0], foot[farthest, 1]])
    away = 1 / slant[farthest] - 1 / base  # in camera heights, as is the shift to the side
    side = foot[farthest, 0] / slant[farthest] - here[0] / base
    if ways:
        return (*ways, *(("right" if side > 0 else "left",) if abs(foot[farthest, 0] - here[0]) > LIMITS.moved else ()))
    if abs(side) > LIMITS.sideways * abs(away):
        return ("right" if side > 0 else "left",)
    return ("away" if away > 0 else "toward",)


def smooth(values: np.ndarray) -> np.ndarray:
    """The median of each value and its neighbours."""
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
