"""M6 from words alone: what happens, happens in the manner of its kind, and what has no part in it stays where it is.

What falls does so at about Earth's pace and bounces if it is round, what swings comes back on an arc, a row of dominoes lies down one after
another, what is pushed is driven off the way that its pusher came, what passes behind a wall comes out beyond it, what leaves the picture
turns round out there, and nothing sets out by itself. The other kinds of event have measures of their own: what changes for good, and
which way things go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from yozora.evaluate.measures import Score, long_tracks
from yozora.evaluate.sight.motion import LIMITS as MOTION
from yozora.evaluate.sight.motion import Path, at_rest, during, inside, on_floor, own_size, path, topples
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
SINKS = 0.15  # of how far a row comes down, from which on a part of it is falling
THIRDS = 3  # parts of a row
TALL = 0.75  # of its columns of pixels are lower than a part of a row is high
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
    sag: float  # of its width, by which the way of what swings hangs through at least
    lying: float  # of its height, up to which a row lies
    wave: float  # seconds by which the last third of a row begins to fall later than its first, at least
    driven: float  # times its own size, that what is pushed goes at least
    along: float  # cosine of the angle between that way and its pusher's, at least
    beyond: float  # camera heights, by which what passed behind a wall is farther on when it is seen again, at least
    beside: float  # camera heights, by which what left the picture is farther back when it is seen again, at most
    touch: float  # widths between two things, up to which one may set the other off


LIMITS = limits("deeds", DeedLimits)
Manner = Callable[[Sight, Spec, Deed], str]  # what is wrong, if anything


def deeds(sight: Sight, spec: Spec) -> Score | None:
    """M6: the share of a clip's events that happen in the manner of their kind, and of its bystanders that stay where they are.

    None where there is nothing of either that can be told.
    """
    done = [MANNERS[deed.kind](sight, spec, deed) for deed in spec.deeds if deed.kind in MANNERS]
    alone = () if orbits(sight, spec) else (index for index in spec.idle if len(spec.of(spec.objects[index].colour)) == 1)
    still = [stays(sight, spec, index) for index in alone]
    if not done + still:
        return None
    wrong = [said for said in done + still if said]
    return Score(1 - len(wrong) / len(done + still), not wrong, ", ".join(wrong) or "as it should")


def falls(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a fall: it begins at rest, gains speed as on Earth, and a springy thing rises again."""
    colour, shape = spec.objects[deed.actor].colour, spec.objects[deed.actor].shape
    ways = [way.within((deed.start, deed.end), sight.found.frames) for way in ways_of(sight, spec, deed.actor)]  # too brief to be smoothed
    return best(colour, [fallen(sight, way, springy=shape in SPRINGY) for way in ways if len(way.frame) > FEWEST])


def fallen(sight: Sight, way: Path, *, springy: bool) -> str:
    """What is wrong with one fall."""
    down = way.foot[:, 1] - way.foot[0, 1]
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
        line = np.polyfit(way.frame[air], np.sqrt(2 * down[air] / own_size(sight, way)), 1)
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
    """What is wrong with a swing: it goes some way, on an arc, and comes back."""
    colour = spec.objects[deed.actor].colour
    ways = [during(way, (deed.start, deed.end), sight.found.frames) for way in ways_of(sight, spec, deed.actor)]
    return best(colour, [swung(way) for way in ways if len(way.frame) > FEWEST])


def swung(way: Path) -> str:
    """What is wrong with one swing."""
    far = np.hypot(*(way.foot - way.foot[0]).T)
    farthest = int(far.argmax())
    if far[farthest] < MOTION.moved or far[farthest:].min() > LIMITS.back * far[farthest]:
        return "does not swing back"
    across, down = way.foot.T
    bend, wide = float(np.polyfit(across, down, 2)[0]), float(np.ptp(across))
    return "" if -bend * wide / 4 >= LIMITS.sag else "goes straight"


