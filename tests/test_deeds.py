"""The manner in which things happen: true clips pass, and each is failed in which something happens in another way."""

from dataclasses import replace

import numpy as np
import pytest

from yozora.evaluate.cases import attend
from yozora.evaluate.deeds import deeds, rebound
from yozora.evaluate.misdeeds import misdone, swerve
from yozora.evaluate.sight.track import look
from yozora.evaluate.spec import Deed, spec_of
from yozora.evaluate.truth import act, filmed
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.parse import compose, parse

SHOT = Shot(width=128, height=128, frames=33, fps=8.0, beat=4)


@pytest.mark.parametrize(
    ("sentence", "kind", "faults"),
    [
        ("a large red ball falls and bounces next to a small blue cube, static camera", "drop", {"sink", "thud", "light", "stray"}),
        ("a yellow ball swings to the right, static camera", "swing", {"straight", "level"}),
        ("five green dominoes topple to the left, static camera", "topple", {"glide", "together", "last_first"}),
        ("a red ball pushes a blue cube to the right, static camera", "push", {"unmoved", "aside", "against"}),
        ("a green ball passes behind a wall to the right, static camera", "hide", {"turned"}),
        ("a purple ball leaves the picture to the left and comes back, static camera", "return", {"crossed"}),
    ],
)
def test_what_happens_in_another_manner_fails(sentence, kind, faults):
    take = act(compose(parse(sentence), 3), SHOT)
    spec = spec_of(take.scene)
    assert [deed.kind for deed in spec.deeds] == [kind]
    true = deeds(attend(filmed(take, SHOT), spec), spec)
    assert true and true.passed, true
    spoilt = dict(misdone(take))
    assert set(spoilt) == faults
    for name, other in spoilt.items():
        found = deeds(attend(filmed(other, SHOT), spec), spec)
        assert found and not found.passed and found.seen != true.seen, (name, found)


def test_nothing_is_said_of_what_has_no_known_manner():
    take = act(compose(parse("a red ball rolls to the right, static camera"), 0), SHOT)
    spec = spec_of(take.scene)
    assert (spec.deeds, spec.idle) == ((Deed(kind="roll", actor=0, target=-1, start=0.0, end=1.0),), ())
    clip = filmed(take, SHOT)
    assert deeds(attend(clip, spec), spec) is None
    nothing = Video(np.full_like(clip.frames, 128), clip.fps)
    dropped = replace(spec, deeds=(replace(spec.deeds[0], kind="drop"),))
    found = deeds(look(nothing), dropped)
    assert found and not found.passed and found.seen == "red is hardly seen"


def test_a_bounce_comes_up_and_down_again():
    assert rebound(np.array([1.0, 0.8, 0.7, 0.9, 1.0])) == pytest.approx(0.3)
    assert rebound(np.array([1.0, 0.95, 0.9, 0.85])) == 0.0  # it only goes away


def test_another_camera_is_of_another_kind():
    take = act(compose(parse("a red ball rolls to the right, static camera"), 0), SHOT)
    other = swerve(take, SHOT)
    assert take.scene.camera.kind == "static" and other.scene.camera.kind == "pan" and other.scene.camera.speed > 0
    assert np.array_equal(take.poses.position, other.poses.position) and not np.array_equal(take.view.rotation, other.view.rotation)
