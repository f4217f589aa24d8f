"""A clip beyond its border, in another shape."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import LENGTH, STRICT, Request, Shot
from yozora.tasks.source import Clip, fitted
from yozora.tasks.timeline import Prompt, laid
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Outpaint(Request):
    """Invent what lies beyond a video's border, up to --size; the video stays in the middle as it is."""

    without = LENGTH
    video: Annotated[Clip, Field(description="video or picture to widen")]
    prompt: Prompt

    def given(self) -> Video:
        """The video."""
        return self.video.video

    def canvas(self, shot: Shot) -> Canvas:
        """The video amid a border of start 1; its own size is kept, to the pixel."""
        video = self.video.video
        width, height = video.width - video.width % 2, video.height - video.height % 2
        if shot.width < width or shot.height < height or (shot.width, shot.height) == (width, height):
            larger = f"{shot.width}x{shot.height} does not reach beyond the clip's {width}x{height}"
            raise ValueError(f"{larger}; say how far with --size, such as --size {2 * width}x{height}")
        inner = fitted(self.video, replace(shot, width=width, height=height)).video
        left, top = (shot.width - width) // 2, (shot.height - height) // 2
        inside = slice(top, top + height), slice(left, left + width)
        frames = np.zeros((inner.num_frames, shot.height, shot.width, 3), np.uint8)
        frames[:, *inside] = inner.frames
        start = np.ones((1, shot.height, shot.width), np.float32)
        start[:, *inside] = 0
        empty = laid([], inner.num_frames, shot, self.prompt)
        return replace(empty, given=Video(frames, shot.fps), start=start)
