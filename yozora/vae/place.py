"""The one place where pixels of a canvas become latents and a start level per token."""

from dataclasses import dataclass, replace
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
from yozora.vae.tiles import encode_tiled, tiling_of

# Start of a token of which some frames are given, and of one of which a part of a frame is: what is filled in time is nearly
# true, while in space something wholly new may have to appear (docs/vae.md).
GIVEN_FRAMES, GIVEN_PARTS = 0.7, 0.95


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
        latents[:, needed] = _encoded(vae, frames, grid, cells)[:, needed].to(latents)
    return Placed(latents=latents * torch.from_numpy(given).to(latents), start=start)


@torch.no_grad()
def condition(vae: VideoVAE, canvas: Canvas, grid: Grid) -> Float[Tensor, "channel cells rows columns"]:
    """What a canvas gives for weights that hear it in channels of their own (Wan I2V): where each frame of a cell is given, and latents.

    One channel for each frame of a cell, 1 where all of its pixels have start 0; the first frame, alone in its cell, counts for all.
    Then the latents of the clip, of which what is not given is grey.
    """
    parameter, beat = next(vae.parameters()), grid.cell[0]
    known = _pad(np.broadcast_to(canvas.start == 0, canvas.given.frames.shape[:3]), grid)
    shown = to_signal(torch.from_numpy(_pad(canvas.given.frames, grid)).to(parameter.device))
    latents = _encoded_signal(vae, shown * torch.from_numpy(known).to(shown), grid)
    whole = reduce(known, "t (h i) (w j) -> t h w", "min", i=grid.cell[1], j=grid.cell[2])
    mask = rearrange(np.concatenate([whole[:1].repeat(beat, 0), whole[1:]]), "(t k) h w -> k t h w", k=beat)
    return torch.cat([torch.from_numpy(mask).to(latents), latents]).float()


