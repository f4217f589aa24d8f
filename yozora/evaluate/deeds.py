"""M6 from words alone: what happens, happens in the manner of its kind, and what has no part in it stays where it is.

What falls does so at about Earth's pace and bounces if it is round, what swings comes back, a row of dominoes lies down, what is pushed
is driven off, and nothing sets out by itself. The other kinds of event have measures of their own: what changes for good, what is out of
sight, and which way things go.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yozora.evaluate.irreversible import larger
from yozora.evaluate.measures import Score, long_tracks
from yozora.evaluate.sight.motion import LIMITS as MOTION
from yozora.evaluate.sight.motion import Path, during, path
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Deed, Spec
from yozora.evaluate.thresholds import limits
from yozora.world.ranges import FALL

SPRINGY = ("ball", "capsule", "egg")  # shapes that bounce
KNOCKS = ("push", "drop", "tower", "seesaw", "break")  # kinds in which things are driven off, which may knock a bystander
ACROSS = 0.41  # metres: the root of the area of a medium thing's outline, by which the pace of a fall is read
SETTLED = 3  # frames by whose median a thing's first place, and a row's height, are read
FAIR = 0.25  # of the frames, in which a bystander that has set out is elsewhere: what passes in front of it moves its outline for less
SETS_OUT = 0.25  # of the length of a way, from which on a thing is on it
LANDS = 0.25  # of a fall's fastest step so far, below which the next one is no more of it
STIRS = 0.02  # of a fall's height, below which it has begun
BEFORE, MOVES = 3, 0.03  # frames, and widths that a thing goes in them if it moves
FEWEST = 2  # pictures in the air, by which a pace can be read


@dataclass(frozen=True)
class DeedLimits:
    """All thresholds of how things happen."""

    lightest: float  # of Earth's gravity, as a fall of a thing of medium size shows it, least
    heaviest: float  # and most
    bounce: float  # of the height that it fell from, that a springy thing rises at least
    back: float  # of how far it came, that what swings is from where it set out when it comes back, at most
    lying: float  # of its height, up to which a row lies
    driven: float  # times its own size, that what is pushed goes at least
    touch: float  # widths between two things, up to which one may set the other off


LIMITS = limits("deeds", DeedLimits)
Manner = Callable[[Sight, Spec, Deed], str]  # what is wrong, if anything


def deeds(sight: Sight, spec: Spec) -> Score | None:
    """M6: the share of a clip's events that happen in the manner of their kind, and of its bystanders that stay where they are.

    None where there is nothing of either that can be told.
    """
    done = [MANNERS[deed.kind](sight, spec, deed) for deed in spec.deeds if deed.kind in MANNERS]
    still = [stays(sight, spec, index) for index in spec.idle if len(spec.of(spec.objects[index].colour)) == 1]
    if not done + still or (not done and orbits(sight, spec)):
        return None
    wrong = [said for said in done + still if said]
    return Score(1 - len(wrong) / len(done + still), not wrong, ", ".join(wrong) or "as it should")


def falls(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a fall: it begins at rest, gains speed as on Earth, and a springy thing rises again."""
    colour, shape = spec.objects[deed.actor].colour, spec.objects[deed.actor].shape
    ways = [during_raw(way, deed, sight) for way in ways_of(sight, spec, deed.actor)]
    said = [fallen(sight, way, springy=shape in SPRINGY) for way in ways if len(way.frame) > FEWEST]
    return f"{colour} {min(said, key=bool)}" if said and all(said) else "" if said else f"{colour} is hardly seen"


def fallen(sight: Sight, way: Path, *, springy: bool) -> str:
    """What is wrong with one fall."""
    down, own = way.foot[:, 1] - way.foot[0, 1], float(np.median(way.size)) * 2 / sight.found.size[1] / sight.move.focal
    step, fastest = np.diff(down), 0.0
    landed = len(step)
    for index, value in enumerate(step):
        if fastest > 0 and value < LANDS * fastest:
            landed = index
            break
        fastest = max(fastest, float(value))
    height = float(down[landed])
    if height < MOTION.moved:
        return "does not fall"
    air = [index for index in range(landed) if down[index] > STIRS * height]
    if len(air) >= FEWEST:
        line = np.polyfit(way.frame[air], np.sqrt(2 * down[air] / own), 1)
        pace = float(line[0] * sight.fps) ** 2 * ACROSS / FALL / np.cos(np.deg2rad(sight.move.elevation))
        if not LIMITS.lightest <= pace <= LIMITS.heaviest:
            return f"falls at {pace:.2f} g"
    return "does not bounce" if springy and rebound(down[landed:]) < LIMITS.bounce * height else ""


def rebound(down: np.ndarray) -> float:
    """How far something comes up again and then down by half as much at least; what goes away from the camera only comes up."""
    up = np.maximum.accumulate(down) - down
    later = np.maximum.accumulate(down[::-1])[::-1] - down
    return float(np.minimum(up, 2 * later).max())


