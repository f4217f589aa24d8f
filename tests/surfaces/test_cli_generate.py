"""Every line under "Bad input": one clear line, exit code 2, nothing half-written."""

import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass

import pytest
from safetensors.torch import load_file, save_file

from yozora.cli import main
from yozora.video import Video, read_metadata

PROGRAM = [sys.executable, "-c", "from yozora.cli import main; main()"]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said to stderr beside warnings."""

    code: int
    lines: list[str]


@pytest.fixture
def yozora(monkeypatch, capsys, tmp_path):
    """Run a command in this process, in an empty folder."""

    def run(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["yozora", *map(str, words)])
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
        with pytest.raises(SystemExit) as stopped:
            main()
        return Done(stopped.value.code or 0, [line for line in capsys.readouterr().err.splitlines() if "warning" not in line])

    return run


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
    "size too large": (["p", "-o", "x.mp4", "--size", "8192x8192", "--seconds", "8"], "GiB"),
    "seconds 0": (["p", "-o", "x.mp4", "--seconds", "0"], "seconds"),
    "seconds negative": (["p", "-o", "x.mp4", "--seconds", "-1"], "seconds"),
    "seconds nan": (["p", "-o", "x.mp4", "--seconds", "nan"], "seconds"),
    "seconds above the limit": (["p", "-o", "x.mp4", "--seconds", "9999"], "at most"),
    "unknown model": (["p", "-o", "x.mp4", "--model", "nothing"], "unknown model"),
    "folder that is no model": (["p", "-o", "x.mp4", "--model", "."], "no model.json"),
    "folder missing": (["p", "-o", "no/such/x.mp4"], "no/such"),
    "unknown suffix": (["p", "-o", "x.avi"], ".mp4"),
    "steps 0": (["p", "-o", "x.mp4", "--steps", "0"], "steps"),
    "guidance nan": (["p", "-o", "x.mp4", "--guidance", "nan"], "guidance"),
    "unknown option": (["p", "-o", "x.mp4", "--sise", "64x64"], "--sise"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, tiny_model, case, yozora):
    words, expected = BAD[case]
    model = [] if "--model" in words else ["--model", str(tiny_model)]
    done = yozora("generate", *words, *model)
    assert (done.code, len(done.lines)) == (2, 1), done.lines
    assert expected in done.lines[0]
    assert not list(tmp_path.iterdir())


def spoil(folder, change):
    path = folder / "transformer.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.pop("head.linear.bias" if "head.linear.bias" in t else sorted(t)[0]), "missing"),
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


def test_an_interrupt_leaves_nothing_and_ends_with_130(tmp_path, small):
    words = [*PROGRAM, "generate", "a red ball", "-o", "x.mp4", *small[-2:], "--steps", "1000", "--seconds", "8", "--size", "256x256"]
    running = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(6)
    assert running.poll() is None, running.stderr.read()
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 130
    assert not list(tmp_path.iterdir())


def test_help_is_quick():
    began = time.perf_counter()
    subprocess.run([*PROGRAM, "--help"], check=True, capture_output=True)
    assert time.perf_counter() - began < 3  # half a second on a quiet machine; benchmarks/start.py measures it
