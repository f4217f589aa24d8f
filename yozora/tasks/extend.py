"""A clip goes on, or begins earlier."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import STRICT, Request, Shot
from yozora.tasks.source import Clip, fitted
from yozora.tasks.timeline import Prompt, laid, on_beat
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Extend(Request):
    """Continue a video by --seconds, or invent what led to it; --count makes several branches."""

    video: Annotated[Clip, Field(description="video to go on from")]
    prompt: Prompt
    side: Annotated[Literal["after", "before"], Field(description="after or before the video")] = "after"

    def given(self) -> Video:
        """The video."""
        return self.video.video

    def canvas(self, shot: Shot) -> Canvas:
        """The whole video at one side, and so many invented frames at the other that it lies on the model's grid."""
        source = fitted(self.video, shot)
        more = on_beat(shot.frames, shot.beat, source) if self.side == "before" else shot.frames
        return laid([(more if self.side == "before" else 0, source)], source.video.num_frames + more, shot, self.prompt)
