"""M8 and M10: a floor that does not flicker, and a picture that holds what it shows, neither cut, squeezed nor with bars."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from yozora.evaluate.measures import Score
from yozora.evaluate.sight.detect import widened
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Spec
from yozora.evaluate.thresholds import limits
from yozora.world.scene import COLOURS

LARGE = 150  # pixels of area at the size that is looked at, from which on a shape is measured
BESIDE = 3  # pixels between two things, of which one may cover a part of the other
SHADOWED = 25  # pixels around things at the size that is looked at, which their shadows may take
DARK, EVEN = 0.03, 0.01  # of full brightness: rows at the border that are darker, and vary less, are bars
FLOOR = 0.02  # of the pixels, that must be floor


@dataclass(frozen=True)
class PictureLimits:
    """All thresholds of the picture."""

    round: float  # by which a ball may be wider than high, or higher than wide
    still: float  # thousandths of full brightness, that the floor may differ from the mean of the frames around
    cut: float  # of the frames, in which a thing that belongs inside may touch the picture's border


LIMITS = limits("picture", PictureLimits)


def flicker(sight: Sight, spec: Spec) -> Score | None:
    """M8: by how many thousandths the floor of a camera at rest differs from the mean of the frame before and the one after.

    None where the camera moves or no floor is free of things and their shadows.
    """
    if sight.move.kind != "static" or sight.found.frames < 3:
        return None
    things = shaded(sight)
    free = ~(things[:-2] | things[1:-1] | things[2:])
    if free.float().mean() < FLOOR:
        return None
    change = (sight.pixels[1:-1] - (sight.pixels[:-2] + sight.pixels[2:]) / 2).abs().mean(1)
    value = float(change[free].median()) * 1000  # shadows that move far from their things cover less than half of it
    return Score(value, value <= LIMITS.still, f"{value:.2f} thousandths")


def inside(sight: Sight, spec: Spec) -> Score | None:
    """M10: the share of frames in which things that should be wholly in the picture touch its border; None where there is no such thing."""
    blobs = sight.found.blobs
    wanted = [sight.of(asked.colour) for asked in spec.objects if not asked.veiled and asked.colour]
    which = np.any(wanted, axis=0) if wanted else np.zeros(len(blobs), bool)
    if not which.any():
        return None
    share = len(np.unique(blobs.frame[which & ~sight.found.whole])) / sight.found.frames
    return Score(share, share <= LIMITS.cut, f"cut in {share:.0%} of the frames")


def round_balls(sight: Sight, spec: Spec) -> Score | None:
    """M10: the width of balls over their height, the worst median of all; None without a ball that is seen whole, and large enough.

    Nor where something changes for good: what comes apart may lie before a ball.
    """
    if spec.changes:
        return None
    colours = {asked.colour for asked in spec.objects if asked.shape == "ball" and asked.colour and len(spec.of(asked.colour)) == 1}
    balls = [np.flatnonzero(whole(sight, colour) & ~beside(sight)).tolist() for colour in sorted(colours)]
    found = [float(np.median([axis_ratio(sight, ball) for ball in some])) for some in balls if some]
    if not found:
        return None
    ratio = max(found, key=lambda one: abs(one - 1))
    return Score(ratio, abs(ratio - 1) <= LIMITS.round, f"{ratio:.3f}")


def no_bars(sight: Sight, spec: Spec) -> Score:
    """M10: how many of the four borders are black bars throughout."""
    grey = sight.pixels.mean(1)
    borders = (grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1])
    bars = sum(bool((line.mean(1) < DARK).all() and (line.std(1) < EVEN).all()) for line in borders)
    return Score(float(bars), not bars, f"{bars} bars")


def shaded(sight: Sight) -> Bool[Tensor, "time height width"]:
    """Which pixels show things, or what is so near to them that it may lie in their shadow."""
    return widened(torch.from_numpy(sight.number > 0), SHADOWED)


def whole(sight: Sight, colour: str) -> Bool[np.ndarray, " blob"]:
    """Which regions show a colour, lie within the picture's border, and are large enough for their outline to be measured."""
    blobs = sight.found.blobs
    return sight.found.whole & (blobs.area >= LARGE) & (blobs.label == 1 + list(COLOURS).index(colour))


def beside(sight: Sight) -> Bool[np.ndarray, " blob"]:
    """Which regions are so near to another one of their frame that one may cover a part of the other."""
    blobs = sight.found.blobs
    near = np.zeros(len(blobs), bool)
    for frame in range(sight.found.frames):
        here = np.flatnonzero(blobs.frame == frame)
        low, high = blobs.box[here, :2] - BESIDE, blobs.box[here, 2:] + BESIDE
        touching = (low[:, None] <= blobs.box[here, 2:]).all(-1) & (high[:, None] >= blobs.box[here, :2]).all(-1)
        near[here] = touching.sum(1) > 1
    return near


def axis_ratio(sight: Sight, blob: int) -> float:
    """The width over the height of a round region by the second moments of its pixels, so that one more or less tells nothing.

    A pixel is a square, not a point; and a ball aside of the picture's middle is drawn longer toward its border.
    """
    blobs, (width, height) = sight.found.blobs, sight.found.size
    y, x = np.nonzero(sight.number[blobs.frame[blob]] == blobs.number[blob])
    centre = np.array([x.mean() + 0.5 - width / 2, y.mean() + 0.5 - height / 2]) / (sight.move.focal * height / 2)
    across, down = (np.array([x.var(), y.var()]) + 1 / 12) / (1 + centre**2)
    return float(np.sqrt(across / down))
