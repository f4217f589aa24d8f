"""How the camera moves, from the floor alone: which of the world's camera moves explains the picture best, and at what rate.

With few numbers to find for a whole clip (rate, elevation), faint floors and drifting textures are enough.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from yozora.world.framing import lens
from yozora.world.ranges import CAMERA_SPEED
from yozora.world.scene import CAMERAS, Camera

FASTEST = 1.4  # of the world's fastest moves that are considered
STEPS = 7  # rates on each side of zero that are tried
ELEVATIONS = (14.0, 22.0, 30.0)  # degrees
USUAL = 22.0  # degrees, where nothing tells
AIM = 0.9  # of the way along the line of sight to the floor, where an orbit has its middle
LOOKED_AT = 64  # pixels, the height of the pictures that are compared
ROUGH = 0.03  # of full brightness: differences beyond are trusted less and less
GAIN = 0.93  # of the difference left by a camera at rest, that a move must at least reach
LOCAL = 15  # pixels around, whose mean brightness is not looked at


@dataclass(frozen=True)
class Move:
    """A camera move: the kind, degrees (dolly: camera heights) a second, positive right, up or inward, and degrees of elevation."""

    kind: str
    rate: float
    elevation: float
    focal: float

    @property
    def direction(self) -> str:
        """The direction by the world's name."""
        names = {"pan": ("left", "right"), "tilt": ("down", "up"), "dolly": ("out", "in"), "orbit": ("left", "right")}
        return names[self.kind][int(self.rate > 0)] if self.kind in names else "none"

    def floor(self, seconds: np.ndarray) -> np.ndarray:
        """Matrices `float64[time 3 3]` from floor points (right, away, 1), in camera heights from below the eye at second 0,
        to picture points in units of half the height, x to the right and y down."""
        swept = self.rate * seconds
        turn, zero = np.deg2rad(swept), np.zeros_like(seconds)
        azimuth = turn * ((self.kind == "pan") - 1.0 * (self.kind == "orbit"))
        start = np.deg2rad(self.elevation)
        elevation = start - turn * (self.kind == "tilt")
        look = np.stack([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), -np.sin(elevation)], -1)
        right = np.stack([np.cos(azimuth), -np.sin(azimuth), zero], -1)
        position = np.array([0.0, 0.0, 1.0]) + (look * swept[:, None] if self.kind == "dolly" else 0.0)
        if self.kind == "orbit":
            position = position + (look[:1] - look) * AIM / np.sin(start)
        rotation = np.stack([right * self.focal, np.cross(look, right) * self.focal, look], axis=1)
        base = np.broadcast_to(np.eye(3), (len(seconds), 3, 3)).copy()
        base[:, :, 2] = -position
        return rotation @ base


def find_move(pixels: Float[Tensor, "time 3 height width"], objects: Bool[Tensor, "time height width"], fps: float) -> Move:
    """The camera move of a clip; `objects` is what does not belong to the floor."""
    height, width = pixels.shape[2:]
    size = (LOOKED_AT, round(LOOKED_AT * width / height))
    keys = np.unique(np.round(np.arange(0, len(pixels), fps).clip(max=len(pixels) - 1)).astype(int))
    if len(keys) < 2:
        return still(width / height)
    grey = F.interpolate(pixels[keys].mean(1, keepdim=True), size, mode="bilinear", antialias=True, align_corners=False)
    free = 1 - F.interpolate(F.max_pool2d(objects[keys][:, None].float(), 5, 1, 2), size, mode="area")
    grey = grey - F.avg_pool2d(F.pad(grey, (LOCAL // 2,) * 4, mode="replicate"), LOCAL, 1)
    layers, seconds = torch.cat([grey, free], 1), keys / fps
    near = [(i, i + 1) for i in range(len(keys) - 1)]
    far = near + [(0, i) for i in range(2, len(keys))]
    calm = still(width / height)
    best = min(candidates(width / height), key=lambda move: difference(move, layers, seconds, near))
    best = refine(best, layers, seconds, far)
    return best if difference(best, layers, seconds, near) < GAIN * difference(calm, layers, seconds, near) else calm


def still(aspect: float) -> Move:
    """A camera at rest."""
    return Move("static", 0.0, USUAL, _focal("static", aspect))


def candidates(aspect: float) -> list[Move]:
    """Moves of all kinds at evenly spaced rates."""
    moves = [still(aspect)]
    for kind, (_, fastest) in CAMERA_SPEED.items():
        fastest = fastest / 2 if kind == "dolly" else fastest  # the eye is about two metres above the floor
        for rate in np.linspace(0, FASTEST * fastest, STEPS + 1)[1:]:
            elevations = (USUAL,) if kind in ("pan", "tilt") else ELEVATIONS
            moves += [Move(kind, sign * float(rate), elevation, _focal(kind, aspect)) for sign in (-1, 1) for elevation in elevations]
    return moves


def refine(move: Move, layers: Tensor, seconds: np.ndarray, pairs: list[tuple[int, int]]) -> Move:
    """The best rate and elevation near a move, by ever smaller steps."""
    best, least = move, difference(move, layers, seconds, pairs)
    stride, lean = abs(move.rate) * 0.12, 4.0
    for _ in range(6):
        around = [(best.rate + stride, 0), (best.rate - stride, 0), (best.rate, lean), (best.rate, -lean)]
        for rate, tilt in around:
            other = Move(best.kind, rate, float(np.clip(best.elevation + tilt, 8, 45)), best.focal)
            found = difference(other, layers, seconds, pairs)
            if found < least:
                best, least = other, found
        stride, lean = stride * 0.6, lean * 0.6
    return best


@torch.inference_mode()
def difference(move: Move, layers: Tensor, seconds: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """How different pairs of frames remain when the floor of one is drawn as the move would show it in the other."""
    height, width = layers.shape[2:]
    floor = move.floor(seconds)
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    matrices = torch.from_numpy(floor[second] @ np.linalg.inv(floor[first])).float()
    aspect = width / height
    across, down = (torch.arange(width) + 0.5) / width * 2 - 1, (torch.arange(height) + 0.5) / height * 2 - 1
    x, y = torch.meshgrid(across * aspect, down, indexing="xy")
    points = torch.stack([x, y, torch.ones_like(x)]).reshape(3, -1)
    there = matrices @ points
    depth = there[:, 2]
    at = torch.stack([there[:, 0] / depth / aspect, there[:, 1] / depth], -1).reshape(len(pairs), height, width, 2)
    seen, open_ = F.grid_sample(layers[second], at, align_corners=False).unbind(1)
    below = torch.from_numpy(np.linalg.inv(floor[first])[:, 2]).float() @ points  # positive where a ray meets the floor
    valid = (depth > 0.05) & (below.reshape(len(pairs), -1) > 0.02)
    inside = (at.abs() < 1 - 1 / height).all(-1) & valid.reshape(len(pairs), height, width)
    weight = layers[first, 1] * open_ * inside
    error = (layers[first, 0] - seen).square()
    robust = error / (1 + error / ROUGH**2)
    return float((robust * weight).sum() / (weight.sum() + 1))


def _focal(kind: str, aspect: float) -> float:
    return lens(Camera(kind=kind, direction=CAMERAS[kind][0], speed=0.0, azimuth=0.0, elevation=USUAL), aspect)
