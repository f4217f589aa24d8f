"""What is known of a clip before it is made: the one thing that every task returns."""

from dataclasses import dataclass, replace

import numpy as np

from yozora.video import Video


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Words that hold from second `start` to second `end` of a clip."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Latents `[channel time height width]` of an earlier run.

    Cell 0 stands for frame `frame` of this canvas alone, which may lie outside of it, and each other cell for the next
    several; the clip that they belong to ends before frame `end`, and the canvas gives what they show in the frames `where`.
    `vae` names the network that made them.
    """

    latents: np.ndarray
    frame: int
    end: int
    where: range
    vae: str

    def only(self, frames: range) -> "Kept":
        """The same latents where the canvas gives what they show in these frames at most."""
        return replace(self, where=range(max(self.where.start, frames.start), min(self.where.stop, frames.stop)))

    def moved(self, by: int) -> "Kept":
        """The same latents so many frames later."""
        where = range(self.where.start + by, self.where.stop + by)
        return replace(self, frame=self.frame + by, end=self.end + by, where=where)


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """A clip in which some content is already given.

    `given` holds the content (anything where nothing is given); `start` is the noise level each pixel begins at,
    `float32` broadcastable to `[time height width]`: 0 keeps, 1 invents, between restyles; `script` covers the clip's
    seconds without gaps. Where the clip `loops`, its first frame follows its last.
    """

    given: Video
    start: np.ndarray
    script: tuple[Cue, ...]
    kept: tuple[Kept, ...] = ()
    loops: bool = False

    def __post_init__(self) -> None:
        shape = self.given.frames.shape[:3]
        try:
            np.broadcast_to(self.start, shape)
        except ValueError as error:
            raise ValueError(f"start of shape {self.start.shape} does not broadcast to the clip's {shape}") from error
        if not (np.isfinite(self.start).all() and self.start.min() >= 0 and self.start.max() <= 1):
            raise ValueError("start levels must lie in [0, 1]")

    @property
    def levels(self) -> np.ndarray:
        """The highest start level of each frame, `float32[time]`."""
        return np.broadcast_to(self.start.max(axis=(1, 2)), self.given.num_frames)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A clip's size in pixels, cells and tokens for a model.

    Cell 0 in time stands for one frame, every other for `cell[0]` frames; sizes are rounded up to whole tokens and the
    result is cropped. `cell` is `(time, height, width)` in pixels, `patch` likewise in cells. A clip that `loops` has no
    cell 0: all of its cells stand for equally many frames.
    """

    frames: int
    height: int
    width: int
    cell: tuple[int, int, int]
    patch: tuple[int, int, int] = (1, 2, 2)
    loops: bool = False

    def __post_init__(self) -> None:
        if self.loops and self.frames % (self.cell[0] * self.patch[0]):
            raise ValueError(f"a loop of {self.frames} frames does not divide into cells of {self.cell[0]}; take a multiple of it")

    @property
    def cells(self) -> tuple[int, int, int]:
        """Latent cells `(time, height, width)`."""
        tokens = self.tokens
        return tokens[0] * self.patch[0], tokens[1] * self.patch[1], tokens[2] * self.patch[2]

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Tokens `(time, height, width)`."""
        time = self.frames // self.cell[0] if self.loops else 1 + -(-(self.frames - 1) // self.cell[0])
        rows, columns = self.cell[1] * self.patch[1], self.cell[2] * self.patch[2]
        return -(-time // self.patch[0]), -(-self.height // rows), -(-self.width // columns)

    @property
    def padded(self) -> tuple[int, int, int]:
        """Pixels `(frames, height, width)` that the cells stand for."""
        time, height, width = self.cells
        frames = time * self.cell[0] if self.loops else 1 + (time - 1) * self.cell[0]
        return frames, height * self.cell[1], width * self.cell[2]

    @property
    def num_tokens(self) -> int:
        """Length of the clip's segment in a packed sequence."""
        time, height, width = self.tokens
        return time * height * width


def tokens_heard(script: tuple[Cue, ...], grid: Grid, fps: float) -> tuple[int, ...]:
    """How many tokens, in order of time, hear each cue: a latent frame hears the cue that holds at its middle."""
    time, height, width = grid.tokens
    frames = np.arange(time) * grid.patch[0]
    middle = np.where(frames == 0, 0, frames * grid.cell[0] - (grid.cell[0] - 1) / 2) / fps
    return tuple(int(count) * height * width for count in np.bincount(cue_at(script, middle), minlength=len(script)))


def cue_at(script: tuple[Cue, ...], seconds: np.ndarray) -> np.ndarray:
    """The number of the cue that holds at each of some seconds, `int64[time]`."""
    return np.searchsorted(np.array([cue.end for cue in script[:-1]]), seconds, side="right")
