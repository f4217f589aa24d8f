"""Faults in how things happen, and are filmed: all is there and goes its way, but not in the manner that was asked for."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from yozora.evaluate.deeds import SPRINGY
from yozora.evaluate.faults import slow
from yozora.evaluate.spec import Deed, spec_of
from yozora.evaluate.truth import act
from yozora.tasks.request import Shot
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


def aside(take: Take, deed: Deed) -> Take:
    """What is pushed goes off to the side of where it is pushed to."""
    return _driven(take, deed, np.array([[0.0, 1.0], [-1.0, 0.0]]))


def against(take: Take, deed: Deed) -> Take:
    """What is pushed comes towards its pusher, and through it."""
    return _driven(take, deed, -np.eye(2))


def level(take: Take, deed: Deed) -> Take:
    """What swings leaves its cord and slides to and fro as low as it comes."""
    position = take.poses.position.copy()
    position[:, deed.actor, 2] = position[:, deed.actor, 2].min()
    return _moved(take, position)


def together(take: Take, deed: Deed) -> Take:
    """All slabs of a row fall with the first."""
    return _fallen(take, lambda slabs: [slabs[0]] * len(slabs))


def last_first(take: Take, deed: Deed) -> Take:
    """The last slab of a row falls first, and the first one last."""
    return _fallen(take, lambda slabs: slabs[::-1])


def turned(take: Take, deed: Deed) -> Take:
    """What is hidden turns round behind the wall, and goes back the way that it came."""
    wall = take.poses.position[0, len(take.scene.objects)]
    middle = int(np.linalg.norm(take.poses.position[:, deed.actor] - wall, axis=-1).argmin())
    order = middle - abs(np.arange(len(take.poses.position)) - middle)
    return _replayed(take, deed.actor, np.maximum(order, 0))


def crossed(take: Take, deed: Deed) -> Take:
    """What leaves the picture comes back in at the other side."""
    position = take.poses.position.copy()
    far = int(np.linalg.norm(position[:, deed.actor] - position[0, deed.actor], axis=-1).argmax())
    middle = take.view.position[far] - take.view.rotation[far, 2] * np.linalg.norm(take.view.position[far] - position[0, deed.actor])
    position[far:, deed.actor, :2] = 2 * middle[:2] - position[far:, deed.actor, :2]
    return _moved(take, position)


def swerve(take: Take, shot: Shot) -> Take:
    """The same under a camera of the next kind, as fast as such cameras usually are."""
    camera, kinds = take.scene.camera, list(CAMERAS)
    kind = kinds[(kinds.index(camera.kind) + 1) % len(kinds)]
    speed = float(np.mean(CAMERA_SPEED[kind])) if kind in CAMERA_SPEED else 0.0
    return act(replace(take.scene, camera=replace(camera, kind=kind, direction=CAMERAS[kind][0], speed=speed)), shot)


MISDEEDS: dict[str, tuple[Callable[[Take, Deed], Take], ...]] = {
    "drop": (sink, thud),
    "topple": (glide, together, last_first),
    "swing": (straight, level),
    "push": (unmoved, aside, against),
    "hide": (turned,),
    "return": (crossed,),
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


def _driven(take: Take, deed: Deed, turn: np.ndarray) -> Take:
    position = take.poses.position.copy()
    begin = position[:1, deed.target, :2].copy()
    position[:, deed.target, :2] = begin + (position[:, deed.target, :2] - begin) @ turn.T
    return _moved(take, position)


def _fallen(take: Take, others: Callable[[list[int]], list[int]]) -> Take:
    position, rotation = take.poses.position.copy(), take.poses.rotation.copy()
    slabs = list(row(take.scene, take.scene.events[0]))
    like = others(slabs)
    position[:, slabs] = position[:1, slabs] + take.poses.position[:, like] - take.poses.position[:1, like]
    rotation[:, slabs] = take.poses.rotation[:, like]
    return replace(take, poses=replace(take.poses, position=position, rotation=rotation))


def _replayed(take: Take, index: int, order: np.ndarray) -> Take:
    position, rotation = take.poses.position.copy(), take.poses.rotation.copy()
    position[:, index], rotation[:, index] = position[order, index], rotation[order, index]
    return replace(take, poses=replace(take.poses, position=position, rotation=rotation))


def _moved(take: Take, position: np.ndarray) -> Take:
    return replace(take, poses=replace(take.poses, position=position.astype(np.float32)))
