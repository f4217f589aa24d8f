"""Laws of the measures: true clips pass, each fault fails the metric that should see it, and resolution changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.evaluate import faults
from yozora.evaluate.measures import direction, judge
from yozora.evaluate.report import difference, wilson
from yozora.evaluate.sight.blobs import absorb, components, measure
from yozora.evaluate.sight.camera import find_move
from yozora.evaluate.sight.detect import shrink
from yozora.evaluate.sight.track import look
from yozora.evaluate.spec import MOTIONS, free_sentences, read_line
from yozora.evaluate.truth import act, asked, film, squeeze
from yozora.model import load
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.scene import Body, Camera, Event, Floor, Light, Scene

SHOT = Shot(width=128, height=128, frames=25, fps=6)
CPU = torch.device("cpu")
CAMERAS = (("static", "none", 0.0), ("pan", "right", 3.0), ("tilt", "up", 2.0), ("dolly", "in", 0.4), ("orbit", "left", 9.0))


def scene(way: str = "right", camera: tuple[str, str, float] = ("static", "none", 0.0)) -> Scene:
    """A red ball crosses the floor behind a blue cube."""
    actor = Body(shape="ball", colour="red", size="medium", material="matte", x=-1.0 if way == "right" else 1.0, y=0.5)
    other = Body(shape="cube", colour="blue", size="medium", material="matte", x=0.2, y=-0.6)
    kind, turn, speed = camera
    return Scene(
        objects=(actor, other),
        events=(Event(kind="roll", actor=0, target=-1, direction=way, speed=0.8, amount=0.0),),
        camera=Camera(kind=kind, direction=turn, speed=speed, azimuth=5.0, elevation=24.0),
        floor=Floor(kind="concrete", tone=0.5, seed=3),
        light=Light(time="noon", azimuth=40.0, elevation=50.0),
        style="natural",
    )


@pytest.fixture(scope="module")
def take():
    """A simulated scene."""
    return act(scene(), SHOT)


@pytest.fixture(scope="module")
def clip(take) -> Video:
    """Its picture."""
    return film([take], SHOT, CPU)[0]


def verdicts(video: Video) -> dict[str, bool]:
    """What passes when a video is judged by the scene."""
    return {name: score.passed for name, score in judge(look(video), asked(scene(), SHOT)).items()}


def test_a_true_clip_passes_everything(clip):
    assert all(verdicts(clip).values())


@pytest.mark.parametrize(("fault", "metric"), [("recolour", "colours"), ("reshape", "shapes"), ("vanish", "count"), ("add", "count")])
def test_a_fault_in_the_world_fails_its_metric(take, fault, metric):
    (spoilt,) = film([getattr(faults, fault)(take, np.random.default_rng(1))], SHOT, CPU)
    assert not verdicts(spoilt)[metric]


def test_a_frozen_clip_fails_on_motion_alone(clip):
    found = verdicts(Video(frames=faults.freeze(clip.frames, np.random.default_rng(0)), fps=clip.fps))
    assert [name for name, passed in found.items() if not passed] == ["direction", "all"]


def test_where_the_way_is_left_open_something_must_move_all_the_same(clip):
    spec = asked(scene(), SHOT)
    spec = replace(spec, motions=tuple(replace(motion, direction="") for motion in spec.motions))
    frames = {name: getattr(faults, name)(clip.frames, np.random.default_rng(0)) for name in ("mirror", "freeze", "shuffle")}
    found = {name: direction(look(Video(some, clip.fps)), spec).passed for name, some in {"true": clip.frames, **frames}.items()}
    assert found == {"true": True, "mirror": True, "freeze": False, "shuffle": False}


@pytest.mark.parametrize("camera", [("static", "none", 0.0), ("pan", "left", 3.0)])
def test_a_mirrored_clip_goes_the_other_way(camera):
    filmed = scene("left", camera)
    (video,) = film([act(filmed, SHOT)], SHOT, CPU)
    mirrored = Video(frames=faults.mirror(video.frames, np.random.default_rng(0)), fps=video.fps)
    spec = asked(filmed, SHOT)
    assert [direction(look(one), spec).seen for one in (video, mirrored)] == ["left", "right"]


@pytest.mark.parametrize("size", [(256, 256), (96, 96)])
def test_resolution_changes_no_verdict(take, size):
    (video,) = film([take], replace(SHOT, width=size[0], height=size[1]), CPU)
    assert all(verdicts(video).values())


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_camera_is_read_off_the_floor(camera):
    filmed = act(scene("right", camera), SHOT)
    move = look(film([filmed], SHOT, CPU)[0]).move
    assert (move.kind, move.direction) == camera[:2]
    if camera[0] in ("pan", "tilt"):
        assert abs(abs(move.rate) - camera[2]) < 0.25 * camera[2]


def test_a_floor_point_stays_where_the_move_says():
    move = find_move(shrink(torch.zeros(3, 32, 32, 3, dtype=torch.uint8)), torch.zeros(3, 160, 160, dtype=torch.bool), 1.0)
    floor = move.floor(np.arange(3.0))
    assert move.kind == "static" and np.allclose(floor, floor[:1])


def test_components_are_what_flooding_finds():
    labels = (np.random.default_rng(0).random((2, 14, 11)) < 0.5) * np.random.default_rng(1).integers(1, 3, (2, 14, 11))
    number = components(labels)
    flooded = _flood(labels)
    assert len(set(zip(number.ravel().tolist(), flooded.ravel().tolist(), strict=True))) == number.max() + 1 == flooded.max() + 1
    blobs = measure(labels, number)
    assert blobs.area.sum() == (labels > 0).sum()
    assert all((number == blob).any() for blob in blobs.number)


def test_seams_and_specks_go_to_what_they_touch_and_nothing_else_changes():
    labels = np.zeros((1, 24, 24), int)
    labels[0, 2:10, 2:10], labels[0, 10, 2:10], labels[0, 11:20, 2:10] = 1, 2, 3  # a seam of a third colour between two things
    labels[0, 5:7, 5:7] = 4  # a highlight
    labels[0, 2:20, 15], labels[0, 4:9, 18:23] = 5, 6  # a thin thing and a small one, each alone
    found = absorb(labels, components(labels))
    assert set(np.unique(found)) == {0, 1, 3, 5, 6} and np.isin(found[0, 10, 2:10], (1, 3)).all()
    kept = ~np.isin(labels, (2, 4))
    assert (found[kept] == labels[kept]).all() and (found[labels == 4] == 1).all()


def test_an_interval_holds_its_share_and_narrows():
    for right, of in ((0, 10), (5, 10), (10, 10), (83, 100)):
        low, high = wilson(right, of)
        assert 0 <= low <= right / of <= high <= 1
        wide = np.subtract(*wilson(right, of)[::-1])
        assert np.subtract(*wilson(10 * right, 10 * of)[::-1]) < wide
    assert np.allclose(wilson(3, 10), [1 - end for end in wilson(7, 10)[::-1]])


def test_the_interval_of_a_difference_is_newcombes():
    found = difference((56, 70), (48, 80))  # his example (a)
    assert np.allclose(found, (0.2, 0.0524, 0.3339), atol=1e-4)
    assert np.allclose(difference((48, 80), (56, 70)), -np.array(found)[[0, 2, 1]])
    assert difference((0, 0), (0, 0)) == (0, -1, 1)


def test_every_free_sentence_can_be_read():
    sentences = free_sentences()
    assert len(sentences) == 100
    assert all(motion.direction in (*MOTIONS, "") for _, spec in sentences for motion in spec.motions)
    with pytest.raises(ValueError, match="cannot read"):
        read_line("a mauve ball\tmauve ball\tleft")
    ways = {way: read_line(f"a red ball\tred ball\t{way}")[1] for way in ("left", "any", "open", "hidden", "still")}
    assert [[motion.direction for motion in spec.motions] for spec in ways.values()] == [["left"], [""], [], [], []]
    assert ways["still"].still and ways["hidden"].objects[0].veiled and not ways["open"].objects[0].veiled


def _flood(labels: np.ndarray) -> np.ndarray:
    """Connected regions by the slow and plain way."""
    number, count = np.zeros(labels.shape, int), 0
    for start in zip(*np.nonzero(labels), strict=True):
        if number[start]:
            continue
        count += 1
        open_ends = [start]
        while open_ends:
            time, y, x = open_ends.pop()
            if number[time, y, x]:
                continue
            number[time, y, x] = count
            near = [(time, y + b, x + a) for b in (-1, 0, 1) for a in (-1, 0, 1)]
            inside = [at for at in near if 0 <= at[1] < labels.shape[1] and 0 <= at[2] < labels.shape[2]]
            open_ends += [at for at in inside if labels[at] == labels[start]]
    return number


def test_a_clip_of_any_length_and_size_goes_through_a_network(tiny_model):
    vae = load(str(tiny_model), CPU, torch.float32).vae
    video = Video(frames=np.random.default_rng(0).integers(0, 256, (6, 40, 56, 3), np.uint8), fps=8.0)
    (again,) = squeeze([video], vae)
    assert again.frames.shape == video.frames.shape and again.fps == video.fps
