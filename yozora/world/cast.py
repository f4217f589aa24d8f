"""Casting rays: lists of (ray, solid) that may meet, and which of them do. Nothing here loops over frames or solids."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from yozora.world.chunk import Chunk, Pairs
from yozora.world.scene import SHAPES
from yozora.world.solids import MISS, clearance, dot, entry, surface

FIXED = 4096.0  # darkening is added up in integers, so that the order of addition cannot matter


@dataclass(frozen=True, kw_only=True)
class Meetings:
    """Pairs that rays may meet, sorted by the pairs' shape (`counts` of each)."""

    ray: Int64[Tensor, " meeting"]
    pair: Int64[Tensor, " meeting"]
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What is seen: for each ray that meets a solid, the nearest one, the point and the unit normal in world axes."""

    ray: Int64[Tensor, " hit"]
    pair: Int64[Tensor, " hit"]
    point: Float[Tensor, "3 hit"]
    normal: Float[Tensor, "3 hit"]
    facet: UInt8[Tensor, " hit"]


def meetings(boxes: np.ndarray, pairs: Pairs, shape: tuple[int, int, int]) -> Meetings:
    """Every pixel of every pair's box, for pictures of `shape` (frames, height, width)."""
    _, height, width = shape
    left, right, top, bottom = boxes
    rows = np.where(right > left, np.maximum(bottom - top, 0), 0)
    pair = np.repeat(np.arange(len(rows)), rows)
    y = np.arange(len(pair)) - np.repeat(np.cumsum(rows) - rows, rows) + top[pair]
    run = (right - left)[pair]
    start = np.cumsum(run) - run
    frame = pairs.frame.cpu().numpy()
    shift = (frame[pair] * height + y) * width + left[pair] - start
    device, total = pairs.frame.device, int(run.sum())
    area = np.add.reduceat(np.append(rows * (right - left), 0), np.minimum(np.cumsum((0, *pairs.counts[:-1])), len(rows)))
    area[np.array(pairs.counts) == 0] = 0
    which = torch.repeat_interleave(torch.from_numpy(run).to(device), output_size=total)
    return Meetings(
        ray=torch.from_numpy(shift).to(device).index_select(0, which) + torch.arange(total, device=device),
        pair=torch.from_numpy(pair).to(device).index_select(0, which),
        counts=tuple(area.tolist()),
    )


def keep(candidates: Meetings, chosen: Bool[Tensor, " meeting"]) -> Meetings:
    """Those meetings that are chosen, in order."""
    index = chosen.nonzero()[:, 0]
    counts = torch.stack([part.sum() for part in chosen.split(candidates.counts)]).tolist()
    return Meetings(ray=candidates.ray.index_select(0, index), pair=candidates.pair.index_select(0, index), counts=tuple(counts))


def refine(candidates: Meetings, place: Int64[Tensor, " pixel"], pixels: int, samples: int) -> Meetings:
    """The same meetings for `samples` rays in each of the chosen pixels; `place` is a pixel's number among them, or -1."""
    found = place.index_select(0, candidates.ray)
    kept = keep(Meetings(ray=found, pair=candidates.pair, counts=candidates.counts), found >= 0)
    offset = torch.arange(samples, device=place.device) * pixels
    return Meetings(
        ray=(kept.ray[:, None] + offset).flatten(),
        pair=kept.pair[:, None].expand(-1, samples).flatten(),
        counts=tuple(count * samples for count in kept.counts),
    )


def first_hits(chunk: Chunk, candidates: Meetings, direction: Float[Tensor, "3 ray"]) -> Hits:
    """The nearest solid along each ray from its frame's eye. Directions are as long as the ray is per metre of depth."""
    pairs, ray = chunk.pairs, candidates.ray
    pose, eye, heading = _seen_from(chunk, candidates, direction.index_select(1, ray))
    half = pairs.form[:3].index_select(1, candidates.pair)
    depth = entries(candidates.counts, eye, heading, half)
    # Depth in the high bits, so that the least key is the nearest; the order of equal depths is fixed by the low ones.
    key = (depth.view(torch.int32).to(torch.int64) << 32) | torch.arange(len(depth), device=depth.device)
    best = torch.full((direction.shape[1],), (1 << 63) - 1, dtype=torch.int64, device=depth.device)
    best.scatter_reduce_(0, ray, key, "amin")
    chosen = (best.index_select(0, ray) == key) & (depth < MISS)
    kept = keep(candidates, chosen)
    index = chosen.nonzero()[:, 0]
    half, pose = half.index_select(1, index), pose.index_select(1, index)
    local = eye.index_select(1, index) + heading.index_select(1, index) * depth.index_select(0, index)
    normal, facet = _surfaces(kept.counts, local, half)
    normal = normal * dot(normal, normal).clamp_min(1e-20).rsqrt()
    return Hits(ray=kept.ray, pair=kept.pair, point=to_world(pose, local) + pose[9:], normal=to_world(pose, normal), facet=facet)


def floor_shadow(chunk: Chunk, candidates: Meetings, direction: Float[Tensor, "3 ray"]) -> Bool[Tensor, " meeting"]:
    """For each meeting, whether the solid stands between the sun and the floor that the ray meets."""
    local = _on_floor(chunk, candidates, direction)
    half = chunk.pairs.form[:3].index_select(1, candidates.pair)
    return entries(candidates.counts, local, _sun(chunk, candidates), half) < MISS


