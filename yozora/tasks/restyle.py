"""The same motion in another look."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.region import masked, over
from yozora.tasks.request import LENGTH, STRICT, Request, Shot
from yozora.tasks.source import Clip, Mask, fitted
from yozora.tasks.strength import NAMES, Strength
from yozora.tasks.timeline import Prompt, laid
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Restyle(Request):
    """Remix a video: what happens stays, how it looks follows the words."""

    without = LENGTH
    video: Annotated[Clip, Field(description="video or picture to change")]
    prompt: Prompt
    strength: Strength = NAMES["mild"]
    mask: Annotated[Mask | None, Field(description="picture or video of the same size: only what is white changes")] = None

    def given(self) -> Video:
        """The video."""
        return self.video.video

    def canvas(self, shot: Shot) -> Canvas:
        """The video, which begins at the strength where it may change."""
        source = fitted(self.video, shot)
        video, frames = self.video.video, source.video.num_frames
        where = over(masked(self.mask, video), video, shot, frames) if self.mask else np.ones((1, 1, 1))
        canvas = laid([(0, source)], frames, shot, self.prompt)
        return replace(canvas, start=(where * self.strength).astype(np.float32))
