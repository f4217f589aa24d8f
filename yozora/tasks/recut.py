"""A part of a clip, opened at either side."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import LENGTH, STRICT, Request, Shot
from yozora.tasks.source import Clip, described, fitted
from yozora.tasks.span import Until, frames_between
from yozora.tasks.timeline import Seconds, Words, laid, on_beat
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Recut(Request):
    """Trim a video, and perhaps invent anew what comes before or after."""

    without = dict.fromkeys(LENGTH, "is as long as --from, --to, --before and --after make it")
    video: Annotated[Clip, Field(description="video to cut")]
    from_: Annotated[Seconds, Field(description="second at which the part begins")] = 0.0
    to: Until = None
    before: Annotated[Seconds, Field(description="seconds to invent before the part")] = 0.0
    after: Annotated[Seconds, Field(description="seconds to invent after the part")] = 0.0
    prompt: Words = ""

    def given(self) -> Video:
        """The video."""
        return self.video.video

    def invents(self, shot: Shot) -> int:
        """What is added on either side."""
        return round((self.before + self.after) * shot.fps) + shot.beat

    def canvas(self, shot: Shot) -> Canvas:
        """The part, and invented frames around it; on the model's grid where that can be had."""
        source = fitted(self.video, shot)
        part = frames_between(self.from_, self.to, source.video)
        before, after = (round(seconds * shot.fps) for seconds in (self.before, self.after))
        if before + after > shot.most:
            asked = f"{self.before + self.after:g} seconds"
            raise ValueError(f"{asked} are too long; this model invents at most {shot.most / shot.fps:g} seconds, {shot.most} frames")
        piece = Video(source.video.frames[part.start : part.stop], shot.fps)
        trimmed = replace(source, video=piece, kept=tuple(one.only(part).moved(-part.start) for one in source.kept))
        before = on_beat(before, shot.beat, trimmed) if before else 0
        return laid([(before, trimmed)], before + piece.num_frames + after, shot, described(self.prompt, source) if before or after else "")