def swings(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a swing: it goes some way and comes back."""
    colour = spec.objects[deed.actor].colour
    for way in ways_of(sight, spec, deed.actor):
        way = during(way, (deed.start, deed.end), sight.found.frames)
        if len(way.frame) <= FEWEST:
            continue
        far = np.hypot(*(way.foot - way.foot[0]).T)
        farthest = int(far.argmax())
        if far[farthest] >= MOTION.moved and far[farthest:].min() <= LIMITS.back * far[farthest]:
            return ""
    return f"{colour} does not swing back"


def lies_down(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a row that topples: in the end it is lower than in the beginning, as a camera at rest would see it."""
    colour = spec.objects[deed.actor].colour
    blobs = sight.found.blobs.chosen(sight.of(colour))
    frames = np.unique(blobs.frame)
    if len(frames) < 2 * SETTLED:
        return f"{colour} is hardly seen"
    height, width = sight.found.size[1], sight.found.size[0]
    box = np.array([[*blobs.box[blobs.frame == t, :2].min(0), *blobs.box[blobs.frame == t, 2:].max(0)] for t in frames])
    foot = np.stack([(box[:, 0] + box[:, 2] - width) / height, box[:, 3] * 2 / height - 1], -1)
    tall = (box[:, 3] - box[:, 1]) * np.sqrt(larger(sight, frames, foot))
    part = float(np.median(tall[-SETTLED:]) / np.median(tall[:SETTLED]))
    return f"{colour} row is {part:.2f} times as high in the end" if part > LIMITS.lying else ""


def drives(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a push: its target goes off, and not before it is touched."""
    target = spec.objects[deed.target].colour
    said = []
    for body in bodies_of(sight, spec, deed.target):
        way = during(path(sight, body), (deed.start, deed.end), sight.found.frames)
        if len(way.frame) > 2 * SETTLED:
            own = float(np.median(way.size)) * 2 / sight.found.size[1] / sight.move.focal
            gone = float(np.median(shift(way)[-SETTLED:]))  # what passes in front of it moves its outline for a while
            least = max(LIMITS.driven * own, MOTION.orbited if orbits(sight, spec) else 0.0)
            said.append("is not driven off" if gone < least else by_itself(sight, body, way))
    if not said:
        return f"{target} is hardly seen"
    return f"{target} {min(said, key=bool)}" if all(said) else ""


def stays(sight: Sight, spec: Spec, index: int) -> str:
    """What is wrong with a bystander: it sets out by itself, though nothing is on the way that could knock it.

    Under an orbit, outlines turn, and nothing is said.
    """
    colour = spec.objects[index].colour
    body = sight.of(colour)
    way = during(path(sight, body), (0.0, 1.0), sight.found.frames)
    if orbits(sight, spec) or len(way.frame) <= 2 * SETTLED or np.quantile(shift(way), 1 - FAIR) < MOTION.moved:
        return ""
    said = by_itself(sight, body, way)
    if not said and not any(deed.kind in KNOCKS for deed in spec.deeds):
        said = "sets out, and nothing could knock it"
    return f"{colour} {said}" if said else ""


def orbits(sight: Sight, spec: Spec) -> bool:
    """Whether the camera goes round, or was asked to, so that outlines turn."""
    return "orbit" in (sight.move.kind, spec.camera and spec.camera[0])


MANNERS: dict[str, Manner] = {"drop": falls, "swing": swings, "topple": lies_down, "push": drives}


def by_itself(sight: Sight, body: np.ndarray, way: Path) -> str:
    """What is wrong with how a thing sets out: nothing that moves is near it then."""
    far = shift(way)
    out = int(np.flatnonzero(far > SETS_OUT * far.max())[0])
    moving = on_the_way(sight, int(way.frame[out])) & ~body
    near = min(nearest(sight, body, moving, int(way.frame[index])) for index in (max(0, out - 1), out))
    return f"sets out by itself in frame {way.frame[out]}" if near > LIMITS.touch else ""


def on_the_way(sight: Sight, frame: int) -> np.ndarray:
    """Which regions are of tracks that move across the picture in the frames up to one: `bool[blob]`."""
    blobs = sight.found.blobs
    near = (sight.track >= 0) & (blobs.frame <= frame) & (blobs.frame >= frame - BEFORE)
    moving = [
        track
        for track in np.unique(sight.track[near]).tolist()
        if np.ptp(blobs.centre[near & (sight.track == track)], axis=0).max() > MOVES * sight.found.size[0]
    ]
    return np.isin(sight.track, moving)


def nearest(sight: Sight, body: np.ndarray, others: np.ndarray, frame: int) -> float:
    """How many widths lie between a thing and the nearest of some others in a frame."""
    blobs = sight.found.blobs
    mine, other = (blobs.box[(blobs.frame == frame) & which].astype(float) for which in (body, others))
    if not len(mine) or not len(other):
        return np.inf
    gap = np.maximum(np.maximum(other[:, None, :2] - mine[None, :, 2:], mine[None, :, :2] - other[:, None, 2:]), 0.0)
    return float(np.linalg.norm(gap, axis=-1).min()) / sight.found.size[0]


def shift(way: Path) -> np.ndarray:
    """How far a thing is from where it was in the beginning, by point of its path."""
    return np.hypot(*(way.foot - np.median(way.foot[:SETTLED], axis=0)).T)


def bodies_of(sight: Sight, spec: Spec, index: int) -> list[np.ndarray]:
    """Which regions may be those of an object: all of its colour, or where several share it, those of each long track."""
    which = sight.of(spec.objects[index].colour)
    if len(spec.of(spec.objects[index].colour)) == 1:
        return [which]
    return [sight.track == track for track in long_tracks(sight, which)]


def ways_of(sight: Sight, spec: Spec, index: int) -> list[Path]:
    """The paths that may be those of an object."""
    return [path(sight, body) for body in bodies_of(sight, spec, index)]


def during_raw(way: Path, deed: Deed, sight: Sight) -> Path:
    """The part of a path in the time of a deed, as it is: a fall has too few pictures to be smoothed."""
    frames = sight.found.frames
    inside = (way.frame >= deed.start * frames - 1) & (way.frame < deed.end * frames + 1)
    return Path(way.frame[inside], way.foot[inside], way.size[inside])
