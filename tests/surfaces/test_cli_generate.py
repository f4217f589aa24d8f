"""Every line under "Bad input": one clear line, exit code 2, nothing half-written."""

import errno
import json
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from yozora.video import Video, read_metadata

PROGRAM = [sys.executable, "-c", "from yozora.cli import main; main()"]


@pytest.fixture
def small(tiny_model):
    return ["--size", "64x32", "--seconds", "0.5", "--steps", "2", "--model", str(tiny_model)]


def test_a_sentence_becomes_a_file_that_says_what_made_it(tmp_path, small, yozora):
    for name in ("clip.mp4", "clip.gif", "still.png"):
        done = yozora("generate", "a red ball", "-o", name, *(small if name != "still.png" else small[:2] + small[4:]))
        assert done.code == 0, done.lines
        assert "a red ball" in read_metadata(tmp_path / name)["request"]
    assert Video.load(tmp_path / "clip.mp4").frames.shape == (4, 32, 64, 3)
    assert Video.load(tmp_path / "still.png").num_frames == 1


def test_the_same_request_gives_the_same_bytes(tmp_path, small):
    for name in ("a.mp4", "b.mp4"):
        subprocess.run([*PROGRAM, "generate", "a red ball", "-o", name, *small], cwd=tmp_path, check=True)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


BAD = {
    "empty prompt": (["  ", "-o", "x.mp4"], "prompt is empty"),
    "size not WxH": (["p", "-o", "x.mp4", "--size", "big"], "WIDTHxHEIGHT"),
    "size zero": (["p", "-o", "x.mp4", "--size", "0x64"], "not positive"),
    "size negative": (["p", "-o", "x.mp4", "--size", "-64x64"], "not positive"),
    "size odd": (["p", "-o", "x.mp4", "--size", "63x64"], "64x64"),
    "seconds 0": (["p", "-o", "x.mp4", "--seconds", "0"], "seconds"),
    "seconds negative": (["p", "-o", "x.mp4", "--seconds", "-1"], "seconds"),
    "seconds nan": (["p", "-o", "x.mp4", "--seconds", "nan"], "seconds"),
    "seconds above the limit": (["p", "-o", "x.mp4", "--seconds", "9999"], "at most"),
    "seconds beyond counting": (["p", "-o", "x.mp4", "--seconds", "1e308"], "at most"),
    "image with seconds": (["p", "-o", "x.png", "--seconds", "4"], "x_%03d.png"),
    "image of many frames": (["p", "-o", "x.png", "--frames", "9"], "x_%03d.png"),
    "frames 0": (["p", "-o", "x.mp4", "--frames", "0"], "frames"),
    "frames above the limit": (["p", "-o", "x.mp4", "--frames", "9999"], "9999 frames are too long; this model makes at most"),
    "seconds and frames": (["p", "-o", "x.mp4", "--frames", "9", "--seconds", "1"], "leave one of them out"),
    "size beyond all": (["p", "-o", "x.mp4", "--size", "9000x9000"], "use 256x256"),
    "image with fps": (["p", "-o", "x.png", "--fps", "24"], "one frame"),
    "gif too fast": (["p", "-o", "x.gif", "--fps", "60"], "at most 50"),
    "fps too slow": (["p", "-o", "x.mp4", "--fps", "1e-5"], "too few"),
    "model beyond names": (["p", "-o", "x.mp4", "--model", "m" * 3000], "unknown model 'mmm"),
    "unknown model": (["p", "-o", "x.mp4", "--model", "nothing"], "unknown model"),
    "folder that is no model": (["p", "-o", "x.mp4", "--model", "."], "no model.json"),
    "folder missing": (["p", "-o", "no/such/x.mp4"], "no/such"),
    "unknown suffix": (["p", "-o", "x.avi"], ".mp4"),
    "steps 0": (["p", "-o", "x.mp4", "--steps", "0"], "steps"),
    "guidance nan": (["p", "-o", "x.mp4", "--guidance", "nan"], "guidance"),
    "seeds beyond counting": (["p", "-o", "x.mp4", "--seed", str(2**63 - 1), "--count", "2"], "use a smaller --seed"),
    "unknown option": (["p", "-o", "x.mp4", "--sise", "64x64"], "--sise"),
}


