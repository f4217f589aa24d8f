"""Which way things go, the camera's own move taken out: their paths on the picture that a camera at rest would have taken."""

from dataclasses import dataclass

import numpy as np

from yozora.evaluate.sight.track import Sight
from yozora.evaluate.thresholds import limits


@dataclass(frozen=True)
class MotionLimits:
    """All thresholds of the motion metric. Lengths are tangents of angles of view."""

    moved: float  # least shift across the picture
    orbited: float  # the same under a camera that orbits, since long outlines turn
    grown: float  # least change of the logarithm of size, for what goes straight toward or away
    sideways: float  # least shift to the side over the shift in depth
    falling: float  # most of the growth that a thing on the floor would show, for one that falls
    row: float  # least shift of the middle of a falling row
    restless: float  # most length of a path over its reach; beyond, frames are out of order


LIMITS = limits("motion", MotionLimits)


@dataclass(frozen=True)
class Path:
    """Where something is by frame, in the picture of a camera that stays as in frame 0: its foot (x right, y down) and size."""

    frame: np.ndarray  # int64[point]
    foot: np.ndarray  # float64[point 2], in tangents
    size: np.ndarray  # float64[point], the root of its area in pixels

    def within(self, span: tuple[float, float], frames: int) -> "Path":
        """The part of it between two shares of a clip of so many frames."""
        part = np.isin(self.frame, inside(self.frame, span, frames))
        return Path(self.frame[part], self.foot[part], self.size[part])


def inside(frame: np.ndarray, span: tuple[float, float], frames: int) -> np.ndarray:
    """Those of some frames that lie between two shares of a clip of so many."""
    return frame[(frame >= span[0] * frames - 1) & (frame < span[1] * frames + 1)]


def path(sight: Sight, which: np.ndarray) -> Path:
    """The path of what some regions show; several of one frame count as one body."""
    blobs = sight.found.blobs.chosen(which)
    width, height = sight.found.size
    frames = np.unique(blobs.frame)
    box = np.array([[*blobs.box[blobs.frame == t, :2].min(0), *blobs.box[blobs.frame == t, 2:].max(0)] for t in frames]).reshape(-1, 4)
    area = np.bincount(blobs.frame, blobs.area, minlength=sight.found.frames)[frames]
    whole = (box[:, 0] > 0) & (box[:, 2] < width) & (box[:, 3] < height)
    frames, box, area = frames[whole], box[whole].astype(float), area[whole]
    feet = np.stack([(box[:, 0] + box[:, 2] - width) / height, box[:, 3] * 2 / height - 1], -1)
    foot, wider = at_rest(sight, frames, feet)
    return Path(frames, foot / sight.move.focal, np.sqrt(area) * wider)


def at_rest(sight: Sight, frames: np.ndarray, feet: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a camera that stays as in frame 0 would see places on the floor, and how many times as wide what stands there.

    `feet` are places in the pictures of `frames`, in units of half the height, x to the right and y down; so is what comes back.
    """
    floor = sight.move.floor(np.arange(sight.found.frames) / sight.fps)
    back = floor[0] @ np.linalg.inv(floor[frames])
    there = np.einsum("nij,nj->ni", back, np.concatenate([feet, np.ones((len(feet), 1))], -1))
    foot = there[:, :2] / there[:, 2:]
    return foot, np.abs((back[:, 0, 0] - foot[:, 0] * back[:, 2, 0]) / there[:, 2])


def own_size(sight: Sight, way: Path) -> float:
    """The usual size of what takes a path, in tangents."""
    return float(np.median(way.size)) * 2 / sight.found.size[1] / sight.move.focal


def on_floor(sight: Sight, foot: np.ndarray) -> np.ndarray:
    """Where feet stand on the floor, to the right of the camera and away from it, in camera heights: `float64[point 2]`."""
    lean = np.deg2rad(sight.move.elevation)
    nearness = np.maximum(np.sin(lean) + foot[:, 1] * np.cos(lean), 0.05)
    return np.stack([foot[:, 0] / nearness, 1 / nearness], -1)


def directions(sight: Sight, which: np.ndarray, span: tuple[float, float], *, falls: bool) -> tuple[str, ...]:
    """The ways in which regions of one thing go between two shares of the clip: `still`, `jumping`, or one or two of the others.

    `falls`: it may come down through the air, and then go on; else it stays on the floor (or swings above it). What is
    seen too briefly goes no way at all.
    """
    way = during(path(sight, which), span, sight.found.frames)
    if len(way.frame) < 2:
        return ()
    begin = slice(0, max(1, min(3, len(way.frame) // 4)))
    here, size = np.median(way.foot[begin], axis=0), np.median(way.size[begin])
    shift, growth = way.foot - here, np.log(way.size / size)
    farthest = int(np.argmax(np.hypot(*shift.T)))
    if np.hypot(*shift[farthest]) < (LIMITS.orbited if sight.move.kind == "orbit" else LIMITS.moved):
        return ("still",)
    if np.hypot(*np.diff(way.foot, axis=0).T).sum() > LIMITS.restless * np.hypot(*shift[farthest]):
        return ("jumping",)
    begun, there = on_floor(sight, np.stack([here, way.foot[farthest]]))
    lowest = int(np.argmax(shift[:, 1]))
    nearer = np.log(begun[1] / on_floor(sight, way.foot[lowest : lowest + 1])[0, 1])
    if falls and shift[lowest, 1] > LIMITS.moved and growth[lowest] < LIMITS.falling * nearer:
        return "down", *_aside(float(shift[-1, 0]), float(growth[-1]))
    side, away = there - begun
    if abs(side) > LIMITS.sideways * abs(away):
        return ("right" if side > 0 else "left",)
    return ("away" if away > 0 else "toward",)


def topples(sight: Sight, which: np.ndarray, span: tuple[float, float]) -> tuple[str, ...]:
    """The way in which the middle of a row of slabs goes when they fall."""
    way = during(path(sight, which), span, sight.found.frames)
    if len(way.frame) < 2:
        return ()
    shift = way.foot[:, 0] - way.foot[0, 0]
    side = float(shift[np.argmax(np.abs(shift))])
    if np.abs(np.diff(shift)).sum() > LIMITS.restless * abs(side):
        return ("jumping",)
    return ("still",) if abs(side) < LIMITS.row else ("right" if side > 0 else "left",)


def during(way: Path, span: tuple[float, float], frames: int) -> Path:
    """The part of a path between two shares of a clip, without single outliers."""
    part = way.within(span, frames)
    return Path(part.frame, smooth(part.foot), smooth(part.size[:, None])[:, 0])


def _aside(side: float, growth: float) -> tuple[str, ...]:
    """Where something that has fallen went besides, from its shift and growth in the picture."""
    if abs(side) > max(LIMITS.moved, LIMITS.sideways * abs(growth)):
        return ("right" if side > 0 else "left",)
    return () if abs(growth) < LIMITS.grown else ("toward" if growth > 0 else "away",)


def smooth(values: np.ndarray, near: int = 1) -> np.ndarray:
    """The median of each value and so many on either side; at the ends the outermost one stands for those that are missing."""
    if not len(values):
        return values
    padded = np.concatenate([values[:1].repeat(near, axis=0), values, values[-1:].repeat(near, axis=0)])
    return np.median([padded[shift : shift + len(values)] for shift in range(2 * near + 1)], axis=0)
