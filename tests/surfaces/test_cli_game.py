"""The command of the game writes what it says."""

import json

import pytest

from yozora.video import Video, read_metadata


def test_game_writes_clips_captions_states_and_a_contact_sheet(yozora, tmp_path):
    done = yozora("world", "game", "out", "--count", 2, "--seed", 5, "--size", "96x64", "--frames", 25)
    assert done.code == 0, done.lines
    for seed in (5, 6):
        stem = tmp_path / "out" / f"{seed:06d}"
        assert Video.load(stem.with_suffix(".mp4")).frames.shape == (25, 64, 96, 3)
        facts = json.loads(stem.with_suffix(".json").read_text())
        assert len(facts["states"]) == 9 and facts["states"][0]["player"] == facts["game"]["board"]["start"]
        assert read_metadata(stem.with_suffix(".mp4"))["words"] == facts["captions"]["sentence"]
    assert Video.load(tmp_path / "out" / "contact-sheet.png").num_frames == 1


@pytest.mark.parametrize("words", [("--size", "63x48"), ("--size", "32x32"), ("--count", "0"), ("--split", "nothing"), ("--frames", "0")])
def test_bad_input_is_one_line_and_exit_2_and_leaves_no_folder(yozora, tmp_path, words):
    done = yozora("world", "game", "out", *words)
    assert done.code == 2 and len(done.lines) == 1, done.lines
    assert not (tmp_path / "out").exists()
