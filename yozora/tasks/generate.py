"""Words to a video: nothing is given, everything is invented."""

from typing import Annotated

import numpy as np
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas, Cue
from yozora.tasks.settings import STRICT, Shot
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Generate:
    """Make a video from a sentence, or an image where the file is an image."""

    prompt: Annotated[str, Field(description="what the clip shows")]

    @field_validator("prompt")
    @classmethod
    def _not_empty(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("the prompt is empty; say what the clip shows, for example 'a red ball bounces past a blue cube'")
        return prompt.strip()

    def canvas(self, shot: Shot) -> Canvas:
        """An empty canvas of the shot's size under one cue."""
        nothing = np.broadcast_to(np.zeros(3, np.uint8), (shot.frames, shot.height, shot.width, 3))  # takes no memory
        cue = Cue(text=self.prompt, start=0.0, end=shot.seconds)
        return Canvas(given=Video(frames=nothing, fps=shot.fps), start=np.ones((1, 1, 1), np.float32), script=(cue,))