def reuse(canvas: Canvas, grid: Grid) -> tuple[dict[int, Shaped[np.ndarray, "channel rows columns"]], np.ndarray]:
    """The cells that kept latents stand for, and the start levels `[time height width]` (broadcastable) as they then are.

    Cell 0 stands for one frame and every other for several, so a kept cell fits only a cell of its own kind, and only where none
    of its frames is to be invented. What a clip's last cell holds beyond the clip was made with it, and comes with it where nothing
    that is given follows, for of that it knew nothing.
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
            beyond = inside.stop <= min(last, grid.frames - 1)
            if not shown or highest[inside].max() == 1 or (beyond and highest[inside.stop :].min() < 1):
                continue
            found[cell] = kept.latents[:, number]
            if beyond:
                levels = np.broadcast_to(levels, (grid.frames, *levels.shape[1:])).copy()
                levels[inside.stop : last + 1] = levels[inside].max(axis=0)
    return found, levels


@torch.no_grad()
def moved(
    latents: Float[Tensor, "channel cells rows columns"],
    decoded: UInt8[np.ndarray, "time height width 3"],
    changed: UInt8[np.ndarray, "time height width 3"],
    vae: VideoVAE,
    grid: Grid,
) -> Float[Tensor, "channel cells rows columns"]:
    """Latents of a clip whose decoded pixels were changed a little: moved by what that changes in their encoding.

    Cells without a change stay as they are, to the bit.
    """
    differs = np.asarray(_pad((decoded != changed).any(3), grid).any((1, 2)))[:, None, None]
    cells = np.flatnonzero(_over_frames(differs, replace(grid, patch=(1, 1, 1)), "max"))
    if not len(cells):
        return latents
    before, after = (_encoded(vae, frames, grid, int(cells[-1]) + 1)[:, cells] for frames in (decoded, changed))
    result = latents.clone()
    result[:, cells] += (after - before).to(latents)
    return result


def token_start(start: Float[np.ndarray, "#frames #rows #columns"], grid: Grid) -> Float32[np.ndarray, "time height width"]:
    """The level each token begins at, from the levels of its pixels (broadcastable to the clip).

    The highest level of its pixels; where a part of it is to be invented and a part is given, the highest level of what is given, or,
    if that is higher, `GIVEN_FRAMES` where each of its frames is wholly one or the other, and `GIVEN_PARTS` elsewhere.
    """
    lowest, highest, kept = (
        _over_areas(levels, grid, how) for levels, how in ((start, "min"), (start, "max"), (np.where(start < 1, start, 0), "max"))
    )
    divided = _over_frames((highest == 1) & (lowest < 1), grid, "max")
    least = np.where(divided, GIVEN_PARTS, GIVEN_FRAMES)
    lowest, highest, kept = (_over_frames(one, grid, how) for one, how in ((lowest, "min"), (highest, "max"), (kept, "max")))
    return np.where((highest == 1) & (lowest < 1), np.maximum(kept, least), highest).astype(np.float32)


def pixels_of(tokens: Bool[Tensor, "time height width"], grid: Grid) -> Bool[np.ndarray, "frames rows columns"]:
    """What holds of tokens, for each pixel of a clip."""
    cells = _spread(tokens.cpu().numpy(), grid)
    times = np.repeat(np.arange(len(cells)), [grid.cell[0] if cell or grid.loops else 1 for cell in range(len(cells))])
    return crop(cells.repeat(grid.cell[1], 1).repeat(grid.cell[2], 2)[times], grid)


def crop(frames: Shaped[np.ndarray, "_ _ _ *channel"], grid: Grid) -> Shaped[np.ndarray, "time height width *channel"]:
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
    return _over_frames(_over_areas(start, grid, how), grid, how)


def _over_areas(start: np.ndarray, grid: Grid, how: str) -> np.ndarray:
    """The least or the greatest value over what a token covers of each frame."""
    levels = _pad(np.broadcast_to(start, (grid.frames, grid.height, grid.width)), grid)
    rows, columns = grid.cell[1] * grid.patch[1], grid.cell[2] * grid.patch[2]
    return reduce(levels, "t (h i) (w j) -> t h w", how, i=rows, j=columns)


def _over_frames(levels: np.ndarray, grid: Grid, how: str) -> np.ndarray:
    """The least or the greatest value over the frames of each token."""
    alone = 0 if grid.loops else 1  # frames of cell 0
    cells = np.concatenate([levels[:alone], reduce(levels[alone:], "(t k) h w -> t h w", how, k=grid.cell[0])])
    return reduce(cells, "(t k) h w -> t h w", how, k=grid.patch[0])


def _encoded(vae: VideoVAE, frames: np.ndarray, grid: Grid, cells: int) -> Tensor:
    """The first cells of a clip, `[channel cells rows columns]`; frames after them are not looked at."""
    looked_at = torch.from_numpy(_pad(frames, grid)[: 1 + (cells - 1) * grid.cell[0]])
    return _encoded_signal(vae, to_signal(looked_at.to(next(vae.parameters()).device)), grid)


def _encoded_signal(vae: VideoVAE, signal: Float[Tensor, "3 time height width"], grid: Grid) -> Tensor:
    tiling = tiling_of(vae, grid)
    encode = partial(encode_tiled, tiling=tiling) if tiling else partial(VideoVAE.encode, cells=4)
    return encode(vae, signal.to(next(vae.parameters()).dtype)[None])[0]


def _spread(tokens: np.ndarray, grid: Grid) -> np.ndarray:
    return tokens.repeat(grid.patch[0], 0).repeat(grid.patch[1], 1).repeat(grid.patch[2], 2)


def _pad(clip: np.ndarray, grid: Grid) -> np.ndarray:
    missing = [(0, whole - size) for whole, size in zip(grid.padded, clip.shape[:3], strict=True)]
    return np.pad(clip, missing + [(0, 0)] * (clip.ndim - 3), mode="edge")
