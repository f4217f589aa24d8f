"""How the camera moves, from the floor alone: which of the world's camera moves explains the picture best, and at what rate.

With few numbers to find for a whole clip (rate, elevation), faint floors and drifting textures are enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from yozora.evaluate.sight.detect import widened
from yozora.world.framing import lens
from yozora.world.ranges import CAMERA_SPEED
from yozora.world.scene import CAMERAS, Camera

FASTEST = 1.4  # of the world's fastest moves that are considered
STEPS = 7  # rates on each side of zero that are tried
ELEVATIONS = (14.0, 22.0, 30.0)  # degrees
USUAL = 22.0  # degrees, where nothing tells
AIMS = (0.55, 0.7, 0.85)  # of the way along the line of sight to the floor, where an orbit may have its middle
COARSE, FINE = 64, 128  # pixels, the height of the pictures in which moves are looked for, and in which the best is refined
BETWEEN = 0.5  # seconds between pictures that are compared
NEAR = 25  # pixels of the given pictures around things that are not looked at: shadows, and what may hide the floor
ROUGH = 0.012  # of full brightness: differences beyond are trusted less and less
GAIN = 0.93  # of the difference left by a camera at rest, that a move must at least reach
TELLING = 1e-9  # of full brightness squared, by which every slow move must explain the picture worse than a camera at rest, to tell a rest
LOCAL = 9  # pixels around, whose mean brightness is not looked at


@dataclass(frozen=True)
class Move:
    """A camera move: the kind, degrees (dolly: camera heights) a second, positive right, up or inward, and degrees of elevation.

    `aim` is where on the way along the line of sight to the floor an orbit has its middle. Not `told`: nothing shows how it moves.
    """

    kind: str
    rate: float
    elevation: float
    focal: float
    aim: float = AIMS[1]
    told: bool = True

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
            position = position + (look[:1] - look) * self.aim / np.sin(start)
        rotation = np.stack([right * self.focal, np.cross(look, right) * self.focal, look], axis=1)
        base = np.broadcast_to(np.eye(3), (len(seconds), 3, 3)).copy()
        base[:, :, 2] = -position
        return rotation @ base


def find_move(pixels: Float[Tensor, "time 3 height width"], objects: Bool[Tensor, "time height width"], fps: float) -> Move:
    """The camera move of a clip; `objects` is what does not belong to the floor."""
    height, width = pixels.shape[2:]
    keys = np.unique(np.round(np.arange(0, len(pixels), fps * BETWEEN)).clip(max=len(pixels) - 1).astype(int))
    calm = still(width / height)
    if len(keys) < 2:
        return replace(calm, told=False)
    free = ~widened(objects[keys], NEAR)
    coarse, fine = (_layers(pixels[keys], free, side) for side in (COARSE, FINE))
    seconds, near = keys / fps, [(i, i + 1) for i in range(len(keys) - 1)]
    moves = candidates(width / height)
    best = min([calm, *moves], key=lambda move: difference(move, coarse, seconds, near))
    for layers, stride in ((coarse, (0.12, 4.0, 0.08)), (fine, (0.05, 2.0, 0.04))):
        best = refine(best, layers, seconds, near, stride)
    resting = difference(calm, fine, seconds, near)
    if difference(best, fine, seconds, near) < GAIN * resting:
        return best
    return replace(calm, told=all(resting + TELLING < difference(move, fine, seconds, near) for move in slowest(moves)))


def _layers(pixels: Float[Tensor, "time 3 height width"], free: Bool[Tensor, "time height width"], side: int) -> Tensor:
    """Pictures `side` pixels high: fine differences of brightness, and how much of each pixel is free, `float[time 2 side _]`."""
    size = (side, round(side * pixels.shape[3] / pixels.shape[2]))
    grey = F.interpolate(pixels.mean(1, keepdim=True), size, mode="bilinear", antialias=True, align_corners=False)
    grey = grey - F.avg_pool2d(F.pad(grey, (LOCAL // 2,) * 4, mode="replicate"), LOCAL, 1)
    return torch.cat([grey, F.interpolate(free[:, None].float(), size, mode="area")], 1)


def still(aspect: float) -> Move:
    """A camera at rest."""
    return Move("static", 0.0, USUAL, _focal("static", aspect))


def slowest(moves: Sequence[Move]) -> list[Move]:
    """Of each kind of moves the slowest ones."""
    least = {move.kind: min(abs(other.rate) for other in moves if other.kind == move.kind) for move in moves}
    return [move for move in moves if abs(move.rate) == least[move.kind]]


def candidates(aspect: float) -> list[Move]:
    """Moves of all kinds at evenly spaced rates."""
    moves = []
    for kind, (_, fastest) in CAMERA_SPEED.items():
        fastest = fastest / 2 if kind == "dolly" else fastest  # the eye is about two metres above the floor
        for rate in np.linspace(0, FASTEST * fastest, STEPS + 1)[1:]:
            elevations = (USUAL,) if kind in ("pan", "tilt") else ELEVATIONS
            aims = AIMS if kind == "orbit" else AIMS[:1]
            signed = (-float(rate), float(rate))
            moves += [Move(kind, *one, _focal(kind, aspect), aim) for one in product(signed, elevations) for aim in aims]
    return moves


def refine(move: Move, layers: Tensor, seconds: np.ndarray, pairs: list[tuple[int, int]], stride: tuple[float, float, float]) -> Move:
    """The best rate, elevation and aim near a move, by ever smaller steps; the first stride is a part of its rate."""
    best, least = move, difference(move, layers, seconds, pairs)
    steps = np.array(stride) * [abs(move.rate), 1, 1]
    for _ in range(6):
        for step in (*np.diag(steps), *-np.diag(steps)):
            rate, elevation, aim = np.array([best.rate, best.elevation, best.aim]) + step
            other = Move(best.kind, float(rate), float(np.clip(elevation, 8, 45)), best.focal, float(np.clip(aim, 0.3, 1.0)))
            found = difference(other, layers, seconds, pairs)
            if found < least:
                best, least = other, found
        steps = steps * 0.6
    return best


@torch.inference_mode()
def difference(move: Move, layers: Tensor, seconds: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """How different pairs of frames remain when the floor of one is drawn as the move would show it in the other."""
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    floor = move.floor(seconds)
    at, inside = followed(floor[first], floor[second], (layers.shape[3], layers.shape[2]))
    seen, open_ = F.grid_sample(layers[second], at, align_corners=False).unbind(1)
    weight = layers[first, 1] * open_ * inside
    error = (layers[first, 0] - seen).square()
    robust = error / (1 + error / ROUGH**2)
    return float((robust * weight).sum() / (weight.sum() + 1))


def followed(
    before: Float[np.ndarray, "pair 3 3"], after: Float[np.ndarray, "pair 3 3"], size: tuple[int, int]
) -> tuple[Float[Tensor, "pair height width 2"], Bool[Tensor, "pair height width"]]:
    """Where each pixel's point of the floor is later, for `grid_sample`, and whether it is floor and inside the picture then.

    Of both times the matrices of one `Move.floor` are given.
    """
    (width, height), aspect = size, size[0] / size[1]
    across, down = (torch.arange(width) + 0.5) / width * 2 - 1, (torch.arange(height) + 0.5) / height * 2 - 1
    x, y = torch.meshgrid(across * aspect, down, indexing="xy")
    points = torch.stack([x, y, torch.ones_like(x)]).reshape(3, -1)
    there = torch.from_numpy(after @ np.linalg.inv(before)).float() @ points
    depth = there[:, 2]
    at = torch.stack([there[:, 0] / depth / aspect, there[:, 1] / depth], -1).reshape(len(before), height, width, 2)
    below = torch.from_numpy(np.linalg.inv(before)[:, 2]).float() @ points  # positive where a ray meets the floor
    valid = (depth > 0.05) & (below > 0.02)
    return at, (at.abs() < 1 - 1 / height).all(-1) & valid.reshape(len(before), height, width)


def _focal(kind: str, aspect: float) -> float:
    return lens(Camera(kind=kind, direction=CAMERAS[kind][0], speed=0.0, azimuth=0.0, elevation=USUAL), aspect)