BAD |= {
    f"foreign {file}: {contents}": (["p", "-o", "x.mp4", "--model", {file: contents}], "is no model of this version of yozora: ")
    for file, contents in [
        ("model.json", "{}"),
        ("model.json", "[1]"),
        ("model.json", '{"habits": {}}'),
        ("model.json", '{"habits": [1]}'),
        ("model.json", {"habits": {"fps": "fast"}}),
        ("model.json", {"habits": {"mood": 1}}),
        ("model.json", {"text": {"vocabulary": 5}}),
        ("model.json", {"text": {"dim": 8}}),
        ("model.json", {"transformer": {"heads": 0}}),
        ("model.json", {"transformer": {"channels": 5}}),
        ("tokenizer.json", {"normalizer": None}),
        ("tokenizer.json", {"model": {"vocab": {"<unknown>": 0, "a": 1}}}),
        ("vae.safetensors", "[1]"),
        ("vae.safetensors", "{}"),
        ("vae.safetensors", "{"),
    ]
}


def merged(old, new):
    """A table with some of its values replaced, but for a vocabulary, which is replaced as a whole."""
    return old | {key: merged(old[key], value) if isinstance(value, dict) and key != "vocab" else value for key, value in new.items()}


def with_foreign(folder, files):
    """Replace files of a model, or some of the values in them; a VAE keeps its weights under other metadata."""
    for name, contents in files.items():
        path = folder / name
        if path.suffix == ".safetensors":
            save_file(load_file(path), path, {"config": contents})
        else:
            path.write_text(contents if isinstance(contents, str) else json.dumps(merged(json.loads(path.read_text()), contents)))
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, tmp_path_factory, tiny_model, case, yozora):
    words, expected = BAD[case]
    if isinstance(words[-1], dict):
        words = [*words[:-1], with_foreign(shutil.copytree(tiny_model, tmp_path_factory.mktemp("foreign") / "model"), words[-1])]
        expected = f"{words[-1]} {expected}"
    model = [] if "--model" in words else ["--model", str(tiny_model)]
    done = yozora("generate", *words, *model)
    assert (done.code, len(done.lines)) == (2, 1), done.lines
    assert expected in done.lines[0]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_is_refused_before_anything_is_made(tmp_path, yozora, small, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # tests may run as a user who may write anywhere
    monkeypatch.setattr("yozora.pipeline.perform", lambda *_: pytest.fail("a clip was made"))
    done = yozora("generate", "a ball", "-o", "x.mp4", *small)
    assert (done.code, len(done.lines)) == (2, 1) and "is not writable; choose another" in done.lines[0], done.lines


def test_a_full_disk_is_one_line(tmp_path, yozora, small, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full)
    done = yozora("generate", "a ball", "-o", "x.mp4", *small)
    assert (done.code, len(done.lines)) == (2, 1) and "the disk is full" in done.lines[0], done.lines
    assert not list(tmp_path.iterdir())


def test_a_size_that_was_not_trained_draws_a_warning_with_the_range(tmp_path, small):
    words = ["generate", "a ball", "-o", "x.mp4", "--size", "96x32", *small[2:]]
    done = subprocess.run([*PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "x.mp4").exists()
    assert "yozora: warning: 96x32" in done.stderr and "32 to 64 pixels" in done.stderr


def test_every_clip_of_several_is_checked_before_the_first_is_made(tmp_path, yozora, small):
    (tmp_path / "x-2.mp4").mkdir()
    done = yozora("generate", "a ball", "-o", "x.mp4", "--count", "3", *small)
    assert done.code == 2 and "x-2.mp4 is a folder" in done.lines[0], done.lines
    assert len(list(tmp_path.iterdir())) == 1


def test_a_clip_that_does_not_fit_is_refused_with_both_figures(tmp_path, yozora, small, monkeypatch):
    monkeypatch.setattr("yozora.plan.memory_free", lambda device: 3 << 30)
    done = yozora("generate", "a ball", "-o", "x.mp4", *small[-2:], "--size", "8192x8192", "--seconds", "8")
    assert (done.code, len(done.lines)) == (2, 1) and "3.0 GiB is free" in done.lines[0], done.lines
    assert not list(tmp_path.iterdir())
    Video(np.zeros((9, 16, 16, 3), np.uint8), 8.0).save(tmp_path / "given.mp4")
    monkeypatch.setattr(Video, "resized", None)  # nothing is brought to that size
    done = yozora("restyle", "given.mp4", "a ball", "-o", "x.mp4", *small[-2:], "--size", "8192x8192")
    assert done.code == 2 and "3.0 GiB is free" in done.lines[-1], done.lines
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_memory_that_ends_midway_is_one_line(tmp_path, yozora, small, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("yozora.pipeline.meet", fail)
    done = yozora("generate", "a ball", "-o", "x.mp4", *small)
    assert (done.code, len(done.lines)) == (2, 1) and "smaller size" in done.lines[0], done.lines
    assert not list(tmp_path.iterdir())


HEAD = "head.out.bias"


def spoil(folder, change):
    path = folder / "transformer.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.pop(HEAD), f"missing: {HEAD}"),
        (lambda t: t.update(surplus=t[sorted(t)[0]].clone()), "extra: surplus"),
        (lambda t: t.update({sorted(t)[0]: t[sorted(t)[0]].repeat(2, 1).clone()}), "of another shape"),
    ],
)
def test_weights_that_do_not_fit_are_listed(tmp_path, tiny_model, change, expected, yozora):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    spoil(folder, change)
    done = yozora("generate", "a ball", "-o", "x.mp4", "--model", folder, "--size", "64x32")
    assert done.code == 2 and expected in done.lines[0], done.lines
    assert not (tmp_path / "x.mp4").exists()


def test_a_pickle_in_disguise_is_refused_unopened(tmp_path, tiny_model, yozora):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "text.safetensors").write_bytes(pickle.dumps({"weights": [1.0]}))
    done = yozora("generate", "a ball", "-o", "x.mp4", "--model", folder, "--size", "64x32")
    assert done.code == 2 and "pickle" in done.lines[0], done.lines


