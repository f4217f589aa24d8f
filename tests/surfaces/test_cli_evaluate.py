"""The command that measures: what makes no sense is one line, before anything is loaded."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import yozora as package
from yozora.command import check_folder
from yozora.evaluate.game.rules import RULES
from yozora.evaluate.thresholds import FROZEN
from yozora.evaluate.truth import act, film
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.weights import sha256
from yozora.world.parse import compose, parse

BAD = {
    "no suite": (("--suite", "prompts"), "yozora: Invalid value for '--suite': 'prompts' is not one of 'world', 'verbs'"),
    "no case": (("--cases", "0"), "should be greater than or equal to 1"),
    "verb of no suite": (("--verb", "loop"), "--verb chooses among the verbs; leave it out"),
    "quick verbs": (("--suite", "verbs", "--quick"), "belong to the world suite"),
    "two numbers of cases": (("--quick", "--cases", "5"), "leave out --cases"),
    "no model": (("nowhere",), "unknown model 'nowhere'; bundled models: hoshi"),
    "weights alone": (("file",), "unknown model 'file'"),
    "file for a folder": (("--out", "file"), "file cannot be a folder, because a file is in its place; name another in --out"),
    "folder in a file": (("--out", "file/more"), "file/more cannot be a folder"),
    "no verb": (("--suite", "verbs", "--verb", "sing"), "no verb sing; choose among"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, yozora, monkeypatch, name):
    words, expected = BAD[name]
    monkeypatch.setattr("yozora.model.own.load_into", lambda *_: pytest.fail("weights were loaded"))
    (tmp_path / "file").write_text("kept")
    done = yozora("evaluate", *words)
    assert (done.code, len(done.lines)) == (2, 1) and expected in done.lines[0], done
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_model_that_cannot_be_asked_in_words_is_one_line(tmp_path, yozora, tiny_model):
    for part in tiny_model.iterdir():
        if part.name != "text.safetensors":
            (tmp_path / part.name).write_bytes(part.read_bytes())
    done = yozora("evaluate", ".", "--out", "folder")
    assert (done.code, len(done.lines)) == (2, 1) and "lacks text.safetensors" in done.lines[0] and "in words" in done.lines[0], done


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder is known that nobody can write")
def test_what_cannot_be_written_is_refused_before_anything_is_loaded(yozora, monkeypatch):
    monkeypatch.setattr("yozora.model.own.load_into", lambda *_: pytest.fail("weights were loaded"))
    for out in ("/proc/folder", "/proc/folder/more"):
        done = yozora("evaluate", "--out", out)
        assert (done.code, len(done.lines)) == (2, 1), done
        assert done.lines[0].startswith(f"yozora: {out} cannot be written (") and done.lines[0].endswith("; name another folder in --out")


def test_of_a_folder_that_can_be_written_nothing_is_left_by_the_trial(tmp_path):
    check_folder(tmp_path / "new" / "deep")
    check_folder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_edited_limits_are_refused_with_both_hashes(tmp_path):
    """In a process of its own, with a copy of the package: one line and exit code 2, whichever command judges."""
    copy = tmp_path / "copy"
    shutil.copytree(Path(package.__file__).parent, copy / "yozora", ignore=shutil.ignore_patterns("__pycache__"))
    edited = copy / "yozora/evaluate/thresholds.toml"
    edited.write_text(edited.read_text().replace("steady = 0.7", "steady = 0.6"))
    both = FROZEN, sha256(edited)
    for words in (("yozora", "evaluate"), ("yozora", "judge", "clip.mp4", "a ball"), ("yozora.evaluate.calibrate", "hoshi")):
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True
        )
        lines = done.stderr.splitlines()
        assert (done.returncode, len(lines)) == (2, 1), (words, done.stderr)
        assert all(one in lines[0] for one in both), lines


def test_the_command_scores_a_model_and_goes_on_where_it_stopped(tmp_path, yozora, tiny_model):
    assert yozora("evaluate", tiny_model, "--cases", 2, "--processes", 1, "--seal", "any", "--recipe", "debug").code == 0
    facts = json.loads((tmp_path / "evaluation" / "world.json").read_text())
    assert facts["joint"]["of"] == 2 and facts["memory"]["clips"] == 2 and facts["diversity"]["takes"] == 4
    assert "chosen by hand" in facts["tier"]
    first = (tmp_path / "evaluation" / "world.jsonl").read_text()
    assert yozora("evaluate", tiny_model, "--cases", 2, "--processes", 1, "--seal", "any").code == 0
    assert (tmp_path / "evaluation" / "world.jsonl").read_text() == first
    done = yozora("evaluate", tiny_model, "--cases", 2, "--processes", 1, "--seal", "other")
    assert done.code == 2 and "delete it, or choose another --out" in done.lines[0]


@pytest.fixture
def rolls(tmp_path):
    """A render of a blue ball that rolls."""
    shot = Shot(width=128, height=128, frames=25, fps=8.0)
    take = act(compose(parse("a large blue ball rolls to the right on a wooden floor"), 0), shot)
    film([take], shot, torch.device("cpu"))[0].save(tmp_path / "rolls.mp4")


def said(yozora, *words) -> dict[str, str]:
    """What the command says of each measure, and whether it applies."""
    sight = yozora("judge", *words)
    assert sight.code == 0, sight
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in sight.said}


def test_a_clip_is_judged_by_its_words(yozora, rolls):
    right = said(yozora, "rolls.mp4", "a blue ball rolls to the right")
    assert right["colours"].startswith("passes") and right["direction"].startswith("passes") and right["round_balls"].startswith("passes")
    assert right["camera"].startswith("does not apply: the words do not speak of the camera")
    wrong = said(yozora, "rolls.mp4", "a red cube slides to the left, the camera pans left")
    assert all(wrong[name].startswith("fails") for name in ("colours", "shapes", "binding", "direction", "camera"))
    assert said(yozora, "rolls.mp4", "something blue")["shapes"].startswith("does not apply")


def test_a_clip_of_another_kind_says_which_measures_do_not_apply(yozora, tmp_path):
    rng = np.random.default_rng(0)
    Video(rng.integers(0, 256, (9, 16, 16, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2), 8.0).save(tmp_path / "other.mp4")
    found = said(yozora, "other.mp4", "a red ball")
    assert all(
        "none of this world" in found[name] for name in ("colours", "shapes", "direction", "camera", "permanence", "rigid", "round_balls")
    )
    assert "none of this world" not in found["no_bars"] + found["inside"]
    assert "or painted in such colours as thermal, blueprint or neon" in found["colours"]


def test_of_one_picture_nothing_is_said_that_takes_several(yozora, rolls, tmp_path):
    Video(Video.load(tmp_path / "rolls.mp4").frames[-1:], 8.0).save(tmp_path / "still.png")
    found = said(yozora, "still.png", "a blue ball rolls to the left, the camera pans left")
    silent = [name for name, verdict in found.items() if verdict == "does not apply: one picture cannot tell"]
    assert silent == ["direction", "camera", "permanence", "deeds", "irreversible", "rigid", "flicker"]
    assert found["colours"].startswith("passes") and not [name for name, verdict in found.items() if verdict.startswith("fails")]


def test_of_what_the_measures_were_not_tried_on_it_warns(yozora, rolls):
    for words, name in (("a pencil sketch of a blue ball", "pencil"), ("a white ball beside a blue ball", "white")):
        done = yozora("judge", "rolls.mp4", words)
        assert done.code == 0 and [line for line in done.warnings if f"what is {name} was in no clip" in line], done
    assert not yozora("judge", "rolls.mp4", "a blue ball").warnings


def test_words_that_are_not_understood_are_named(yozora, rolls):
    done = yozora("judge", "rolls.mp4", "a dragon eats a blue bal and a blue ball")
    named = [line.partition(" does not know ")[2] for line in done.warnings]
    assert done.code == 0 and named == ["'dragon'", "'eats'; did you mean heat?", "'bal'; did you mean ball?"]


def test_a_clip_of_the_game_is_judged_by_its_rules(yozora, tmp_path):
    assert yozora("world", "game", ".", "--count", 1, "--size", "96x64", "--frames", 25).code == 0
    done = yozora("judge", "000000.mp4", "a red ball")
    assert [line.split()[0] for line in done.said] == [*RULES, "first", "final", "looks"]
    assert all(line.split()[1] == "passes" for line in done.said), done.said
    assert len(done.warnings) == 1 and "by its rules and what 000000.json asks, not by the words" in done.warnings[0]
    clip = Video.load(tmp_path / "000000.mp4")
    Video(clip.frames[::-1].copy(), clip.fps).save(tmp_path / "000000.mp4")
    assert any(line.split()[1] == "fails" for line in yozora("judge", "000000.mp4", "a red ball").said)
    (tmp_path / "000000.json").write_text('{"game": {}}')
    assert said(yozora, "000000.mp4", "a red ball").keys() >= {"colours", "no_bars"}


@pytest.mark.parametrize(
    ("words", "expected"), [(("missing.mp4", "a ball"), "missing.mp4"), (("rolls.mp4", "tra la la"), "names nothing of this world")]
)
def test_what_cannot_be_judged_is_one_line(yozora, rolls, words, expected):
    done = yozora("judge", *words)
    assert (done.code, len(done.lines)) == (2, 1) and expected in done.lines[0]


@pytest.mark.parametrize(
    "words",
    [
        "a row of red dominoes topples to the right",
        "a green cube breaks into pieces",
        "a red ball leaves a trail of paint to the right",
        "a tower of blue cubes is knocked over by an orange ball",
        "a blue ball rolls behind a wall to the right",
    ],
)
def test_a_true_clip_of_any_kind_passes_what_its_words_ask(yozora, tmp_path, words):
    shot = Shot(width=128, height=128, frames=33, fps=8.0)
    film([act(compose(parse(words), 1), shot)], shot, torch.device("cpu"))[0].save(tmp_path / "clip.mp4")
    found = said(yozora, "clip.mp4", words)
    assert not [name for name, verdict in found.items() if verdict.startswith("fails")], found
