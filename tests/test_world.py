"""Scenes by seed, and what happens in them: laws of motion, and that every clip shows what its scene says."""

from functools import cache
from itertools import count

import numpy as np
import pytest

from yozora.world.parse import compose, parse
from yozora.world.sample import EVERY, FAMILIES, SPLITS, outline, sample
from yozora.world.scene import CHANGES, SHAPES, Body, Camera, Event, Floor, Light, Scene, row
from yozora.world.simulate import simulate
from yozora.world.stage import HEADING
from yozora.world.take import Solid, Take

FPS, FRAMES, EACH = 12.0, 49, 6
SAID = {
    "tower": "a purple ball knocks over a tower of three blue cubes",
    "paint": "a green ball leaves a trail of paint",
    "seesaw": "a white ball falls on a seesaw and throws up a black cube",
    "break": "a green cube breaks into pieces",
    "pour": "yellow grains pour onto the floor",
}
ASPECTS = (1.0, 16 / 9, 9 / 16)


@cache
def takes(family: str) -> tuple[tuple[Take, float], ...]:
    """The first scenes of a family, in pictures of several aspect ratios."""
    found = []
    families = FAMILIES if family in FAMILIES else {family: 1.0}
    for seed in count():
        if outline(seed, "train", families).family == family:
            aspect = ASPECTS[len(found) % 3]
            found.append((simulate(sample(seed, "train", families), frames=FRAMES, fps=FPS, aspect=aspect), aspect))
        if len(found) == EACH:
            break
    return tuple(found)


def alone(shape: str, event: Event | None, camera: Camera | None = None) -> Scene:
    """One object in plain surroundings."""
    still = Camera(kind="static", direction="none", speed=0.0, azimuth=0.0, elevation=20.0)
    return Scene(
        objects=(Body(shape=shape, colour="red", size="medium", material="matte", x=0.0, y=0.0),),
        events=(event,) if event else (),
        camera=camera or still,
        floor=Floor(kind="plain", tone=0.5, seed=1),
        light=Light(time="noon", azimuth=0.0, elevation=50.0),
        style="natural",
    )


def act(kind: str, direction: str, *, speed: float = 0.0, amount: float = 0.0) -> Event:
    return Event(kind=kind, actor=0, target=-1, direction=direction, speed=speed, amount=amount)


def surface(solid: Solid) -> np.ndarray:
    """Points on a solid's surface, in its own axes."""
    rng = np.random.default_rng(0)
    ball, half = rng.normal(size=(96, 3)), np.array(solid.half)
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    if solid.shape == "cube":
        return ball / np.abs(ball).max(1, keepdims=True) * half
    if solid.shape == "cylinder":
        rim = np.hypot(ball[:, 0], ball[:, 1])
        return ball / np.maximum(rim, np.abs(ball[:, 2]))[:, None] * half
    if solid.shape == "capsule":
        return ball * half[0] + np.sign(ball[:, 2:]) * np.array([0, 0, half[2]])
    return ball * half


def points(take: Take, index: int) -> np.ndarray:
    """Surface points of a solid in each frame, `[time point 3]`."""
    return take.poses.position[:, index, None] + np.einsum("tij,kj->tki", take.poses.rotation[:, index], surface(take.solids[index]))


def picture(take: Take, world: np.ndarray, aspect: float) -> np.ndarray:
    """Picture coordinates in [-1, 1] of points `[time point 3]`."""
    seen = np.einsum("tij,tkj->tki", take.view.rotation, world - take.view.position[:, None])
    assert (seen[..., 2] < 0).all(), "behind the camera"
    return seen[..., :2] / -seen[..., 2:] * take.view.focal / np.array([aspect, 1.0])


def inside(take: Take, index: int, aspect: float) -> np.ndarray:
    """The share of a solid that lies in the picture, per frame."""
    return (np.abs(picture(take, points(take, index), aspect)) < 1).all(-1).mean(1)


def energy(take: Take, index: int) -> np.ndarray:
    """Kinetic and potential energy of a cube or ball over its mass, per frame."""
    half = np.array(take.solids[index].half)
    square = half**2
    inertia = (square.sum() - square) / (5 if take.solids[index].shape in ("ball", "egg") else 3)
    spin = np.einsum("tji,tj->ti", take.poses.rotation[:, index], take.poses.spin[:, index])
    speed = take.poses.velocity[:, index]
    return (speed**2).sum(-1) / 2 + (spin**2 * inertia).sum(-1) / 2 + 9.81 * take.poses.position[:, index, 2]


