"""The commands of the physics world write what they say."""

import json
import sys

import pytest
from safetensors.numpy import load_file

from yozora.cli import main
from yozora.video import Video


@pytest.fixture
def yozora(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["yozora", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, capsys.readouterr()

    return run


def test_render_writes_clips_captions_truth_and_a_contact_sheet(yozora, tmp_path):
    code, said = yozora("world", "render", tmp_path / "out", "--count", 2, "--seed", 5, "--size", "64x48", "--frames", 6)
    assert code == 0, said.err
    for seed in (5, 6):
        stem = tmp_path / "out" / f"{seed:06d}"
        assert Video.load(stem.with_suffix(".mp4")).frames.shape == (6, 48, 64, 3)
        words = json.loads(stem.with_suffix(".json").read_text())["captions"]
        assert len(words["short"]) < len(words["full"])
        truth = load_file(stem.with_suffix(".safetensors"))
        assert truth["position"].shape[0] == truth["masks"].shape[0] == 6
    assert Video.load(tmp_path / "out" / "contact-sheet.png").num_frames == 1


def test_render_draws_from_the_families_that_are_named(yozora, tmp_path):
    code, said = yozora("world", "render", tmp_path, "--count", 1, "--size", "48x48", "--frames", 4, "--families", "paint")
    assert code == 0, said.err
    assert json.loads((tmp_path / "000000.json").read_text())["scene"]["events"][0]["kind"] == "paint"
    assert load_file(tmp_path / "000000.safetensors")["trail_0"].shape == (4, 2)


def test_scene_reads_a_sentence_and_names_what_it_did_not_understand(yozora):
    code, said = yozora("world", "scene", "a green cube slides down a slope near a zeppelin")
    assert code == 0, said.err
    answer = json.loads(said.out)
    (cube,) = answer["scene"]["objects"]
    assert (cube["colour"], cube["shape"]) == ("green", "cube")
    assert [event["kind"] for event in answer["scene"]["events"]] == ["slide"]
    assert "zeppelin" in said.out


@pytest.mark.parametrize("words", ["", "tra la la", "the camera pans left"])
def test_words_that_name_no_thing_are_no_scene(yozora, words):
    code, said = yozora("world", "scene", words)
    assert (code, said.out) == (2, "")
    assert said.err == f"yozora: {words!r} names nothing of this world; name a thing, such as 'a red ball'\n"


@pytest.mark.parametrize(
    "words", [("--size", "63x48"), ("--count", "0"), ("--split", "nothing"), ("--families", "flood"), ("--frames", "0")]
)
def test_bad_input_is_one_line_and_exit_2(yozora, tmp_path, words):
    code, said = yozora("world", "render", tmp_path / "out", *words)
    assert code == 2 and len(said.err.splitlines()) == 1, said.err
