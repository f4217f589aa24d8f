"""What cannot be undone: the broken is never whole again, a trail never shrinks, a fallen tower never stands, grains never rise.

Nor does what a seesaw has thrown come back to where it lay.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yozora.evaluate.measures import Score
from yozora.evaluate.sight.motion import path, smooth
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Change, Spec
from yozora.evaluate.thresholds import limits

NEAR = 2  # frames on either side, over which what is measured is smoothed


@dataclass(frozen=True)
class ChangeLimits:
    """All thresholds of what changes for good."""

    lasts: int  # frames that something must stay as it is to count
    tumbles: int  # frames for less than which a tower that falls may reach up again
    shrunk: float  # of its area, that a trail may seem to lose
    moving: float  # of its area, that one may seem to lose to a camera whose own move is known but nearly
    sunk: float  # of their area, that grains may seem to lose when they come to lie one behind the other
    grown: float  # times its area in the beginning, that a trail has in the end at least
    poured: float  # and that a heap has
    upright: float  # of a tower's height, from where on it stands
    down: float  # and up to where it has fallen
    whole: float  # times how far a whole thing of its area spreads, up to where it is whole
    apart: float  # and from where on it is broken
    gone: int  # frames for less than which what is changed may be out of sight
    lies: float  # of its own size, that what lies on a seesaw may be off its place
    thrown: float  # times its own size, from where on it has left it
    rises: float  # and that it must have risen


LIMITS = limits("changes", ChangeLimits)


def irreversible(sight: Sight, spec: Spec) -> Score | None:
    """The share of a clip's lasting changes that come and stay; None where nothing is to change for good."""
    if not spec.changes:
        return None
    wrong = [said for change in spec.changes if (said := lost(sight, change) or STAYS[change.kind](sight, change))]
    return Score(1 - len(wrong) / len(spec.changes), not wrong, ", ".join(wrong) or "stays changed")


def lost(sight: Sight, change: Change) -> str:
    """What is wrong where nothing is left to see of what was changed."""
    seen = sight.counts(change.colour) > 0
    gone = np.flatnonzero(lasting(~seen, LIMITS.gone) & (np.cumsum(seen) > 0))
    return f"{change.colour} is gone in frame {gone[0]}" if len(gone) else ""


def tower_stays_down(sight: Sight, change: Change) -> str:
    """What is wrong with a tower that is to fall: its colour reaches high above where the tower stood, and then never again."""
    blobs, (width, height) = sight.found.blobs.chosen(sight.of(change.colour)), sight.found.size
    if not len(blobs):
        return f"{change.colour} is never seen"
    largest = int(np.argmax(np.where(blobs.frame == blobs.frame.min(), blobs.area, -1)))
    left, _, right, bottom = blobs.box[largest]
    floor = sight.move.floor(np.arange(sight.found.frames) / sight.fps)
    foot = floor @ np.linalg.inv(floor[blobs.frame[largest]]) @ [(left + right - width) / height, bottom * 2 / height - 1, 1.0]
    foot = foot[:, :2] / foot[:, 2:]
    top = np.full(sight.found.frames, np.inf)
    np.minimum.at(top, blobs.frame, blobs.box[:, 1] * 2 / height - 1)
    tall = np.where(np.isfinite(top), foot[:, 1] - top, 0.0) * np.sqrt(larger(sight, np.arange(len(top)), foot))
    most = float(smooth(tall, NEAR).max())
    return once(
        tall >= LIMITS.upright * most, tall <= LIMITS.down * most, f"the {change.colour} tower", ("stands", "falls"), LIMITS.tumbles
    )


def broken_stays_broken(sight: Sight, change: Change) -> str:
    """What is wrong with a thing that is to break: its pixels lie together, and then apart for good."""
    spread = spreads(sight, change.colour)
    seen = spread[np.isfinite(spread)]
    if len(seen) < 2 * LIMITS.lasts:
        return f"{change.colour} is hardly seen"
    least = float(np.quantile(smooth(seen, NEAR), 0.05))
    return once(seen <= LIMITS.whole * least, seen >= LIMITS.apart * least, change.colour, ("is whole", "breaks"), LIMITS.lasts)


def trail_stays(sight: Sight, change: Change) -> str:
    """What is wrong with a trail: together with what leaves it, it covers more and more."""
    return grows(sight, change, LIMITS.shrunk, LIMITS.grown)


def heap_stays(sight: Sight, change: Change) -> str:
    """What is wrong with grains that are poured: there are more and more, and they stay."""
    return grows(sight, change, LIMITS.sunk, LIMITS.poured)


