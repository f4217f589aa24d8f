"""Frames to files: mp4, webm, gif and png, whole or not at all."""

import errno
import json
import os
import re
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from yozora.video.note import gif_with_note, png_with_note


@dataclass(frozen=True, kw_only=True)
class Format:
    """A container and the codec that goes into it."""

    container: str
    codec: str
    options: dict[str, str]
    container_options: dict[str, str]


THREADS = "4"  # fixed, because the bytes that the encoders write depend on it
FORMATS = {
    ".mp4": Format(
        container="mp4",
        codec="libx264",
        # Without mbtree, whose AVX-512 code reads memory that nobody wrote: with it, one file in a thousand came out different.
        options={"crf": "16", "preset": "medium", "threads": THREADS, "x264-params": "mbtree=0"},
        container_options={"movflags": "+faststart", "fflags": "+bitexact"},
    ),
    ".webm": Format(
        container="webm",
        codec="libvpx-vp9",
        options={"crf": "20", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1", "threads": THREADS},
        container_options={"fflags": "+bitexact"},  # otherwise each file gets a random identity
    ),
}
SUFFIXES = (*FORMATS, ".gif", ".png")
NUMBER = re.compile(r"%0?\d*d")
KEYFRAME_SECONDS = 2
MAX_GIF_FPS = 50  # browsers slow down anything faster
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


def write(frames: np.ndarray, fps: float | int, path: Path, metadata: Mapping[str, str]) -> Path:
    """Write frames `uint8[time height width 3]` in the format of the suffix; see `Video.save`."""
    check(path, frames.shape[:3], fps)
    suffix, rate = path.suffix.lower(), whole_rate(fps)
    note = json.dumps(dict(metadata)) if metadata else ""
    with replacing(files_of(path, len(frames))) as parts:
        if suffix == ".png":
            for part, picture in zip(parts, frames):
                part.write_bytes(png_with_note(picture, note))
        elif suffix == ".gif":
            encode_gif(frames, rate, parts[0])
            parts[0].write_bytes(gif_with_note(parts[0].read_bytes(), note))
        else:
            encode(frames, rate, parts[0], FORMATS[suffix], note)
    return path


def is_row(path: Path) -> bool:
    """Whether a path names a row of pictures, one for each frame."""
    return path.suffix.lower() == ".png" and bool(NUMBER.search(path.name))


def files_of(path: Path, num_frames: int) -> list[Path]:
    """The files that a clip of so many frames is written to."""
    return [path.with_name(path.name % index) for index in range(num_frames)] if is_row(path) else [path]


def writes_over(path: Path, file: Path) -> bool:
    """Whether a clip that is written to a path can take the place of a file that exists."""
    if not is_row(path):
        return path.exists() and path.samefile(file)
    picture = re.compile(r" *\d+".join(map(re.escape, NUMBER.split(path.name))), re.IGNORECASE)
    return any(picture.fullmatch(other.name) and other.exists() and other.samefile(file) for other in path.parent.glob("*"))


def check(path: Path, shape: tuple[int, int, int], fps: float | int | None) -> None:
    """Raise ValueError where a clip of `shape` (time, height, width) cannot be written to `path`; `fps` may not be known yet."""
    suffix, (num_frames, height, width) = path.suffix.lower(), shape
    if suffix not in SUFFIXES:
        raise ValueError(f"{path.name!r} does not end in one of {', '.join(SUFFIXES)}")
    if fps is not None and suffix != ".png":
        check_rate(suffix, fps)
    if suffix in FORMATS and (height % 2 or width % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        raise ValueError(f"{suffix} holds even sizes only, not {width}x{height}; the nearest is {even} (.gif and .png take any)")
    numbers = NUMBER.findall(path.name)
    if suffix == ".png" and num_frames > 1 and not numbers:
        raise ValueError(f"a .png holds one frame, not {num_frames}; name it {path.stem}_%03d.png to save each, or save as .mp4")
    if suffix == ".png" and numbers and (len(numbers) > 1 or path.name.count("%") > 1):
        raise ValueError(f"{path.name!r} must contain % once, as in {'frame_%03d.png'!r}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"the folder {folder} does not exist; create it first")
    for file in files_of(path, num_frames):
        if is_folder(file):
            raise ValueError(f"{file} is a folder; name a file in it")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"the folder {folder} is not writable; choose another")


def is_folder(path: Path) -> bool:
    """Whether a path is a folder's; raises ValueError for a name that the disk does not take, such as one that is too long."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}; choose another name") from error


def check_rate(suffix: str, fps: float | int) -> None:
    """Raise ValueError for a rate that a format cannot hold."""
    if not whole_rate(fps):
        raise ValueError(f"{fps:g} frames a second are too few for a file; use at least 0.001")
    if suffix == ".gif" and whole_rate(fps) > MAX_GIF_FPS:
        raise ValueError(f"a .gif shows at most {MAX_GIF_FPS} frames a second, not {fps:g}; save as .mp4")


def whole_rate(fps: float | int) -> Fraction:
    """A rate as files keep it: 1001 allows those of television."""
    return Fraction(fps).limit_denominator(1001)


@contextmanager
def replacing(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield a path beside each target; move all into place at the end, or leave nothing behind."""
    run = uuid.uuid4().hex[:8]
    parts = [target.absolute().with_name(f".yozora-{run}-{index}.part") for index, target in enumerate(targets)]
    try:
        yield parts
        for part, target in zip(parts, targets):
            os.replace(part, target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "the disk is full; free some space or choose another folder" if full else error.strerror or error
        raise ValueError(f"{targets[0]} could not be written: {remedy}") from error
    finally:
        for part in parts:
            with suppress(OSError):  # what went wrong before says more
                part.unlink(missing_ok=True)


def encode(frames: np.ndarray, rate: Fraction, path: Path, how: Format, note: str) -> None:
    """Encode to BT.709 limited-range 4:2:0, which every player shows alike when it is tagged as such."""
    with av.open(str(path), "w", format=how.container, container_options=how.container_options) as file:
        if note:
            file.metadata["comment"] = note
        stream = file.add_stream(how.codec, rate=rate, options=how.options | {"g": str(max(1, int(KEYFRAME_SECONDS * rate)))})
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        codec = stream.codec_context
        codec.time_base = 1 / rate
        codec.colorspace, codec.color_range = 1, ColorRange.MPEG  # 1 is BT.709 in the codec's own counting
        codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for index, picture in enumerate(frames):
            frame = rgb_frame(picture, index, rate).reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, interpolation=EXACT
            )
            frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def encode_gif(frames: np.ndarray, rate: Fraction, path: Path) -> None:
    """Encode with the 256 colours that suit the whole clip best, looping for ever."""
    graph = Graph()
    height, width = frames.shape[1:3]
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / rate)
    split, sink = graph.add("split"), graph.add("buffersink")
    palette, dither = graph.add("palettegen", "reserve_transparent=0"), graph.add("paletteuse", "dither=sierra2_4a")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(dither, 1, 0)
    palette.link_to(dither, 0, 1)
    dither.link_to(sink)
    graph.configure()
    for index, picture in enumerate(frames):
        source.push(rgb_frame(picture, index, rate))
    source.push(None)
    with av.open(str(path), "w", format="gif", container_options={"loop": "0"}) as file:
        stream = file.add_stream("gif", rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = height, width, "pal8"
        for _ in frames:
            frame = sink.pull()
            assert isinstance(frame, av.VideoFrame)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def rgb_frame(picture: np.ndarray, index: int, rate: Fraction) -> av.VideoFrame:
    """Picture `uint8[height width 3]` as the frame number `index`."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame.pts, frame.time_base, frame.duration = index, 1 / rate, 1
    return frame
