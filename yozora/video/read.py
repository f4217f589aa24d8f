"""Files to frames, with nothing in the file trusted."""

import json
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from yozora.video import Background
from yozora.video.boxes import most_samples
from yozora.video.exif import orientation
from yozora.video.note import gif_note, gif_rate, png_note

MAX_PIXELS = 4096 * 2304  # of one frame of a video
MAX_PICTURE = 8192 * 4096  # pixels of one picture, such as a telephone takes
MAX_FRAMES = 500_000
MAX_BYTES = 2**31  # of all frames decoded
PARTS = (1, 2)  # by which the sides of frames may be divided, so that all of them fit
TOO_LONG = f"its frames take more than {MAX_BYTES / 2**30:.0f} GiB; cut or shrink it first"
TOO_LARGE = "its {}x{} are more than {} pixels; shrink it first"
BROKEN = "it is cut off or damaged; copy it again, or convert it to mp4 or png"
MAX_PICTURE_BYTES = 2**28  # of the file of a picture or a gif, which is read whole
MAX_STREAMS = 64
TURNS = {1: "90 degrees to the left", 2: "180 degrees", 3: "90 degrees to the right"}
MIRRORED = {2: 1, 4: 1, 5: 2, 7: 2}  # by what cameras write: the axis to flip once a picture is turned
HDR = (16, 18)  # PQ and HLG, by the codecs' own counting
IMAGE_FPS = 1.0
IMAGES = ("png_pipe", "jpeg_pipe", "webp_pipe")
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mpeg2video", "mjpeg", "prores", "ffv1", "png", "gif", "webp")
STARTS = {b"\x1a\x45\xdf\xa3": "matroska", b"GIF8": "gif", b"\x89PNG\r\n\x1a\n": "png_pipe", b"\xff\xd8\xff": "jpeg_pipe"}
MATRICES = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}  # by the codecs' own counting
UNTAGGED = 2
GREYS: dict[Background, int] = {"white": 255, "black": 0}
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


class Refusal(ValueError):
    """What is wrong with a file and what to do about it, in words of ours."""


def read(path: Path, fps: float | int | None, behind: Background) -> tuple[np.ndarray, float | int]:
    """Frames `uint8[time height width 3]` and their rate; see `Video.load`."""
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"fps must be a positive number, not {fps}")
    remarks: dict[str, None] = {}  # in order, each once
    shown = shown_at(path)
    with opened(path) as file:
        image = file.format.name in IMAGES
        rate = IMAGE_FPS if image else gif_rate(path.read_bytes()) if file.format.name == "gif" else mean_rate(file)
        if fps is None and not image and is_variable(shown):
            remarks[f"has a variable frame rate; it is resampled by time to {rate:.4g} frames a second"] = None
        rate = fps or rate
        part = division(file, float(np.ptp(shown)), rate)
        if part > 1:
            remarks[f"is read at 1/{part} of its size, for all of its frames would take more than {MAX_BYTES >> 30} GiB"] = None
        remarks |= dict.fromkeys(remarks_on(file))
        frames = whole_frames(file)
        shown_as = partial(upright, remarks=remarks, behind=behind, part=part)
        whole = stacked(map(shown_as, frames) if image else resampled(file, rate, shown_as))
    axis = MIRRORED.get(orientation(path.read_bytes())) if image else None
    if axis:
        whole = np.ascontiguousarray(np.flip(whole, axis))
        remarks["is mirrored, as it says itself"] = None
    for remark in remarks:
        warnings.warn(f"{path.name} {remark}", stacklevel=3)
    return whole, rate


def stacked(pictures: Iterator[np.ndarray]) -> np.ndarray:
    """Pictures as one array, none of which is held twice."""
    held: list[Any] = []
    size, shape = 0, ()
    for picture in pictures:
        size += picture.nbytes
        if size > MAX_BYTES:
            raise Refusal(TOO_LONG)
        shape = shape or picture.shape
        if picture.shape != shape:
            raise Refusal("its frames change their size midway; convert it to one size")
        held.append(picture)
    whole = np.empty((len(held), *shape), np.uint8)
    for index in range(len(held)):
        whole[index] = held[index]
        held[index] = None
    return whole


