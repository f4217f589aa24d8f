"""The canvas mixture: which parts of a training clip are given, and at which noise level each part begins."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yozora.canvas import Grid

Draw = Callable[[np.random.Generator, Grid], np.ndarray]  # -> start levels float32, broadcastable to [time height width]


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Shares of a batch: everything invented, parts given (0 or 1), and levels in between; they add up to 1.

    Of the clips that keep what they were before, the share `repainted` begins there instead.
    """

    invent: float = 0.75
    given: float = 0.2
    levels: float = 0.05
    repainted: float = 0.0


def draw_start(rng: np.random.Generator, grid: Grid, mixture: Mixture) -> np.ndarray:
    """Start levels of a clip's pixels, `float32` broadcastable to `[frames height width]`."""
    kind = rng.random()
    if kind < mixture.invent:
        return np.ones((1, 1, 1), np.float32)
    draws = _GIVEN if kind < mixture.invent + mixture.given else _LEVELS
    if grid.frames == 1:
        draws = [draw for draw in draws if draw in _STILL] or [_box]
    return draws[rng.integers(len(draws))](rng, grid).astype(np.float32)


def _span(grid: Grid, first: int, last: int) -> np.ndarray:
    start = np.ones((grid.frames, 1, 1))
    start[max(first, 0) : last] = 0
    return start


def _first_frame(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    return _span(grid, 0, 1)


def _prefix(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    return _span(grid, 0, int(rng.integers(1, grid.frames)))


def _suffix(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    return _span(grid, int(rng.integers(1, grid.frames)), grid.frames)


def _both_ends(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    head, tail = rng.integers(1, max(2, grid.frames // 3 + 1), size=2).tolist()
    return np.minimum(_span(grid, 0, head), _span(grid, grid.frames - tail, grid.frames))


def _missing(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    first, last = sorted(rng.choice(grid.frames + 1, 2, replace=False).tolist())
    start = np.zeros((grid.frames, 1, 1))
    start[first:last] = 1
    return start


def _box(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    top, bottom = sorted(rng.choice(grid.height + 1, 2, replace=False).tolist())
    left, right = sorted(rng.choice(grid.width + 1, 2, replace=False).tolist())
    start = np.zeros((1, grid.height, grid.width))
    start[:, top:bottom, left:right] = 1
    return start


def _key_frames(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """A few single frames anywhere, often the first and the last."""
    chosen = rng.integers(0, grid.frames, size=int(rng.integers(1, 4))).tolist()
    ends = [frame for frame in (0, grid.frames - 1) if rng.random() < 0.6]
    start = np.ones((grid.frames, 1, 1))
    start[[*chosen, *ends]] = 0
    return start


def _every_other(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Each second, third or fourth frame, as of a clip at a lower rate."""
    start = np.ones((grid.frames, 1, 1))
    start[:: int(rng.integers(2, 5))] = 0
    return start


def _moving_box(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """A box that travels across the picture is invented, as where an object is replaced."""
    height, width = (int(rng.integers(side // 6, side // 2)) for side in (grid.height, grid.width))
    top, left = (rng.uniform(0, side - size, size=2) for side, size in ((grid.height, height), (grid.width, width)))
    start = np.zeros((grid.frames, grid.height, grid.width))
    for frame, share in zip(start, np.linspace(0, 1, grid.frames), strict=True):
        row, column = (int(between[0] + share * (between[1] - between[0])) for between in (top, left))
        frame[row : row + height, column : column + width] = 1
    return start


def _border(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    return 1 - _box(rng, grid)


def one_level(rng: np.random.Generator, grid: Grid, lowest: float = 0.2) -> np.ndarray:
    """The whole clip at one level."""
    return np.full((1, 1, 1), rng.uniform(lowest, 1), np.float32)


def _part_at_level(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """A part kept, and the rest at one level, as where only a region is repainted, or the end of a long clip."""
    part = [_prefix, _suffix, _box, _border][rng.integers(4)](rng, grid)
    return part * rng.uniform(0.5, 1)


def _frame_levels(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Every latent frame its own level."""
    cells = grid.cells[0]
    levels = rng.random(cells)
    return np.concatenate([levels[:1], np.repeat(levels[1:], grid.cell[0])])[: grid.frames, None, None]


def _rising(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Levels that rise along the clip, as in a rolling window."""
    low = rng.uniform(-0.5, 0.5)
    return np.clip(np.linspace(low, low + rng.uniform(0.5, 1.5), grid.frames), 0, 1)[:, None, None]


def _staggered(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Two to four stretches of the clip, each noisier than the one before."""
    steps = int(rng.integers(2, 5))
    low, high = sorted(rng.random(2).tolist())
    return np.linspace(low, high, steps)[np.arange(grid.frames) * steps // grid.frames][:, None, None]


_GIVEN: list[Draw] = [
    _first_frame,
    _first_frame,
    _prefix,
    _suffix,
    _both_ends,
    _key_frames,
    _missing,
    _every_other,
    _box,
    _moving_box,
    _border,
]
_LEVELS: list[Draw] = [one_level, _part_at_level, _frame_levels, _rising, _staggered]
_STILL = (_box, _border, one_level)