@pytest.mark.parametrize("split", SPLITS)
def test_a_seed_gives_the_same_scene_and_another_seed_another(split: str) -> None:
    assert sample(5, split) == sample(5, split)
    assert sample(5, split) != sample(6, split)


def test_a_take_is_the_same_to_the_last_bit() -> None:
    for family in ("topple", "drop", "sequence"):
        take, aspect = takes(family)[0]
        again = simulate(take.scene, frames=FRAMES, fps=FPS, aspect=aspect)
        for name in ("position", "rotation", "velocity", "spin"):
            assert np.array_equal(getattr(take.poses, name), getattr(again.poses, name))
        assert np.array_equal(take.view.position, again.view.position)
        assert np.array_equal(take.contacts, again.contacts)


def test_free_fall_has_the_acceleration_of_gravity() -> None:
    take = simulate(alone("egg", act("drop", "down", amount=1.3)), frames=FRAMES, fps=48.0, aspect=1.0)
    landing = int(take.contacts[0, 0])
    times, height = np.arange(landing) / 48, take.poses.position[:landing, 0, 2]
    assert landing > 20
    assert -2 * np.polyfit(times, height, 2)[0] == pytest.approx(9.81, rel=0.02)


@pytest.mark.parametrize("shape", ["ball", "cube", "egg"])
def test_energy_never_rises(shape: str) -> None:
    take = simulate(alone(shape, act("drop", "down", amount=1.2)), frames=240, fps=60.0, aspect=1.0)
    clear = np.ones(240, bool)
    for near in take.contacts[:, 0]:
        clear[max(near - 1, 0) : near + 2] = False  # in a bounce, some of it is in the spring of the contact
    total = energy(take, 0)[clear]
    assert (np.diff(np.maximum.accumulate(total)) < 0.01).all()
    assert total[-1] < 0.5 * total[0] + 1.3


def test_bounces_lose_height() -> None:
    take = simulate(alone("ball", act("drop", "down", amount=1.2)), frames=240, fps=60.0, aspect=1.0)
    z = take.poses.position[:, 0, 2] - take.solids[0].half[0]
    tops = z[1:-1][(z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:]) & (z[1:-1] > 0.02)]
    restitution = np.sqrt(tops[1:] / tops[:-1])
    assert len(tops) >= 3
    assert (restitution > 0.5).all() and (restitution < 0.85).all()


@pytest.mark.parametrize("direction", ["left", "right", "toward", "away"])
@pytest.mark.parametrize("shape", SHAPES)
def test_rolls_the_way_that_was_asked(shape: str, direction: str) -> None:
    camera = Camera(kind="static", direction="none", speed=0.0, azimuth=20.0 if direction in ("left", "right") else -8.0, elevation=25.0)
    take = simulate(alone(shape, act("roll", direction, speed=0.7), camera), frames=25, fps=FPS, aspect=1.0)
    way = take.view.rotation[0] @ (take.poses.position[-1, 0] - take.poses.position[0, 0])
    assert {"left": -way[0], "right": way[0], "toward": way[2], "away": -way[2]}[direction] > 0.5
    if shape != "cube":  # without slipping
        rim = np.linalg.norm(take.poses.spin[10, 0]) * take.solids[0].half[0]
        assert np.linalg.norm(take.poses.velocity[10, 0]) == pytest.approx(rim, rel=0.02)


@pytest.mark.parametrize("family", EVERY)
def test_everything_is_in_the_picture_and_large_enough(family: str) -> None:
    for take, aspect in takes(family):
        leaving = {event.actor for event in take.scene.events if event.kind == "return"}
        scattered = {index for event in take.scene.events if event.kind in ("break", "pour") for index in pieces(take, event.actor)}
        for index in (set(range(len(take.scene.objects))) - leaving) | scattered:
            assert inside(take, index, aspect).min() > 0.99, take.scene
            if index in scattered:
                continue
            extent = np.ptp(picture(take, points(take, index), aspect)[0], axis=0) * np.array([aspect, 1]) / min(aspect, 1) / 2
            assert 0.07 < extent.max() < 0.5, take.scene


