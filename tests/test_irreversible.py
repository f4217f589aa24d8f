"""What is changed for good stays changed: true clips say so, and clips in which it is undone do not."""

from functools import cache

import pytest
import torch

from yozora.evaluate.faults import spoilt_change
from yozora.evaluate.irreversible import irreversible
from yozora.evaluate.joint import MEASURES
from yozora.evaluate.measures import judge
from yozora.evaluate.spec import spec_of
from yozora.evaluate.track import look
from yozora.evaluate.truth import act, asked, film
from yozora.tasks.settings import Shot
from yozora.video import Video
from yozora.world.parse import compose, parse
from yozora.world.sample import sample
from yozora.world.take import Take

SHOT = Shot(width=128, height=128, frames=37, fps=9.0)
SAID = {
    "tower": "a purple ball knocks over a tower of four orange cubes",
    "paint": "a red ball rolls to the right and leaves a trail of paint",
    "break": "a green cube breaks into pieces",
    "pour": "yellow grains pour onto the floor",
}


@cache
def filmed(kind: str) -> tuple[Take, Video]:
    take = act(compose(parse(f"{SAID[kind]} on a plain floor at noon"), 3), SHOT)
    return take, film([take], SHOT, torch.device("cpu"))[0]


@pytest.mark.parametrize("kind", SAID)
def test_a_true_change_stays(kind):
    take, clip = filmed(kind)
    score = irreversible(look(clip), spec_of(take.scene))
    assert score and score.passed, score


@pytest.mark.parametrize("kind", SAID)
def test_what_is_undone_fails(kind):
    take, clip = filmed(kind)
    spoilt = spoilt_change(take, clip, lambda faulty: film([faulty], SHOT, torch.device("cpu"))[0])
    assert len(spoilt) == 2
    for name, video in spoilt:
        score = irreversible(look(video), spec_of(take.scene))
        assert score and not score.passed, (name, score)


@pytest.mark.parametrize("kind", SAID)
def test_what_never_changes_fails(kind):
    take, clip = filmed(kind)
    score = irreversible(look(Video(clip.frames[:1].repeat(SHOT.frames, axis=0), clip.fps)), spec_of(take.scene))
    assert score and not score.passed


def test_where_nothing_changes_for_good_there_is_no_verdict_and_nothing_to_undo():
    take = act(sample(0), SHOT)
    clip = film([take], SHOT, torch.device("cpu"))[0]
    assert irreversible(look(clip), spec_of(take.scene)) is None
    assert spoilt_change(take, clip, lambda faulty: clip) == []


@pytest.mark.parametrize("kind", ["paint", "break"])
def test_a_trail_and_pieces_are_not_held_against_a_true_clip(kind):
    take, clip = filmed(kind)
    scores = judge(look(clip), asked(take.scene, SHOT), MEASURES)
    assert scores["all"] and scores["all"].passed, {name: score for name, score in scores.items() if score and not score.passed}
