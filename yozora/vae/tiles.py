"""Large frames in overlapping tiles: the memory of one tile instead of a whole frame, streamed in time."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.canvas import Grid
from yozora.vae.blocks import Features, Outputs, Past
from yozora.vae.config import Tiling
from yozora.vae.model import Latents, Pixels, VideoVAE, split_time

LARGE = 1 << 20  # pixels of a frame from which it is decoded in tiles


def tiling_of(vae: VideoVAE, grid: Grid) -> Tiling | None:
    """How the frames of a grid are cut into tiles, if they are: by their size alone, for equal bits, unless `vae` says otherwise."""
    return vae.tiling or usual_tiling(grid)


def usual_tiling(grid: Grid) -> Tiling | None:
    """The same where memory is not short."""
    _, height, width = grid.padded
    return Tiling() if height * width > LARGE else None


def encode_tiled(vae: VideoVAE, video: Pixels, tiling: Tiling) -> Latents:
    """Normalised mean latents, tile by tile and cell by cell; sizes as for `VideoVAE.encode`."""
    cell = vae.config.cell
    vae.check(video)
    tiles = _Tiles(tiling, (video.shape[3] // cell[1], video.shape[4] // cell[2]), cell[1:], (1, 1))
    means = [tiles.run(vae.encode_chunk, chunk)[:, : vae.config.channels] for chunk in split_time(video, cell[0])]
    return vae.normalise(torch.cat(means, dim=2))


def decode_tiled(vae: VideoVAE, latents: Latents, tiling: Tiling) -> Iterator[Pixels]:
    """Pixels of one latent cell after another, tile by tile."""
    tiles = _Tiles(tiling, (latents.shape[3], latents.shape[4]), (1, 1), vae.config.cell[1:])
    for chunk in split_time(latents, 1):
        yield tiles.run(vae.decode_chunk, chunk)


class _Tiles:
    """The tiles of a frame and what each remembers; `inputs` and `outputs` are pixels per cell on either side."""

    def __init__(self, tiling: Tiling, cells: tuple[int, int], inputs: tuple[int, int], outputs: tuple[int, int]) -> None:
        self.cells, self.inputs, self.outputs, self.overlap = cells, inputs, outputs, tiling.overlap
        rows, columns = (spans(size, tiling) for size in cells)
        self.places = [(row, column) for row in rows for column in columns]
        self.caches: list[Past] = [None] * len(self.places)

    def run(self, step: Callable[[Tensor, Past], tuple[Tensor, Past]], chunk: Features) -> Outputs:
        total, weights = None, None
        for index, (row, column) in enumerate(self.places):
            tile = chunk[..., _scale(row, self.inputs[0]), _scale(column, self.inputs[1])]
            part, self.caches[index] = step(tile, self.caches[index])
            if total is None or weights is None:
                height, width = (size * scale for size, scale in zip(self.cells, self.outputs))
                total = part.new_zeros(*part.shape[:3], height, width)
                weights = part.new_zeros(height, width)
            down = ramp(row, self.cells[0], self.overlap, self.outputs[0]).to(part)
            across = ramp(column, self.cells[1], self.overlap, self.outputs[1]).to(part)
            place = (..., _scale(row, self.outputs[0]), _scale(column, self.outputs[1]))
            total[place] += part * (down[:, None] * across)
            weights[place] += down[:, None] * across
        assert total is not None and weights is not None
        return total / weights


def spans(size: int, tiling: Tiling) -> list[slice]:
    """Tiles along one side, the last one moved back to end with the frame."""
    if size <= tiling.side:
        return [slice(0, size)]
    firsts = [*range(0, size - tiling.side, tiling.side - tiling.overlap), size - tiling.side]
    return [slice(first, first + tiling.side) for first in firsts]


def ramp(span: slice, size: int, overlap: int, scale: int) -> Float[Tensor, " pixel"]:
    """Weights along a tile: zero in the outer third of what it shares with a neighbour, rising in the middle third."""
    pixels = torch.arange((span.stop - span.start) * scale) + 0.5
    from_first = pixels if span.start > 0 else torch.full_like(pixels, torch.inf)
    from_last = pixels.flip(0) if span.stop < size else torch.full_like(pixels, torch.inf)
    return (3 * torch.minimum(from_first, from_last) / (overlap * scale) - 1).clamp(0, 1)


def _scale(span: slice, factor: int) -> slice:
    return slice(span.start * factor, span.stop * factor)
