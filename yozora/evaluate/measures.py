"""The metrics: each compares what is seen in a clip with what was asked, and reads nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yozora.evaluate.sight.motion import directions, topples
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Motion, Spec
from yozora.evaluate.thresholds import limits
from yozora.world.scene import SHAPES


@dataclass(frozen=True)
class Score:
    """A metric's value in [0, 1], whether the clip passes, and what was seen, in words."""

    value: float
    passed: bool
    seen: str


@dataclass(frozen=True)
class Limits:
    """All thresholds of the metrics on objects."""

    steady: float  # of the frames, that must be right
    glimpsed: float  # of the frames, in which what may be hidden must be seen
    lasting: float  # of the frames, in which one of several things of a colour must be seen
    whole: float  # of a thing's usual area, that shows enough of it to know its shape
    lone: float  # nats by which one picture can speak against a shape at most


LIMITS = limits("objects", Limits)
NOWHERE = ((), ("still",), ("jumping",))  # what goes no way


def colours(sight: Sight, spec: Spec) -> Score:
    """M1: in most frames there is every asked colour that is not hidden, and no other; each is seen at some time."""
    shown = {colour: sight.counts(colour) > 0 for colour in sight.colours}
    sure = {asked.colour for asked in spec.objects if asked.colour and not asked.veiled}
    named = {asked.colour for asked in spec.objects if asked.colour}
    right = np.ones(sight.found.frames, bool)
    for colour in sure:
        right &= shown.get(colour, np.zeros_like(right))
    strange = np.sum([present for colour, present in shown.items() if colour not in named], axis=0)
    right &= strange <= sum(not colour for colour in spec.colours)
    all_seen = all(colour in shown and shown[colour].mean() >= LIMITS.glimpsed for colour in named)
    return _steady(right, " ".join(sight.colours), all_seen=all_seen)


def count(sight: Sight, spec: Spec) -> Score:
    """M1: in most frames as many objects as asked, those left out that are hidden; all are seen at some time."""
    number = np.sum([sight.counts(colour) for colour in sight.colours] or np.zeros((1, sight.found.frames)), axis=0)
    most, fewest = len(spec.objects), sum(not asked.veiled for asked in spec.objects)
    right = (number >= fewest) & ((number <= most) | spec.more)
    all_seen = bool((number >= (spec.apart or most)).mean() >= LIMITS.glimpsed)
    return _steady(right, f"{int(np.median(number))} to {int(number.max())}", all_seen=all_seen)


def shapes(sight: Sight, spec: Spec) -> Score | None:
    """M1: every asked shape is there, and no other, whatever the colours. None where no shape is asked or seen."""
    seen = {shape for _, shape in pairs(sight, spec) if shape}
    asked = {one.shape for one in spec.objects if one.shape}
    if not seen | asked:
        return None
    return Score(len(seen & asked) / len(seen | asked), seen == asked, " ".join(sorted(seen)))


def binding(sight: Sight, spec: Spec) -> Score:
    """M1: every asked colour and shape are there together, and no others; the value is the F1 score of the pairs."""
    seen = pairs(sight, spec)
    asked = {(one.colour, one.shape) for one in spec.objects}
    seen = {("" if ("", shape) in asked and (colour, shape) not in asked else colour, shape) for colour, shape in seen}
    return Score(2 * len(seen & asked) / max(len(seen) + len(asked), 1), seen == asked, ", ".join(f"{c} {s}" for c, s in sorted(seen)))


def direction(sight: Sight, spec: Spec) -> Score | None:
    """M2: every asked motion goes its way, or some way where that is left open; where nothing may move, nothing does.

    None where all is left open, or nothing is there.
    """
    if not spec.motions and not spec.still:
        return None
    if not spec.motions:
        bodies = [sight.track == track for track in long_tracks(sight, sight.track >= 0)]
        if not bodies:
            return None
        ways = [directions(sight, body, (0.0, 1.0), falls=True) for body in bodies]
        moving = sorted({way for seen in ways for way in seen if way != "still"})
        return Score(float(not moving), not moving, " ".join(moving) or "still")
    seen = [ways_of(sight, spec, motion) for motion in spec.motions]
    both = zip(spec.motions, seen, strict=True)
    right = [motion.direction in ways if motion.direction else ways not in NOWHERE for motion, ways in both]
    return Score(float(np.mean(right)), all(right), ", ".join("+".join(ways) or "unseen" for ways in seen))


