"""A small draft again at full size."""

import math
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import LENGTH, STRICT, Request, Shot
from yozora.tasks.source import Clip, covering, described, fitted
from yozora.tasks.strength import SUBTLE, Strength
from yozora.tasks.timeline import Words, laid
from yozora.video import Video

ALIKE = 1.04  # times, by which one side may be longer than the draft's shape asks: as much is cut off


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Finish(Request):
    """Make a low-resolution draft again at --size, with its composition and motion."""

    without = LENGTH
    draft: Annotated[Clip, Field(description="video or picture to finish")]
    prompt: Words = ""
    strength: Strength = SUBTLE

    def given(self) -> Video:
        """The draft."""
        return self.draft.video

    def canvas(self, shot: Shot) -> Canvas:
        """The draft, enlarged, at the strength throughout."""
        video = self.draft.video
        if shot.width <= video.width or shot.height <= video.height:
            said = f"{shot.width}x{shot.height} is not larger on both sides than the draft's {video.width}x{video.height}"
            raise ValueError(f"{said}; say what is with --size, such as --size {4 * (video.width // 2)}x{4 * (video.height // 2)}")
        wide, high = shot.width / video.width, shot.height / video.height
        if max(wide, high) > ALIKE * min(wide, high):
            width, height = (2 * round(side * math.sqrt(wide * high) / 2) for side in (video.width, video.height))
            said = f"{shot.width}x{shot.height} has another shape than the draft's {video.width}x{video.height}"
            raise ValueError(f"{said}; finish it at {width}x{height}, and outpaint the result")
        rate = fitted(self.draft, replace(shot, width=video.width, height=video.height))
        source = replace(rate, video=covering(rate.video, shot.width, shot.height), kept=())
        canvas = laid([(0, source)], source.video.num_frames, shot, described(self.prompt, source))
        return replace(canvas, start=np.full((1, 1, 1), self.strength, np.float32))
