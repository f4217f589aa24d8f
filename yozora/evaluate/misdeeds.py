"""Faults in how things happen, and are filmed: all is there and goes its way, but not in the manner that was asked for."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from yozora.evaluate.deeds import SPRINGY
from yozora.evaluate.faults import slow
from yozora.evaluate.spec import Deed, spec_of
from yozora.evaluate.truth import act
from yozora.tasks.settings import Shot
from yozora.world.ranges import CAMERA_SPEED
from yozora.world.scene import CAMERAS, row
from yozora.world.take import Take

GLIDE = 0.7  # metres, that a bystander goes
RESTS = 0.1  # metres above the lowest place of a thing's middle, beyond which it is still to touch the floor


def sink(take: Take, deed: Deed) -> Take:
    """What falls comes down evenly, and takes the rest of the clip for it."""
    position = take.poses.position.copy()
    begin, height = _begin(take, deed), position[:, deed.actor, 2]
    height[begin:] = np.linspace(height[begin], height.min(), len(height) - begin)
    return _moved(take, position)


def thud(take: Take, deed: Deed) -> Take:
    """What falls stays down when it first reaches the floor."""
    position = take.poses.position.copy()
    height = position[:, deed.actor, 2]
    lowest = _begin(take, deed) + int(np.argmax(np.diff(height[_begin(take, deed) :], append=np.inf) > 0))
    position[lowest + (height[lowest] > height.min() + RESTS) :, deed.actor, 2] = height.min()
    return _moved(take, position)


def glide(take: Take, deed: Deed) -> Take:
    """The slabs of a row go where they would fall, but stay upright."""
    position, rotation = take.poses.position.copy(), take.poses.rotation.copy()
    slabs = list(row(take.scene, take.scene.events[0]))
    position[:, slabs, 2], rotation[:, slabs] = position[:1, slabs, 2], rotation[:1, slabs]
    return replace(take, poses=replace(take.poses, position=position, rotation=rotation))


def straight(take: Take, deed: Deed) -> Take:
    """What swings goes evenly through the air, straight to the other end of its way."""
    position = take.poses.position.copy()
    begin, way = _begin(take, deed), position[:, deed.actor]
    far = begin + int(np.linalg.norm(way[begin:] - way[begin], axis=1).argmax())
    part = np.linspace(0, 1, len(way) - begin)[:, None]
    way[begin:] = way[begin] * (1 - part) + way[far] * part
    return _moved(take, position)


def unmoved(take: Take, deed: Deed) -> Take:
    """What is pushed stays where it is."""
    position, rotation = take.poses.position.copy(), take.poses.rotation.copy()
    position[:, deed.target], rotation[:, deed.target] = position[:1, deed.target], rotation[:1, deed.target]
    return replace(take, poses=replace(take.poses, position=position, rotation=rotation))


def swerve(take: Take, shot: Shot) -> Take:
    """The same under a camera of the next kind, as fast as such cameras usually are."""
    camera, kinds = take.scene.camera, list(CAMERAS)
    kind = kinds[(kinds.index(camera.kind) + 1) % len(kinds)]
    speed = float(np.mean(CAMERA_SPEED[kind])) if kind in CAMERA_SPEED else 0.0
    return act(replace(take.scene, camera=replace(camera, kind=kind, direction=CAMERAS[kind][0], speed=speed)), shot)


MISDEEDS: dict[str, tuple[Callable[[Take, Deed], Take], ...]] = {
    "drop": (sink, thud),
    "topple": (glide,),
    "swing": (straight,),
    "push": (unmoved,),
}


def misdone(take: Take) -> Iterator[tuple[str, Take]]:
    """A take with each fault, by name, that its first event can have, and with a bystander that goes its own way if it has one."""
    spec = spec_of(take.scene)
    for deed in spec.deeds[:1]:
        shape = take.scene.objects[deed.actor].shape
        chosen = [fault for fault in MISDEEDS.get(deed.kind, ()) if fault is not thud or shape in SPRINGY]
        yield from ((fault.__name__, fault(take, deed)) for fault in chosen)
        if deed.kind == "drop":
            yield "light", slow(take, np.random.default_rng(0))
    for index in spec.idle[:1]:
        position = take.poses.position.copy()
        side = -np.sign(position[0, index, 0]) or 1.0  # towards the middle of the picture
        position[:, index, 0] += np.linspace(0, side * GLIDE, len(position))
        yield "stray", _moved(take, position)


def _begin(take: Take, deed: Deed) -> int:
    return round(deed.start * len(take.poses.position))


def _moved(take: Take, position: np.ndarray) -> Take:
    return replace(take, poses=replace(take.poses, position=position.astype(np.float32)))
