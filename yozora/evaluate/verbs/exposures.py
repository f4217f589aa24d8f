"""Whether two clips that are to follow one another are seen at once: as a double exposure, or side by side."""

import numpy as np
import torch

from yozora.evaluate.finding import Finding
from yozora.evaluate.measures import binding, colours, count
from yozora.evaluate.sight.detect import default_eye, regions, shrink, widened
from yozora.evaluate.sight.track import Sight, look
from yozora.evaluate.spec import Spec
from yozora.video import Video

SEEN = 0.25  # of an object's contrast with what is around it: from here on it counts as there
RING = 9  # pixels of the pictures looked at, that are compared with what is inside
SOLID = 0.35  # quantile of an object's pixels: a thing half way between two places that touch covers four tenths of both, a ghost all
APART = 0.9  # of an object's pixels that the other clip's objects must leave free, or it tells nothing
TOLD = 0.5  # of the frames, that must tell something
FAINT = 12.0  # of 255: an object of less contrast cannot be told from its floor


def double_exposure(made: Video, first: Video, second: Video) -> Finding | None:
    """The share of frames that show the objects of both clips, each where its own clip has them at that frame.

    A cross-dissolve shows both; so does one clip's content laid over the other's. Objects that lie over one another tell nothing:
    None where that is so in most frames.
    """
    seen = [_shrunk(video) for video in (made, first, second)]
    things = [regions(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, default_eye())[1] for pixels in seen[1:]]
    one, two = (_strength(seen[0], clip, own, other > 0) for clip, own, other in zip(seen[1:], things, things[::-1], strict=True))
    both = np.minimum(one, two)
    told = ~np.isnan(both)
    if told.mean() < TOLD:
        return None
    share = float((both[told] > SEEN).mean())
    return Finding(share, share == 0, f"{told.mean():.0%} of the frames can be told")


def shown_together(made: Video, first: Spec, second: Spec) -> Finding:
    """The share of frames that show more things than either clip has, in colours that only the first has and that only the second has.

    A thing that turns into another may well take the colour of a third on its way; it stays one.
    """
    sight = look(made)
    groups = [set(one.colours) - set(other.colours) for one, other in ((first, second), (second, first))]
    shown = [np.any([sight.counts(colour) > 0 for colour in group] or [np.zeros(sight.found.frames, bool)], axis=0) for group in groups]
    more = np.sum([sight.counts(colour) for colour in sight.colours], axis=0) > max(len(first.objects), len(second.objects))
    share = float((shown[0] & shown[1] & more).mean())
    return Finding(share, share == 0)


def answers(sight: Sight, spec: Spec) -> Finding:
    """Whether a clip shows as many objects as asked, in their colours and shapes; the value is the least of the three."""
    scores = [measure(sight, spec) for measure in (colours, count, binding)]
    return Finding(min(score.value for score in scores), all(score.passed for score in scores), "; ".join(score.seen for score in scores))


def _shrunk(video: Video) -> np.ndarray:
    pixels = shrink(torch.from_numpy(video.frames))
    return (pixels * 255).permute(0, 2, 3, 1).numpy()


def _strength(made: np.ndarray, clip: np.ndarray, number: np.ndarray, other: np.ndarray) -> np.ndarray:
    """By frame, how much of the contrast of a clip's numbered objects is found in another at their place; NaN where that cannot be told."""
    free = np.bincount(number[~other], minlength=number.max() + 1) >= APART * np.bincount(number.ravel())
    own = (number > 0) & free[number]
    near, around = (widened(torch.from_numpy(mask), size).numpy() for mask, size in (((number > 0) | other, RING), (own, 2 * RING + 1)))
    found = np.full(len(made), np.nan)
    for frame, (inside, ring) in enumerate(zip(own & ~other, around & ~near, strict=True)):
        if inside.any() and ring.any():
            true, shown = (picture[frame][inside] - picture[frame][ring].mean(0) for picture in (clip, made))
            power = (true**2).mean(1)
            clear = power >= FAINT**2
            if clear.mean() >= SOLID:
                found[frame] = np.quantile((shown * true).mean(1)[clear] / power[clear], SOLID)
    return found
