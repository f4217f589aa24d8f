"""Video: frames and their rate, read from and written to files."""

import base64
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

Background = Literal["white", "black"]


@dataclass(frozen=True, eq=False)
class Video:
    """Frames `uint8[time height width 3]` in sRGB colour and how many pass in a second; an image is one frame."""

    frames: np.ndarray
    fps: float | int

    def __post_init__(self) -> None:
        frames = self.frames
        if not (isinstance(frames, np.ndarray) and frames.dtype == np.uint8 and frames.ndim == 4 and frames.shape[3] == 3 and frames.size):
            got = f"{frames.dtype} of shape {frames.shape}" if isinstance(frames, np.ndarray) else type(frames).__name__
            raise ValueError(f"frames must be a uint8 array [time height width 3] with no empty axis, not {got}")
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps must be a positive number, not {self.fps}")

    @property
    def num_frames(self) -> int:
        """How many frames there are."""
        return self.frames.shape[0]

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.frames.shape[1]

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.frames.shape[2]

    @property
    def seconds(self) -> float:
        """How long the video plays."""
        return self.num_frames / self.fps

    def resampled(self, fps: float) -> "Video":
        """The same seconds at another rate: each new frame is the one that was shown at its time."""
        if fps == self.fps:
            return self
        count = max(1, round(self.num_frames * fps / self.fps))
        shown = (np.arange(count) * self.fps / fps + 1e-6).astype(int).clip(max=self.num_frames - 1)
        return Video(self.frames[shown], float(fps))

    def resized(self, width: int, height: int) -> "Video":
        """The same frames at another size in pixels, by Lanczos."""
        if (width, height) == (self.width, self.height):
            return self
        from yozora.video.resize import resize

        return Video(resize(self.frames, width, height), self.fps)

    @classmethod
    def load(cls, path: str | Path, *, fps: float | int | None = None, behind: Background = "white") -> "Video":
        """Read a video or an image, upright and resampled by time to `fps` (by default the file's own mean rate).

        mp4, mov, webm, mkv, gif, png, jpeg and webp are told apart by content. An image has 1 frame a second unless
        `fps` says otherwise. Transparent parts lie on what is `behind` them. Raises ValueError for anything else, a damaged or
        cut-off file, or one too large to hold.
        """
        from yozora.video.read import read

        return cls(*read(Path(path), fps, behind))

    def save(self, path: str | Path, metadata: Mapping[str, str] | None = None) -> Path:
        """Write .mp4, .webm, .gif or .png by the path's suffix, all or nothing; a .png name with %d takes every frame.

        `metadata` is kept inside the file (see `read_metadata`). The same video gives the same bytes. Raises ValueError
        where the suffix, size or folder will not do, or the disk is full.
        """
        from yozora.video.write import write

        return write(self.frames, self.fps, Path(path), metadata or {})

    def _repr_html_(self) -> str:
        """The video itself, for a notebook."""
        suffix = ".png" if self.num_frames == 1 else ".gif" if self.width % 2 or self.height % 2 else ".mp4"
        with tempfile.TemporaryDirectory() as folder:
            data = base64.b64encode(Video.save(self, Path(folder) / f"clip{suffix}").read_bytes()).decode()
        if suffix == ".mp4":
            return f'<video controls loop autoplay muted playsinline src="data:video/mp4;base64,{data}"></video>'
        return f'<img src="data:image/{suffix[1:]};base64,{data}">'


def read_metadata(path: str | Path) -> dict[str, str]:
    """What `Video.save` was told to keep inside the file; empty for files of other programs."""
    from yozora.video.read import read_note

    return read_note(Path(path))


def frame_times(path: str | Path) -> np.ndarray:
    """When each frame of a file is first shown, in seconds from the first on, `float64[frame]` in order; raises as `Video.load`."""
    from yozora.video.read import shown_at

    shown = shown_at(Path(path))
    return shown - shown[0]


def is_still(path: str | Path) -> bool:
    """Whether a path holds one picture by its name: a .png without a %d."""
    from yozora.video.write import is_row

    return Path(path).suffix.lower() == ".png" and not is_row(Path(path))


def files_of(path: str | Path, num_frames: int) -> list[Path]:
    """The files that a video of so many frames is saved to: one, or each picture of a row."""
    from yozora.video.write import files_of

    return files_of(Path(path), num_frames)


def writes_over(path: str | Path, file: str | Path) -> bool:
    """Whether a video that is saved to `path` can take the place of a file that exists, as itself or as a picture of a row."""
    from yozora.video.write import writes_over

    return writes_over(Path(path), Path(file))


def replacing(targets: Sequence[Path]) -> AbstractContextManager[list[Path]]:
    """Yield a path beside each target; move all into place at the end, or leave nothing behind."""
    from yozora.video.write import replacing

    return replacing(targets)


def check_output(path: str | Path, *, num_frames: int, height: int, width: int, fps: float | int | None = None) -> None:
    """Raise the ValueError that saving a video of this size and rate to `path` would end in, before it is made."""
    from yozora.video.write import check

    check(Path(path), (num_frames, height, width), fps)
