"""A clip that goes round without a seam."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import STRICT, Request, Shot
from yozora.tasks.source import Clip, described, fitted
from yozora.tasks.timeline import Words, laid, on_beat
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Loop(Request):
    """Close a video into an endless loop by inventing --seconds that lead from its end to its beginning."""

    video: Annotated[Clip, Field(description="video to close")]
    prompt: Words = ""

    def given(self) -> Video:
        """The video."""
        return self.video.video

    def canvas(self, shot: Shot) -> Canvas:
        """A ring of the whole video and the bridge, in whole beats."""
        source = fitted(self.video, shot)
        frames = on_beat(source.video.num_frames + shot.frames, shot.beat)
        return replace(laid([(0, source)], frames, shot, described(self.prompt, source)), loops=True)
