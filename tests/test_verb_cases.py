"""The cases of the verbs suite: what should be seen passes every measure, and each stand-in fails one."""

import pytest

from yozora.evaluate.edit import RENDER
from yozora.evaluate.verbs import VERBS
from yozora.tasks.settings import Shot

SHOT = Shot(width=128, height=128, frames=33, fps=8.0, beat=4)


@pytest.mark.parametrize("verb", VERBS)
def test_a_case_knows_the_true_clip_from_its_stand_ins(verb: str) -> None:
    edit = VERBS[verb](0, SHOT)
    frames = edit.request.canvas(edit.shot).given.frames.shape
    assert edit.others and all(video.frames.shape == frames for video in edit.others.values())
    for kind, video in edit.others.items():
        wrong = {name: found.seen for name, found in edit.judge(video).items() if found and not found.passed}
        assert not wrong if kind == RENDER else wrong, kind