def heard(terminal, text=b"", seconds=120.0):
    """What a program writes to a terminal until it writes `text`, or until its end."""
    said, end = b"", time.monotonic() + seconds
    while not text or text not in said:
        assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], said
        try:
            more = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side is gone
            more = b""
        if not more:
            break
        said += more
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals to open")
def test_an_interrupt_leaves_nothing_and_ends_with_130(tmp_path, small):
    words = [*PROGRAM, "generate", "a red ball", "-o", "x.mp4", *small[-2:], "--steps", "1000", "--seconds", "8", "--size", "256x256"]
    ours, theirs = os.openpty()  # progress shows on a terminal alone
    running = subprocess.Popen(words, cwd=tmp_path, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    try:
        said = heard(ours, b"denoise")
        assert b"denoise" in said, said
        running.send_signal(signal.SIGINT)
        assert b"yozora: interrupted, no unfinished file was left" in heard(ours)
        assert running.wait(timeout=60) == 130
    finally:
        running.kill()
        os.close(ours)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_one_line(tmp_path, yozora, small, monkeypatch, number):
    monkeypatch.setattr("yozora.pipeline.meet", lambda *_: signal.raise_signal(number))
    done = yozora("generate", "a ball", "-o", "x.mp4", *small)
    assert (done.code, done.lines) == (130, ["yozora: interrupted, no unfinished file was left"])
    assert not list(tmp_path.iterdir())


def test_help_is_quick():
    began = time.perf_counter()
    subprocess.run([*PROGRAM, "--help"], check=True, capture_output=True)
    assert time.perf_counter() - began < 3  # half a second on a quiet machine; benchmarks/start.py measures it
