"""The command that says what a file shows: a line for each stretch, and one line for what makes no sense."""

import os
import re
import shlex
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch

import yozora as package
from yozora.captioner import alignments
from yozora.captioning import captioner_of, encoded, fitted
from yozora.evaluate.truth import act, film
from yozora.model import load
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.parse import compose, parse

SHOT = Shot(width=96, height=96, frames=9, fps=8.0)


@pytest.mark.parametrize("length", ["short", "sentence", "full"])
def test_a_clip_and_a_picture_are_one_line_each(yozora, given, told_model, length):
    for name in ("clip.mp4", "pic.png"):
        done = yozora("caption", given / name, "--length", length, "--model", told_model)
        (cue,) = package.caption(given / name, length=length, model=str(told_model))
        assert done.code == 0 and done.said == [cue.text] and cue.text and cue.start == 0


def test_a_long_video_is_a_line_for_each_stretch_with_its_seconds(yozora, told_model, tmp_path):
    Video(np.random.default_rng(0).integers(0, 256, (60, 32, 64, 3), dtype=np.uint8), 12.0).save(tmp_path / "long.mp4")
    for ask in ((), ("--fits", "a red ball")):
        done = yozora("caption", "long.mp4", "--model", told_model, *ask)
        assert done.code == 0 and len(done.said) == 3  # 40 frames at the model's 8 a second, of which it has learned 16
        spans = [tuple(map(float, re.match(r"([\d.]+)-([\d.]+) s: -?\w", line).groups())) for line in done.said]
        assert spans[0][0] == 0 and spans[-1][1] == 5 and all(a[1] == b[0] for a, b in pairwise(spans))


def test_words_fit_by_as_much_as_the_clip_makes_them_likelier(yozora, given, told_model):
    device = choose_device()
    model = load(str(told_model), device, choose_dtype(device))
    clip = encoded(fitted(Video.load(given / "clip.mp4"), model.habits), model)
    words = "a red ball rolls left"
    wanted = alignments(captioner_of(model), model.text.tokenizer, [clip], [words]).item()
    done = yozora("caption", given / "clip.mp4", "--fits", f"{words} zeppelin", "--model", told_model)
    assert done.said == [f"{wanted:.2f}"] and wanted != 0
    assert done.warnings[0] == "yozora: warning: the model does not know the word 'zeppelin'"


def test_a_picture_of_another_world_is_captioned_with_a_warning(yozora, given, told_model, tmp_path):
    Video(np.full((1, 32, 64, 3), 128, np.uint8), 8.0).save(tmp_path / "grey.png")
    empty = yozora("caption", "grey.png", "--model", told_model)
    assert empty.code == 0 and "grey.png: nothing of this world is seen in it; the captioner" in empty.warnings[0]
    film([act(compose(parse("a red ball"), 0), SHOT)], SHOT, torch.device("cpu"))[0].save(tmp_path / "ball.mp4")
    assert not yozora("caption", "ball.mp4", "--model", told_model).warnings
    done = yozora("caption", given / "clip.mp4", "--model", told_model)
    assert done.code == 0 and done.said and len(done.warnings) == 1
    assert done.warnings[0].startswith("yozora: warning: clip.mp4: the clip is none of this world, or painted in such colours as thermal")
    yozora("world", "game", ".", "--count", 1, "--size", "64x64", "--frames", 5)
    done = yozora("caption", "000000.mp4", "--model", told_model)
    assert done.code == 0 and done.said and "000000.mp4: this is a clip of the game" in done.warnings[0]


BAD = {
    "no file": (("missing.mp4",), "missing.mp4 does not exist; check its name"),
    "no video": (("words.mp4",), "it is none of mp4"),
    "folder": (("folder.mp4",), "is a folder; name a file in it"),
    "no length": (("pic.png", "--length", "long"), "'long' is not one of"),
    "no model": (("pic.png", "--model", "nobody"), "unknown model 'nobody'"),
    "no captioner": (("pic.png", "--model", "TINY"), "has no captioner: train one"),
    "words of nothing": (("pic.png", "--model", "TOLD", "--fits", "zeppelin"), "'zeppelin' has no word that the model knows"),
    "no words": (("pic.png", "--model", "TOLD", "--fits", ""), "'' has no word that the model knows"),
    "both": (("pic.png", "--model", "TOLD", "--fits", "a ball", "--length", "short"), "leave one out"),
    "torn captioner": (("pic.png", "--model", "torn"), "captioner.safetensors is not a safetensors file"),
    "another's captioner": (("pic.png", "--model", "other"), "other/captioner.safetensors"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, yozora, given, told_model, tiny_model, name):
    words, expected = BAD[name]
    (tmp_path / "words.mp4").write_text("no video at all")
    (tmp_path / "folder.mp4").mkdir()
    shutil.copy(given / "pic.png", tmp_path)
    for model in ("torn", "other"):
        shutil.copytree(told_model, tmp_path / model)
    os.truncate(tmp_path / "torn" / "captioner.safetensors", 100)
    shutil.copy(told_model / "text.safetensors", tmp_path / "other" / "captioner.safetensors")
    done = yozora("caption", *({"TINY": tiny_model, "TOLD": told_model}.get(word, word) for word in words))
    assert done.code == 2 and not done.said and len(done.lines) == 1 and expected in done.lines[0], done


def test_the_command_that_trains_a_captioner_is_one_that_works(tmp_path, yozora, given, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "models" / "no words")
    (line,) = yozora("caption", given / "pic.png", "--model", "models/no words").lines
    command = shlex.split(re.search(r"\((yozora .*)\)", line)[1])
    assert command == ["yozora", "train", "further", "--from", "models/no words", "--only", "captioner"]


def test_from_python_it_is_a_value_error_with_the_remedy(given, told_model, tiny_model):
    with pytest.raises(ValueError, match="choose short, sentence, full"):
        package.caption(given / "pic.png", length="long", model=str(told_model))
    with pytest.raises(ValueError, match="--only captioner"):
        package.caption(given / "pic.png", model=str(tiny_model))
    video = Video.load(given / "clip.mp4")
    assert package.caption(video, model=str(told_model)) == package.caption(given / "clip.mp4", model=str(told_model))
