"""The measures of the world: true clips pass them, and each fails the fault that it is there to catch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.evaluate import depth, faults, permanence
from yozora.evaluate.joint import MEASURES
from yozora.evaluate.measures import judge, record
from yozora.evaluate.sight.track import Sight, look
from yozora.evaluate.spec import spec_of
from yozora.evaluate.truth import act, film
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.scene import COLOURS, Body, Camera, Event, Floor, Light, Scene
from yozora.world.take import Take

SHOT = Shot(width=128, height=128, frames=25, fps=8.0)


def scene(kind: str = "roll", camera: tuple[str, str, float] = ("static", "none", 0.0), floor: str = "marble") -> Scene:
    """A red ball that does something beside a blue cube."""
    return Scene(
        objects=(
            Body(shape="ball", colour="red", size="large", material="matte", x=-1.0, y=0.7),
            Body(shape="cube", colour="blue", size="medium", material="matte", x=0.3, y=-0.9),
        ),
        events=(Event(kind=kind, actor=0, target=-1, direction="right", speed=1.0, amount=0.0),),
        camera=Camera(kind=camera[0], direction=camera[1], speed=camera[2], azimuth=5.0, elevation=18.0),
        floor=Floor(kind=floor, tone=0.5, seed=3),
        light=Light(time="noon", azimuth=60.0, elevation=45.0),
        style="natural",
    )


def filmed(take: Take) -> Video:
    return film([take], SHOT, torch.device("cpu"))[0]


@pytest.fixture(scope="module")
def take() -> Take:
    return act(scene(), SHOT)


@pytest.fixture(scope="module")
def clip(take) -> Video:
    return filmed(take)


@pytest.fixture(scope="module")
def sight(clip) -> Sight:
    return look(clip)


def test_a_true_clip_passes_all(take, sight):
    found = record(judge(sight, spec_of(take.scene), MEASURES))
    assert not [name for name, score in found.items() if (score is None) != (name == "irreversible") or (score and not score[1])], found
    anything = record(judge(sight, replace(spec_of(take.scene), camera=None, motions=()), MEASURES))
    assert anything["camera"] is None and anything["direction"] is None and anything["all"][1]
    kind = record(judge(sight, replace(spec_of(take.scene), camera=(take.scene.camera.kind, "")), MEASURES))
    assert kind["camera"][1] and kind["all"][1]
    other = record(judge(sight, replace(spec_of(take.scene), camera=("pan", "left")), MEASURES))
    assert not other["camera"][1] and not other["all"][1]


@pytest.mark.parametrize(
    ("fault", "name"),
    [("teleport", "permanence"), ("tremble", "flicker"), ("narrow", "round_balls"), ("enlarge", "inside"), ("bars", "no_bars")],
)
def test_each_fault_fails_the_measure_that_is_there_for_it(fault, name, take, clip):
    spoil, rng = getattr(faults, fault), np.random.default_rng(0)
    spoilt = filmed(spoil(take, rng)) if fault == "teleport" else Video(spoil(clip.frames, rng), clip.fps)
    found = record(judge(look(spoilt), spec_of(take.scene), MEASURES))
    assert found[name] and not found[name][1] and not found["all"][1], found


def test_what_vanishes_or_appears_in_the_open_does_not_last(take):
    for frames in (slice(5, None), slice(None, 6)):
        position = take.poses.position.copy()
        position[frames, 1] = (0.0, 0.0, -100.0)
        score = permanence.permanence(look(filmed(replace(take, poses=replace(take.poses, position=position)))), spec_of(take.scene))
        assert not score.passed and "blue" in score.seen


@pytest.mark.parametrize("times", [0.6, 1.4])
def test_nothing_swells_or_shrinks_at_once(take, clip, times):
    """In the open, of one that moves and one that stands; what only comes closer passes."""
    for index, colour in enumerate(("red", "blue")):
        changed = replace(take.solids[index], half=tuple(times * side for side in take.solids[index].half))
        solids = tuple(changed if at == index else solid for at, solid in enumerate(take.solids))
        frames = np.concatenate([clip.frames[:4], filmed(replace(take, solids=solids)).frames[4:]])
        score = permanence.permanence(look(Video(frames, clip.fps)), spec_of(take.scene))
        assert not score.passed and f"{colour} changes its size at once" in score.seen, score
    nearer = act(scene(camera=("dolly", "in", 0.6)), SHOT)
    assert permanence.permanence(look(filmed(nearer)), spec_of(nearer.scene)).passed


def test_what_was_hidden_must_come_back_as_it_was():
    hidden = act(scene("hide"), SHOT)
    spec, white, colours = spec_of(hidden.scene), filmed(hidden).frames, [solid.colour for solid in hidden.solids]
    assert permanence.permanence(look(filmed(hidden)), spec).passed
    middle = int(np.median(np.flatnonzero(look(filmed(hidden)).counts("red") == 0)))
    other = replace(hidden, solids=(replace(hidden.solids[0], colour=COLOURS["green"]), *hidden.solids[1:]))
    exchanged = np.concatenate([white[:middle], filmed(other).frames[middle:]])
    assert not permanence.permanence(look(Video(exchanged, SHOT.fps)), spec).passed and colours[0] == COLOURS["red"]
    small = replace(hidden, solids=(replace(hidden.solids[0], half=(0.15,) * 3), *hidden.solids[1:]))
    score = permanence.permanence(look(Video(np.concatenate([white[:middle], filmed(small).frames[middle:]]), SHOT.fps)), spec)
    assert not score.passed and "times as large" in score.seen
    still = np.repeat(white[:1], len(white), axis=0)
    assert "never out of sight" in permanence.permanence(look(Video(still, SHOT.fps)), spec).seen


@pytest.mark.parametrize("move", [("pan", "right", 3.0), ("orbit", "left", 9.0), ("dolly", "in", 0.3)])
def test_a_floor_that_moves_as_one_obeys_the_camera_and_one_that_wobbles_does_not(move):
    moving = filmed(act(scene(camera=move, floor="speckled"), SHOT))
    spec = spec_of(scene(camera=move))
    true = depth.rigid(look(moving), spec)
    assert true and true.passed, true
    wobbly = faults.wobble(moving.frames, np.random.default_rng(0))
    false = depth.rigid(look(Video(wobbly, SHOT.fps)), spec)
    assert false is None or not false.passed
