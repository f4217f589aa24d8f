"""M7: the floor moves as one rigid plane under the camera that was asked for."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from yozora.evaluate.measures import Score
from yozora.evaluate.picture import shaded
from yozora.evaluate.sight.camera import followed
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Spec
from yozora.evaluate.thresholds import limits

REACH = 4  # pixels around where a patch should be, in which it is looked for
PATCH = 13  # pixels
FLAT = 0.004  # of full brightness: a patch that varies less cannot be followed
SURE = 0.8  # of the mean difference over all places, that the best place must leave at most
ENOUGH = 25  # patches that must be followed
GAP = 0.5  # seconds between two pictures that are compared


@dataclass(frozen=True)
class RigidLimits:
    """All thresholds of the floor's rigidity."""

    obeys: float  # pixels that a patch may be off
    share: float  # of the patches, that must obey


LIMITS = limits("rigid", RigidLimits)


def rigid(sight: Sight, spec: Spec) -> Score | None:
    """M7: the share of patches of the floor that are found where the camera's move puts them; None where too few can be followed.

    The move is the one that is seen; whether it is the one that was asked for is another measure.
    """
    stride = max(1, round(GAP * sight.fps))
    first = np.arange(0, sight.found.frames - stride, max(1, stride // 2))
    off = _off(sight, first, first + stride) if len(first) else np.zeros(0)
    if len(off) < ENOUGH:
        return None
    share = float((off <= LIMITS.obeys).mean())
    return Score(share, share >= LIMITS.share, f"{len(off)} patches")


@torch.inference_mode()
def _off(sight: Sight, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How many pixels each patch of floor that can be followed is off from where it should be in a later frame."""
    height, width = sight.pixels.shape[2:]
    grey = sight.pixels.mean(1, keepdim=True)
    grey = grey - F.avg_pool2d(grey, PATCH, 1, PATCH // 2)  # haze and shade belong to the picture, not to the floor
    floor = sight.move.floor(np.arange(sight.found.frames) / sight.fps)
    at, inside = followed(floor[first], floor[second], (width, height))
    here, later = grey[first], F.grid_sample(grey[second], at, align_corners=False, padding_mode="border")
    things = shaded(sight)[:, None].float()
    hidden = things[first] + F.grid_sample(things[second], at, align_corners=False) + ~inside[:, None]
    shifts = [(down, across) for down in range(-REACH, REACH + 1) for across in range(-REACH, REACH + 1)]
    costs = torch.cat([_patches((here - torch.roll(later, shift, (2, 3))).square()) for shift in shifts], 1)
    best, index = costs.min(1, keepdim=True)
    hidden[:, :, : height // 2] = 1  # whatever the camera, the lower half is floor
    clear = (_patches(hidden) == 0) & (_patches(here.square()) > FLAT**2) & (best < SURE * costs.mean(1, keepdim=True))
    far = torch.tensor(shifts).float().norm(dim=1)[index]
    return far[clear].numpy()


def _patches(values: Float[Tensor, "pair 1 height width"]) -> Float[Tensor, "pair 1 rows columns"]:
    """The mean over each patch that does not lie at the border."""
    return F.avg_pool2d(values, PATCH)[:, :, 1:-1, 1:-1]
