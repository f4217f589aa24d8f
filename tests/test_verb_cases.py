"""The cases of the verbs suite: what should be seen passes every measure, and each stand-in fails one; the suite runs, and goes on."""

from dataclasses import replace

import pytest

from yozora.evaluate import levels, limits
from yozora.evaluate.verbs.edit import RENDER
from yozora.evaluate.verbs.suite import VERBS, run
from yozora.tasks.request import Shot

SHOT = Shot(width=128, height=128, frames=17, fps=8.0, beat=4)
LONGER = dict.fromkeys(("loop", "generate-loop", "blend"), 25)  # frames, where something has to turn, or to melt


@pytest.mark.parametrize("verb", VERBS)
def test_a_case_knows_the_true_clip_from_its_stand_ins(verb: str) -> None:
    edit = VERBS[verb](0, replace(SHOT, frames=LONGER.get(verb, SHOT.frames)))
    frames = edit.request.canvas(edit.shot).given.frames.shape
    assert edit.others and all(video.frames.shape == frames for video in edit.others.values())
    for kind, video in edit.others.items():
        wrong = {name: found.seen for name, found in edit.judge(video).items() if found and not found.passed}
        assert not wrong if kind == RENDER else wrong, kind


def test_a_run_judges_the_model_beside_its_rivals_and_goes_on_where_it_stopped(tiny_model, tmp_path) -> None:
    page = run(str(tiny_model), tmp_path, 1, ("simulate", "animate"))
    assert page.startswith("| simulate | clips | track |") and "half of words alone" in page and "| words alone | 1 |" in page
    lines = (tmp_path / "verbs.jsonl").read_text().splitlines()
    assert run(str(tiny_model), tmp_path, 1, ("simulate", "animate")) == page
    assert (tmp_path / "verbs.jsonl").read_text().splitlines() == lines
    assert {path.name for path in (tmp_path / "clips").glob("*.mp4")} == {"simulate-000.mp4", "animate-000.mp4"}


def test_a_clip_is_judged_from_every_level(tiny_model, capsys) -> None:
    levels.main(str(tiny_model), clips=1, steps=1)
    rows = [line.split(" | ")[0].strip("| ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == ["renders", "through the VAE", *(f"from level {level:g}" for level in levels.LEVELS)]


def test_limits_are_shown_beside_what_true_clips_reach(tiny_model, capsys) -> None:
    limits.main(str(tiny_model), cases=1, verbs="fill")
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    found = {name: (int(clips), int(passed), float(middle)) for _, name, clips, passed, _, _, middle, _, _ in rows}
    assert found["replaced, the render"] == found["outside, the render through the VAE"] == (1, 1, 1.0)
    assert {name.split(", ")[0] for name in found} == {"outside", "replaced", "track"} and len(found) == 6
