"""What is changed for good stays changed: true clips say so, and clips in which it is undone do not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from yozora.evaluate.faults import EITHER_WAY, spoilt_change
from yozora.evaluate.irreversible import irreversible
from yozora.evaluate.joint import MEASURES
from yozora.evaluate.measures import judge
from yozora.evaluate.sight.track import look
from yozora.evaluate.spec import spec_of
from yozora.evaluate.truth import act, asked, film
from yozora.tasks.request import Shot
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
    "seesaw": "a large red ball falls on a seesaw and throws a small blue cube up",
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
    assert [name for name, _ in spoilt] == [
        *(["erase"] if kind == "paint" else ["undo", "gone"]),
        *([] if kind in EITHER_WAY else ["backward"]),
    ]
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


def test_a_lump_that_lies_there_is_not_poured_and_what_slides_is_not_thrown():
    take, clip = filmed("pour")
    heap = np.array(clip.frames[-1])
    swelling = np.repeat(heap[None], len(clip.frames), axis=0)
    assert "grows to 1" in irreversible(look(Video(swelling, clip.fps)), spec_of(take.scene)).seen
    take, clip = filmed("seesaw")
    position = take.poses.position.copy()
    load = take.scene.events[0].target
    position[:, load] = position[0, load] + np.linspace(0, 1.5, len(position))[:, None] * (1, 0, 0)
    slid = film([replace(take, poses=replace(take.poses, position=position.astype(np.float32)))], SHOT, torch.device("cpu"))[0]
    assert irreversible(look(slid), spec_of(take.scene)).seen == "blue is not thrown up"


@pytest.mark.parametrize("kind", ["paint", "break"])
def test_a_trail_and_pieces_are_not_held_against_a_true_clip(kind):
    take, clip = filmed(kind)
    scores = judge(look(clip), asked(take.scene, SHOT), MEASURES)
    assert scores["all"] and scores["all"].passed, {name: score for name, score in scores.items() if score and not score.passed}
