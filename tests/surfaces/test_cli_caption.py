"""The command that says what a file shows: a line for each stretch, and one line for what makes no sense."""

import os
import re
import shutil
from itertools import pairwise

import numpy as np
import pytest

import yozora as package
from yozora.video import Video


@pytest.fixture
def said(yozora, monkeypatch):
    """Run `yozora caption` and return how it ended and its lines of output."""

    def run(*words):
        lines = []
        monkeypatch.setattr("builtins.print", lambda *parts, file=None, **_: lines.append(" ".join(map(str, parts))))
        done = yozora("caption", *words)
        return done, lines

    return run


@pytest.mark.parametrize("length", ["short", "sentence", "full"])
def test_a_clip_and_a_picture_are_one_line_each(said, given, told_model, length):
    for name in ("clip.mp4", "pic.png"):
        done, lines = said(given / name, "--length", length, "--model", told_model)
        (cue,) = package.caption(given / name, length=length, model=str(told_model))
        assert done.code == 0 and lines == [cue.text] and cue.text and cue.start == 0


def test_a_long_video_is_a_line_for_each_stretch_with_its_seconds(said, told_model, tmp_path):
    Video(np.random.default_rng(0).integers(0, 256, (60, 32, 64, 3), dtype=np.uint8), 12.0).save(tmp_path / "long.mp4")
    done, lines = said("long.mp4", "--model", told_model)
    assert done.code == 0 and len(lines) == 3  # 40 frames at the model's 8 a second, of which it has learned 16
    spans = [tuple(map(float, re.match(r"([\d.]+)-([\d.]+) s: \w", line).groups())) for line in lines]
    assert spans[0][0] == 0 and spans[-1][1] == 5 and all(a[1] == b[0] for a, b in pairwise(spans))


BAD = {
    "no file": (("missing.mp4",), "missing.mp4 does not exist; check its name"),
    "no video": (("words.mp4",), "it is none of mp4"),
    "folder": (("folder.mp4",), "is a folder; name a file in it"),
    "no length": (("pic.png", "--length", "long"), "'long' is not one of"),
    "no model": (("pic.png", "--model", "nobody"), "unknown model 'nobody'"),
    "no captioner": (("pic.png", "--model", "TINY"), "has no captioner: train one"),
    "torn captioner": (("pic.png", "--model", "torn"), "captioner.safetensors is not a safetensors file"),
    "another's captioner": (("pic.png", "--model", "other"), "other/captioner.safetensors"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, said, given, told_model, tiny_model, name):
    words, expected = BAD[name]
    (tmp_path / "words.mp4").write_text("no video at all")
    (tmp_path / "folder.mp4").mkdir()
    shutil.copy(given / "pic.png", tmp_path)
    for model in ("torn", "other"):
        shutil.copytree(told_model, tmp_path / model)
    os.truncate(tmp_path / "torn" / "captioner.safetensors", 100)
    shutil.copy(told_model / "text.safetensors", tmp_path / "other" / "captioner.safetensors")
    done, lines = said(*(str(tiny_model) if word == "TINY" else word for word in words))
    assert done.code == 2 and len(lines) == 1 and expected in lines[0], lines


def test_from_python_it_is_a_value_error_with_the_remedy(given, told_model, tiny_model):
    with pytest.raises(ValueError, match="choose short, sentence, full"):
        package.caption(given / "pic.png", length="long", model=str(told_model))
    with pytest.raises(ValueError, match="--only captioner"):
        package.caption(given / "pic.png", model=str(tiny_model))
    video = Video.load(given / "clip.mp4")
    assert package.caption(video, model=str(told_model)) == package.caption(given / "clip.mp4", model=str(told_model))
