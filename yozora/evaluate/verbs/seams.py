"""Joins in time: whether a step from one frame to the next is like the others, and whether what moves goes on as it went.

A seam at frame `s` lies between frames `s - 1` and `s`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8

from yozora.evaluate.finding import Finding, Findings, worst
from yozora.evaluate.sight.track import Sight, look
from yozora.evaluate.trails import Trail, trails
from yozora.video import Video

QUIET = 0.1  # of 255: a mean change below it is no motion, but noise or nothing
AROUND = 6  # steps on each side, of which the usual one is the median
SEAM = (0.5, 2.0)  # of the usual step, that the step at a seam may be
JUMP = 3.0  # times the usual step around it, that no step of a clip may be larger than
ONWARD = 1.3  # times the change from frame to frame, that the change over two frames must be where things move
FIT = 4  # frames on each side of a seam to which a line is fitted
FEWEST = 3  # of these, in which a thing must be seen
CLOSE = 0.02  # of the width: how far apart places, and how different shifts per frame, may be
SLOW, SWERVE = 0.006, 0.4  # widths a frame, and part of the speed, by which a velocity may differ; together `CLOSE` at most
IDEAL = {"ratio": 1.0, "place": 0.0, "motion": 0.0, "steps": 1.0}  # what a true clip has

Frames = UInt8[np.ndarray, "time height width 3"]


def steps(frames: Frames) -> Float64[np.ndarray, " step"]:
    """Mean absolute change of the pixels from each frame to the next, of 255."""
    return np.array([np.abs(after.astype(np.int16) - before).mean() for before, after in zip(frames, frames[1:])])


def over_usual(change: Float64[np.ndarray, " step"]) -> Float64[np.ndarray, " step"]:
    """Each step over the median of those around it, held frames left out.

    Where all around is still, a step counts as `QUIET` at least, and so does the usual one: noise is no seam there.
    """
    ratio = np.empty(len(change))
    for index, step in enumerate(change):
        near = np.concatenate([change[max(index - AROUND, 0) : index], change[index + 1 : index + 1 + AROUND]])
        moving = near[near > QUIET]
        ratio[index] = step / np.median(moving) if len(moving) else max(step, QUIET) / QUIET
    return ratio


def seam_ratio(frames: Frames, seam: int) -> Finding:
    """The step at a seam over the usual one around it."""
    change = steps(frames)
    ratio = float(over_usual(change)[seam - 1])
    return Finding(ratio, SEAM[0] <= ratio <= SEAM[1], f"{change[seam - 1]:.2f} of 255")


def largest_step(frames: Frames) -> Finding:
    """The largest step over the usual one around it: a cut within a clip is a jump."""
    ratio = over_usual(steps(frames))
    return Finding(float(ratio.max()), bool(ratio.max() <= JUMP), f"at frame {int(ratio.argmax()) + 1}")


def in_order(frames: Frames) -> Finding:
    """The change over two frames over the change over one: above 1 where things go on, 1 in disorder, 0 where nothing moves at all."""
    once, twice = (
        steps(frames).mean(),
        np.mean([np.abs(after.astype(np.int16) - before).mean() for before, after in zip(frames, frames[2:])]),
    )
    ratio = float(twice / once) if once > QUIET else 0.0
    return Finding(ratio, ratio >= ONWARD, f"{once:.2f} and {twice:.2f} of 255")


def worst_ratio(frames: Frames, places: tuple[int, ...]) -> Finding:
    """The ratio that is farthest from 1, of all seams."""
    return worst((seam_ratio(frames, seam) for seam in places), IDEAL["ratio"])


def at_seams(frames: Frames, sight: Sight, places: tuple[int, ...]) -> Findings:
    """What there is to find at joins of a clip, the worst of each."""
    found: Findings = {"ratio": worst_ratio(frames, places)}
    for name, measure in (("place", place_through), ("motion", motion_through)):
        found[name] = worst((measure(sight, seam) for seam in places), IDEAL[name])
    return found | {"steps": largest_step(frames)}


def around(frames: Frames, places: tuple[int, ...]) -> Findings:
    """The same of a ring, turned so that each join in turn is in the middle; where nothing is in the picture, nothing can be followed."""
    half, found = len(frames) // 2, []
    for place in places:
        turned = np.ascontiguousarray(np.roll(frames, half - place, axis=0))
        sight = look(Video(turned, 1.0))
        empty: Findings = {} if seen_near(sight, half) else {"place": None, "motion": None}
        found.append(at_seams(turned, sight, (half,)) | empty)
    seen = {name: [one for findings in found if (one := findings[name])] for name in found[0]}
    return {name: worst(some, IDEAL[name]) if some else None for name, some in seen.items()}


def place_through(sight: Sight, seam: int) -> Finding:
    """How far apart, in widths, a thing is where its ways before and after a seam meet; the worst of all things."""
    return _at_worst(sight, seam, _gaps)


def motion_through(sight: Sight, seam: int) -> Finding:
    """How much, in widths a frame, the velocity of a thing differs before and after a seam; the worst of all things."""
    return _at_worst(sight, seam, _changes)


@dataclass(frozen=True)
class Course:
    """A straight way: where something is at frame 0, and by how much it moves in a frame, in widths."""

    origin: np.ndarray  # float64[2]
    velocity: np.ndarray  # float64[2]

    def at(self, frame: float) -> np.ndarray:
        """Where it is at a frame."""
        return self.origin + self.velocity * frame


@dataclass(frozen=True)
class Passage:
    """A thing of a colour that is seen on both sides of a seam."""

    colour: str
    before: Course
    after: Course


def seen_near(sight: Sight, seam: int) -> bool:
    """Whether anything is seen long enough, before or after a seam, to be followed."""
    return any(
        ((trail.frame >= first) & (trail.frame < first + FIT)).sum() >= FEWEST for trail in trails(sight) for first in (seam - FIT, seam)
    )


def through(sight: Sight, seam: int) -> list[Passage]:
    """All things that are seen on both sides of a seam; what is lost there and found elsewhere in the same colour counts as one."""
    ends, begins = ({} for _ in range(2))
    for number, trail in enumerate(trails(sight)):
        for found, first in ((ends, seam - FIT), (begins, seam)):
            near = (trail.frame >= first) & (trail.frame < first + FIT)
            if near.sum() >= FEWEST:
                found[number] = trail.colour, course(trail, near)
    passages = [Passage(colour, before, begins.pop(number)[1]) for number, (colour, before) in ends.items() if number in begins]
    for number, (colour, before) in ends.items():
        alike = [other for other in begins if begins[other][0] == colour and number not in begins]
        if alike and not any(one.before is before for one in passages):
            nearest = min(alike, key=lambda other: float(np.linalg.norm(begins[other][1].at(seam - 0.5) - before.at(seam - 0.5))))
            passages.append(Passage(colour, before, begins.pop(nearest)[1]))
    return passages


def course(trail: Trail, which: np.ndarray) -> Course:
    """The straight way that fits some points of a trail best."""
    velocity, origin = np.polyfit(trail.frame[which], trail.place[which], 1)
    return Course(origin=origin, velocity=velocity)


Differences = list[tuple[float, float, str]]  # value, limit and colour of each thing


def _gaps(passages: list[Passage], seam: int) -> Differences:
    return [(float(np.linalg.norm(one.before.at(seam - 0.5) - one.after.at(seam - 0.5))), CLOSE, one.colour) for one in passages]


def _changes(passages: list[Passage], seam: int) -> Differences:
    found = []
    for one in passages:
        speed = max(float(np.linalg.norm(way.velocity)) for way in (one.before, one.after))
        change = float(np.linalg.norm(one.after.velocity - one.before.velocity))
        found.append((change, min(SLOW + SWERVE * speed, CLOSE), one.colour))
    return found


def _at_worst(sight: Sight, seam: int, differences: Callable[[list[Passage], int], Differences]) -> Finding:
    """The value that comes nearest to its limit, or lies farthest beyond it."""
    found = differences(through(sight, seam), seam)
    if not found:
        return Finding(1.0, False, "nothing can be followed")
    value, limit, colour = max(found, key=lambda one: one[0] / one[1])
    return Finding(value, value <= limit, f"{colour}, at most {limit:.3f}")