def thrown_for_good(sight: Sight, change: Change) -> str:
    """What is wrong with what lies on a seesaw: it lies still, then goes up, and is elsewhere for good."""
    way = path(sight, sight.of(change.colour))
    if len(way.frame) < 2 * LIMITS.lasts:
        return f"{change.colour} is hardly seen"
    begin = slice(0, LIMITS.lasts)
    own = np.median(way.size[begin]) * 2 / sight.found.size[1] / sight.move.focal
    shift = (smooth(way.foot) - np.median(way.foot[begin], axis=0)) / own
    if -shift[:, 1].min() < LIMITS.rises:
        return f"{change.colour} is not thrown up"
    far = np.hypot(*shift.T)
    return once(far <= LIMITS.lies, far >= LIMITS.thrown, change.colour, ("lies", "is thrown"), LIMITS.lasts)


Judge = Callable[[Sight, Change], str]
STAYS: dict[str, Judge] = {
    "tower": tower_stays_down,
    "break": broken_stays_broken,
    "paint": trail_stays,
    "pour": heap_stays,
    "seesaw": thrown_for_good,
}


def once(before: np.ndarray, after: np.ndarray, name: str, states: tuple[str, str], frames: int) -> str:
    """What is wrong unless a thing is first in one state, then in the other, and never again for so many frames in the first."""
    first, last = np.flatnonzero(lasting(before, LIMITS.lasts)), np.flatnonzero(lasting(after, LIMITS.lasts))
    if not len(first) or not len(last):
        return f"{name} never {states[0] if not len(first) else states[1]}"
    again = np.flatnonzero(lasting(before, frames))
    if len(again) and again[-1] > last[0]:
        return f"{name} {states[0]} again in frame {again[again > last[0]][0]}"
    return "" if first[0] < last[0] else f"{name} {states[1]} before it {states[0]}"


def grows(sight: Sight, change: Change, loss: float, least: float) -> str:
    """What is wrong with the area of a colour, as a camera at rest would see it: it must grow so many times, and never lose a share."""
    frames, area = areas(sight, change.colour)
    if len(frames) < 2 * LIMITS.lasts:
        return f"{change.colour} is hardly seen"
    area = smooth(area, NEAR)
    most = np.maximum.accumulate(area)
    less = 1 - area / most
    if less.max() > max(loss, LIMITS.moving * (sight.move.kind != "static")):
        return f"{change.colour} loses {less.max():.0%} by frame {frames[int(less.argmax())]}"
    grown = float(area[-1] / area[0])
    return "" if grown >= least else f"{change.colour} grows to {grown:.2f} times"


def lasting(state: np.ndarray, frames: int) -> np.ndarray:
    """Where a state holds for so many frames at least."""
    if len(state) < frames:
        return np.zeros(len(state), bool)
    runs = np.convolve(state, np.ones(frames), "valid") == frames
    return np.convolve(runs, np.ones(frames)) > 0


def larger(sight: Sight, frame: np.ndarray, place: np.ndarray) -> np.ndarray:
    """How many times as large a spot of the floor at `place[point 2]`, in half heights, would be as seen in frame 0."""
    floor = sight.move.floor(np.arange(sight.found.frames) / sight.fps)
    back = floor[0] @ np.linalg.inv(floor)
    depth = np.einsum("nj,nj->n", back[frame, 2], np.append(place, np.ones((len(place), 1)), axis=1))
    return np.abs(np.linalg.det(back)[frame] / depth**3)


def areas(sight: Sight, colour: str) -> tuple[np.ndarray, np.ndarray]:
    """The frames in which a colour is seen, and its pixels in each, counted as frame 0 would show them, were they on the floor."""
    blobs, (width, height) = sight.found.blobs.chosen(sight.of(colour)), sight.found.size
    frames = np.unique(blobs.frame)
    found = []
    for frame in frames.tolist():
        y, x = np.nonzero(np.isin(sight.number[frame], blobs.number[blobs.frame == frame]))
        place = np.stack([(2 * x + 1 - width) / height, (2 * y + 1) / height - 1], axis=-1)
        found.append(float(larger(sight, np.full(len(x), frame), place).sum()))
    return frames, np.array(found)


def spreads(sight: Sight, colour: str) -> np.ndarray:
    """How far a colour's pixels lie from their middle, squared, over their number, by frame; NaN where there are none."""
    found = np.full(sight.found.frames, np.nan)
    blobs = sight.found.blobs.chosen(sight.of(colour))
    for frame in np.unique(blobs.frame).tolist():
        y, x = np.nonzero(np.isin(sight.number[frame], blobs.number[blobs.frame == frame]))
        found[frame] = (x.var() + y.var() + 1 / 6) / len(x)
    return found
