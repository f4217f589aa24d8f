"""A picture to a video: it starts there, and may pass through others and end on one."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.tasks.complaints import shown
from yozora.tasks.request import STRICT, Request, Shot
from yozora.tasks.source import Picture, fitted
from yozora.tasks.timeline import Prompt, Seconds, laid
from yozora.video import Video


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Key:
    """A picture that is to be seen at a second of the clip."""

    second: Seconds
    picture: Picture


def read_key(value: Any) -> Any:
    """What a key holds, from SECOND=IMAGE or a pair of both; raises ValueError for anything else."""
    if isinstance(value, Mapping | Key):
        return value
    if isinstance(value, tuple) and len(value) == 2:
        return {"second": value[0], "picture": value[1]}
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*=(.+)", str(value))
    if not found:
        raise ValueError(f"{shown(value)} is not SECOND=IMAGE, such as 1.5=cube.png")
    return {"second": float(found[1]), "picture": found[2]}


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Animate(Request):
    """Make a video that starts from a picture."""

    image: Annotated[Picture, Field(description="picture to start from")]
    prompt: Prompt
    last: Annotated[Picture | None, Field(description="picture to end on")] = None
    at: Annotated[
        tuple[Annotated[Key, BeforeValidator(read_key)], ...],
        Field(description="SECOND=IMAGE: a picture to pass through at that second; may be given several times"),
    ] = ()

    def given(self) -> Video:
        """The picture."""
        return self.image.video

    def canvas(self, shot: Shot) -> Canvas:
        """Each picture at its frame."""
        keys = [(0, self.image), *((shot.frames - 1, picture) for picture in (self.last,) if picture)]
        keys += [(round(key.second * shot.fps), key.picture) for key in self.at]
        for frame, picture in keys:
            if frame >= shot.frames:
                raise ValueError(
                    f"{picture.name} at {frame / shot.fps:g} s lies beyond the clip's {shot.seconds:g} s; ask for more --seconds"
                )
            if [other for other, _ in keys].count(frame) > 1:
                raise ValueError(f"two pictures fall on the frame at {frame / shot.fps:g} s; move one, or ask for more --seconds")
        return laid([(frame, fitted(picture, shot)) for frame, picture in keys], shot.frames, shot, self.prompt)
