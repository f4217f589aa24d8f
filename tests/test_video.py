"""Files: what is written comes back, looks the same everywhere, is whole or absent; what is read is not trusted."""

import errno
import os
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

from yozora.video import Video, check_output, is_still, read_metadata

SUFFIXES = [".mp4", ".webm", ".gif"]
METADATA = {"prompt": 'a réd "ball", 球; \n and a half \ud800', "seed": "0", "empty": ""}
PRIMARIES = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [255, 255, 0], [0, 255, 255], [255, 0, 255]], np.uint8
)


def clip(frames=13, height=48, width=64, fps=12.0):
    """A disc that moves over a slope of colour."""
    time, row, column = np.mgrid[:frames, :height, :width]
    picture = np.stack([60 + column, 40 + 2 * row, 120 + 0 * row], axis=-1).clip(0, 255).astype(np.uint8)
    picture[(row - 20) ** 2 + (column - 8 - 3 * time) ** 2 < 64] = (220, 30, 40)
    return Video(picture, fps)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def png(colour_type, depth, size, rows, *more):
    """A PNG file put together by hand."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def write_at(path, frames, milliseconds):
    """A file whose frames come at given times."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for picture, when in zip(frames, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = when, Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


@pytest.mark.parametrize(
    "frames", [np.zeros((1, 4, 4, 3)), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 4, 3), np.uint8), np.zeros((1, 4, 4, 4), np.uint8)]
)
def test_frames_that_are_none_are_refused(frames):
    with pytest.raises(ValueError, match="uint8 array"):
        Video(frames, 12)


@pytest.mark.parametrize("fps", [0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(ValueError, match="fps"):
        Video(np.zeros((1, 4, 4, 3), np.uint8), fps)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("frames", "fps"), [(1, 12.0), (13, 12.0), (30, 24000 / 1001), (7, 1.0)])
def test_what_is_written_comes_back(tmp_path, suffix, frames, fps):
    video = clip(frames, fps=fps)
    again = Video.load(video.save(tmp_path / f"clip{suffix}"))
    assert again.frames.shape == video.frames.shape
    assert again.fps == pytest.approx(fps, rel=0.01 if suffix == ".gif" else 1e-6)
    assert abs(again.frames.astype(int) - video.frames).mean() < 4


def test_png_keeps_every_bit_at_any_size(tmp_path):
    for shape in ((1, 1, 1), (1, 5, 3), (1, 33, 64)):
        picture = Video(noise(*shape), 12)
        assert np.array_equal(Video.load(picture.save(tmp_path / "one.png")).frames, picture.frames)
    video = Video(noise(12, 7, 9), 12)
    video.save(tmp_path / "frame_%03d.png")
    assert sorted(path.name for path in tmp_path.glob("frame_*")) == [f"frame_{index:03d}.png" for index in range(12)]
    for index in range(12):
        assert np.array_equal(Video.load(tmp_path / f"frame_{index:03d}.png").frames[0], video.frames[index])


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".png"])
def test_metadata_comes_back_and_bytes_are_a_function_of_the_video(tmp_path, suffix):
    video = clip(1 if suffix == ".png" else 13)
    for metadata in (METADATA, {"long": "x" * 3000}, {}):
        first, second = (video.save(tmp_path / f"{name}{suffix}", metadata) for name in ("first", "second"))
        assert read_metadata(first) == metadata
        assert first.read_bytes() == second.read_bytes()
        assert Video.load(first).num_frames == video.num_frames