def read_note(path: Path) -> dict[str, str]:
    """What `write` kept inside the file; see `read_metadata`."""
    with opened(path) as file:
        name, tags = file.format.name, {key.lower(): value for key, value in file.metadata.items()}
    if name in ("png_pipe", "gif"):
        text = (png_note if name == "png_pipe" else gif_note)(path.read_bytes())
    else:
        text = tags.get("comment", "")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def shown_at(path: Path) -> np.ndarray:
    """When each frame is shown, in order, by the packets alone: nothing is decoded."""
    with opened(path) as file:
        packets = [] if file.format.name in IMAGES else file.demux(file.streams.video[0])
        moments = [float(when * packet.time_base) for packet in islice(packets, MAX_FRAMES) if (when := moment(packet)) is not None]
        if len(moments) == MAX_FRAMES:
            raise Refusal(TOO_LONG)
        return np.sort(np.array(moments or [0.0]))


def moment(packet: av.Packet) -> int | None:
    """When a packet is shown, or at least decoded, in its own units; None where it does not say."""
    return packet.dts if packet.pts is None else packet.pts


def is_variable(shown: np.ndarray) -> bool:
    """Whether some frames are shown clearly longer than others; rounding to milliseconds does not count."""
    gaps = np.diff(shown)
    return len(gaps) > 1 and bool((abs(gaps - np.median(gaps)) > 0.5 * np.median(gaps) + 0.002).any())


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a file whose format is fixed by its first bytes; whatever goes wrong with it is one ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a folder; name a file in it" if path.is_dir() else f"{path} is no plain file; save it as one first")
    try:
        with path.open("rb") as source, entered(source, sniffed(source)) as file:
            codec = file.streams.video[0].codec_context if file.streams.video else None
            if codec is None:
                raise Refusal("it holds no picture; give a video or a picture")
            if codec.name not in CODECS:
                raise Refusal(f"its codec {codec.name} is not taken; convert it to h264")
            most = most_pixels(file.format.name)
            if not codec.width * codec.height:
                raise Refusal(f"it is cut off or damaged, or has more than {most} pixels; copy it again, or shrink it")
            if codec.width * codec.height > most:
                raise Refusal(TOO_LARGE.format(codec.width, codec.height, most))
            codec.options = limits(file.format.name) | {"err_detect": "explode"}  # as options of the file they would be ignored
            yield file
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{path} does not exist; check its name and its folder") from None
    except MemoryError:
        raise
    except Exception as error:  # a hostile file can make the decoders raise anything
        if isinstance(error, Refusal):
            reason = str(error)
        elif isinstance(error, OSError) and not isinstance(error, FFmpegError):
            reason = error.strerror or type(error).__name__
        else:
            reason = BROKEN
        raise ValueError(f"{path} could not be read: {reason}") from error


def entered(source: BinaryIO, name: str) -> InputContainer:
    """A file of a known format; its first pictures, which are decoded here already, within the same limits as all others."""
    size = os.fstat(source.fileno()).st_size
    if name in (*IMAGES, "gif") and size > MAX_PICTURE_BYTES:
        raise Refusal(f"it takes more than {MAX_PICTURE_BYTES >> 20} MiB; shrink it first")
    if name == "mp4" and most_samples(source, 0, size) > size:  # each of which the demuxer would make room for
        raise Refusal(BROKEN)
    source.seek(0)
    probing = [limits(name)] * MAX_STREAMS
    return av.open(source, "r", format=name, metadata_errors="replace", stream_options=probing)  # pyright: ignore[reportArgumentType, reportCallIssue] (its types say list[str])


