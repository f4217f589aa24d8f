"""Edits in space: what a region shows instead, and whether what lies beyond a border belongs to what lies within."""

import numpy as np
import torch
from jaxtyping import Bool
from torch.nn import functional as F

from yozora.evaluate.finding import Finding
from yozora.evaluate.picture import LIMITS, axis_ratio, shaded, whole
from yozora.evaluate.sight.camera import Move, find_move
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.verbs.seams import SEAM, steps
from yozora.video import Video

NEARBY = 6  # columns or rows on each side, of which the usual difference is the median
FLAT = 0.02  # of 255: a mean difference below it is none
STEERED = 0.2  # of the floor's movement, by which it may differ beyond a border

Area = Bool[np.ndarray, "time height width"]


def replaced(sight: Sight, region: Area, new: str, old: str) -> Finding:
    """The share of the frames that a region covers in which the new colour is seen in it: all, and none may show the old one."""
    span = np.flatnonzero(region.any((1, 2)))
    shown, left = (_present(sight, region, colour)[span].mean() if colour else 0.0 for colour in (new, old))
    return Finding(float(shown), bool(shown == 1 and left == 0), f"{new} in {shown:.0%}, {old} in {left:.0%} of the frames")


def _present(sight: Sight, region: Area, colour: str) -> np.ndarray:
    """In which frames the middle of something of a colour lies in a region: `bool[time]`."""
    blobs, (width, height) = sight.found.blobs.chosen(sight.of(colour)), sight.found.size
    row = (blobs.centre[:, 1] * region.shape[1] / height).astype(int)
    column = (blobs.centre[:, 0] * region.shape[2] / width).astype(int)
    frames = blobs.frame[region[blobs.frame, row, column]]
    return np.bincount(frames, minlength=len(region)) > 0


def roundness(sight: Sight, beyond: Bool[np.ndarray, "height width"], colour: str) -> Finding:
    """The width of balls of a colour over their height, the median over frames in which they reach into an area.

    What touches the picture's border is left out.
    """
    (width, height), numbers = sight.found.size, sight.found.blobs.number
    area = F.interpolate(torch.from_numpy(beyond)[None, None].float(), (height, width))[0, 0].numpy() > 0
    reaching = np.isin(numbers, np.unique(sight.number[:, area]))
    found = [axis_ratio(sight, int(ball)) for ball in np.flatnonzero(whole(sight, colour) & reaching)]
    if not found:
        return Finding(0.0, False, f"no {colour} ball is seen whole there")
    ratio = float(np.median(found)) * (beyond.shape[1] / width) / (beyond.shape[0] / height)  # the size that is looked at is rounded
    return Finding(ratio, abs(ratio - 1) <= LIMITS.round, f"in {len(found)} frames")


def border_seam(video: Video, inside: Bool[np.ndarray, "height width"]) -> Finding:
    """The difference across the border of a rectangle over the usual one of neighbouring columns and rows; the worst of its sides.

    Far more shows an edge, far less that the border was only repeated outward.
    """
    ratios = []
    for axis, line in ((2, inside.any(0)), (1, inside.any(1))):
        change = steps(np.moveaxis(video.frames, axis, 0))
        for edge in np.flatnonzero(np.diff(line)):
            near = np.concatenate([change[max(edge - NEARBY, 0) : edge], change[edge + 1 : edge + 1 + NEARBY]])
            ratios.append((change[edge] + FLAT) / (np.median(near) + FLAT))
    worst = float(max(ratios, key=lambda ratio: abs(np.log(ratio))))
    return Finding(worst, SEAM[0] <= worst <= SEAM[1])


def same_camera(sight: Sight, inside: Bool[np.ndarray, "height width"]) -> Finding:
    """How differently the floor moves beyond a border and within, by a camera read off each, in parts of the larger movement."""
    width, height = sight.found.size
    within = F.interpolate(torch.from_numpy(inside)[None, None].float(), (height, width))[0] > 0.5
    moves = [find_move(sight.pixels, shaded(sight) | hidden, sight.fps) for hidden in (~within, within)]
    flows = [_flow(move, width / height) for move in moves]
    apart, most = np.linalg.norm(flows[0] - flows[1], axis=-1).mean(), max(np.linalg.norm(flow, axis=-1).mean() for flow in flows)
    difference = float(apart / most) if most else 0.0
    return Finding(difference, difference <= STEERED, " and ".join(f"{move.kind} {move.direction} {move.rate:.1f}" for move in moves))


def _flow(move: Move, aspect: float) -> np.ndarray:
    """Where points in the lower half of the picture go in half a second, `float64[point 2]`, in half heights."""
    x, y = np.meshgrid(np.linspace(-aspect, aspect, 9), np.linspace(0, 1, 5))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    before, after = move.floor(np.array([0.0, 0.5]))
    there = after @ np.linalg.inv(before) @ points
    return (there[:2] / there[2] - points[:2]).T
