"""What every task is, and the size in which it is met."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas
from yozora.video import Video

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Shot:
    """The size of a clip once a model's habits have filled what the request left out.

    `beat` is how many frames the model makes at once: a clip placed a multiple of it later lies on the same grid. `most` is how
    many frames it may be asked to invent.
    """

    width: int
    height: int
    frames: int
    fps: float
    beat: int = 1
    most: int = 2**31

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return self.frames / self.fps


class Request(ABC):
    """What every task is: something asked, as a frozen dataclass, that becomes a canvas."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    without: ClassVar[Mapping[str, str]] = {}  # settings that have no meaning here, each with what is so in its place

    def given(self) -> Video | None:
        """What the clip takes its size from, if anything."""
        return None

    def invents(self, shot: Shot) -> int:
        """How many frames it adds to those that are given, at most."""
        return 0 if "frames" in self.without else shot.frames

    @abstractmethod
    def canvas(self, shot: Shot) -> Canvas:
        """The canvas of the shot's size in which the request is to be met; raises ValueError where it cannot be."""


# `without` of a task whose clip is as long as what it is given
LENGTH: Mapping[str, str] = dict.fromkeys(("seconds", "frames"), "keeps the length of what it is given")
