"""The endless floor, the sky, and the colours of the light at each time of day."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from yozora.world.chunk import linear
from yozora.world.scene import Scene

EXTENT = 12.0  # metres after which a pattern comes again, beyond what a camera sees sharply
TEXELS = 256  # across a pattern as it is drawn; pictures that see finer get it interpolated
STRIDE = 2 * TEXELS + 1
HAZE = 15.0  # metres of distance at which the floor is half lost in the horizon's colour
TONES = (0.30, 0.72)  # floors never come near black or white
TINTS = {  # what the floor's grey is multiplied by
    "plain": (1.0, 1.0, 1.0),
    "concrete": (1.0, 0.995, 0.98),
    "wood": (1.045, 1.0, 0.94),
    "marble": (0.99, 1.0, 1.02),
    "sand": (1.04, 1.0, 0.945),
    "speckled": (1.0, 1.0, 1.01),
}


@dataclass(frozen=True, kw_only=True)
class Lamps:
    """Linear light: of the sun, of the sky from above, sent back from below; the backdrop at the horizon and at the zenith."""

    sun: Float[Tensor, "3 *frame"]
    sky: Float[Tensor, "3 *frame"]
    bounce: Float[Tensor, "3 *frame"]
    horizon: Float[Tensor, "3 *frame"]
    zenith: Float[Tensor, "3 *frame"]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Floors: mean linear colour; patterns in rows of STRIDE, where each begins, its side in texels, and its turn and scale."""

    colour: Float[Tensor, "3 *frame"]
    patterns: Float[Tensor, " texel"]
    start: Int32[Tensor, "*frame"]
    side: Int32[Tensor, "*frame"]
    turn: Float[Tensor, "2 *frame"]  # texels a metre along the pattern's first axis


PALETTE = {  # time -> sun, sky, bounce in linear light; horizon, zenith in sRGB
    "morning": ((0.94, 0.85, 0.71), (0.36, 0.40, 0.47), (0.17, 0.16, 0.15), (0.78, 0.74, 0.71), (0.56, 0.63, 0.73)),
    "noon": ((0.86, 0.84, 0.80), (0.34, 0.37, 0.42), (0.19, 0.19, 0.18), (0.73, 0.77, 0.80), (0.48, 0.61, 0.77)),
    "evening": ((0.98, 0.80, 0.60), (0.33, 0.34, 0.42), (0.16, 0.145, 0.135), (0.75, 0.68, 0.64), (0.46, 0.47, 0.58)),
    "overcast": ((0.20, 0.20, 0.20), (0.74, 0.76, 0.79), (0.22, 0.22, 0.22), (0.70, 0.72, 0.74), (0.58, 0.61, 0.66)),
}


def lamps(scenes: Sequence[Scene], number: np.ndarray, device: torch.device | str) -> Lamps:
    """The light in each frame, which belongs to scene `number[frame]`."""
    rows = [PALETTE[scene.light.time] for scene in scenes]
    sun, sky, bounce, horizon, zenith = (np.array(column, dtype=np.float32)[number].T for column in zip(*rows, strict=True))
    return Lamps(
        sun=_put(sun, device), sky=_put(sky, device), bounce=_put(bounce, device),
        horizon=_put(linear(horizon), device), zenith=_put(linear(zenith), device),
    )  # fmt: skip