SAVES = """
import hashlib, sys
import numpy as np
from yozora.video import Video
time, row, column = np.mgrid[:13, :48, :64]
picture = np.stack([60 + column, 40 + 2 * row, 120 + 0 * row], axis=-1).astype(np.uint8)
picture[(row - 20) ** 2 + (column - 8 - 3 * time) ** 2 < 64] = (220, 30, 40)
print([hashlib.sha256(Video(picture, 12).save(sys.argv[1] + suffix).read_bytes()).hexdigest() for suffix in (".mp4", ".webm", ".gif")])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_bytes_do_not_depend_on_what_memory_held_before(tmp_path):
    said = []
    for filling in ("0", "170"):
        environment = os.environ | {"MALLOC_PERTURB_": filling}
        command = [sys.executable, "-c", SAVES, str(tmp_path / "clip")]
        said.append(subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert said[0] == said[1]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_primary_colours_stay_and_are_tagged_as_they_are_stored(tmp_path, suffix):
    blocks = np.repeat(np.repeat(PRIMARIES.reshape(1, 2, 4, 3), 32, axis=1), 32, axis=2).repeat(4, axis=0)
    path = Video(blocks, 12).save(tmp_path / f"colours{suffix}")
    seen = Video.load(path).frames[:, 16::32, 16::32].reshape(-1, 8, 3)
    assert abs(seen.astype(int) - PRIMARIES).max() <= 4
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        codec = file.streams.video[0].codec_context
        assert frame.format.name == "yuv420p"
        assert (frame.colorspace, frame.color_range) == (1, 1), "BT.709, limited range"
        assert (codec.color_primaries, codec.color_trc) == (1, 1)
        red = frame.to_ndarray()[16, 16]
        assert abs(int(red) - (16 + 219 * 0.2126)) <= 2, "red is as bright as BT.709 says"


def test_mp4_starts_at_once_and_can_be_sought(tmp_path):
    data = (path := clip(100, fps=12).save(tmp_path / "clip.mp4")).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as file:
        keys = [packet.pts * packet.time_base for packet in file.demux(video=0) if packet.is_keyframe and packet.pts is not None]
        assert float(file.streams.video[0].duration * file.streams.video[0].time_base) == pytest.approx(100 / 12)
    assert max(late - early for early, late in zip(keys, [*keys[1:], Fraction(100, 12)], strict=True)) <= 2


def test_a_gif_loops_for_ever(tmp_path):
    assert b"NETSCAPE2.0\x03\x01\x00\x00\x00" in clip().save(tmp_path / "clip.gif").read_bytes()
    with pytest.raises(ValueError, match=r"at most 50.*mp4"):
        clip(fps=60).save(tmp_path / "fast.gif")


@pytest.mark.parametrize(("name", "fps", "says"), [("clip.gif", 60, "at most 50"), ("clip.mp4", 1e-5, "too few")])
def test_a_rate_that_a_file_cannot_hold_is_said_before(tmp_path, name, fps, says):
    with pytest.raises(ValueError, match=says):
        check_output(tmp_path / name, num_frames=1, height=48, width=64, fps=fps)
    with pytest.raises(ValueError, match=says):
        clip(fps=fps).save(tmp_path / name)


@pytest.mark.parametrize(("name", "still"), [("a.png", True), ("A.PNG", True), ("100%.png", True), ("a_%03d.png", False), ("a.gif", False)])
def test_a_name_says_whether_it_holds_one_picture(name, still):
    assert is_still(name) == still


@pytest.mark.parametrize(
    ("name", "height", "says"),
    [
        ("clip.avi", 48, r"\.mp4, \.webm, \.gif, \.png"),
        ("clip", 48, r"\.mp4"),
        ("clip.mp4", 47, "64x48"),
        ("clip.webm", 47, "64x48"),
        ("clip.png", 48, "%03d"),
        ("%d_%d.png", 48, "once"),
        ("nowhere/clip.mp4", 48, "does not exist"),
        ("folder.mp4", 48, "is a folder"),
        ("x" * 300 + ".mp4", 48, "choose another name"),
        ("%0300d.png", 48, "choose another name"),
    ],
)
def test_what_cannot_be_written_is_said_before_and_leaves_nothing(tmp_path, name, height, says):
    (tmp_path / "folder.mp4").mkdir()
    video = clip(height=height)
    with pytest.raises(ValueError, match=says):
        check_output(tmp_path / name, num_frames=video.num_frames, height=height, width=video.width)
    with pytest.raises(ValueError, match=says):
        video.save(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder.mp4"]


FAILS = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from yozora.video import Video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
video = Video(np.random.default_rng(0).integers(0, 255, (24, 128, 128, 3), dtype=np.uint8), 12)
for name in sys.argv[2:]:
    try:
        video.save(Path(sys.argv[1]) / name)
        sys.exit(f"{name} was saved")
    except ValueError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
def test_a_write_that_fails_halfway_leaves_the_old_file(tmp_path):
    """With a real limit on the size of files, so that the failure comes from within the encoders."""
    names = ["clip.mp4", "clip.webm", "clip.gif", "clip_%d.png"]
    (tmp_path / "clip.mp4").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", FAILS, str(tmp_path), *names], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("could not be written") == len(names)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("clip.mp4", b"old")]


def test_a_full_disk_and_a_stop_leave_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def stopped(*_):
        raise KeyboardInterrupt

    for fault, raised, says in ((full, ValueError, "disk is full"), (stopped, KeyboardInterrupt, None)):
        monkeypatch.setattr(os, "replace", fault)
        with pytest.raises(raised, match=says):
            clip().save(tmp_path / "clip.mp4")
        assert not list(tmp_path.iterdir())


def test_a_name_may_be_as_long_as_the_disk_takes(tmp_path):
    for name in ("球" * 83 + ".mp4", "球" * 82 + "_%d.png"):
        check_output(tmp_path / name, num_frames=9, height=48, width=64)
        clip(9).save(tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 10


def test_what_went_wrong_is_said_even_where_nothing_can_be_cleared_away(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refused(*_, **__):
        raise PermissionError("not allowed")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr("pathlib.Path.unlink", refused)
    with pytest.raises(ValueError, match="disk is full"):
        clip().save(tmp_path / "clip.mp4")


def test_a_notebook_shows_it():
    for video, starts in ((clip(), "<video"), (clip(1), "<img"), (clip(height=47), "<img")):
        assert video._repr_html_().startswith(starts)


def test_variable_rates_are_read_by_time_not_by_count(tmp_path):
    shades = np.arange(6, dtype=np.uint8)[:, None, None, None] * 40 + np.zeros((6, 48, 64, 3), np.uint8)
    for name in ("clip.mp4", "clip.mkv"):
        write_at(tmp_path / name, shades, [0, 100, 400, 500, 1000, 1100])
        shown = Video.load(tmp_path / name, fps=10).frames[:, 24, 32, 0] / 40
        assert shown.round().tolist() == [0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4, 5]
    video = clip(12)
    path = video.save(tmp_path / "steady.mp4")
    assert np.array_equal(Video.load(path, fps=24).frames[::2], Video.load(path).frames)
    assert Video.load(path, fps=4).num_frames == 4


def test_rotation_is_applied(tmp_path):
    path = clip(4).save(tmp_path / "clip.mp4")
    whole, data = Video.load(path).frames, path.read_bytes()
    place = data.index(b"tkhd") + 44  # where the display matrix of the track stands
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:place] + quarter + data[place + 36 :])
    assert np.array_equal(Video.load(path).frames, np.rot90(whole, -1, axes=(1, 2)))


def test_every_kind_of_png_is_read(tmp_path):
    path = tmp_path / "picture.png"
    kinds = {
        png(0, 8, (2, 1), bytes([0, 0, 100])): [[0] * 3, [100] * 3],
        png(2, 16, (2, 1), b"\0" + struct.pack(">6H", 65535, 0, 0, 0x8080, 65535, 0x1010)): [[255, 0, 0], [128, 255, 16]],
        png(3, 8, (2, 1), bytes([0, 0, 1]), (b"PLTE", bytes([255, 0, 0, 0, 0, 255]))): [[255, 0, 0], [0, 0, 255]],
        png(6, 8, (2, 1), bytes([0, 255, 0, 0, 255, 255, 0, 0, 0])): [[255, 0, 0], [255, 255, 255]],  # what is clear lies on white
    }
    for data, pixels in kinds.items():
        path.write_bytes(data)
        assert Video.load(path).frames.tolist() == [[pixels]]


def test_hostile_files_are_one_clear_error(tmp_path):
    clip().save(tmp_path / "other.mp4")
    wide = 16000
    files = {
        "empty.mp4": b"",
        "words.mp4": b"no video at all, only words",
        "concat.mp4": b"ffconcat version 1.0\nfile other.mp4\n",
        "list.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
        "bomb.png": png(0, 1, (wide, wide), b"\0" * (wide // 8 + 1) * wide),
        "head.png": b"\x89PNG\r\n\x1a\n",
        "head.gif": b"GIF89a",
        "head.mp4": b"\0\0\0\x18ftypmp42",
        "head.webm": b"\x1a\x45\xdf\xa3",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=name):
            Video.load(tmp_path / name)
        with suppress(ValueError):
            assert read_metadata(tmp_path / name) == {}
    for path in (tmp_path, tmp_path / "missing.mp4"):
        with pytest.raises(ValueError, match=path.name):
            Video.load(path)


def test_a_clip_too_long_to_hold_is_refused_before_it_is_decoded(tmp_path):
    write_at(tmp_path / "gap.mkv", noise(6, 48, 64), [0, 100, 200, 300, 400, 1_000_000_000])
    with pytest.raises(ValueError, match="GiB"):
        Video.load(tmp_path / "gap.mkv")


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".png"])
def test_files_that_are_cut_off_or_damaged_never_pass_for_whole(tmp_path, suffix):
    frames = 1 if suffix == ".png" else 13
    data = clip(frames).save(tmp_path / f"clip{suffix}").read_bytes()
    path, rng = tmp_path / f"damaged{suffix}", np.random.default_rng(0)
    for percent in range(2, 100, 7):
        path.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(ValueError, match=path.name):
            Video.load(path)
    for _ in range(40):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        try:
            Video.load(path)
        except ValueError as error:
            assert path.name in str(error)


def test_what_does_not_fit_is_read_at_half_its_size_or_refused(tmp_path, monkeypatch):
    whole = clip()
    file = whole.save(tmp_path / "x.mp4")
    monkeypatch.setattr("yozora.video.read.MAX_BYTES", whole.frames.nbytes // 2)
    with pytest.warns(UserWarning, match="x.mp4 is read at 1/2 of its size"):
        half = Video.load(file)
    assert half.frames.shape == (13, 24, 32, 3)
    mean = whole.frames.reshape(13, 24, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(half.frames - mean).mean() < 3
    monkeypatch.setattr("yozora.video.read.MAX_BYTES", whole.frames.nbytes // 5)
    with pytest.raises(ValueError, match="cut or shrink it first"):
        Video.load(file)
