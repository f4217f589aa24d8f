"""Stretches of a clip, in seconds or frames."""

import re
from typing import Annotated

import numpy as np
from pydantic import Field

from yozora.tasks.complaints import shown
from yozora.tasks.timeline import Seconds
from yozora.video import Video

Until = Annotated[Seconds | None, Field(description="second at which the part ends, without it the video's end")]


def frames_between(since: float, until: float | None, video: Video) -> range:
    """The frames that are shown between two seconds; raises ValueError for a span that is empty or not inside the video."""
    end = video.seconds if until is None else until
    if not 0 <= since < end or end > video.seconds + 0.5 / video.fps:
        raise ValueError(f"{since:g} to {end:g} s is no part of the clip's 0 to {video.seconds:g} s; name one that begins before it ends")
    first = min(round(since * video.fps), video.num_frames - 1)
    return range(first, max(first + 1, min(round(end * video.fps), video.num_frames)))


def listed(text: str, video: Video) -> np.ndarray:
    """Which frames of a video a list such as 3,7-9 names, `bool[time]`, counted from 0; raises ValueError for any other."""
    chosen = np.zeros(video.num_frames, bool)
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not first <= last < video.num_frames:
            raise ValueError(f"{shown(part.strip())} names no frames of the clip's 0 to {video.num_frames - 1}; list them as 3,7-9")
        chosen[first : last + 1] = True
    return chosen