def ground(scenes: Sequence[Scene], sides: Sequence[int], number: np.ndarray, device: torch.device | str) -> Ground:
    """The floor in each frame; `sides` gives each scene's pattern in texels, 0 for none."""
    fields = [
        pattern(scene.floor.kind, scene.floor.seed, side) if side else np.zeros((1, 1), np.float32)
        for scene, side in zip(scenes, sides, strict=True)
    ]
    side = np.array([len(field) for field in fields], dtype=np.int32)
    start = (np.cumsum(side + 1) - side - 1).astype(np.int32) * STRIDE
    rows = np.zeros((int(side.sum()) + len(side), STRIDE), dtype=np.float32)
    for field, first in zip(fields, start // STRIDE, strict=True):  # one row and column more, which wrap around
        rows[first : first + len(field) + 1, : len(field) + 1] = np.pad(field, (0, 1), mode="wrap")
    angle = np.array([np.random.default_rng((scene.floor.seed, 1)).uniform(0, 2 * np.pi) for scene in scenes])
    turn = np.stack((np.cos(angle), np.sin(angle))) * side / EXTENT
    colour = np.array([linear(np.clip(scene.floor.tone, *TONES) * np.array(TINTS[scene.floor.kind])) for scene in scenes])
    return Ground(
        colour=_put(colour[number].T, device),
        patterns=_put(rows.ravel(), device),
        start=torch.from_numpy(start[number]).to(device),
        side=torch.from_numpy(side[number]).to(device),
        turn=_put(turn[:, number].astype(np.float32), device),
    )


def side_for(distance: float, height: int, focal: float) -> int:
    """Texels of the pattern whose texel is about a pixel wide at a distance in metres."""
    pixel = 2.0 * distance / (focal * height)
    level = round(np.log2(max(pixel * 2 * TEXELS / EXTENT, 1.0)))
    return 2 * TEXELS >> min(int(level), 3)


@lru_cache(maxsize=64)
def pattern(kind: str, seed: int, side: int) -> np.ndarray:
    """A floor's relief of brightness, `float32[side side]` of mean 0, relative to the floor's tone; it joins at its edges."""
    field = PATTERNS[kind](np.random.default_rng((seed, 0)))
    field = field - field.mean(dtype=np.float64).astype(np.float32)
    if side > TEXELS:
        return double(double(field, 0), 1)
    step = TEXELS // side
    return field.reshape(side, step, side, step).mean((1, 3), dtype=np.float32) if step > 1 else field


def _put(values: np.ndarray, device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)


def clouds(rng: np.random.Generator, weights: Sequence[float | int]) -> np.ndarray:
    """Noise summed over octaves: `weights[k]` is the amplitude of features an EXTENT / 2^(k + 2) wide."""
    field = np.zeros((4, 4), dtype=np.float32)
    for octave in range(7):
        weight = np.float32(weights[octave] if octave < len(weights) else 0.0)
        if weight:
            field = field + weight * (2 * rng.random(field.shape, dtype=np.float32) - 1)
        if len(field) < TEXELS:
            field = double(double(field, 0), 1)
    return field


def double(field: np.ndarray, axis: int) -> np.ndarray:
    """Twice the samples along one axis, smooth and joining at the ends: weights 3/4, 1/4."""
    field = np.moveaxis(field, axis, 0)
    near = field * np.float32(0.75)
    far = field * np.float32(0.25)
    out = np.empty((2 * len(field), *field.shape[1:]), dtype=np.float32)
    out[0::2] = near + np.roll(far, 1, 0)
    out[1::2] = near + np.roll(far, -1, 0)
    return np.moveaxis(out, 0, axis)


def soften(field: np.ndarray) -> np.ndarray:
    """Weights 1/4, 1/2, 1/4 along both axes, joining at the edges."""
    for axis in (0, 1):
        field = np.float32(0.5) * field + np.float32(0.25) * (np.roll(field, 1, axis) + np.roll(field, -1, axis))
    return field


def _plain(rng: np.random.Generator) -> np.ndarray:
    return clouds(rng, (0, 0, 0.05, 0.09, 0.09, 0.08))


def _concrete(rng: np.random.Generator) -> np.ndarray:
    field = clouds(rng, (0, 0.06, 0.11, 0.12, 0.11, 0.09, 0.07))
    pits = np.minimum(clouds(rng, (0, 0, 0, 0.2, 0.5, 0.8)) + 0.4, 0.0)
    return field + 0.4 * pits


def _wood(rng: np.random.Generator) -> np.ndarray:
    """Boards of four lengths around the pattern, each row with its own joints."""
    boards, length = TEXELS // 8, TEXELS // 4
    grain = 2 * rng.random((TEXELS, TEXELS // 32), dtype=np.float32) - 1
    for _ in range(5):
        grain = double(grain, 1)
    row = np.repeat(np.arange(boards), 8)
    place = (np.arange(TEXELS) + rng.integers(0, TEXELS, boards)[row, None]) % TEXELS
    tone = (2 * rng.random((boards, 4), dtype=np.float32) - 1)[row[:, None], place // length]
    seam = (np.arange(TEXELS) % 8 == 0)[:, None] | (place % length == 0)
    return soften(0.13 * tone + 0.10 * grain + clouds(rng, (0, 0.03, 0.05, 0.05)) - 0.46 * seam).astype(np.float32)


def _marble(rng: np.random.Generator) -> np.ndarray:
    bend = clouds(rng, (0.6, 1.0, 0.6, 0.3, 0.2, 0.1))
    vein = np.maximum(1.0 - np.abs(bend) * 6.0, 0.0)
    fine = np.maximum(1.0 - np.abs(clouds(rng, (0, 0.6, 1.0, 0.6, 0.3, 0.15))) * 8.0, 0.0)
    return 0.16 * clouds(rng, (0.3, 0.4, 0.4, 0.3, 0.2)) - 0.26 * vein - 0.15 * fine


def _sand(rng: np.random.Generator) -> np.ndarray:
    along = np.arange(TEXELS, dtype=np.float32) * np.float32(2 * np.pi * 32 / TEXELS)
    ripple = np.sin(along[:, None] + clouds(rng, (0, 3.0, 3.0, 1.2, 0.5)))
    return 0.07 * ripple + clouds(rng, (0, 0, 0.05, 0.05, 0.04, 0.06, 0.10))


def _speckled(rng: np.random.Generator) -> np.ndarray:
    draw = rng.random((TEXELS, TEXELS), dtype=np.float32)
    chips = (draw > 0.97).astype(np.float32) - (draw < 0.035)
    return np.float32(0.8) * soften(chips) + clouds(rng, (0, 0, 0.03, 0.03))


PATTERNS = {"plain": _plain, "concrete": _concrete, "wood": _wood, "marble": _marble, "sand": _sand, "speckled": _speckled}
