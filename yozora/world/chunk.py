"""A stretch of frames of several takes as flat tensors: cameras by frame, and solids by pair (a solid in a frame)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from yozora.world.scene import SHAPES
from yozora.world.take import Solid, Take

CONTACT = 0.32  # metres around a solid within which it darkens what it nearly touches, at most twice the radius of a ball around it
NEAR = 0.05  # metres in front of the eye below which a point is not projected
CORNERS = np.array(list(product((-1.0, 1.0), repeat=3)), dtype=np.float32)

Span = tuple[int, int, int]  # take, first frame, frame after the last


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """A ray through (u, v), in half heights from the picture's middle, is u * right + v * up + forward, in metres."""

    eye: Float[Tensor, "3 *frame"]
    right: Float[Tensor, "3 *frame"]
    up: Float[Tensor, "3 *frame"]
    forward: Float[Tensor, "3 *frame"]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Solids in frames, sorted by shape (`counts` of each). Every column is one pair."""

    frame: Int64[Tensor, " pair"]
    solid: Int64[Tensor, " pair"]
    counts: tuple[int, ...]
    pose: Float[Tensor, "12 pair"]  # rotation by rows, centre
    form: Float[Tensor, "9 pair"]  # half extents; a rounded box's half extents and radius, which stands for it nearby; bound; 1 / contact
    paint: Float[Tensor, "5 pair"]  # linear colour, gloss, metal


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Pixels that may see a pair, its shadow on the floor, or its contact with the floor: left, right, top, bottom (half-open)."""

    seen: np.ndarray  # int64[4 pair]
    shadow: np.ndarray
    contact: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What one pass of the renderer sees: frame f is of take `takes[f]`, and `sun` points toward the sun.

    `partners` are pairs and others of the same frame that may shade or darken them, sorted by the other.
    """

    takes: np.ndarray
    cameras: Cameras
    pairs: Pairs
    boxes: Boxes
    partners: Int64[Tensor, "2 partner"]
    sun: Float[Tensor, "3 frame"]


def gather(takes: Sequence[Take], spans: Sequence[Span], size: tuple[int, int], device: torch.device | str) -> Chunk:
    """Lay the frames of `spans` out flat for pictures of `size` (width, height)."""
    number = np.concatenate([np.full(stop - start, take) for take, start, stop in spans])
    eye = _frames(spans, [take.view.position for take in takes])
    turn = _frames(spans, [take.view.rotation for take in takes])
    focal = np.array([take.view.focal for take in takes], dtype=np.float32)[number, None]
    cameras = {"eye": eye, "right": turn[:, 0] / focal, "up": turn[:, 1] / focal, "forward": -turn[:, 2]}
    sun = np.stack([toward_sun(take.scene.light.azimuth, take.scene.light.elevation) for take in takes])[number]
    columns = _pair_columns(takes, spans)
    lens = _Lens(eye=eye, turn=turn, focal=focal, size=size)
    boxes = _boxes(columns, lens, sun)
    return Chunk(
        takes=number,
        cameras=Cameras(**{name: _columns(value, device) for name, value in cameras.items()}),
        pairs=Pairs(
            frame=torch.from_numpy(columns["frame"]).to(device),
            solid=torch.from_numpy(columns["solid"]).to(device),
            counts=tuple(np.bincount(columns["shape"], minlength=len(SHAPES)).tolist()),
            pose=_columns(np.concatenate((columns["rotation"].reshape(-1, 9), columns["centre"]), 1), device),
            form=_columns(columns["form"], device),
            paint=_columns(columns["paint"], device),
        ),
        boxes=boxes,
        partners=torch.from_numpy(_partners(columns, sun)).to(device),
        sun=_columns(sun, device),
    )


def toward_sun(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector from the scene to the sun; light of azimuth 0 travels along +y, of azimuth 90 along +x."""
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    return np.array([-np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)], dtype=np.float32)


def linear(srgb: np.ndarray) -> np.ndarray:
    """Linear light from sRGB in [0, 1]."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _frames(spans: Sequence[Span], values: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([values[take][start:stop] for take, start, stop in spans]).astype(np.float32)


def _columns(rows: np.ndarray, device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows.T, dtype=np.float32)).to(device)


def _pair_columns(takes: Sequence[Take], spans: Sequence[Span]) -> dict[str, np.ndarray]:
    """Every solid of every frame, sorted by shape, one row each."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("frame", "solid", "shape", "centre", "rotation", "form", "paint")}
    first = 0
    for take, start, stop in spans:
        solids, frames = takes[take].solids, stop - start
        parts["frame"].append(np.repeat(np.arange(first, first + frames), len(solids)))
        parts["solid"].append(np.tile(np.arange(len(solids)), frames))
        parts["shape"].append(np.tile(np.array([SHAPES.index(solid.shape) for solid in solids], dtype=np.int64), frames))
        parts["centre"].append(takes[take].poses.position[start:stop].reshape(-1, 3))
        parts["rotation"].append(takes[take].poses.rotation[start:stop].reshape(-1, 3, 3))
        parts["form"].append(np.tile(np.array([_form(solid) for solid in solids]).reshape(-1, 9), (frames, 1)))
        parts["paint"].append(np.tile(np.array([_paint(solid) for solid in solids]).reshape(-1, 5), (frames, 1)))
        first += frames
    rows = {name: np.concatenate(part) for name, part in parts.items()}
    rows = {name: row[~_enclosed(rows)] for name, row in rows.items()}
    order = np.argsort(rows["shape"], kind="stable")
    whole = ("frame", "solid", "shape")
    return {name: row[order].astype(np.int64 if name in whole else np.float32) for name, row in rows.items()}


