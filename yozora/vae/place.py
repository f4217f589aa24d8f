"""The one place where pixels of a canvas become latents and a start level per token, and come back afterwards."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from einops import rearrange, reduce
from jaxtyping import Bool, Float, Float32, Shaped, UInt8
from torch import Tensor

from yozora.canvas import Canvas, Grid
from yozora.vae.fill import fill
from yozora.vae.model import VideoVAE
from yozora.vae.pixels import to_signal
from yozora.vae.tiles import Tiling, encode_tiled, in_tiles

# Start of a token of which only a part is given: above what `measure_partly_given` says of the bundled network (docs/vae.md).
PARTLY_GIVEN = 0.7
# How far the seam of `paste` reaches into what was invented.
SEAM_FRAMES, SEAM_PIXELS = 4, 8


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A canvas as a model hears it: normalised latents, zero where nothing is given, and the level each token begins at."""

    latents: Float[Tensor, "channel cells rows columns"]
    start: Float[Tensor, "time height width"]


@torch.no_grad()
def place(vae: VideoVAE, canvas: Canvas, grid: Grid) -> Placed:
    """Encode what a canvas gives for its place in the clip.

    Pixels with start 1 have no influence: they are filled from what is given before encoding. (Kept latents behind a hole were
    encoded or made with what was there; a causal network may remember a little of it.) Sizes are padded to whole
    tokens by their edges. Kept latents stand in for encoding where they lie on the grid. Of a loop nothing can be given:
    it is cut open where something is.
    """
    parameter = next(vae.parameters())
    found, levels = reuse(canvas, grid)
    start = torch.from_numpy(token_start(levels, grid)).to(parameter.device)
    given = rearrange(_cells_given(levels, grid), "t h w -> 1 t h w")
    assert not (grid.loops and given.any()), "a loop is cut open before it is placed"
    latents = torch.zeros(vae.config.channels, *grid.cells, device=parameter.device)
    for cell, kept in found.items():
        latents[:, cell] = torch.from_numpy(kept).to(latents)
    reused = np.isin(np.arange(grid.cells[0]), list(found)) & given.any(axis=(0, 2, 3))
    needed = np.flatnonzero(given.any(axis=(0, 2, 3)) & ~reused)
    if len(needed):  # causal: nothing after the last cell needed is looked at
        cells = int(needed[-1]) + 1
        frames = fill(canvas.given.frames, np.broadcast_to(canvas.start == 1, canvas.given.frames.shape[:3]), grid.cell[0])
        signal = to_signal(torch.from_numpy(_pad(frames, grid)[: 1 + (cells - 1) * grid.cell[0]]).to(parameter.device)).to(parameter.dtype)
        encode = partial(encode_tiled, tiling=Tiling()) if in_tiles(grid) else partial(VideoVAE.encode, cells=4)
        encoded = encode(vae, signal[None])[0].to(latents)
        latents[:, needed] = encoded[:, needed]
    return Placed(latents=latents * torch.from_numpy(given).to(latents), start=start)


def reuse(canvas: Canvas, grid: Grid) -> tuple[dict[int, Shaped[np.ndarray, "channel rows columns"]], np.ndarray]:
    """The cells that kept latents stand for, and the start levels `[time height width]` (broadcastable) as they then are.

    Cell 0 stands for one frame and every other for several, so a kept cell fits only a cell of its own kind, and only where none
    of its frames is to be invented. What a clip's last cell holds beyond the clip was made with it, and comes with it.
    """
    found: dict[int, np.ndarray] = {}
    levels, highest = canvas.start, canvas.levels
    for kept in canvas.kept:
        if kept.latents.shape[2:] != grid.cells[1:]:
            raise ValueError(f"kept latents of {kept.latents.shape[2:]} cells do not fit a canvas of {grid.cells[1:]}")
        for cell in range(grid.cells[0]):
            last = cell * grid.cell[0]  # of the frames that the cell stands for
            number, off = divmod(last - kept.frame, grid.cell[0])
            if off or (number == 0) != (cell == 0) or not 0 <= number < kept.latents.shape[1]:
                continue
            inside = slice(max(last - grid.cell[0] + 1, 0), min(last + 1, kept.end, grid.frames))
            shown = kept.where.start <= inside.start < inside.stop <= kept.where.stop
            if not shown or highest[inside].max() == 1:
                continue
            found[cell] = kept.latents[:, number]
            if inside.stop <= min(last, grid.frames - 1):
                levels = np.broadcast_to(levels, (grid.frames, *levels.shape[1:])).copy()
                levels[inside.stop : last + 1] = levels[inside].max(axis=0)
    return found, levels


def token_start(start: Float[np.ndarray, "#frames #rows #columns"], grid: Grid) -> Float32[np.ndarray, "time height width"]:
    """The level each token begins at, from the levels of its pixels (broadcastable to the clip).

    The highest level of its pixels; where a part of it is to be invented and a part is given, `PARTLY_GIVEN` or the highest
    level of what is given, whichever is higher.
    """
    lowest, highest = (_over_tokens(start, grid, how) for how in ("min", "max"))
    given = _over_tokens(np.where(start < 1, start, 0), grid, "max")
    partly = (highest == 1) & (lowest < 1)
    return np.where(partly, np.maximum(given, PARTLY_GIVEN), highest).astype(np.float32)