def lies_down(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a row that topples: all of it comes down, the end that it topples from first."""
    colour, span = spec.objects[deed.actor].colour, (deed.start, deed.end)
    tall = heights(sight, sight.of(colour), span)
    if len(tall) < 2 * SETTLED:
        return f"{colour} is hardly seen"
    begin, end = (np.median(tall[part], axis=0) for part in (slice(SETTLED), slice(-SETTLED, None)))
    if (part := float(end.mean() / begin.mean())) > LIMITS.lying:
        return f"{colour} row is {part:.2f} times as high in the end"
    falling = np.argmax(tall < begin - SINKS * (begin - end), axis=0)
    ways = topples(sight, sight.of(colour), span)
    onward = ("right" in ways) - ("left" in ways)
    later = onward * float(falling[-1] - falling[0]) / sight.fps
    return f"{colour} row falls {later:.2f} s later at its end" if onward and later < LIMITS.wave else ""


def heights(sight: Sight, which: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """How high the parts of a row are, from left to right, in the frames of a time that show it, as a camera at rest would see it.

    `float64[frame part]`, in pixels. The parts are those of the first frame; where nothing is any more there is no height.
    """
    blobs, (width, height) = sight.found.blobs.chosen(which), sight.found.size
    tall, edges = [], np.zeros(0)
    for frame in inside(np.unique(blobs.frame), span, sight.found.frames):
        mask = np.isin(sight.number[frame], blobs.number[blobs.frame == frame])
        column = np.flatnonzero(mask.any(0))
        top, bottom = mask[:, column].argmax(0), height - mask[::-1, column].argmax(0)
        foot = np.stack([(2 * column + 1 - width) / height, bottom * 2 / height - 1], -1)
        foot, wider = at_rest(sight, np.full(len(foot), frame), foot)
        edges = edges if len(edges) else np.linspace(foot[:, 0].min(), foot[:, 0].max(), THIRDS + 1)
        parts = [((bottom - top) * wider)[(foot[:, 0] >= low) & (foot[:, 0] <= high)] for low, high in pairwise(edges)]
        tall.append([np.quantile(part, TALL) if len(part) else 0.0 for part in parts])
    return np.array(tall)


def drives(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with a push: its target goes off the way that its pusher came, and not before it is touched."""
    target = spec.objects[deed.target].colour
    said = []
    for body in bodies_of(sight, spec, deed.target):
        way = during(path(sight, body), (deed.start, deed.end), sight.found.frames)
        if len(way.frame) > 2 * SETTLED:
            gone = float(np.median(shift(way)[-SETTLED:]))  # what passes in front of it moves its outline for a while
            least = max(LIMITS.driven * own_size(sight, way), MOTION.orbited if orbits(sight, spec) else 0.0)
            said.append("is not driven off" if gone < least else by_itself(sight, body, way) or astray(sight, spec, deed, way))
    return best(target, said)


def astray(sight: Sight, spec: Spec, deed: Deed, way: Path) -> str:
    """What is wrong with where something is driven: its pusher had come another way; nothing if that is not seen."""
    gone = travelled(sight, way, slice(SETTLED), slice(-SETTLED, None))
    came = []
    for pusher in ways_of(sight, spec, deed.actor):
        before = during(pusher, (0.0, way.frame[sets_out(way)] / sight.found.frames), sight.found.frames)
        if len(before.frame) >= FEWEST:
            came.append(travelled(sight, before, slice(1), slice(-1, None)))
    along = [float(gone @ one / max(np.linalg.norm(gone) * np.linalg.norm(one), 1e-9)) for one in came]
    return "is driven where its pusher does not go" if along and max(along) < LIMITS.along else ""


def passes(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with what passes behind a wall: it is farther on when it comes out, and goes on."""
    ahead, onward = out_of_sight(sight, spec.objects[deed.actor].colour)
    return "" if ahead >= LIMITS.beyond and onward > 0 else f"{spec.objects[deed.actor].colour} does not come out beyond"


def comes_back(sight: Sight, spec: Spec, deed: Deed) -> str:
    """What is wrong with what leaves the picture: it comes back about where it left, and the other way."""
    ahead, onward = out_of_sight(sight, spec.objects[deed.actor].colour)
    return "" if ahead >= -LIMITS.beside and onward < 0 else f"{spec.objects[deed.actor].colour} does not come back the way it went"


def out_of_sight(sight: Sight, colour: str) -> tuple[float, float]:
    """How far something goes on while it is longest out of sight, and after, in camera heights along the way that it went before.

    Neither is a number where it is not seen before and after.
    """
    way = path(sight, sight.of(colour))
    last = int(np.diff(way.frame).argmax()) + 1 if len(way.frame) > 1 else 0
    before, after = np.split(on_floor(sight, way.foot), [last])
    if min(len(before), len(after)) < FEWEST:
        return np.nan, np.nan
    went = before[-1] - before[0]
    went /= max(np.linalg.norm(went), 1e-9)
    return float((after[0] - before[-1]) @ went), float((after[-1] - after[0]) @ went)


def stays(sight: Sight, spec: Spec, index: int) -> str:
    """What is wrong with a bystander: it sets out by itself, though nothing is on the way that could knock it."""
    colour = spec.objects[index].colour
    body = sight.of(colour)
    way = during(path(sight, body), (0.0, 1.0), sight.found.frames)
    if len(way.frame) <= 2 * SETTLED or np.quantile(shift(way), 1 - FAIR) < MOTION.moved:
        return ""
    said = by_itself(sight, body, way)
    if not said and not any(deed.kind in KNOCKS for deed in spec.deeds):
        said = "sets out, and nothing could knock it"
    return f"{colour} {said}" if said else ""


def best(colour: str, said: list[str]) -> str:
    """What is wrong with whichever thing of a colour does what is asked best."""
    wrong = min(said, key=bool, default="is hardly seen")
    return f"{colour} {wrong}" if wrong else ""


def orbits(sight: Sight, spec: Spec) -> bool:
    """Whether the camera goes round, or was asked to, so that outlines turn."""
    return "orbit" in (sight.move.kind, spec.camera and spec.camera[0])


MANNERS: dict[str, Manner] = {
    "drop": falls,
    "swing": swings,
    "topple": lies_down,
    "push": drives,
    "hide": passes,
    "return": comes_back,
}


def by_itself(sight: Sight, body: np.ndarray, way: Path) -> str:
    """What is wrong with how a thing sets out: nothing that moves is near it then."""
    out = sets_out(way)
    moving = on_the_way(sight, int(way.frame[out])) & ~body
    near = min(nearest(sight, body, moving, int(way.frame[index])) for index in (max(0, out - 1), out))
    return f"sets out by itself in frame {way.frame[out]}" if near > LIMITS.touch else ""


def sets_out(way: Path) -> int:
    """The point of a path from which on a thing is on its way."""
    far = shift(way)
    return int(np.flatnonzero(far > SETS_OUT * far.max())[0])


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


def travelled(sight: Sight, way: Path, begin: slice, end: slice) -> np.ndarray:
    """The way on the floor between the middles of two parts of a path, in camera heights: `float64[2]`."""
    place = on_floor(sight, way.foot)
    return np.median(place[end], axis=0) - np.median(place[begin], axis=0)


def bodies_of(sight: Sight, spec: Spec, index: int) -> list[np.ndarray]:
    """Which regions may be those of an object: all of its colour, or where several share it, those of each long track."""
    which = sight.of(spec.objects[index].colour)
    if len(spec.of(spec.objects[index].colour)) == 1:
        return [which]
    return [sight.track == track for track in long_tracks(sight, which)]


def ways_of(sight: Sight, spec: Spec, index: int) -> list[Path]:
    """The paths that may be those of an object."""
    return [path(sight, body) for body in bodies_of(sight, spec, index)]