def floor_contact(chunk: Chunk, candidates: Meetings, direction: Float[Tensor, "3 ray"]) -> Float[Tensor, " meeting"]:
    """For each meeting, how much the solid darkens the floor that the ray meets, 0 to 1."""
    return _closeness(_on_floor(chunk, candidates, direction), chunk.pairs.form[3:].index_select(1, candidates.pair))


def shadow_and_contact(
    chunk: Chunk, candidates: Meetings, point: Float[Tensor, "3 ray"]
) -> tuple[Bool[Tensor, " meeting"], Float[Tensor, " meeting"]]:
    """The same two for points in world axes."""
    pose = chunk.pairs.pose.index_select(1, candidates.pair)
    form = chunk.pairs.form.index_select(1, candidates.pair)
    local = to_local(pose, point.index_select(1, candidates.ray) - pose[9:])
    return entries(candidates.counts, local, _sun(chunk, candidates), form[:3]) < MISS, _closeness(local, form[3:])


def floor_depth(eye_height: Tensor, direction_up: Tensor) -> Tensor:
    """Metres of depth at which a ray meets the floor; far away for rays that do not."""
    return eye_height * (-1.0 / direction_up.clamp_max(-1e-3))


def _seen_from(chunk: Chunk, candidates: Meetings, direction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Poses, the frame's eye and the direction of each meeting, the last two in the solid's axes."""
    pairs = chunk.pairs
    pose = pairs.pose.index_select(1, candidates.pair)
    eye = to_local(pairs.pose, chunk.cameras.eye.index_select(1, pairs.frame) - pairs.pose[9:])
    return pose, eye.index_select(1, candidates.pair), to_local(pose, direction)


def _on_floor(chunk: Chunk, candidates: Meetings, direction: Tensor) -> Tensor:
    """Where each ray meets the floor, in the solid's axes."""
    direction = direction.index_select(1, candidates.ray)
    _, eye, heading = _seen_from(chunk, candidates, direction)
    height = chunk.cameras.eye[2].index_select(0, chunk.pairs.frame).index_select(0, candidates.pair)
    return eye + heading * floor_depth(height, direction[2])


def _sun(chunk: Chunk, candidates: Meetings) -> Tensor:
    pairs = chunk.pairs
    return to_local(pairs.pose, chunk.sun.index_select(1, pairs.frame)).index_select(1, candidates.pair)


def neighbours(chunk: Chunk, hits: Hits) -> Meetings:
    """For every hit (its number stands as the ray), the other solids that may shade or darken it. Hits lie in order of pairs."""
    pair, other = chunk.partners
    number = torch.bincount(hits.pair, minlength=len(chunk.pairs.frame))
    runs = number.index_select(0, pair)
    shift = (number.cumsum(0) - number).index_select(0, pair) - (runs.cumsum(0) - runs)
    ends = torch.tensor(chunk.pairs.counts).cumsum(0).to(pair.device)
    counts = torch.zeros_like(ends).index_add_(0, torch.bucketize(other, ends, right=True), runs).tolist()
    which = torch.repeat_interleave(runs, output_size=sum(counts))
    ray = torch.arange(len(which), device=which.device) + shift.index_select(0, which)
    return Meetings(ray=ray, pair=other.index_select(0, which), counts=tuple(counts))


def summed(ray: Int64[Tensor, " meeting"], amount: Float[Tensor, " meeting"], rays: int) -> Float[Tensor, " ray"]:
    """Amounts added up by ray."""
    total = torch.zeros(rays, dtype=torch.int32, device=ray.device)
    return total.index_add_(0, ray, (amount * FIXED).to(torch.int32)).to(torch.float32) * (1.0 / FIXED)


def entries(counts: tuple[int, ...], origin: Tensor, direction: Tensor, half: Tensor) -> Float[Tensor, " meeting"]:
    """`solids.entry` for meetings sorted by shape."""
    parts = zip(SHAPES, origin.split(counts, 1), direction.split(counts, 1), half.split(counts, 1), strict=True)
    return torch.cat([entry(shape, o, d, h) for shape, o, d, h in parts])


def to_local(pose: Float[Tensor, "12 ray"], vector: Float[Tensor, "3 ray"]) -> Float[Tensor, "3 ray"]:
    """A vector of world axes in a solid's own."""
    return pose[0:3] * vector[0] + pose[3:6] * vector[1] + pose[6:9] * vector[2]


def to_world(pose: Float[Tensor, "12 ray"], vector: Float[Tensor, "3 ray"]) -> Float[Tensor, "3 ray"]:
    """A vector of a solid's axes in those of the world."""
    return pose[0:9:3] * vector[0] + pose[1:9:3] * vector[1] + pose[2:9:3] * vector[2]


def _closeness(local: Tensor, form: Tensor) -> Tensor:
    near = (1.0 - clearance(local, form[:4]) * form[5]).clamp(0.0, 1.0)
    return near * near


def _surfaces(counts: tuple[int, ...], point: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    parts = zip(SHAPES, point.split(counts, 1), half.split(counts, 1), strict=True)
    normals, facets = zip(*[surface(shape, p, h) for shape, p, h in parts], strict=True)
    return torch.cat(normals, 1), torch.cat(facets)