@pytest.mark.parametrize("family", EVERY)
def test_the_camera_goes_the_way_that_its_name_says(family: str) -> None:
    for take, _ in takes(family):
        camera, first, last = take.scene.camera, take.view.rotation[0], take.view.rotation[-1]
        turn, step = first @ -last[2], first @ (take.view.position[-1] - take.view.position[0])
        shown = {"left": -turn[0], "right": turn[0], "up": turn[1], "down": -turn[1], "in": -step[2], "out": step[2], "none": 0.1}
        if camera.kind == "orbit":
            shown |= {"left": -step[0], "right": step[0]}
        assert shown[camera.direction] > 0.05
        assert np.allclose(take.view.rotation @ take.view.rotation.transpose(0, 2, 1), np.eye(3), atol=1e-5)


@pytest.mark.parametrize("family", [family for family in EVERY if family != "still"])
def test_what_the_scene_says_happens(family: str) -> None:
    for take, aspect in takes(family):
        for order, event in enumerate(take.scene.events):
            start = FRAMES * order // len(take.scene.events)
            assert HAPPENED[event.kind](take, event, start, aspect), take.scene


def moved(take: Take, index: int, event: Event, start: int) -> float:
    """Metres that a solid goes along the event's heading."""
    return float((take.poses.position[-1, index] - take.poses.position[start, index]) @ np.array(HEADING[event.direction]))


def met(take: Take, one: int, other: int) -> bool:
    """Whether two solids touch in a clip."""
    return bool(((take.contacts[:, 1] == one) & (take.contacts[:, 2] == other)).any())


def dropped(take: Take, event: Event, start: int, aspect: float) -> bool:
    height = take.poses.position[start:, event.actor, 2]
    return height[0] - height[:14].min() > 0.3 and met(take, event.actor, -1)


def rolled(take: Take, event: Event, start: int, aspect: float) -> bool:
    early = take.poses.position[start + 8, event.actor] - take.poses.position[start, event.actor]
    return moved(take, event.actor, event, start) > 0.4 and early @ np.array(HEADING[event.direction]) > 0.15


def pushed(take: Take, event: Event, start: int, aspect: float) -> bool:
    pair = sorted((event.actor, event.target))
    return moved(take, event.target, event, start) > 0.3 and met(take, pair[0], pair[1])


def slid(take: Take, event: Event, start: int, aspect: float) -> bool:
    height = take.poses.position[:, event.actor, 2]
    return height[0] - height[-1] > 0.1 and moved(take, event.actor, event, start) > 0.5 and met(take, event.actor, -1)


def toppled(take: Take, event: Event, start: int, aspect: float) -> bool:
    upright = np.abs(take.poses.rotation[:, row(take.scene, event), 2, 2])
    falls = [int((upright[:, index] < 0.9).argmax()) for index in range(upright.shape[1])]
    return len(falls) >= 3 and bool((upright[0] > 0.999).all() and (upright[-1] < 0.75).all()) and falls == sorted(falls)


def swung(take: Take, event: Event, start: int, aspect: float) -> bool:
    body = take.scene.objects[event.actor]
    offset = (take.poses.position[start:, event.actor] - np.array([body.x, body.y, 0])) @ np.array(HEADING[event.direction])
    return offset[3] > offset[0] and int((np.diff(np.sign(offset)) != 0).sum()) >= 3


def hidden(take: Take, event: Event, start: int, aspect: float) -> bool:
    wall = len(take.scene.objects)
    seen = []
    for frame, cloud in enumerate(points(take, event.actor)):
        axes, half = take.poses.rotation[frame, wall], np.array(take.solids[wall].half)
        eye = (take.view.position[frame] - take.poses.position[frame, wall]) @ axes
        way = (cloud - take.poses.position[frame, wall]) @ axes - eye
        slabs = np.sort(np.stack([(-half - eye) / way, (half - eye) / way]), axis=0)
        seen.append(1 - ((slabs[0].max(-1) < slabs[1].min(-1)) & (slabs[0].max(-1) < 1)).mean())
    return seen[0] > 0.9 and seen[-1] > 0.8 and seen.count(0) >= 3


def returned(take: Take, event: Event, start: int, aspect: float) -> bool:
    share = inside(take, event.actor, aspect)
    return share[0] == 1 and share[3] == 1 and (share == 0).sum() >= 2 and share[-1] == 1


def pieces(take: Take, actor: int) -> list[int]:
    """All that an object consists of: itself and what follows behind the objects in its colour."""
    behind = range(len(take.scene.objects), len(take.solids))
    return [actor, *(index for index in behind if take.solids[index].colour == take.solids[actor].colour)]


