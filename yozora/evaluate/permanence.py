"""M4: things last. Nothing comes from nothing or goes to nothing, and what was out of sight comes back as it was."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from yozora.evaluate.measures import Score, long_tracks
from yozora.evaluate.sight.detect import widened
from yozora.evaluate.sight.motion import path
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Spec
from yozora.evaluate.thresholds import limits

EDGE = 2  # pixels from the picture's border, within which a thing may be on its way out or in
BESIDE = 4  # pixels between two things, of which one may be hiding the other
GAP, ASIDE, DOWN = 2, 0.12, 0.45  # frames, and parts of the picture's side, within which a track that ends may begin again
WHOLE = 3  # frames nearest to where it is hidden that are not looked at: it is half hidden there
TOUCHING = 2  # pixels between two regions, of which one may be hiding a part of the other
STEADY = 3  # pictures on either side, by which a thing's size and its pace are read


@dataclass(frozen=True)
class PermanenceLimits:
    """All thresholds of permanence."""

    begin: float  # of the clip's frames, in which a thing may be found a little later than it is there
    brief: float  # of the clip's frames: what is seen for less may be a reflection
    part: float  # of its usual area, that a thing shows at most in the last frame before it is hidden, or the first after
    smaller: float  # of its area before, that a thing has at least when it comes back
    larger: float  # and at most
    swells: float  # the logarithm by which its size changes at once, beside what it changes by just before and after, at most


LIMITS = limits("permanence", PermanenceLimits)


def permanence(sight: Sight, spec: Spec) -> Score | None:
    """M4: no birth or death inside the picture, nothing swells or shrinks at once, and each hidden thing is seen before and after,
    in the same colour and about as large.

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
    odd += [said for colour in sight.colours if colour not in rows | changed for said in _swollen(sight, colour)]
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


def _swollen(sight: Sight, colour: str) -> list[str]:
    """Where things of a colour become larger or smaller from one picture of them to the next, both of them in the open."""
    which, odd = sight.of(colour), []
    which[which] = [_open(sight, blob) for blob in np.flatnonzero(which).tolist()]
    for track in long_tracks(sight, which):
        way = path(sight, which & (sight.track == track))  # what touches the picture's border is left out
        size, steps = np.log(way.size), len(way.frame)
        for last in range(1, steps - 2):
            before, after = slice(max(0, last + 1 - STEADY), last + 1), slice(last + 1, last + 1 + STEADY)
            pace = max(np.abs(np.diff(size[part]) / np.diff(way.frame[part])).max() for part in (before, after))
            gap = np.median(way.frame[after]) - np.median(way.frame[before])
            if abs(np.median(size[after]) - np.median(size[before])) - pace * gap > LIMITS.swells:
                odd.append(f"{colour} changes its size at once after frame {way.frame[last]}")
                break
    return odd


def _open(sight: Sight, blob: int) -> bool:
    """Whether nothing touches a region, that could hide a part of it."""
    blobs, frame = sight.found.blobs, sight.found.blobs.frame[blob]
    (left, top), (right, bottom) = np.maximum(blobs.box[blob, :2] - TOUCHING, 0), blobs.box[blob, 2:] + TOUCHING
    window = sight.number[frame, top : bottom + 1, left : right + 1]
    others = np.isin(window, blobs.number[(blobs.frame == frame) & (sight.track >= 0) & (blobs.number != blobs.number[blob])])
    return not (others & widened(torch.from_numpy(window == blobs.number[blob])[None], 2 * TOUCHING + 1)[0].numpy()).any()


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
