"""What lies between two clips."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import STRICT, Request, Shot
from yozora.tasks.source import Clip, fitted
from yozora.tasks.timeline import Prompt, laid, on_beat
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Connect(Request):
    """Join two videos by inventing --seconds that lead from one to the other."""

    first: Annotated[Clip, Field(description="video to begin with")]
    second: Annotated[Clip, Field(description="video to end with, brought to the first one's size")]
    prompt: Prompt

    def given(self) -> Video:
        """The first video."""
        return self.first.video

    def canvas(self, shot: Shot) -> Canvas:
        """Both videos whole, so far apart that the second lies on the model's grid too."""
        first, second = fitted(self.first, shot), fitted(self.second, shot)
        begins = on_beat(first.video.num_frames + shot.frames, shot.beat, second, after=first)
        return laid([(0, first), (begins, second)], begins + second.video.num_frames, shot, self.prompt)
