"""Many clips on one picture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from yozora.video import Video


def sheet(clips: Sequence[UInt8[np.ndarray, "_ height width 3"]], strip: int, columns: int = 1) -> Video:
    """A strip of `strip` frames of each clip, evenly spaced in time, `columns` clips a row; clips are of one size.

    A clip of no frames, and places that are left over, stay black.
    """
    height, width = clips[0].shape[1:3]
    table = np.zeros((-(-len(clips) // columns) * columns, height, strip * width, 3), np.uint8)
    for row, clip in zip(table, clips):
        if len(clip):
            picks = np.linspace(0, len(clip) - 1, strip).round().astype(int)
            row[:] = np.concatenate(list(clip[picks]), axis=1)
    lines = [np.concatenate(list(line), axis=1) for line in table.reshape(-1, columns, *table.shape[1:])]
    return Video(frames=np.concatenate(lines)[None], fps=1)
