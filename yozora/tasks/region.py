"""Regions of a clip: what is changed inside of them, and kept outside."""

import re
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from yozora.tasks.settings import Shot
from yozora.tasks.source import Source, fitted
from yozora.video import Video

WHITE = 128  # of 255: from here on a mask counts


def read_box(value: Any) -> tuple[int, int, int, int]:
    """A box from x,y,width,height; raises ValueError for anything else."""
    parts = re.split(r"\s*,\s*", value.strip()) if isinstance(value, str) else list(value) if isinstance(value, Sequence) else []
    if len(parts) != 4 or not all(re.fullmatch(r"-?\d+", str(part)) for part in parts):
        raise ValueError(f"box {value!r} is not x,y,width,height in whole pixels, such as 32,48,40,40")
    x, y, width, height = map(int, parts)
    return x, y, width, height


Box = Annotated[tuple[int, int, int, int], BeforeValidator(read_box)]


def boxed(box: tuple[int, int, int, int], video: Video) -> np.ndarray:
    """What is inside of a box, `bool[1 height width]`; raises ValueError for a box that is not inside of the video."""
    x, y, width, height = box
    if min(x, y) < 0 or min(width, height) < 1 or x + width > video.width or y + height > video.height:
        raise ValueError(
            f"box {x},{y},{width},{height} does not lie inside of the clip's {video.width}x{video.height} pixels; move or shrink it"
        )
    inside = np.zeros((1, video.height, video.width), bool)
    inside[:, y : y + height, x : x + width] = True
    return inside


def masked(mask: Source, video: Video) -> np.ndarray:
    """What is white in a mask, `bool[time or 1, height, width]`; raises ValueError for one of another size, or without any white."""
    if (mask.video.width, mask.video.height) != (video.width, video.height):
        sizes = f"{mask.video.width}x{mask.video.height} pixels and the clip {video.width}x{video.height}"
        raise ValueError(f"the mask {mask.name} has {sizes}; save it at the clip's size")
    if mask.video.num_frames not in (1, video.num_frames):
        raise ValueError(f"the mask {mask.name} has {mask.video.num_frames} frames and the clip {video.num_frames}; give one, or as many")
    white = mask.video.frames.sum(axis=3, dtype=np.uint16) >= 3 * WHITE
    if not white.any():
        raise ValueError(f"the mask {mask.name} has no white in it; white is what is changed")
    return white


def over(chosen: np.ndarray, source: Source, shot: Shot) -> np.ndarray:
    """Where a canvas that a source was fitted to is chosen, `bool[time height width]`, from where the source is (broadcastable to it)."""
    video = source.video
    white = np.broadcast_to(np.where(chosen, np.uint8(255), np.uint8(0))[..., None], video.frames.shape)
    with warnings.catch_warnings(action="ignore"):  # what becomes of the source has been said
        fitting = fitted(Source(source.file, "", Video(white, video.fps)), shot)
    return fitting.video.frames[..., 0] >= WHITE
