"""Physics in the loop: what the words describe is simulated, and the model repaints a plain picture of it."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.request import STRICT, Request, Shot
from yozora.tasks.source import Source
from yozora.tasks.strength import NAMES, Strength
from yozora.tasks.timeline import Prompt, laid
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Simulate(Request):
    """Make a video whose motion obeys a physics engine: it simulates the words, and the model paints what it did."""

    prompt: Prompt
    strength: Strength = NAMES["mild"]
    layout: Annotated[int, Field(ge=0, description="number that decides what the words leave open")] = 0

    def canvas(self, shot: Shot) -> Canvas:
        """A plain picture of the simulated scene, at the strength throughout."""
        from yozora.world.parse import compose  # these bring torch
        from yozora.world.simulate import simulate
        from yozora.world.sketch import sketch
        from yozora.world.understand import understood

        scene = compose(understood(self.prompt), self.layout)
        take = simulate(scene, frames=shot.frames, fps=shot.fps, aspect=shot.width / shot.height)
        plain = Video(sketch([take], (shot.width, shot.height))[0].numpy(), shot.fps)
        canvas = laid([(0, Source("", "", plain))], shot.frames, shot, self.prompt)
        return replace(canvas, start=np.full((1, 1, 1), self.strength, np.float32))
