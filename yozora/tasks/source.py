"""Files that a request gives: read and checked before anything is loaded, named and hashed in what is made of them."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from yozora import sidecar
from yozora.canvas import Kept
from yozora.tasks.settings import Shot
from yozora.video import Video, read_metadata


@dataclass(frozen=True, eq=False)
class Source:
    """A video or picture that is given: the name and hash of its file, the words it was made by if it says so, latents kept beside it."""

    file: str
    sha256: str
    video: Video
    words: str = ""
    kept: tuple[Kept, ...] = ()

    @property
    def name(self) -> str:
        """What messages call it."""
        return Path(self.file).name or "the given video"


def read_source(value: Any) -> Any:
    """A source from a path, a `Video`, or what `refer` made of one; raises ValueError for what is no video or is not what it was."""
    if isinstance(value, Video):
        digest = hashlib.sha256(repr((value.frames.shape, value.fps)).encode() + value.frames.tobytes())
        return Source(file="", sha256=digest.hexdigest(), video=value)
    if isinstance(value, Mapping):
        if not value["file"]:
            raise ValueError("it was made from a video in memory, which no file holds")
        found = read_source(value["file"])
        if found.sha256 != value["sha256"]:
            raise ValueError(f"{value['file']} is no longer the file that it was")
        return found
    if not isinstance(value, str | Path):
        return value
    path = Path(value)
    video = Video.load(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source(file=str(value), sha256=sha256, video=video, words=words_of(path), kept=sidecar.find(path, sha256))


def refer(source: Source) -> dict[str, str]:
    """What a request's record says of a source."""
    return {"file": source.file, "sha256": source.sha256}


def read_picture(value: Any) -> Any:
    """A source of one frame; raises ValueError for more."""
    source = read_source(value)
    if isinstance(source, Source) and source.video.num_frames > 1:
        raise ValueError(f"{source.name} has {source.video.num_frames} frames; give a picture, or save its first frame as .png")
    return source


def words_of(path: Path) -> str:
    """The prompt that a file of ours was made by; empty for any other."""
    try:
        return str(json.loads(read_metadata(path)["request"])["prompt"])
    except (KeyError, TypeError, ValueError):
        return ""


Clip = Annotated[InstanceOf[Source], BeforeValidator(read_source), PlainSerializer(refer)]
Picture = Annotated[InstanceOf[Source], BeforeValidator(read_picture), PlainSerializer(refer)]


def fitted(source: Source, shot: Shot) -> Source:
    """A source at a shot's size and rate; a clip that is so already keeps its latents, any other has none.

    It is enlarged or reduced until it covers the shot, and what is over is cut off on both sides alike; this is said.
    """
    video = source.video
    still = video.num_frames == 1
    if (video.width, video.height) == (shot.width, shot.height) and (still or video.fps == shot.fps):
        return replace(source, video=Video(video.frames, shot.fps))
    said = f"{source.name}, {video.width}x{video.height}" + ("" if still else f" at {video.fps:g} frames a second")
    warnings.warn(f"{said}, is taken as {shot.width}x{shot.height}" + ("" if still else f" at {shot.fps:g}"), stacklevel=2)
    fitting = Video(video.frames, shot.fps) if still else video.resampled(shot.fps)
    return replace(source, video=covering(fitting, shot.width, shot.height), kept=())


def covering(video: Video, width: int, height: int) -> Video:
    """The middle of a video that is enlarged or reduced until it covers a size in pixels."""
    scale = max(width / video.width, height / video.height)
    if (video.width - width, video.height - height) in ((0, 0), (1, 0), (0, 1), (1, 1)):
        scale = 1.0  # an odd size is cut, not blurred
    larger = video.resized(max(width, round(video.width * scale)), max(height, round(video.height * scale)))
    left, top = (larger.width - width) // 2, (larger.height - height) // 2
    return Video(np.ascontiguousarray(larger.frames[:, top : top + height, left : left + width]), video.fps)
