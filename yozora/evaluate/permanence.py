"""M4: things last. Nothing comes from nothing or goes to nothing, and what was out of sight comes back as it was."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from yozora.evaluate.measures import Score
from yozora.evaluate.sight.motion import path
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Spec
from yozora.evaluate.thresholds import limits

EDGE = 2  # pixels from the picture's border, within which a thing may be on its way out or in
BESIDE = 4  # pixels between two things, of which one may be hiding the other
GAP, ASIDE, DOWN = 2, 0.12, 0.45  # frames, and parts of the picture's side, within which a track that ends may begin again
WHOLE = 3  # frames nearest to where it is hidden that are not looked at: it is half hidden there


@dataclass(frozen=True)
class PermanenceLimits:
    """All thresholds of permanence."""

    begin: float  # of the clip's frames, in which a thing may be found a little later than it is there
    brief: float  # of the clip's frames: what is seen for less may be a reflection
    part: float  # of its usual area, that a thing shows at most in the last frame before it is hidden, or the first after
    smaller: float  # of its area before, that a thing has at least when it comes back
    larger: float  # and at most


LIMITS = limits("permanence", PermanenceLimits)


def permanence(sight: Sight, spec: Spec) -> Score | None:
    """M4: no birth or death inside the picture, and each hidden thing is seen before and after, in the same colour and about as large.

    Slabs of a row, which cover one another when they have fallen, are left out, and so is what comes apart. None where there
    is nothing that could last.
    """
    if not sight.colours:
        return None
    veiled = {asked.colour for asked in spec.objects if asked.veiled}
    odd = [said for colour in sight.colours if colour not in veiled for said in _unexplained(sight, colour)]
    rows = {spec.objects[motion.actor].colour for motion in spec.motions if motion.row}
    changed = {change.colour for change in spec.changes}
    odd += [said for colour in sorted(veiled - rows - changed) for said in _unlike(sight, colour)]
    return Score(1 / (1 + len(odd)), not odd, ", ".join(odd) or "all last")


def _unexplained(sight: Sight, colour: str) -> list[str]:
    """Where tracks of a colour begin after the clip's start, or end before its end, though nothing is there to hide them.

    Where one ends and another begins a frame or two later, not farther off than things fall in that time, they are one.
    """
    blobs, frames = sight.found.blobs, sight.found.frames
    late = max(1, round(LIMITS.begin * frames))
    tracks, lengths = np.unique(sight.track[sight.of(colour)], return_counts=True)
    brief, own = set(tracks[lengths < LIMITS.brief * frames].tolist()), [np.flatnonzero(sight.track == track) for track in tracks]
    begun = [int(one[0]) for one in own if blobs.frame[one[0]] > late]
    ended = [int(one[-1]) for one in own if blobs.frame[one[-1]] < frames - 1 - late]
    for last, first in product(tuple(ended), tuple(begun)):
        across, down = abs(blobs.centre[first] - blobs.centre[last]) / np.sqrt(np.prod(sight.found.size))
        if last in ended and first in begun and 0 < blobs.frame[first] - blobs.frame[last] <= GAP and across < ASIDE and down < DOWN:
            ended.remove(last)
            begun.remove(first)
    ends = [(blob, "appears") for blob in begun] + [(blob, "vanishes") for blob in ended]
    odd = [(blob, what) for blob, what in ends if sight.track[blob] not in brief and not _covered(sight, blob)]
    return [f"{colour} {what} in frame {blobs.frame[blob]}" for blob, what in odd]


def _covered(sight: Sight, blob: int) -> bool:
    """Whether a region that is smaller than its track's usual one touches the picture's border, or another region near that time.

    What goes behind another thing, or out of the picture, does so over some frames.
    """
    blobs, (width, height) = sight.found.blobs, sight.found.size
    left, top, right, bottom = blobs.box[blob]
    if blobs.area[blob] > LIMITS.part * np.median(blobs.area[sight.track == sight.track[blob]]):
        return False
    if min(left, top) <= EDGE or right >= width - EDGE or bottom >= height - EDGE:
        return True
    near = (abs(blobs.frame - blobs.frame[blob]) <= 1) & (sight.track != sight.track[blob]) & (sight.track >= 0)
    apart = (blobs.box[:, :2] > [right + BESIDE, bottom + BESIDE]).any(1) | (blobs.box[:, 2:] < [left - BESIDE, top - BESIDE]).any(1)
    return bool((near & ~apart).any())


def _unlike(sight: Sight, colour: str) -> list[str]:
    """What is wrong with a thing that is to be out of sight for a while."""
    if colour not in sight.colours:
        return [f"{colour} is never seen"]
    frames = np.unique(sight.found.blobs.frame[sight.of(colour)])
    gap = int(np.diff(frames).argmax()) if len(frames) > 1 else 0
    if len(frames) < 2 or frames[gap + 1] - frames[gap] < 2:
        return [f"{colour} is never out of sight"]
    way = path(sight, sight.of(colour))  # sizes without the camera's own move
    before, after = way.frame <= frames[gap] - WHOLE, way.frame >= frames[gap + 1] + WHOLE
    if not before.any() or not after.any():
        return []
    ratio = float(np.median(way.size[after]) / np.median(way.size[before])) ** 2
    return [] if LIMITS.smaller <= ratio <= LIMITS.larger else [f"{colour} comes back {ratio:.2f} times as large"]
