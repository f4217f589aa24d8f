"""Paint that stays on the floor: maps of when each spot was painted, and which rays of a picture meet a painted one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from yozora.world.cast import floor_depth
from yozora.world.chunk import Cameras, Span, linear
from yozora.world.take import Take, Trail

TEXEL = 0.006  # metres
NEVER = 1e9  # frames


@dataclass(frozen=True, kw_only=True)
class Stain:
    """One trail of each take: colours, and maps of the frame in which each texel is painted, rows of `size[1]` from `start` on.

    `now` is the number of a frame in its take, `corner` the place of a map's first texel in metres. A take without a trail has
    an empty map.
    """

    colour: Float[Tensor, "3 frame"]
    now: Float[Tensor, " frame"]
    corner: Float[Tensor, "2 frame"]
    size: Int64[Tensor, "2 frame"]
    start: Int64[Tensor, " frame"]
    maps: Float[Tensor, " texel"]


def stains(takes: Sequence[Take], spans: Sequence[Span], device: torch.device | str) -> list[Stain]:
    """The trails of the frames of `spans`, the first of every take and so on; none where nothing is painted."""
    used = {take for take, _, _ in spans}
    number = np.concatenate([np.full(stop - start, take) for take, start, stop in spans])
    now = np.concatenate([np.arange(start, stop) for _, start, stop in spans])
    layers = range(max(len(takes[take].trails) for take in used))
    return [_stain([_layer(take, order) if i in used else None for i, take in enumerate(takes)], number, now, device) for order in layers]


def _layer(take: Take, order: int) -> Trail | None:
    return take.trails[order] if order < len(take.trails) else None


def _stain(trails: Sequence[Trail | None], number: np.ndarray, now: np.ndarray, device: torch.device | str) -> Stain:
    drawn = [when_painted(trail) if trail else (np.zeros(2), np.zeros((0, 0), np.float32)) for trail in trails]
    counts = np.array([field.size for _, field in drawn])

    def put(values: Sequence[np.ndarray], kind: type) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(np.array(values)[number].T.astype(kind))).to(device)

    return Stain(
        colour=put([0.008 + 0.992 * linear(np.array(trail.colour)) if trail else np.zeros(3) for trail in trails], np.float32),
        now=torch.from_numpy(now.astype(np.float32)).to(device),
        corner=put([corner for corner, _ in drawn], np.float32),
        size=put([np.array(field.shape) for _, field in drawn], np.int64),
        start=put([np.array(first) for first in np.cumsum(counts) - counts], np.int64),
        maps=torch.from_numpy(np.concatenate([field.ravel() for _, field in drawn] + [np.full(1, NEVER, np.float32)])).to(device),
    )


def when_painted(trail: Trail) -> tuple[np.ndarray, np.ndarray]:
    """The corner of a trail's map in metres, and the frame in which each texel is first painted, `float32[x y]`."""
    wet = np.flatnonzero(np.isfinite(trail.path[:, 0]))
    path = trail.path.astype(np.float64)
    if not len(wet):
        return np.zeros(2), np.zeros((0, 0), np.float32)
    corner = path[wet].min(0) - trail.reach
    size = np.ceil((path[wet].max(0) + trail.reach - corner) / TEXEL).astype(int) + 1
    field = np.full(size, NEVER, np.float32)
    for frame in wet.tolist():
        before = frame - 1 if frame - 1 in wet else frame
        ends = path[[before, frame]]
        low, high = (
            np.clip((edge - corner) / TEXEL, 0, size).astype(int) for edge in (ends.min(0) - trail.reach, ends.max(0) + trail.reach)
        )
        part = field[low[0] : high[0] + 1, low[1] : high[1] + 1]
        x, y = (corner[axis] + (low[axis] + np.arange(part.shape[axis])) * TEXEL for axis in (0, 1))
        way = ends[1] - ends[0]
        spot = np.stack(np.meshgrid(x, y, indexing="ij"), -1) - ends[0]
        share = np.clip(spot @ way / max(way @ way, 1e-12), 0.0, 1.0)
        near = np.linalg.norm(spot - share[..., None] * way, axis=-1) < trail.reach
        part[near] = np.minimum(part[near], frame)
    return corner, field


def painted(stain: Stain, cameras: Cameras, direction: Float[Tensor, "3 *ray"], frame: Int64[Tensor, "*frame"]) -> Bool[Tensor, "*ray"]:
    """Which rays meet paint on the floor; `frame` is each ray's frame, or broadcasts to it."""
    eye = cameras.eye[:, frame]
    depth = floor_depth(eye[2], direction[2])
    texel = [((eye[axis] + depth * direction[axis] - stain.corner[axis, frame]) / TEXEL + 0.5).floor() for axis in (0, 1)]
    inside = direction[2] < -1e-3
    for axis in (0, 1):
        inside = inside & (texel[axis] >= 0) & (texel[axis] < stain.size[axis, frame])
    place = stain.start[frame] + texel[0].long() * stain.size[1, frame] + texel[1].long()
    return inside & (stain.maps[torch.where(inside, place, len(stain.maps) - 1)] <= stain.now[frame])
