"""Words to a video: nothing is given, everything is invented."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import STRICT, Request, Shot
from yozora.tasks.timeline import Prompt, laid, on_beat


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Generate(Request):
    """Make a video from a sentence, or an image where the file is an image."""

    prompt: Prompt
    loop: Annotated[bool, Field(description="make its end meet its beginning, so that it goes round without a seam")] = False

    def canvas(self, shot: Shot) -> Canvas:
        """An empty canvas of the shot's size under one cue; a loop is as long as makes whole beats."""
        if not self.loop:
            return laid([], shot.frames, shot, self.prompt)
        if shot.frames == 1:
            raise ValueError("a picture does not loop; leave out --loop, or ask for a video")
        return replace(laid([], on_beat(shot.frames, shot.beat), shot, self.prompt), loops=True)
