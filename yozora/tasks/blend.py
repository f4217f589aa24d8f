"""One clip melts into another."""

import warnings
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from yozora.canvas import Canvas, Cue
from yozora.tasks.curve import Curve
from yozora.tasks.request import LENGTH, STRICT, Request, Shot
from yozora.tasks.source import Clip, Source, described, fitted
from yozora.video import Video
from yozora.windows import runs


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Blend(Request):
    """Melt one video into another along a curve of weights over time."""

    without = LENGTH
    first: Annotated[Clip, Field(description="video that has the weight 0")]
    second: Annotated[Clip, Field(description="video that has the weight 1")]
    prompt: Annotated[str, Field(description="what the clip shows; without it, the words of each video hold where it has more weight")] = ""
    curve: Annotated[Curve, Field(description="TIME:WEIGHT points, both from 0 to 1; times are parts of the clip")] = (
        (0.0, 0.0),
        (1.0, 1.0),
    )

    def given(self) -> Video:
        """The first video."""
        return self.first.video

    def canvas(self, shot: Shot) -> Canvas:
        """In each frame the video that has more weight, at a level that is 0 where it has all of it and 1 where both have the same.

        A mixture of the two would leave both to be seen at once; noise hides the change from one to the other instead.
        """
        first, second = self._side_by_side(shot)
        frames = min(first.video.num_frames, second.video.num_frames)
        times, weights = zip(*self.curve, strict=True)
        weight = np.interp(np.linspace(0, 1, frames), times, weights)
        given = np.where((weight < 0.5)[:, None, None, None], first.video.frames[:frames], second.video.frames[:frames])
        start = np.sin(np.pi * weight).clip(0, 1).astype(np.float32)
        start[np.isin(weight, (0, 1))] = 0
        turned = weight >= 0.5
        kept = tuple(one.only(run) for clip, shown in ((first, ~turned), (second, turned)) for run in runs(shown) for one in clip.kept)
        return Canvas(given=Video(given, shot.fps), start=start[:, None, None], script=self._script(turned, shot.fps), kept=kept)

    def _side_by_side(self, shot: Shot) -> tuple[Source, Source]:
        """Both videos at the shot's size and rate; a picture is shown as long as the other, and the longer of two is cut."""
        both = fitted(self.first, shot), fitted(self.second, shot)
        lengths = [source.video.num_frames for source in both]
        if lengths == [1, 1]:
            raise ValueError("two pictures have no length to melt in; join them with connect, or give a video")
        if lengths[0] != lengths[1] and min(lengths) > 1:
            cut, kept = (both[index].name for index in (np.argmax(lengths), np.argmin(lengths)))
            warnings.warn(f"{cut} is cut to the {min(lengths) / shot.fps:.3g} seconds of {kept}", stacklevel=2)
        first, second = (source if length > 1 else held(source, max(lengths)) for source, length in zip(both, lengths, strict=True))
        return first, second

    def _script(self, turned: np.ndarray, fps: float) -> tuple[Cue, ...]:
        """The prompt, or the words of the video that each stretch is taken from."""
        if self.prompt:
            return (Cue(text=self.prompt, start=0.0, end=len(turned) / fps),)
        spans = sorted([*runs(turned), *runs(~turned)], key=lambda run: run.start)
        words = [described("", self.second if turned[run.start] else self.first) for run in spans]
        return tuple(Cue(text=text, start=run.start / fps, end=run.stop / fps) for text, run in zip(words, spans, strict=True))


def held(source: Source, frames: int) -> Source:
    """A picture that is shown for so many frames."""
    return replace(source, video=Video(np.broadcast_to(source.video.frames, (frames, *source.video.frames.shape[1:])), source.video.fps))