def paste(decoded: UInt8[np.ndarray, "time height width 3"], canvas: Canvas) -> UInt8[np.ndarray, "time height width 3"]:
    """Put the pixels with start 0 back, bit for bit.

    What was invented near them, in space or time, takes on the slow part of their difference from what was decoded, so
    that neither an edge nor a jump of colour shows.
    """
    known = np.broadcast_to(canvas.start == 0, decoded.shape[:3])
    if not known.any():
        return decoded
    result = decoded.copy()
    for frames in _near(known):
        result[frames] = _soften(decoded[frames], canvas.given.frames[frames], known[frames])
    result[known] = canvas.given.frames[known]
    return result


def crop(frames: UInt8[np.ndarray, "_ _ _ 3"], grid: Grid) -> UInt8[np.ndarray, "time height width 3"]:
    """The exact size of a clip, cut out of the whole tokens it was padded to."""
    return frames[: grid.frames, : grid.height, : grid.width]


@torch.no_grad()
def measure_partly_given(vae: VideoVAE, canvases: list[Canvas], patch: tuple[int, int, int]) -> float:
    """The start at which noise outweighs the error of filling, for the tokens that these canvases give only in part.

    `canvas.given` must be true everywhere, holes included. With latents that err by `e` in their worst channel (root mean
    square, in deviations), noise `s` outweighs content `1 - s` twice over at `s = 2 e / (1 + 2 e)`.
    """
    errors = []
    for canvas in canvases:
        frames, height, width = canvas.given.frames.shape[:3]
        grid = Grid(frames=frames, height=height, width=width, cell=vae.config.cell, patch=patch)
        whole = place(vae, Canvas(given=canvas.given, start=np.zeros((1, 1, 1), np.float32), script=canvas.script), grid)
        partly = (_over_tokens(canvas.start, grid, "max") == 1) & (_over_tokens(canvas.start, grid, "min") < 1)
        over_cells = torch.from_numpy(_spread(partly, grid)).to(whole.latents.device)
        errors.append((place(vae, canvas, grid).latents - whole.latents)[:, over_cells])
    error = torch.cat(errors, dim=1).square().mean(1).sqrt().max().item()
    return 2 * error / (1 + 2 * error)


def _cells_given(start: np.ndarray, grid: Grid) -> Bool[np.ndarray, "cells rows columns"]:
    return _spread(_over_tokens(start, grid, "min") < 1, grid)


def _over_tokens(start: np.ndarray, grid: Grid, how: str) -> np.ndarray:
    levels = _pad(np.broadcast_to(start, (grid.frames, grid.height, grid.width)), grid)
    rows, columns = grid.cell[1] * grid.patch[1], grid.cell[2] * grid.patch[2]
    levels = reduce(levels, "t (h i) (w j) -> t h w", how, i=rows, j=columns)
    alone = 0 if grid.loops else 1  # frames of cell 0
    cells = np.concatenate([levels[:alone], reduce(levels[alone:], "(t k) h w -> t h w", how, k=grid.cell[0])])
    return reduce(cells, "(t k) h w -> t h w", how, k=grid.patch[0])


def _spread(tokens: np.ndarray, grid: Grid) -> np.ndarray:
    return tokens.repeat(grid.patch[0], 0).repeat(grid.patch[1], 1).repeat(grid.patch[2], 2)


def _pad(clip: np.ndarray, grid: Grid) -> np.ndarray:
    missing = [(0, whole - size) for whole, size in zip(grid.padded, clip.shape[:3], strict=True)]
    return np.pad(clip, missing + [(0, 0)] * (clip.ndim - 3), mode="edge")


def _near(known: np.ndarray) -> list[np.ndarray]:
    # Runs of frames that hold or neighbour known pixels; frames far from any are left alone.
    any_known = known.any(axis=(1, 2))
    reach = np.convolve(any_known, np.ones(2 * SEAM_FRAMES + 1), mode="same")[: len(known)] if len(known) > 1 else any_known
    frames = np.flatnonzero(reach > 0)
    return np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)


def _soften(decoded: np.ndarray, given: np.ndarray, known: np.ndarray) -> np.ndarray:
    if known.all():
        return decoded
    weight = known[..., None].astype(np.float32)
    difference = (given.astype(np.float32) - decoded) * weight
    near = _blur(np.concatenate([difference, weight], axis=3))
    share = near[..., 3:]
    # `share` is one half at a straight border and falls to zero at the seam's reach.
    correction = near[..., :3] / np.maximum(share, 1e-6) * np.minimum(2 * share, 1)
    return np.clip(np.rint(decoded + correction), 0, 255).astype(np.uint8)


def _blur(x: np.ndarray) -> np.ndarray:
    for axis, reach in enumerate((SEAM_FRAMES, SEAM_PIXELS, SEAM_PIXELS)):
        for _ in range(2):
            x = _box(x, reach // 2, axis)
    return x


def _box(x: np.ndarray, radius: int, axis: int) -> np.ndarray:
    """Mean over up to `2 radius + 1` neighbours, those beyond the border left out."""
    size = x.shape[axis]
    total = np.insert(np.cumsum(x, axis=axis, dtype=np.float64), 0, 0, axis=axis)
    first, last = np.maximum(np.arange(size) - radius, 0), np.minimum(np.arange(size) + radius + 1, size)
    count = (last - first).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return ((total.take(last, axis) - total.take(first, axis)) / count).astype(np.float32)