def knocked_down(take: Take, event: Event, start: int, aspect: float) -> bool:
    height = take.poses.position[:, row(take.scene, event), 2]
    stands = np.allclose(height[start + 3], height[start], atol=0.01)
    return stands and height[-1].max() < 0.7 * height[0].max()


def painted(take: Take, event: Event, start: int, aspect: float) -> bool:
    (trail,) = take.trails
    there = np.isfinite(trail.path[:, 0])
    return (
        there.mean() > 0.9
        and np.allclose(trail.path[there], take.poses.position[there, event.actor, :2])
        and rolled(take, event, start, aspect)
    )


def thrown_up(take: Take, event: Event, start: int, aspect: float) -> bool:
    load = take.poses.position[start:, event.target, 2]
    hit = take.contacts[(take.contacts[:, 1] == event.actor) & (take.contacts[:, 2] >= len(take.scene.objects)), 0]
    return load.max() - load[0] > 0.25 and int(hit.min()) <= int(load.argmax()) and np.allclose(load[:2], load[0], atol=0.01)


def broken(take: Take, event: Event, start: int, aspect: float) -> bool:
    place = take.poses.position[:, pieces(take, event.actor)]
    apart = np.linalg.norm(place[:, :, None] - place[:, None], axis=-1)
    landing = int(take.contacts[take.contacts[:, 2] < 0][0, 0])
    return (
        np.allclose(apart[:landing], apart[0], atol=0.01)
        and apart[-1].max() > 1.3 * apart[0].max()
        and np.allclose(apart[-6], apart[-1], atol=0.03)
    )


def poured(take: Take, event: Event, start: int, aspect: float) -> bool:
    grains = pieces(take, event.actor)
    place, radius = take.poses.position[:, grains], take.solids[event.actor].half[0]
    still_up = (place[..., 2] > event.amount).sum(1)
    spread = np.linalg.norm(place[-1, :, :2] - place[-1, :, :2].mean(0), axis=1)
    return still_up[0] > 15 and still_up[-1] == 0 and (np.diff(still_up) <= 0).all() and np.quantile(spread, 0.9) < 10 * radius


HAPPENED = {
    "drop": dropped,
    "roll": rolled,
    "push": pushed,
    "slide": slid,
    "topple": toppled,
    "swing": swung,
    "hide": hidden,
    "return": returned,
    "tower": knocked_down,
    "paint": painted,
    "seesaw": thrown_up,
    "break": broken,
    "pour": poured,
}


@pytest.mark.parametrize("family", EVERY)
def test_bystanders_stay_where_they_are(family: str) -> None:
    for take, _ in takes(family):
        busy = {index for event in take.scene.events for index in (event.actor, event.target)}
        busy |= {index for event in take.scene.events if event.kind in ("topple", "tower") for index in row(take.scene, event)}
        for index in set(range(len(take.scene.objects))) - busy:
            assert np.linalg.norm(take.poses.position[-1, index] - take.poses.position[0, index]) < 0.04, take.scene


@pytest.mark.parametrize("frames", [1, 2, 13])
def test_short_clips(frames: int) -> None:
    for family in EVERY:
        take = simulate(takes(family)[0][0].scene, frames=frames, fps=FPS, aspect=1.0)
        assert take.poses.position.shape == (frames, len(take.solids), 3)
        assert np.isfinite(take.view.position).all() and take.view.position.shape == (frames, 3)


@pytest.mark.parametrize("kind", CHANGES)
def test_what_changes_the_world_may_follow_something_else(kind: str) -> None:
    """Until its turn comes, nothing of it moves."""
    scene = compose(parse(f"a red ball rolls to the left, then {SAID[kind]}"), 1)
    take = simulate(scene, frames=FRAMES, fps=FPS, aspect=1.0)
    assert [event.kind for event in scene.events] == ["roll", kind]
    assert HAPPENED["roll"](take, scene.events[0], 0, 1.0)
    place = take.poses.position[:, pieces(take, scene.events[1].actor)]
    assert np.allclose(place[: FRAMES // 2], place[0], atol=0.02) and not np.allclose(place[-1], place[0], atol=0.1)


def test_objects_are_told_apart_by_their_words() -> None:
    for seed in range(100):
        scene = sample(seed)
        slabs = {index for event in scene.events if event.kind == "topple" for index in row(scene, event)}
        others = [(body.colour, body.shape) for index, body in enumerate(scene.objects) if index not in slabs]
        assert len(set(others)) == len(others)
        assert not slabs or not {("cube", scene.objects[min(slabs)].colour)} & {(shape, colour) for colour, shape in others}
