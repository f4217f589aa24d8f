"""Training clips as latents, their known parts encoded as in use, and the words that belong to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float16, UInt8
from torch import Tensor

from yozora.canvas import Canvas, Grid
from yozora.train.canvases import Mixture, draw_start
from yozora.train.clips import ClipShape, FilmMaker
from yozora.train.draws import numpy_generator
from yozora.train.generator import Clip
from yozora.train.pool import Block, Pool
from yozora.vae import VideoVAE, load_vae, to_signal
from yozora.vae.place import place
from yozora.video import Video

ENCODED = 4  # clips encoded at once
PLACED = 3  # of every so many clips one keeps a known part that `place` encoded


@dataclass(frozen=True, kw_only=True)
class LatentMaker:
    """Makes latents of the clips in the pool `films` with the VAE in file `weights`; runs in a worker process too.

    `patch` is that of the transformer: how much of a clip is known is kept in tokens.
    """

    weights: Path
    films: Pool
    patch: tuple[int, int, int]

    def __call__(self, numbers: Sequence[int]) -> Block:
        """Rows `latents` of every clip; `known` and `start` of each third one; words as JSON."""
        film = self.films.make
        assert isinstance(film, FilmMaker)
        tensors, words = self.films.block_of(numbers[0])
        return encode_clips(load_vae(self.weights), film, numbers, tensors["frames"], self.patch), words


def grid_of(vae: VideoVAE, shape: ClipShape, patch: tuple[int, int, int]) -> Grid:
    """The grid of a clip shape for a VAE and a transformer of patches `patch`."""
    return Grid(frames=shape.frames, height=shape.height, width=shape.width, cell=vae.config.cell, patch=patch)


@torch.no_grad()
def encode_clips(
    vae: VideoVAE,
    film: FilmMaker,
    numbers: Sequence[int],
    clips: UInt8[Tensor, "clip time height width 3"],
    patch: tuple[int, int, int],
) -> dict[str, Tensor]:
    """Encode filmed clips on their device, and for each third one a known part as it is placed in use."""
    grid = grid_of(vae, film.shape, patch)
    given = Mixture(invent=0.0, given=1.0, levels=0.0)
    known, starts = [], []
    for number, frames in zip(numbers, clips, strict=True):
        if number % PLACED == 0:
            start = draw_start(numpy_generator(film.seed, film.shape.name, number, "place"), grid, given)
            video = Video(frames=frames.cpu().numpy(), fps=film.fps)
            with _half(clips.device):
                placed = place(vae, Canvas(given=video, start=start, script=()), grid)
            known.append(placed.latents.half())
            starts.append(placed.start.half().cpu())  # canvases are drawn there
    tensors = {"latents": torch.cat([encode(vae, grid, part) for part in clips.split(ENCODED)])}
    return tensors | ({"known": torch.stack(known), "start": torch.stack(starts)} if known else {})


def encode(vae: VideoVAE, grid: Grid, frames: UInt8[Tensor, "clip time height width 3"]) -> Float16[Tensor, "clip channel cell row column"]:
    """Latents of clips of one size, padded to the grid by their edges."""
    signal = to_signal(frames)
    time, height, width = grid.padded
    padding = (0, width - grid.width, 0, height - grid.height, 0, time - grid.frames)
    with _half(signal.device):
        return vae.encode(torch.nn.functional.pad(signal, padding, mode="replicate")).half()


def _half(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16)


class PooledClips:
    """A source of training clips that are kept in memory as latents, picked anew at every step."""

    def __init__(self, pools: dict[str, Block], seed: int):
        self.pools, self.seed = pools, seed

    def __call__(self, step: int, group: int, shape: ClipShape, count: int) -> list[Clip]:
        tensors, rows = self.pools[shape.name]
        picked = numpy_generator(self.seed, step, group, "pick").integers(len(rows), size=count)
        return [clip_of(tensors, rows, int(number)) for number in picked]


def clip_of(tensors: dict[str, Tensor], rows: list[dict], number: int) -> Clip:
    """Clip `number` of a block that begins at a multiple of PLACED."""
    placed = (tensors["known"][number // PLACED], tensors["start"][number // PLACED]) if number % PLACED == 0 else None
    return Clip(tensors["latents"][number], placed, rows[number])
