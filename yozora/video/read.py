"""Files to frames, with nothing in the file trusted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from yozora.video.note import gif_note, gif_rate, png_note

MAX_PIXELS = 4096 * 2304  # of one frame
MAX_BYTES = 2**31  # of all frames decoded
TOO_LONG = f"its frames take more than {MAX_BYTES / 2**30:.0f} GiB; cut or shrink it first"
IMAGE_FPS = 1.0
IMAGES = ("png_pipe", "jpeg_pipe", "webp_pipe")
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mpeg2video", "mjpeg", "prores", "ffv1", "png", "gif", "webp")
STARTS = {b"\x1a\x45\xdf\xa3": "matroska", b"GIF8": "gif", b"\x89PNG\r\n\x1a\n": "png_pipe", b"\xff\xd8\xff": "jpeg_pipe"}
MATRICES = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}  # by the codecs' own counting
UNTAGGED = 2
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


def read(path: Path, fps: float | int | None) -> tuple[np.ndarray, float | int]:
    """Frames `uint8[time height width 3]` and their rate; see `Video.load`."""
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"fps must be a positive number, not {fps}")
    with opened(path) as file:
        image = file.format.name in IMAGES
        rate = IMAGE_FPS if image else gif_rate(path.read_bytes()) if file.format.name == "gif" else mean_rate(file)
        rate = fps or rate
        check_length(file, rate)
        pictures = (upright(frame) for frame in whole_frames(file)) if image else resampled(file, rate)
        frames, size = [], 0
        for picture in pictures:
            size += picture.nbytes
            if size > MAX_BYTES:
                raise ValueError(TOO_LONG)
            frames.append(picture)
        return np.stack(frames), rate


def times(path: Path) -> np.ndarray:
    """When each frame is first shown; see `frame_times`."""
    with opened(path) as file:
        shown = sorted(frame.time or 0.0 for frame in whole_frames(file))
        return np.array(shown) - shown[0]


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
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a file whose format is fixed by its first bytes; whatever goes wrong with it is one ValueError."""
    try:
        with path.open("rb") as source, av.open(source, "r", format=sniffed(source), metadata_errors="replace") as file:
            codec = file.streams.video[0].codec_context if file.streams.video else None
            if codec is None:
                raise ValueError("it holds no picture")
            if codec.name not in CODECS:
                raise ValueError(f"its codec {codec.name} is not taken; convert it to h264")
            if codec.width * codec.height > MAX_PIXELS:
                raise ValueError(f"its frames of {codec.width}x{codec.height} have more than {MAX_PIXELS} pixels; shrink it first")
            codec.options = {"max_pixels": str(MAX_PIXELS), "err_detect": "explode"}  # as options of the file they would be ignored
            yield file
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except Exception as error:  # a hostile file can make the decoders raise anything
        reason = error.strerror if isinstance(error, OSError | FFmpegError) else str(error)
        raise ValueError(f"{path} could not be read: {reason or type(error).__name__}") from error


def sniffed(source: BinaryIO) -> str:
    """The demuxer for what a file really is. Playlists, which can name other files, have none."""
    head = source.read(12)
    source.seek(0)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "webp_pipe"
    for start, name in STARTS.items():
        if head.startswith(start):
            return name
    raise ValueError("it is none of mp4, mov, webm, mkv, gif, png, jpeg, webp")


def check_length(file: InputContainer, rate: float | int) -> None:
    """Refuse what would not fit before any of it is decoded, as far as the file tells the truth."""
    codec = file.streams.video[0].codec_context
    if (file.duration or 0) / av.time_base * rate * codec.width * codec.height * 3 > 1.1 * MAX_BYTES:
        raise ValueError(TOO_LONG)


def mean_rate(file: InputContainer) -> float:
    """Frames a second, as far as the file tells."""
    stream = file.streams.video[0]
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    if not rate:
        raise ValueError("it does not say how many frames a second it has; give fps")
    return float(rate)


def whole_frames(file: InputContainer) -> Iterator[av.VideoFrame]:
    """Every frame in order of display; a damaged one is an error, not a grey picture."""
    for packet in file.demux(file.streams.video[0]):
        if packet.is_corrupt:
            raise ValueError("it is cut off or damaged")
        for frame in packet.decode():
            if frame.is_corrupt:
                raise ValueError("it is damaged")
            yield frame


def resampled(file: InputContainer, rate: float | int) -> Iterator[np.ndarray]:
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
        picture = upright(frame)
        end = time - first + (float(frame.duration * frame.time_base) if frame.duration and frame.time_base else usual)
    promised = (file.duration or 0) / av.time_base if len(file.streams) == 1 else 0.0  # otherwise sound may outlast the picture
    if stream.duration and stream.time_base:
        promised = float(stream.duration * stream.time_base)
    if picture is None or promised > end + 0.9 * usual:
        raise ValueError(f"it is cut off after {end:.2f} seconds")
    while count == 0 or (count + 0.5) / rate < end:
        count += 1
        yield picture


def upright(frame: av.VideoFrame) -> np.ndarray:
    """One frame as `uint8[height width 3]` in sRGB, turned as its file asks; what shows through lies on white."""
    name = frame.format.name
    clear = name == "pal8" or any(component.is_alpha for component in frame.format.components)
    wanted = "rgba" if clear else "rgb24"
    if frame.format.is_rgb or name == "pal8":
        picture = frame.reformat(format=wanted, interpolation=EXACT).to_ndarray()
    else:
        untagged = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
        full = frame.color_range == ColorRange.JPEG or name.startswith(("yuvj", "gray"))
        picture = frame.reformat(
            format=wanted,
            src_colorspace=untagged if frame.colorspace == UNTAGGED else MATRICES.get(frame.colorspace, Colorspace.ITU601),
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=EXACT,
        ).to_ndarray()
    if clear:
        alpha = picture[..., 3:].astype(np.uint16)
        picture = ((picture[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90) % 4))