def _enclosed(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Which rows are of solids that lie within a box, where nobody can see them."""
    boxes = np.flatnonzero(rows["shape"] == SHAPES.index("cube"))
    small = np.flatnonzero(rows["form"][:, 7] < rows["form"][boxes, :3].min(1).max(initial=0.0))
    hidden = np.zeros(len(rows["frame"]), dtype=bool)
    first, last = (np.searchsorted(rows["frame"][small], rows["frame"][boxes], side) for side in ("left", "right"))
    box = np.repeat(boxes, last - first)
    inner = small[np.arange(len(box)) - np.repeat(np.cumsum(last - first) - (last - first), last - first) + np.repeat(first, last - first)]
    offset = np.einsum("pji,pj->pi", rows["rotation"][box], rows["centre"][inner] - rows["centre"][box])
    hidden[inner[(np.abs(offset) + rows["form"][inner, 7:8] < rows["form"][box, :3]).all(1)]] = True
    return hidden


def _form(solid: Solid) -> tuple[float, ...]:
    x, y, z = solid.half
    core, bound = {
        "ball": ((0.0, 0.0, 0.0, x), x),
        "cube": ((x, y, z, 0.0), math.hypot(x, y, z)),
        "cylinder": ((x / 2, y / 2, max(z - x / 2, 0.0), x / 2), math.hypot(x, z)),
        "capsule": ((0.0, 0.0, z, x), x + z),
        "egg": ((0.0, 0.0, 0.7 * (z - x), x), max(x, z)),
    }[solid.shape]
    return (x, y, z, *core, bound, 1.0 / min(CONTACT, 2 * bound))


def _paint(solid: Solid) -> tuple[float, ...]:
    return (*(0.008 + 0.992 * linear(np.array(solid.colour))).tolist(), float(solid.material == "glossy"), float(solid.material == "metal"))


def _partners(columns: dict[str, np.ndarray], sun: np.ndarray) -> np.ndarray:
    """Pairs whose bounding spheres are close, or in line with the sun."""
    frame, solid, centre, bound, closeness = columns["frame"], columns["solid"], columns["centre"], *columns["form"][:, 7:].T
    slots = np.full((solid.max(initial=0) + 1, len(sun)), -1)
    slots[solid, frame] = np.arange(len(frame))
    pair, other = (index.ravel() for index in np.broadcast_arrays(slots[:, None], slots[None]))
    real = (pair >= 0) & (other >= 0) & (pair != other)
    pair, other = pair[real], other[real]
    toward, reach = centre[other] - centre[pair], bound[other] + bound[pair] + 1e-3
    along, distance2 = (toward * sun[frame[pair]]).sum(1), (toward * toward).sum(1)
    meet = (along > -reach) & (distance2 - along * along < reach * reach) | (distance2 < (reach + 1 / closeness[other]) ** 2)
    pair, other = pair[meet], other[meet]
    order = np.argsort(other, kind="stable")
    return np.stack((pair[order], other[order]))


@dataclass(frozen=True, kw_only=True)
class _Lens:
    eye: np.ndarray
    turn: np.ndarray
    focal: np.ndarray
    size: tuple[int, int]


def _boxes(columns: dict[str, np.ndarray], lens: _Lens, sun: np.ndarray) -> Boxes:
    frame, shape = columns["frame"], columns["shape"]
    reach = columns["form"][:, :3].copy()
    reach[:, 2] += np.where(shape == SHAPES.index("capsule"), reach[:, 0], 0.0)
    round_ball = (shape == SHAPES.index("ball"))[:, None, None]
    axes = np.where(round_ball, np.swapaxes(lens.turn[frame], 1, 2), columns["rotation"])  # a ball has no corners: face the eye
    centre = columns["centre"][:, None]
    corners = centre + np.einsum("pij,kj,pj->pki", axes, CORNERS, reach)
    height = np.maximum(corners[..., 2:], 0.0)
    shade = corners - (height / np.maximum(sun[frame, 2, None, None], 0.02)) * sun[frame, None]
    shade[..., 2] = 0.0
    near = 1 / columns["form"][:, 8]
    wide = np.abs(corners[..., :2] - centre[..., :2]).max(1, keepdims=True) + near[:, None, None]
    feet = np.concatenate((centre[..., :2] + wide * CORNERS[None, :, :2], np.zeros((*corners.shape[:2], 1), np.float32)), -1)
    contact = _project(feet, lens, frame)
    contact[:, corners[..., 2].min(1) > near] = 0
    return Boxes(seen=_project(corners, lens, frame), shadow=_project(shade, lens, frame), contact=contact)


def _project(points: np.ndarray, lens: _Lens, frame: np.ndarray) -> np.ndarray:
    """The box of pixels around the picture of a convex set of points; all pixels if part of it is behind the eye."""
    width, height = lens.size
    seen = np.einsum("pij,pkj->pik", lens.turn[frame], points - lens.eye[frame, None])
    depth = -seen[:, 2]
    scale = lens.focal[frame] * (height / 2) / np.maximum(depth, NEAR)
    x, y = width / 2 + seen[:, 0] * scale, height / 2 - seen[:, 1] * scale
    box = np.stack((x.min(1) - 1, x.max(1) + 2, y.min(1) - 1, y.max(1) + 2))
    behind = depth < NEAR
    whole = np.array([0, width, 0, height], dtype=np.float64)[:, None]
    box = np.where(behind.any(1), whole, box)
    box = np.clip(box, 0, np.array([width, width, height, height])[:, None]).astype(np.int64)
    return np.where(behind.all(1), 0, box)
