"""Training clips as latents, their known parts encoded as in use, and the words that belong to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float16, Int8, UInt8
from torch import Tensor

from yozora.canvas import Canvas, Grid
from yozora.train.before import repainted
from yozora.train.canvases import Mixture, draw_start, one_level
from yozora.train.clips import ClipShape, FilmMaker
from yozora.train.draws import numpy_generator
from yozora.train.generator import Clip
from yozora.train.pool import Block, Pool
from yozora.vae import VAEConfig, VideoVAE, load_vae, to_signal
from yozora.vae.place import place
from yozora.video import Video

ENCODED = 4  # clips encoded at once
PLACED, UNPLACED = 3, 2  # of every so many clips the last keeps no known part that `place` encoded
GIVEN = Mixture(invent=0.0, given=1.0, levels=0.0)
REPAINTED_FROM = 0.5  # the lowest level at which repainting begins; below it too little can change


@dataclass(frozen=True, kw_only=True)
class LatentMaker:
    """Makes latents of the clips in the pool `films` with the VAE in file `weights`; runs in a worker process too.

    `patch` is that of the transformer: how much of a clip is known is kept in tokens.
    """

    weights: Path
    films: Pool
    patch: tuple[int, int, int]

    def __call__(self, numbers: Sequence[int]) -> Block:
        """Rows `latents` and `things` of every clip, `known` and `start` of those that `placed` names; words as JSON."""
        film = self.films.make
        assert isinstance(film, FilmMaker)
        tensors, words = self.films.block_of(numbers[0])
        return encode_clips(load_vae(self.weights), film, numbers, tensors, self.patch), words


def grid_of(vae: VAEConfig, shape: ClipShape, patch: tuple[int, int, int]) -> Grid:
    """The grid of a clip shape for a VAE and a transformer of patches `patch`."""
    return Grid(frames=shape.frames, height=shape.height, width=shape.width, cell=vae.cell, patch=patch)


@torch.no_grad()
def encode_clips(
    vae: VideoVAE,
    film: FilmMaker,
    numbers: Sequence[int],
    pixels: dict[str, Tensor],
    patch: tuple[int, int, int],
) -> dict[str, Tensor]:
    """Encode filmed clips (`frames` and `before` of FilmMaker) on their device, and the known parts of some as they are placed in use.

    Of every three clips, one is given in parts and one is known as what it was before it was repainted, at one level.
    """
    grid, clips, earlier = grid_of(vae.config, film.shape, patch), pixels["frames"], iter(pixels["before"])
    known, starts = [], []
    for number, frames in zip(numbers, clips, strict=True):
        if number % PLACED == UNPLACED:
            continue
        rng = numpy_generator(film.seed, film.shape.name, number, "place")
        start = one_level(rng, grid, REPAINTED_FROM) if repainted(number) else draw_start(rng, grid, GIVEN)
        given = next(earlier) if repainted(number) else frames
        video = Video(frames=given.cpu().numpy(), fps=film.fps)
        with _half(clips.device):
            placed = place(vae, Canvas(given=video, start=start, script=()), grid)
        known.append(placed.latents.half())
        starts.append(placed.start.half().cpu())  # canvases are drawn there
    tensors = {"latents": torch.cat([encode(vae, grid, part) for part in clips.split(ENCODED)]), "things": shares(pixels["masks"], grid)}
    return tensors | ({"known": torch.stack(known), "start": torch.stack(starts)} if known else {})


def encode(vae: VideoVAE, grid: Grid, frames: UInt8[Tensor, "clip time height width 3"]) -> Float16[Tensor, "clip channel cell row column"]:
    """Latents of clips of one size, padded to the grid by their edges."""
    signal = to_signal(frames)
    time, height, width = grid.padded
    padding = (0, width - grid.width, 0, height - grid.height, 0, time - grid.frames)
    with _half(signal.device):
        return vae.encode(torch.nn.functional.pad(signal, padding, mode="replicate")).half()


def shares(masks: Int8[Tensor, "clip time height width"], grid: Grid) -> Float16[Tensor, "clip cell row column"]:
    """The share of each cell's pixels that show a solid, beyond the border too as `encode` pads; the first cell is of one frame."""
    time, height, width = (after - before for after, before in zip(grid.padded, masks.shape[1:], strict=True))
    seen = torch.nn.functional.pad((masks >= 0).float()[:, None], (0, width, 0, height, 0, time), mode="replicate")
    seen = torch.cat([seen[:, :, :1].expand(-1, -1, grid.cell[0], -1, -1), seen[:, :, 1:]], dim=2)
    return torch.nn.functional.avg_pool3d(seen, grid.cell)[:, 0].half()


def _half(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16)


class PooledClips:
    """A source of training clips that are kept in memory as latents, picked anew at every step."""

    def __init__(self, pools: dict[str, Block], draws: str):
        self.pools, self.draws = pools, draws

    def __call__(self, step: int, group: int, shape: ClipShape, count: int) -> list[Clip]:
        tensors, rows = self.pools[shape.name]
        picked = numpy_generator(self.draws, step, group, "pick").integers(len(rows), size=count)
        return [clip_of(tensors, rows, int(number)) for number in picked]


def clip_of(tensors: dict[str, Tensor], rows: list[dict], number: int) -> Clip:
    """Clip `number` of a block that begins at a multiple of PLACED; without its known part where the block has none."""
    row = number // PLACED * (PLACED - 1) + number % PLACED
    placed = None if number % PLACED == UNPLACED or "known" not in tensors else (tensors["known"][row], tensors["start"][row])
    things = tensors["things"][number] if "things" in tensors else None
    return Clip(tensors["latents"][number], placed, rows[number], things)
