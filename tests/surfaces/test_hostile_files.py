"""Files that are not what they should be, as every file argument of every verb: refused in a line within bounds, or taken and said so."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import warnings
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from yozora import sidecar
from yozora.video import Video

WORDS = "a red ball rolls left"
ARGUMENTS = {
    "image": "animate FILE WORDS",
    "last": "animate pic.png WORDS --last FILE",
    "at": "animate pic.png WORDS --at 0.5=FILE",
    "extend": "extend FILE WORDS",
    "connect first": "connect FILE clip.mp4 WORDS",
    "connect second": "connect clip.mp4 FILE WORDS",
    "loop": "loop FILE",
    "fill": "fill FILE WORDS --box 0,0,8,8",
    "fill mask": "fill clip.mp4 WORDS --mask FILE",
    "outpaint": "outpaint FILE WORDS --size 64x64",
    "restyle": "restyle FILE WORDS",
    "restyle mask": "restyle clip.mp4 WORDS --mask FILE",
    "blend first": "blend FILE clip.mp4",
    "blend second": "blend clip.mp4 FILE",
    "finish": "finish FILE --size 128x64",
    "recut": "recut FILE",
    "reproduce": "reproduce FILE",
}
REFUSED = {
    "missing.mp4": "does not exist; check its name",
    "folder.mp4": "is a folder; name a file in it",
    "empty.mp4": "it is empty; give",
    "words.mp4": "it is none of mp4",
    "concat.mp4": "it is none of mp4",
    "playlist.mp4": "it is none of mp4",
    "cut.mp4": "copy it again",
    "cut.png": "copy it again",
    "sound.mp4": "it holds no picture; give a video or a picture",
    "bomb.png": "its 30000x30000 are more than 33554432 pixels; shrink it first",
    "bomb.mp4": "take more than 2 GiB; cut or shrink it first",
    "table.mp4": "copy it again",
    "live.mkv": "take more than 2 GiB; cut or shrink it first",
}


def slope(width=64, height=32, frames=6):
    """Frames of a slope of colour that moves."""
    time, row, column = np.mgrid[:frames, :height, :width]
    return np.stack([60 + column, 40 + 2 * row, 120 + 8 * time], axis=-1).clip(0, 255).astype(np.uint8)


def film(path, frames, codec="libx264", form="yuv420p", options=None, times=None):
    """A file of frames `[time height width 3 or 4]` at 8 a second or at times in milliseconds."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=8, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], form
        base = Fraction(1, 1000)
        stream.codec_context.time_base = base
        for picture, when in zip(frames, times or range(0, 125 * len(frames), 125), strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgba" if picture.shape[2] == 4 else "rgb24")
            frame = frame.reformat(format=form)
            frame.pts, frame.time_base = when, base
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def bomb(path, container, options):
    """2,400 frames of 1920x1080 in 100 KB, 15 GB when unpacked: a black one, and one that says over and over that nothing changed."""
    with av.open(str(path), "w", format=container, container_options=options) as file:
        stream = file.add_stream("libx264", rate=24, options={"preset": "ultrafast", "tune": "zerolatency", "crf": "51"})
        stream.height, stream.width, stream.pix_fmt = 1080, 1920, "yuv420p"
        packets = []
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(np.full((1620, 1920), 128, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            packets += stream.encode(frame)
        first, same = map(bytes, [*packets, *stream.encode()])
        for index in range(2400):
            packet = av.Packet(same if index else first)
            packet.stream, packet.time_base, packet.duration, packet.is_keyframe = stream, Fraction(1, 24), 1, not index
            packet.pts = packet.dts = index
            file.mux(packet)


def png(side):
    """A black PNG of so many pixels a side, one bit each."""
    deflate, row = zlib.compressobj(9), bytes(side // 8 + 1)
    data = b"".join(deflate.compress(row * 100) for _ in range(side // 100)) + deflate.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)


def claiming(data, samples):
    """An mp4's bytes whose tables claim so many frames of one byte each: room that a demuxer makes."""
    for box, numbers in ((b"stsz", (1, samples)), (b"stts", (1, samples, 1)), (b"stsc", (1, 1, samples, 1))):
        place = data.index(box) + 8  # behind version and flags
        data = data[:place] + struct.pack(f">{len(numbers)}I", *numbers) + data[place + 4 * len(numbers) :]
    return data


def turned(data):
    """An mp4's bytes with a display matrix that turns it to the right."""
    place = data.index(b"tkhd") + 44
    return data[:place] + struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30) + data[place + 36 :]


@pytest.fixture(scope="session")
def refused(tmp_path_factory, given):
    """A folder of files that no verb takes."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "folder.mp4").mkdir()
    data, picture = (given / "clip.mp4").read_bytes(), (given / "pic.png").read_bytes()
    (folder / "other.mp4").write_bytes(data)
    files = {
        "empty.mp4": b"",
        "words.mp4": b"no video at all, only words",
        "concat.mp4": b"ffconcat version 1.0\nfile other.mp4\n",
        "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
        "cut.mp4": data[: len(data) * 2 // 3],
        "cut.png": picture[: len(picture) * 2 // 3],
        "bomb.png": png(30_000),
        "table.mp4": claiming(data, 50_000_000),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    bomb(folder / "bomb.mp4", "mp4", {})
    bomb(folder / "live.mkv", "matroska", {"live": "1"})  # does not say how long it is
    with av.open(str(folder / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.rate, frame.pts = 44100, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    assert (folder / "bomb.mp4").stat().st_size < 200_000 > (folder / "bomb.png").stat().st_size
    return folder


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """A folder of files that are taken, and something is said of them."""
    folder = tmp_path_factory.mktemp("odd")
    plain, half = slope(), np.zeros((6, 32, 64, 1), np.uint8)
    half[:, :, :32] = 255
    film(folder / "plain.mp4", plain)
    (folder / "turned.mp4").write_bytes(turned((folder / "plain.mp4").read_bytes()))
    film(folder / "variable.mp4", plain, times=[0, 100, 400, 500, 1000, 1100])
    film(folder / "fast.mp4", plain, times=range(0, 60, 10))
    film(folder / "uneven.mp4", slope(63, 47), form="yuv444p")
    film(folder / "ten.mp4", plain, form="yuv420p10le")
    film(folder / "wide.mp4", plain, "libx265", "yuv420p10le", {"x265-params": "log-level=none:transfer=16:colormatrix=9:colorprim=9"})
    film(folder / "one.mp4", plain[:1])
    film(folder / "clear.mov", np.concatenate([plain, half], axis=3), "prores_ks", "yuva444p10le")
    film(folder / "clear.webm", np.concatenate([plain, half], axis=3), "libvpx-vp9", "yuva420p", {"auto-alt-ref": "0"})
    film(folder / "clear.png", np.concatenate([plain, half], axis=3)[:1], "png", "rgba")
    return folder


@pytest.fixture
def quick(tiny_model):
    return ["--model", tiny_model, "--steps", "1"]


def spoken(text, given, file):
    """A command's words with the paths of its files."""
    words = [WORDS if word == "WORDS" else word.replace("FILE", str(file)) for word in text.split()]
    return [str(given / word) if (given / word).is_file() else word for word in words]


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_every_file_argument_refuses_what_is_none_in_a_line(tmp_path, yozora, given, refused, quick, argument):
    before = sorted(path.name for path in refused.iterdir())
    for name, expected in REFUSED.items():
        ending = ["-o", "again" + Path(name).suffix] if argument == "reproduce" else ["-o", "x.mp4", *quick]
        done = yozora(*spoken(ARGUMENTS[argument], given, refused / name), *ending)
        assert (done.code, len(done.lines)) == (2, 1), (name, done.lines)
        allowed = (expected, "does not say how it was made")  # for which nothing need be unpacked
        assert name in done.lines[0] and any(text in done.lines[0] for text in allowed[: 1 + (argument == "reproduce")]), done.lines
    assert not list(tmp_path.iterdir()) and before == sorted(path.name for path in refused.iterdir())


MEASURED = """
import resource, sys, time
from yozora.cli import main
def run(file):
    sys.argv = ["yozora", "extend", file, "a ball", "-o", "x.mp4"]
    began = time.perf_counter()
    try:
        main()
    except SystemExit as stopped:
        print(stopped.code, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
for file in sys.argv[1:]:
    run(file)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in KiB")
def test_bombs_are_answered_within_seconds_and_bounded_memory(tmp_path, refused):
    names = ["missing.mp4", "bomb.png", "bomb.mp4", "live.mkv", "table.mp4"]
    command = [sys.executable, "-c", MEASURED, *(str(refused / name) for name in names)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    codes, seconds, peaks = zip(*(map(float, line.split()) for line in said.splitlines()), strict=True)
    assert codes == (2,) * len(names) and max(seconds) < 10
    assert max(peaks) - peaks[0] < 100, "MiB above a plain start"


SAID = {
    "turned.mp4": (["is turned by 90 degrees to the right", "32x64 at 8 frames a second, is taken as 64x32 at 8"], 10),
    "variable.mp4": (["has a variable frame rate; it is resampled by time", "is taken as 64x32 at 8"], 14),
    "fast.mp4": (["64x32 at 34.29 frames a second, is taken as 64x32 at 8"], 5),
    "uneven.mp4": (["63x47 at 8 frames a second, is taken as 64x32 at 8"], 10),
    "ten.mp4": ([], 10),
    "wide.mp4": (["has HDR colours, which come out pale; convert it to BT.709"], 10),
    "one.mp4": ([], 5),
    "clear.mov": (["has transparent parts; they lie on white"], 10),
    "clear.webm": (["says which parts are transparent, which is not read"], 10),
    "clear.png": (["has transparent parts; they lie on white"], 5),
}


@pytest.mark.parametrize("name", SAID)
def test_what_can_be_taken_is_taken_and_said(tmp_path, yozora, odd, quick, name):
    expected, frames = SAID[name]
    done = yozora("extend", odd / name, WORDS, "--frames", "4", "--size", "64x32", "-o", "x.mp4", *quick)
    assert done.code == 0 and Video.load(tmp_path / "x.mp4").frames.shape[:3] == (frames, 32, 64), done
    assert len(done.warnings) == len(expected), done.warnings
    assert all(name in line and text in line for text, line in zip(expected, done.warnings, strict=True)), done.warnings


def test_pictures_stand_as_the_camera_was_held(tmp_path):
    """The eight ways: turned, mirrored or both."""
    upright = slope(frames=1)[0]
    stored = [upright, upright[:, ::-1], upright[::-1, ::-1], upright[::-1]]
    stored += [np.swapaxes(picture, 0, 1) for picture in (upright, upright[:, ::-1], upright[::-1, ::-1], upright[::-1])]
    for number, picture in enumerate(stored, 1):
        data = Video(np.ascontiguousarray(picture)[None], 1).save(tmp_path / "plain.png").read_bytes()
        note = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, number, 0, 0)
        chunk = struct.pack(">I", len(note)) + b"eXIf" + note + struct.pack(">I", zlib.crc32(b"eXIf" + note))
        (tmp_path / "held.png").write_bytes(data[:33] + chunk + data[33:])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert np.array_equal(Video.load(tmp_path / "held.png").frames[0], upright), number
        assert bool(said) == (number > 1) and all(str(one.message).startswith("held.png is ") for one in said)


def test_an_odd_size_is_cut_to_the_even_one_and_a_mask_follows_what_it_lies_on(tmp_path, yozora, odd, quick):
    done = yozora("restyle", odd / "uneven.mp4", WORDS, "-o", "x_%d.png", *quick)
    assert done.code == 0 and any("uneven.mp4, 63x47 at 8 frames a second, is taken as 62x46 at 8" in line for line in done.warnings), done
    done = yozora("fill", odd / "turned.mp4", WORDS, "--box", "0,0,32,16", "-o", "y_%d.png", *quick)
    assert done.code == 0 and Video.load(tmp_path / "y_0.png").frames.shape[1:3] == (64, 32), done


def test_frames_that_a_file_lacks_are_invented(tmp_path, yozora, odd, quick):
    film(tmp_path / "gaps.mp4", slope(), times=[0, 125, 500, 625, 750, 875])
    done = yozora("fill", "gaps.mp4", WORDS, "--missing", "gaps", "-o", "x_%d.png", *quick)
    assert done.code == 0 and len(list(tmp_path.glob("x_*.png"))) == 8, done


def forged(path, change, text=None):
    """Change some of what latents hold or say, and sign them anew."""
    latents = load_file(path)["0"]
    with sidecar.safe_open(path, framework="numpy") as file:
        notes = file.metadata()
    said = json.loads(notes["kept"])[0]
    latents, said = change(latents, said)
    signed = hashlib.sha256(latents.tobytes()).hexdigest()
    save_file({"0": np.ascontiguousarray(latents)}, path, notes | {"kept": text or json.dumps([said]), "latents": signed})


FORGED = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "words": lambda path: path.write_text("no latents at all"),
    "a head of a petabyte": lambda path: path.write_bytes(struct.pack("<Q", 1 << 50) + b"{}"),
    "of another clip": lambda path: save_file(load_file(path), path, {"clip": "0" * 64, "kept": "[]"}),
    "of another VAE": lambda path: forged(path, lambda latents, said: (latents, said | {"vae": "other"})),
    "of another size": lambda path: forged(path, lambda latents, said: (np.repeat(latents, 2, 2), said)),
    "of other channels": lambda path: forged(path, lambda latents, said: (np.repeat(latents, 2, 0), said)),
    "of no cells": lambda path: forged(path, lambda latents, said: (latents[:, :0], said)),
    "of too many cells": lambda path: forged(path, lambda latents, said: (np.repeat(latents, 9, 1), said)),
    "of too few cells": lambda path: forged(path, lambda latents, said: (latents[:, :1], said)),
    "of another number type": lambda path: forged(path, lambda latents, said: (latents.astype(np.float32), said)),
    "not a number": lambda path: forged(path, lambda latents, said: (latents * np.float16(np.nan), said)),
    "of three axes": lambda path: forged(path, lambda latents, said: (latents[0], said)),
    "of no frame": lambda path: forged(path, lambda latents, said: (latents, said | {"frame": "one"})),
    "of an endless frame": lambda path: forged(path, lambda latents, said: (latents, said | {"frame": float("inf")})),
    "of a frame beyond counting": lambda path: forged(path, lambda latents, said: (latents, said | {"frame": -(10**30)})),
    "of no list": lambda path: forged(path, lambda latents, said: (latents, said), text="5"),
    "deep": lambda path: forged(path, lambda latents, said: (latents, said), text="[" * 100_000),
    "damaged": lambda path: path.write_bytes(path.read_bytes()[:-32] + bytes(32)),
}


@pytest.fixture(scope="session")
def plainly(tmp_path_factory):
    """Clips by what made them: what comes of a clip without latents is made once."""
    return {}


@pytest.mark.parametrize("name", FORGED)
def test_latents_that_do_not_belong_are_as_none(tmp_path, yozora, given, quick, name, plainly):
    if "clip" not in plainly:
        assert yozora("generate", WORDS, "--size", "64x32", "--frames", "9", "-o", "a.mp4", *quick).code == 0
        plainly["clip"], (beside,) = (tmp_path / "a.mp4").read_bytes(), tmp_path.glob("*.latents")
        plainly["latents"] = beside.read_bytes()
        assert yozora("extend", "a.mp4", WORDS, "--frames", "3", "-o", "with_%d.png", *quick).code == 0
        plainly["with"] = Video.load(tmp_path / "with_11.png").frames
        beside.unlink()
        assert yozora("extend", "a.mp4", WORDS, "--frames", "3", "-o", "b_%d.png", *quick).code == 0
        plainly["without"] = Video.load(tmp_path / "b_11.png").frames
        assert not np.array_equal(plainly["with"], plainly["without"]), "latents take part"
        for path in tmp_path.iterdir():
            path.unlink()
    (tmp_path / "a.mp4").write_bytes(plainly["clip"])
    beside = Path(tmp_path / f"a.{hashlib.sha256(plainly['clip']).hexdigest()[: sidecar.LETTERS]}{sidecar.SUFFIX}")
    beside.write_bytes(plainly["latents"])
    FORGED[name](beside)
    done = yozora("extend", "a.mp4", WORDS, "--frames", "3", "-o", "c_%d.png", *quick)
    assert done.code == 0, done.lines
    assert np.array_equal(Video.load(tmp_path / "c_11.png").frames, plainly["without"])


def test_latents_beside_a_clip_in_a_folder_of_others_are_found_by_the_clip(tmp_path, yozora, given, quick):
    """Whatever either is called now."""
    assert yozora("generate", WORDS, "--size", "64x32", "--frames", "9", "-o", "a.mp4", *quick).code == 0
    assert yozora("extend", "a.mp4", WORDS, "--frames", "3", "-o", "b.mp4", *quick).code == 0
    (beside,) = tmp_path.glob("a.*.latents")
    os.rename(tmp_path / "a.mp4", tmp_path / "c.mp4")
    os.rename(beside, tmp_path / beside.name.replace("a.", "elsewhere.", 1))
    assert yozora("extend", "c.mp4", WORDS, "--frames", "3", "-o", "d.mp4", *quick).code == 0
    assert np.array_equal(Video.load(tmp_path / "b.mp4").frames, Video.load(tmp_path / "d.mp4").frames)
