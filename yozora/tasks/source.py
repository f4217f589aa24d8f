"""Files that a request gives: read and checked before anything is loaded, named and hashed in what is made of them."""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from yozora import sidecar
from yozora.canvas import Kept
from yozora.made import Made
from yozora.tasks.request import Shot
from yozora.video import Background, Video, read_metadata


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


def read_source(value: Any, behind: Background = "white") -> Any:
    """A source from a path, a `Video`, or what `refer` made of one; raises ValueError for what is no video or is not what it was.

    Transparent parts of a file lie on what is `behind` them.
    """
    if isinstance(value, Video):
        digest = hashlib.sha256(repr((value.frames.shape, value.fps)).encode())
        digest.update(np.ascontiguousarray(value.frames).data)
        words, kept = (value.facts.get("words", ""), value.kept) if isinstance(value, Made) else ("", ())
        return Source(file="", sha256=digest.hexdigest(), video=value, words=words, kept=kept)
    if isinstance(value, Mapping):
        return recalled(value, behind)
    if not isinstance(value, str | Path):
        return value
    path = Path(value)
    video = Video.load(path, behind=behind)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(file=str(value), sha256=sha256, video=video, words=words_of(path), kept=sidecar.find(path, sha256))


def sources(value: Any) -> Iterator[Source]:
    """All that a request is given, its pictures and masks included."""
    if isinstance(value, Source):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from sources(one)
    elif is_dataclass(value):
        yield from sources(tuple(getattr(value, field.name) for field in fields(value)))


def refer(source: Source) -> dict[str, str]:
    """What a request's record says of a source: its file, and the latents beside it, for what is made from them differs in details."""
    latents = {"latents": fingerprint(source.kept)} if source.kept else {}
    return {"file": source.file, "sha256": source.sha256} | latents


def recalled(record: Mapping[str, Any], behind: Background = "white") -> Source:
    """The source that a record refers to; raises ValueError where its file is not what it was, warns where its latents are not."""
    file, sha256, latents = (record.get(name) for name in ("file", "sha256", "latents"))
    if not (isinstance(file, str) and file):
        raise ValueError("it was made from a video in memory, which no file holds")
    found = read_source(file, behind)
    if found.sha256 != sha256:
        raise ValueError(f"{file} is no longer the file that it was made from; bring that one back")
    if latents is None:
        return replace(found, kept=())
    if fingerprint(found.kept) != latents:
        name = f"{Path(file).name}.{found.sha256[: sidecar.LETTERS]}{sidecar.SUFFIX}"
        gone = f"the latents beside {file} that it was made with, {name}, are gone or changed"
        warnings.warn(f"{gone}; bring them back, or expect differences in details", stacklevel=2)
    return found


def fingerprint(kept: tuple[Kept, ...]) -> str:
    """Some letters that tell latents apart."""
    digest = hashlib.sha256()
    for one in kept:
        digest.update(repr((one.latents.shape, one.frame, one.end, one.where, one.vae)).encode() + one.latents.tobytes())
    return digest.hexdigest()[:16]


def read_picture(value: Any) -> Any:
    """A source of one frame; raises ValueError for more."""
    source = read_source(value)
    if isinstance(source, Source) and source.video.num_frames > 1:
        raise ValueError(f"{source.name} has {source.video.num_frames} frames; give a picture, or save its first frame as .png")
    return source


def words_of(path: Path) -> str:
    """What a file of ours says that it shows; empty for any other."""
    return read_metadata(path).get("words", "")


def described(prompt: str, source: Source) -> str:
    """The prompt, or what the source says that it shows; warns where neither says anything."""
    words = prompt.strip() or source.words
    if not words:
        warnings.warn(f"nothing says what {source.name} shows, and the model will guess; give a prompt", stacklevel=2)
    return words


Clip = Annotated[InstanceOf[Source], BeforeValidator(read_source), PlainSerializer(refer)]
Picture = Annotated[InstanceOf[Source], BeforeValidator(read_picture), PlainSerializer(refer)]
Mask = Annotated[InstanceOf[Source], BeforeValidator(partial(read_source, behind="black")), PlainSerializer(refer)]  # white is chosen


def fitted(source: Source, shot: Shot) -> Source:
    """A source at a shot's size and rate; a clip that is so already keeps its latents, any other has none.

    It is enlarged or reduced until it covers the shot, and what is over is cut off on both sides alike; this is said.
    """
    video = source.video
    still = video.num_frames == 1
    if (video.width, video.height) == (shot.width, shot.height) and (still or video.fps == shot.fps):
        return replace(source, video=Video(video.frames, shot.fps))
    said = f"{source.name}, {video.width}x{video.height}" + ("" if still else f" at {video.fps:.4g} frames a second")
    warnings.warn(f"{said}, is taken as {shot.width}x{shot.height}" + ("" if still else f" at {shot.fps:.4g}"), stacklevel=2)
    if not still and source.file and video.fps != shot.fps:
        with warnings.catch_warnings(action="ignore"):  # what is to be said of the file has been said
            video = Video.load(source.file, fps=shot.fps)  # by the times of its frames, where their rate varies
    fitting = Video(video.frames, shot.fps) if still else video.resampled(shot.fps)
    return replace(source, video=covering(fitting, shot.width, shot.height), kept=())


def covering(video: Video, width: int, height: int) -> Video:
    """The middle of a video that is enlarged or reduced until it covers a size in pixels."""
    scale, (left, top) = covering_at(video, width, height)
    larger = video.resized(max(width, round(video.width * scale)), max(height, round(video.height * scale)))
    return Video(np.ascontiguousarray(larger.frames[:, top : top + height, left : left + width]), video.fps)


def covering_at(video: Video, width: int, height: int) -> tuple[float, tuple[int, int]]:
    """By how much a video is enlarged until it covers a size, and the left and top border in pixels that is then cut off."""
    scale = max(width / video.width, height / video.height)
    if (video.width - width, video.height - height) in ((0, 0), (1, 0), (0, 1), (1, 1)):
        scale = 1.0  # an odd size is cut, not blurred
    larger = max(width, round(video.width * scale)), max(height, round(video.height * scale))
    return scale, ((larger[0] - width) // 2, (larger[1] - height) // 2)
