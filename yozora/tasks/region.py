"""Regions of a clip: what is changed inside of them, and kept outside."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from yozora.tasks.complaints import shown
from yozora.tasks.request import Shot
from yozora.tasks.source import Source, covering_at
from yozora.video import Video

WHITE = 128  # of 255: from here on a mask counts


def read_box(value: Any) -> tuple[int, int, int, int]:
    """A box from x,y,width,height; raises ValueError for anything else."""
    parts = re.split(r"\s*,\s*", value.strip()) if isinstance(value, str) else list(value) if isinstance(value, Sequence) else []
    if len(parts) != 4 or not all(re.fullmatch(r"-?\d+", str(part)) for part in parts):
        raise ValueError(f"box {shown(value)} is not x,y,width,height in whole pixels, such as 32,48,40,40")
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


def over(chosen: np.ndarray, video: Video, shot: Shot, frames: int) -> np.ndarray:
    """What is chosen in a video, `bool` broadcastable to its frames, at a shot's size and rate: whatever shows any of it is chosen too.

    `frames` is how many the video has at that rate.

    The result is as small along an axis as `chosen` is. Raises ValueError where all of it is cut off.
    """
    scale, (left, top) = covering_at(video, shot.width, shot.height)
    if max(chosen.shape[1:]) > 1:
        chosen = np.broadcast_to(chosen, (len(chosen), video.height, video.width))
        chosen = np.stack([_pooled(_pooled(one, 0, shot.height, float(top), scale), 1, shot.width, float(left), scale) for one in chosen])
    if chosen.shape[0] > 1:
        chosen = _pooled(chosen, 0, frames, 0.0, 1.0 if video.num_frames == 1 else shot.fps / video.fps)
    if not chosen.any():
        raise ValueError(f"nothing that is chosen lies in the part of the clip that fits {shot.width}x{shot.height}; choose another --size")
    return chosen


def _pooled(chosen: np.ndarray, axis: int, length: int, offset: float, scale: float) -> np.ndarray:
    """Along an axis: place `i` of the new one is chosen where anything of `(i + offset) / scale` up to the next one's is."""
    edges = (np.arange(length + 1) + offset) / scale
    first = np.floor(edges[:-1] + 1e-6).astype(int).clip(0, chosen.shape[axis] - 1)
    last = np.ceil(edges[1:] - 1e-6).astype(int).clip(first + 1, chosen.shape[axis])
    counted = np.insert(np.cumsum(chosen, axis=axis, dtype=np.int32), 0, 0, axis=axis)
    return counted.take(last, axis) > counted.take(first, axis)
