"""A region, a stretch or missing frames of a clip are invented anew."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.region import Box, boxed, masked, over
from yozora.tasks.request import LENGTH, STRICT, Request, Shot
from yozora.tasks.source import Clip, Mask, fitted
from yozora.tasks.span import Until, frames_between, listed
from yozora.tasks.timeline import Prompt, Seconds, laid
from yozora.video import Video, frame_times


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Fill(Request):
    """Replace what a mask or a box covers, a span of time, or frames that are missing."""

    without = LENGTH
    video: Annotated[Clip, Field(description="video or picture to change")]
    prompt: Prompt
    mask: Annotated[Mask | None, Field(description="picture or video of the same size: white is replaced")] = None
    box: Annotated[Box | None, Field(description="x,y,width,height in pixels of the video: what is inside is replaced")] = None
    from_: Annotated[Seconds | None, Field(description="second from which on it is replaced")] = None
    to: Until = None
    missing: Annotated[str, Field(description="frames to invent: a list such as 3,7-9, or 'gaps' for those that the file lacks")] = ""

    @model_validator(mode="after")
    def _says_what(self) -> "Fill":
        parts = [part for part in (self.mask, self.box, self.from_, self.to) if part is not None]
        if not parts and not self.missing:
            raise ValueError("say what to fill: --mask, --box, --from and --to, or --missing")
        if (parts and self.missing) or (self.mask and self.box):
            raise ValueError("say in one way what to fill: --mask, --box or --missing; a mask or a box may hold --from and --to a second")
        return self

    def given(self) -> Video:
        """The video."""
        return self.video.video

    def canvas(self, shot: Shot) -> Canvas:
        """The video, with a start of 1 where it is to be replaced."""
        source = fitted(self.video, shot)
        frames = source.video.num_frames
        lost = self._gaps(source.video) if self.missing == "gaps" else self._chosen(shot, frames)
        canvas = laid([(0, source)], frames, shot, self.prompt)
        return replace(canvas, start=lost.astype(np.float32))

    def _chosen(self, shot: Shot, frames: int) -> np.ndarray:
        """What is to be replaced in the video as it is taken for a shot, `bool` broadcastable to `[time height width]`."""
        video = self.video.video
        if self.missing:
            return over(listed(self.missing, video)[:, None, None], video, shot, frames)
        span = np.isin(np.arange(video.num_frames), frames_between(self.from_ or 0.0, self.to, video))[:, None, None]
        region = masked(self.mask, video) if self.mask else boxed(self.box, video) if self.box else np.ones((1, 1, 1), bool)
        lost = over(span, video, shot, frames) & over(region, video, shot, frames)
        if not lost.any():
            raise ValueError(f"the mask has no white between the seconds {self.from_ or 0:g} and {self.to or video.seconds:g}; change them")
        return lost

    def _gaps(self, video: Video) -> np.ndarray:
        """The frames at the model's rate for which the file has none of its own, `bool[time 1 1]`."""
        if not self.video.file:
            raise ValueError("only a file can have gaps; list the --missing frames")
        times = frame_times(Path(self.video.file))
        # A frame shows what is on screen in the middle of its span.
        lost = np.histogram(times, (np.arange(video.num_frames + 1) - 0.5) / video.fps + 1e-6)[0] == 0
        if not lost.any():
            raise ValueError(f"{self.video.name} has a frame for each of the {video.num_frames} at {video.fps:g} a second; none is missing")
        return lost[:, None, None]
