"""Clips and pictures laid along a canvas's time, and what several tasks read alike."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from yozora.canvas import Canvas, Cue
from yozora.tasks.request import Shot
from yozora.tasks.source import Source
from yozora.video import Video


def said(prompt: str) -> str:
    """A prompt without the blanks around it; raises ValueError where nothing is left."""
    if not prompt.strip():
        raise ValueError("the prompt is empty; say what the clip shows, for example 'a red ball bounces past a blue cube'")
    return prompt.strip()


Prompt = Annotated[str, AfterValidator(said), Field(description="what the clip shows")]
Words = Annotated[str, Field(description="what the clip shows; without it, the words that the given clip says it was made by")]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


def laid(pieces: Sequence[tuple[int, Source]], frames: int, shot: Shot, prompt: str) -> Canvas:
    """A canvas of so many frames in which each source, of the shot's size and rate, is given from its frame on, and the rest invented."""
    if not pieces:
        given = np.broadcast_to(np.zeros(3, np.uint8), (frames, shot.height, shot.width, 3))  # takes no memory
    else:
        given = np.zeros((frames, shot.height, shot.width, 3), np.uint8)
    start = np.ones((frames if pieces else 1, 1, 1), np.float32)
    kept = []
    for first, source in pieces:
        given[first : first + source.video.num_frames] = source.video.frames
        start[first : first + source.video.num_frames] = 0
        kept += [one.moved(first) for one in source.kept]
    script = (Cue(text=prompt, start=0.0, end=frames / shot.fps),)
    return Canvas(given=Video(frames=given, fps=shot.fps), start=start, script=script, kept=tuple(kept))


def on_beat(frames: int, beat: int, source: Source | None = None, after: Source | None = None) -> int:
    """The number of frames, or as few more as make it whole beats; before a source, as put its latents on the grid of the one before."""
    begins, before = (one.kept[0].frame if one and one.kept else 0 for one in (source, after))
    return frames + (before - begins - frames) % beat