def limits(name: str) -> dict[str, str]:
    """What decoders are told: they round sizes up, so that they may take a tenth more than we do."""
    return {"max_pixels": str(most_pixels(name) * 11 // 10)}


def most_pixels(name: str) -> int:
    """Pixels that one frame of a format may have."""
    return MAX_PICTURE if name in IMAGES else MAX_PIXELS


def sniffed(source: BinaryIO) -> str:
    """The demuxer for what a file really is. Playlists, which can name other files, have none."""
    head = source.read(32)
    source.seek(0)
    if not head:
        raise Refusal("it is empty; give a video or a picture")
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if head[12:16] == b"VP8X" and head[20] & 2:
            raise Refusal("it is an animated webp; convert it to mp4 or gif")
        return "webp_pipe"
    if head[12:16] == b"IHDR" and (size := struct.unpack(">II", head[16:24])) and size[0] * size[1] > MAX_PICTURE:
        raise Refusal(TOO_LARGE.format(*size, MAX_PICTURE))
    for start, name in STARTS.items():
        if head.startswith(start):
            return name
    raise Refusal("it is none of mp4, mov, webm, mkv, gif, png, jpeg, webp; convert it to one of them")


def division(file: InputContainer, seconds: float, rate: float | int) -> int:
    """By what the sides of frames are divided, so that all fit; refuses the rest before any of it is decoded.

    `seconds` are from the first frame to the last.
    """
    codec = file.streams.video[0].codec_context
    for part in PARTS:
        if (seconds * rate + 1) * (codec.width // part) * (codec.height // part) * 3 <= MAX_BYTES:
            return part
    raise Refusal(TOO_LONG)


def remarks_on(file: InputContainer) -> Iterator[str]:
    """What a file says of itself that its pictures will not show."""
    stream = file.streams.video[0]
    if stream.metadata.get("alpha_mode") == "1":
        yield "says which parts are transparent, which is not read: all of it is taken as it is below"
    if stream.codec_context.color_trc in HDR:
        yield "has HDR colours, which come out pale; convert it to BT.709 for true ones"


def mean_rate(file: InputContainer) -> float:
    """Frames a second, as far as the file tells."""
    stream = file.streams.video[0]
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    if not rate:
        raise Refusal("it does not say how many frames a second it has; convert it to mp4")
    return float(rate)


def whole_frames(file: InputContainer) -> Iterator[av.VideoFrame]:
    """Every frame in order of display; a damaged one is an error, not a grey picture."""
    for packet in file.demux(file.streams.video[0]):
        if packet.is_corrupt:
            raise Refusal(BROKEN)
        for frame in packet.decode():
            if frame.is_corrupt:
                raise Refusal(BROKEN)
            yield frame


def resampled(file: InputContainer, rate: float | int, shown_as: Callable[[av.VideoFrame], np.ndarray]) -> Iterator[np.ndarray]:
    """What is on screen in the middle of each span of 1 / `rate` seconds."""
    stream = file.streams.video[0]
    usual = 1 / mean_rate(file)
    picture, first, end, count = None, None, 0.0, 0
    for frame in whole_frames(file):
        time = first + end if frame.time is None and first is not None else frame.time or 0.0
        first = time if first is None else first
        while picture is not None and (count + 0.5) / rate < time - first:
            count += 1
            yield picture
        picture = shown_as(frame)
        end = time - first + (float(frame.duration * frame.time_base) if frame.duration and frame.time_base else usual)
    promised = (file.duration or 0) / av.time_base if len(file.streams) == 1 else 0.0  # otherwise sound may outlast the picture
    if stream.duration and stream.time_base:
        promised = float(stream.duration * stream.time_base)
    if picture is None or promised > end + 0.9 * usual:
        raise Refusal(f"it is cut off after {end:.2f} seconds; copy it again")
    while count == 0 or (count + 0.5) / rate < end:
        count += 1
        yield picture


def upright(frame: av.VideoFrame, remarks: dict[str, None], behind: Background, part: int = 1) -> np.ndarray:
    """One frame as `uint8[height width 3]` in sRGB, turned as its file asks; transparent parts lie on `behind`. Both are remarked on.

    Its sides are divided by `part`.
    """
    name = frame.format.name
    clear = name == "pal8" or any(component.is_alpha for component in frame.format.components)
    wanted = "rgba" if clear else "rgb24"
    size = {"width": frame.width // part, "height": frame.height // part}
    how = EXACT if part == 1 else EXACT & ~Interpolation.BILINEAR | Interpolation.AREA
    if frame.format.is_rgb or name == "pal8":
        picture = frame.reformat(**size, format=wanted, interpolation=how).to_ndarray()
    else:
        untagged = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
        full = frame.color_range == ColorRange.JPEG or name.startswith(("yuvj", "gray"))
        picture = frame.reformat(
            **size,
            format=wanted,
            src_colorspace=untagged if frame.colorspace == UNTAGGED else MATRICES.get(frame.colorspace, Colorspace.ITU601),
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=how,
        ).to_ndarray()
    if clear and (picture[..., 3] < 255).any():
        remarks[f"has transparent parts; they lie on {behind}"] = None
        for row in picture:  # row by row, so that a large picture is not held in three more copies
            alpha = row[:, 3:].astype(np.uint16)
            row[:, :3] = (row[:, :3] * alpha + GREYS[behind] * (255 - alpha) + 127) // 255
    quarters = round(frame.rotation / 90) % 4
    if quarters:
        remarks[f"is turned by {TURNS[quarters]}, as it says itself"] = None
    return np.ascontiguousarray(np.rot90(picture[..., :3], quarters))
