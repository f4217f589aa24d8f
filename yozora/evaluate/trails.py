"""Where things are on the picture by frame, and whether an edit keeps them where they were."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from yozora.evaluate.finding import Finding
from yozora.evaluate.measures import LIMITS
from yozora.evaluate.sight.track import Sight
from yozora.world.scene import COLOURS, SHAPES
from yozora.world.stage import extent
from yozora.world.take import Take

KEPT = 0.02  # of the width: median distance from where a thing was, or should be
LASTING = 0.25  # of a clip's frames: what is seen for less is no thing to be kept
MOVING = 0.25  # metres a second: what is slower can hardly be told from rest
GROWN = 1.4  # times, by which a thing that crosses the picture may look larger or smaller than it did
TOLD = 1.0  # nats a frame, by which another shape must be likelier to be told from what was


Usual = Callable[[np.ndarray], float]  # of the distances in all frames, the one that counts


def median(distances: np.ndarray) -> float:
    """That of which half are larger."""
    return float(np.median(distances))


@dataclass(frozen=True)
class Trail:
    """One thing over time: its colour, frames, and middles in widths of the picture, x to the right and y down."""

    colour: str
    frame: np.ndarray  # int64[point]
    place: np.ndarray  # float64[point 2]


def trails(sight: Sight) -> list[Trail]:
    """All tracks of a clip, without the frames in which a thing reaches beyond the picture."""
    blobs, whole, width = sight.found.blobs, sight.found.whole, sight.found.size[0]
    names = list(COLOURS)
    found = []
    for number in np.unique(sight.track[sight.track >= 0]):
        which = np.flatnonzero((sight.track == number) & whole)
        if len(which):
            colour = names[int(blobs.label[which[0]]) - 1]
            found.append(Trail(colour, blobs.frame[which], blobs.centre[which] / width))
    return found


def lasting(sight: Sight) -> list[Trail]:
    """The trails that go through a fair part of a clip."""
    return [trail for trail in trails(sight) if len(trail.frame) >= LASTING * sight.found.frames]


def kept_by_place(before: Sight, after: Sight) -> Finding:
    """The median distance, in widths, from a thing of a clip to the nearest one of an edit of it, whatever its colour; the worst of all."""
    return _kept(lasting(before), after, lambda _: after.track >= 0)


def engine_error(take: Take, sight: Sight, *, whatever: bool = False, known: int = 0, usual: Usual = median) -> Finding:
    """How far, in widths, a thing of its colour, or `whatever` is nearest, usually is from where the engine has an object.

    The worst of all objects. Frames in which an object is not wholly in the picture, or others overlap with it, are left out,
    and so are the first ones, if they are `known`.
    """
    place, seen = clear(take, sight.found.size[0] / sight.found.size[1])
    seen[:known] = False
    wanted = [
        Trail(body.colour, np.flatnonzero(seen[:, index]), place[seen[:, index], index])
        for index, body in enumerate(take.scene.objects)
        if seen[known:, index].mean() >= LASTING
    ]
    return _kept(wanted, sight, lambda trail: sight.track >= 0 if whatever else sight.of(trail.colour), usual)


def clear(take: Take, aspect: float) -> tuple[Float[np.ndarray, "time solid 2"], Bool[np.ndarray, "time solid"]]:
    """Where solids are on a picture, in widths from its upper left corner; and when each is wholly in it and overlaps with none."""
    place, reach = _outlines(take, aspect)
    inside = (place > reach[..., None]) & (place < [1.0, 1.0 / aspect] - reach[..., None])
    alone = _free(place, reach, place, reach) | np.eye(len(take.solids), dtype=bool)
    return place, np.asarray(inside.all(-1) & alone.all(-1))


def project(take: Take, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points `[time point 3]` in the picture in units of half its height, and how long a metre is there."""
    view = take.view
    seen = np.einsum("tij,tkj->tki", view.rotation, points - view.position[:, None])
    scale = view.focal / np.maximum(-seen[..., 2], 0.1)
    return seen[..., :2] * scale[..., None], scale


def apart(first: Take, second: Take, aspect: float) -> Bool[np.ndarray, " time"]:
    """In which frames nothing of a take is where another, of equal length, has something."""
    return np.asarray(_free(*_outlines(first, aspect), *_outlines(second, aspect)).all((1, 2)))


def _outlines(take: Take, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """Where solids are, in widths from the picture's upper left corner `[time solid 2]`, and how far they reach `[time solid]`."""
    picture, scale = project(take, take.poses.position)
    reach = scale * [extent(solid) for solid in take.solids]
    return (picture * [1.0, -1.0] + [aspect, 1.0]) / (2 * aspect), reach / (2 * aspect)


def _free(place: np.ndarray, reach: np.ndarray, other: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Whether circles on the picture lie apart, `bool[time circle other]`."""
    return np.linalg.norm(place[:, :, None] - other[:, None], axis=-1) > reach[:, :, None] + beside[:, None]


def none_born_or_lost(sight: Sight, span: tuple[int, int]) -> Finding:
    """The share of a span's frames with as many things of each colour as on either side of it."""
    first, last = span
    counts = {colour: sight.counts(colour) for colour in sight.colours}
    around = {colour: np.concatenate([number[:first], number[last:]]) for colour, number in counts.items()}
    usual = {colour: round(float(np.median(number))) for colour, number in around.items()}
    right = np.ones(last - first, bool)
    for colour, number in counts.items():
        right &= number[first:last] == usual[colour]
    there = ", ".join(f"{number} {colour}" for colour, number in usual.items() if number)
    return Finding(float(right.mean()), bool(there and right.all()), there or "nothing")


def same_form(sight: Sight, span: tuple[int, int]) -> Finding:
    """The largest factor between how large a thing is within a span and beside it; it must also be of the same shape in both."""
    frame, whole = sight.found.blobs.frame, sight.found.whole
    within = (frame >= span[0]) & (frame < span[1])
    factors, strange = [], []
    for colour in sight.colours:
        parts = [sight.of(colour) & whole & part for part in (within, ~within)]
        if all(part.any() for part in parts):
            areas = [float(np.median(sight.found.blobs.area[part])) for part in parts]
            factors.append(max(areas) / min(areas))
            inside, beside = (np.maximum(sight.found.shapes[part], -LIMITS.lone).mean(0) for part in parts)
            if inside.max() - inside[beside.argmax()] > TOLD:
                strange.append(f"{colour} {SHAPES[int(beside.argmax())]} as {SHAPES[int(inside.argmax())]}")
    worst = max(factors, default=np.inf)
    return Finding(float(min(worst, 99.0)), bool(worst <= GROWN and not strange), ", ".join(strange))


def _kept(wanted: Sequence[Trail], sight: Sight, regions: Callable[[Trail], np.ndarray], usual: Usual = median) -> Finding:
    """The worst of the usual distances from trails to the regions that each may belong to, a whole width in frames without one."""
    distances = [usual(_distance(trail, sight, regions(trail))) for trail in wanted]
    if not distances:
        return Finding(1.0, False, "nothing can be followed")
    worst = int(np.argmax(distances))
    return Finding(distances[worst], distances[worst] <= KEPT, wanted[worst].colour)


def _distance(trail: Trail, sight: Sight, which: np.ndarray) -> np.ndarray:
    """From each point of a trail to the nearest of some regions of its frame, in widths."""
    blobs = sight.found.blobs.chosen(which)
    far = np.linalg.norm(blobs.centre / sight.found.size[0] - trail.place[:, None], axis=2)
    return np.where(blobs.frame == trail.frame[:, None], far, 1.0).min(1, initial=1.0)