Metric = Callable[[Sight, Spec], Score | None]  # None where it does not apply
METRICS: tuple[Metric, ...] = (colours, count, shapes, binding, direction)


def judge(sight: Sight, spec: Spec, metrics: Sequence[Metric] = METRICS) -> dict[str, Score | None]:
    """Metrics by name, and `all`: whether every one that applies passes."""
    return together({metric.__name__: metric(sight, spec) for metric in metrics})


def together(scores: Mapping[str, Score | None]) -> dict[str, Score | None]:
    """Scores by name, and `all`: whether every one that applies passes."""
    right = all(score.passed for score in scores.values() if score)
    return {**scores, "all": Score(float(right), right, "")}


def record(scores: Mapping[str, Score | None]) -> dict[str, list | None]:
    """Scores as JSON: value, verdict and what was seen; null where a metric does not apply."""
    return {name: [round(one.value, 3), one.passed, one.seen] if one else None for name, one in scores.items()}


def pairs(sight: Sight, spec: Spec) -> set[tuple[str, str]]:
    """The colours and shapes that are seen together; no shape where a colour's is left open."""
    found = set()
    for colour in sight.colours:
        if any(not asked.shape for asked in spec.of(colour)):
            found.add((colour, ""))
            continue
        which = sight.of(colour)
        alike = {asked.shape for asked in spec.of(colour)}
        alone = sight.counts(colour).max() == 1 or len(alike) == 1
        bodies = [which] if alone else [sight.track == track for track in long_tracks(sight, which)]
        found |= {(colour, shape_of(sight, body, sight.counts(colour))) for body in bodies}
    return found


def shape_of(sight: Sight, which: np.ndarray, number: np.ndarray) -> str:
    """The likeliest shape of what some regions show, judged where it is whole and as many as possible are seen apart."""
    blobs = sight.found.blobs
    apart = np.quantile(number, 1 - LIMITS.glimpsed, method="higher")
    clear = which & (number[blobs.frame] >= apart)
    inside = clear & sight.found.whole
    clear = inside if inside.any() else clear if clear.any() else which
    whole = clear & (blobs.area >= LIMITS.whole * np.quantile(blobs.area[clear], 0.9))
    return SHAPES[int(np.maximum(sight.found.shapes[whole], -LIMITS.lone).mean(0).argmax())]


def ways_of(sight: Sight, spec: Spec, motion: Motion) -> tuple[str, ...]:
    """The ways in which the object of a motion goes: among several of its colour the one of its shape that moves."""
    asked = spec.objects[motion.actor]
    which = sight.of(asked.colour) if asked.colour else sight.track >= 0
    span = (motion.start, motion.end)
    if motion.row:
        return topples(sight, which, span)
    if asked.colour and sight.counts(asked.colour).max(initial=0) <= 1:
        return directions(sight, which, span, falls=motion.falls)
    best: tuple[tuple[bool, bool], tuple[str, ...]] = ((False, False), ())
    for track in long_tracks(sight, which):
        body = sight.track == track
        ways = directions(sight, body, span, falls=motion.falls)
        fit = (shape_of(sight, body, np.ones(sight.found.frames)) == asked.shape, ways not in NOWHERE)
        best = max(best, (fit, ways), key=lambda one: one[0])
    return best[1]


def long_tracks(sight: Sight, which: np.ndarray) -> list[int]:
    """Tracks among some regions that are seen in a fair part of the clip."""
    tracks, lengths = np.unique(sight.track[which], return_counts=True)
    return [int(track) for track, length in zip(tracks, lengths, strict=True) if length >= LIMITS.lasting * sight.found.frames]


def _steady(right: np.ndarray, seen: str, *, all_seen: bool) -> Score:
    return Score(float(right.mean()), bool(right.mean() >= LIMITS.steady and all_seen), seen)
