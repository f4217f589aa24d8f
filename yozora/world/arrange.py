"""Where the objects of a scene begin: lanes for what moves, and bystanders clear of them and in plain sight."""

from dataclasses import dataclass, replace

import numpy as np

from yozora.world.ranges import FALL
from yozora.world.scene import CHANGES, SIZES, Body, Camera, Event, Scene, row
from yozora.world.stage import (
    CORD,
    HEADING,
    HIDDEN,
    LEAD,
    PUSHED_SHARE,
    ROLL_LOSS,
    SLAB,
    SLIDE_LOSS,
    SLOPE_FRICTION,
    STAND,
    STAY,
    half,
    pushed_loss,
    ramp_size,
)
from yozora.world.stage_changes import GRAIN, POURED_REACH, plank_size
from yozora.world.take import Solid

CLIP = 4.0  # seconds, for which lanes are kept free
ROW_STEP = 0.5  # from slab to slab, over their height
IMPACT = 0.45  # seconds before a pushing object meets its target
RUBBLE = 0.75  # of a tower's height, that its cubes may roll from where it stood
ROLLS = 0.4  # metres from a seesaw's end, that what slides off it may roll
SHARDS = 0.55  # metres about a fall, within which pieces come to rest
GAP = 0.1  # metres between a bystander and a lane
TRIES, CHOICES = 500, 6  # places tried for a bystander, and how many that are free are compared


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A rectangle of the floor that an event needs, `tall` metres high: what stands behind a `screen` must be seen over it.

    A `void` must stay empty but is no part of the scene: there the picture ends.
    """

    low: np.ndarray
    high: np.ndarray
    tall: float
    screen: bool = False
    void: bool = False

    def moved(self, by: np.ndarray) -> "Zone":
        """The zone somewhere else."""
        return replace(self, low=self.low + by, high=self.high + by)


def arrange(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with a place on the floor for each object; any places it had are forgotten."""
    places: dict[int, np.ndarray] = {}
    zones: list[Zone] = []
    for order, event in enumerate(scene.events):
        own = lane(scene, event, CLIP * (1 - order / len(scene.events)))
        if event.actor in places:
            zones += [zone.moved(places[event.actor]) for zone in own]
            continue
        offset = beside(own, zones, scene.camera.elevation, rng)
        zones += [zone.moved(offset) for zone in own]
        for index, at in cast(scene, event).items():
            places[index] = at + offset
    for index, body in enumerate(scene.objects):
        if index not in places:
            places[index] = stand(body, zones, scene.camera, rng)
            zones.append(block(places[index], girth(body), height(body)))
    spots = [places[index].round(3).tolist() for index in range(len(scene.objects))]
    return replace(scene, objects=tuple(replace(body, x=x, y=y) for body, (x, y) in zip(scene.objects, spots, strict=True)))


def girth(body: Body) -> float:
    """Half the room that an object takes on the floor, in metres, however it is turned."""
    x, _, z = half(body.shape, body.size)
    return {"ball": x, "cube": 1.25 * x, "cylinder": x, "capsule": x + z, "egg": z}[body.shape]


def height(body: Body) -> float:
    """How tall an object stands, or lies, in metres."""
    x, _, z = half(body.shape, body.size)
    return 2 * (z if body.shape in ("ball", "cube", "cylinder") else x)


def block(at: np.ndarray, wide: float, tall: float) -> Zone:
    """The zone of something that stays where it is."""
    return Zone(low=at - wide, high=at + wide, tall=tall, screen=True)


def cast(scene: Scene, event: Event) -> dict[int, np.ndarray]:
    """Where the objects of an event begin, the actor being at the origin."""
    heading = np.array(HEADING[event.direction])[:2]
    if event.kind == "topple":
        step = 2 * SLAB[2] * SIZES[scene.objects[event.actor].size] * ROW_STEP
        return {index: heading * step * place for place, index in enumerate(row(scene, event))}
    if event.kind in ("push", "tower"):
        struck = row(scene, event) if event.kind == "tower" else [event.target]
        return {event.actor: np.zeros(2)} | dict.fromkeys(struck, heading * target_distance(scene, event))
    if event.kind == "seesaw":
        return {event.actor: np.zeros(2), event.target: np.array([2 * seesaw_arm(scene, event), 0.0])}
    return {event.actor: np.zeros(2)}


def target_distance(scene: Scene, event: Event) -> float:
    """Metres between the centres of a pushing object and its target."""
    actor, target = scene.objects[event.actor], scene.objects[event.target]
    return front(actor) + event.speed * IMPACT + girth(target)


def seesaw_arm(scene: Scene, event: Event) -> float:
    """Metres from a seesaw's pivot to what lies on it; negative where the load lies to the left."""
    long, wide = plank_size(outer(scene.objects[event.actor]), outer(scene.objects[event.target]))
    return (long - wide) * (1 if scene.floor.seed % 2 else -1)


def outer(body: Body) -> Solid:
    """An object as far as its size goes."""
    return Solid(shape=body.shape, half=half(body.shape, body.size), colour=(0.0, 0.0, 0.0), material="matte")


def front(body: Body) -> float:
    """How far a traveller reaches ahead of its centre, in metres."""
    return half(body.shape, body.size)[0]


def lane(scene: Scene, event: Event, time: float) -> list[Zone]:
    """The floor that an event needs in `time` seconds, the actor beginning at the origin."""
    actor = scene.objects[event.actor]
    heading = np.array(HEADING[event.direction])[:2]
    wide, tall = girth(actor), height(actor)
    if event.kind == "drop" and event.speed == 0:
        return [block(np.zeros(2), wide + (0.1 if actor.shape == "ball" else 0.15 + 0.12 * event.amount), tall)]
    if event.kind == "swing":
        arm = CORD * np.sin(np.deg2rad(event.amount)) + wide
        post = np.array([0.0, 1.0]) if heading[0] else np.array([1.0, 0.0])
        return [strip(heading, -arm, arm, wide, tall + 0.2, screen=True), strip(post, 0.0, STAND + 0.05, 0.1, tall, screen=True)]
    if event.kind == "topple":
        size, step = SIZES[actor.size], (len(row(scene, event)) - 1) * ROW_STEP
        slab = 2 * SLAB[2] * size
        return [strip(heading, -SLAB[0] * size, (step + 1) * slab + 0.1, SLAB[1] * size, slab, screen=True)]
    if event.kind == "slide":
        return slope(actor, event)
    if event.kind == "hide":
        near = wide + event.speed * LEAD
        far = near + 2 * wide + event.speed * HIDDEN + 0.1
        wall = strip(heading, near - 0.1, far + 0.1, wide, tall + 0.3, screen=True)
        wall = replace(wall, low=wall.low - np.array([0, wide + 0.3]))
        return [wall, *crossing(heading, far + wide + 0.6, wide, tall)]
    if event.kind == "return":
        beyond = strip(heading, 0.0, 20.0, 20.0, tall)
        return [strip(heading, -wide, event.speed * STAY, wide, tall, screen=True), replace(beyond, void=True)]
    if event.kind in CHANGES:
        return changed(scene, event, time)
    if event.kind == "push":
        target = scene.objects[event.target]
        distance, room = target_distance(scene, event), girth(target)
        reach = distance + coast(event.speed * PUSHED_SHARE, pushed_loss(event.speed), time)
        return [*crossing(heading, reach, max(wide, room), max(tall, height(target))), block(heading * distance, room, height(target))]
    return crossing(heading, coast(event.speed, ROLL_LOSS, time) if event.kind == "roll" else 2.0 * event.speed, wide, tall)


def changed(scene: Scene, event: Event, time: float) -> list[Zone]:
    """The floor of an event after which things are no longer as they were."""
    actor, heading = scene.objects[event.actor], np.array(HEADING[event.direction])[:2]
    wide, tall = girth(actor), height(actor)
    if event.kind == "paint":
        return crossing(heading, coast(event.speed, ROLL_LOSS, time), wide, tall)
    if event.kind == "tower":
        cubes, distance = row(scene, event), target_distance(scene, event)
        high = len(cubes) * height(scene.objects[event.target])
        rubble = RUBBLE * high
        foot = block(heading * distance, girth(scene.objects[event.target]), high)
        return [*crossing(heading, distance + rubble, max(wide, rubble), tall), foot]
    if event.kind == "seesaw":
        ends = sorted((0.0, 2 * seesaw_arm(scene, event)))
        load = girth(scene.objects[event.target])
        room = max(wide, load) + 0.35
        return [strip(np.array([1.0, 0.0]), ends[0] - room - ROLLS, ends[1] + room + ROLLS, room, 1.0, screen=True)]
    reach = POURED_REACH * SIZES[actor.size] * GRAIN if event.kind == "pour" else wide + SHARDS
    post = [strip(np.array([0.0, 1.0]), 0.0, STAND + 0.05, 0.1, event.amount)] if event.kind == "pour" else []
    return [block(np.zeros(2), reach, tall), *post]


def crossing(heading: np.ndarray, reach: float, wide: float, tall: float) -> list[Zone]:
    """The floor of something that crosses it: the lane, which hides only in passing, its beginning and its end."""
    return [strip(heading, -wide, reach + wide, wide, tall), block(np.zeros(2), wide, tall), block(heading * reach, wide, tall)]


def slope(actor: Body, event: Event) -> list[Zone]:
    """The floor of a ramp and of the way its load slides on."""
    heading, tilt, wide, tall = np.array(HEADING[event.direction])[:2], np.deg2rad(event.amount), girth(actor), height(actor)
    length, broad, reach = ramp_size(outer(actor))
    rise = length * np.sin(tilt)
    foot = (length - reach) * np.cos(tilt)
    run = (length - 2 * reach) * FALL * (np.sin(tilt) - SLOPE_FRICTION * np.cos(tilt)) / SLIDE_LOSS
    ramp = strip(heading, -reach - rise * np.tan(tilt), foot, broad / 2, rise, screen=True)
    return [ramp, strip(heading, foot, foot + run + reach, wide, tall), block(heading * (foot + run), wide, tall)]


def coast(speed: float, loss: float, time: float) -> float:
    """Metres that something crosses in `time` seconds or before it rests."""
    time = min(time, speed / loss)
    return speed * time - loss * time**2 / 2


def strip(heading: np.ndarray, back: float, ahead: float, wide: float, tall: float, *, screen: bool = False) -> Zone:
    """A zone from `back` to `ahead` along a heading, `wide` to both sides."""
    ends = np.stack([heading * back, heading * ahead])
    side = np.abs(heading[::-1]) * wide
    return Zone(low=ends.min(0) - side, high=ends.max(0) + side, tall=float(tall), screen=screen)


def hull(zones: list[Zone]) -> tuple[np.ndarray, np.ndarray]:
    """The rectangle around some zones."""
    there = [zone for zone in zones if not zone.void]
    return np.min([zone.low for zone in there], axis=0), np.max([zone.high for zone in there], axis=0)


def beside(own: list[Zone], others: list[Zone], elevation: float, rng: np.random.Generator) -> np.ndarray:
    """How far to move an event's zones: about the origin when first, else next to the others, in sight, the whole being small."""
    low, high = hull(own)
    jitter = rng.uniform(-0.15, 0.15, 2)
    if not others:
        return jitter - (low + high) / 2
    base_low, base_high = hull(others)
    centred = (base_low + base_high) / 2 - (low + high) / 2
    mine, theirs = max(zone.tall for zone in own), max(zone.tall for zone in others)
    steep = np.tan(np.deg2rad(elevation))
    options = []
    for axis in (0, 1):
        for sign in (-1, 1):
            front, back = (theirs, mine) if sign > 0 else (mine, theirs)
            gap = GAP + axis * max(front - back / 2, 0.0) / steep  # the middle of what is behind is seen over what is in front
            offset = centred + jitter * np.array([axis, 1 - axis])
            offset[axis] = base_high[axis] + gap - low[axis] if sign > 0 else base_low[axis] - gap - high[axis]
            size = np.maximum(high + offset, base_high) - np.minimum(low + offset, base_low)
            options.append((max(size[0], 1.2 * size[1]) * rng.uniform(1.0, 1.15), offset))
    return min(options, key=lambda option: option[0])[1]


def stand(body: Body, zones: list[Zone], camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """A place for a bystander outside all zones, neither before an event nor behind something that hides it."""
    if not zones:
        return rng.uniform(-0.3, 0.3, 2)
    low, high = hull(zones)
    wide, tall = girth(body), height(body)
    slack = np.linspace(0.15, 2.15, TRIES)[:, None]  # ever farther out
    at = rng.uniform(low - wide - slack * np.array([1, 0.3]), high + wide + slack)
    free = np.all([apart(at, wide, zone) & (zone.void or in_sight(at, wide, tall, zone, camera)) for zone in zones], axis=0)
    found = at[np.flatnonzero(free)[:CHOICES]]
    if not len(found):  # only for scenes that no sampler draws
        return np.array([low[0] - 2 * wide, high[1] + 2 * wide])
    size = np.maximum(high, found + wide) - np.minimum(low, found - wide)
    return found[np.argmin(np.maximum(size[:, 0], 1.2 * size[:, 1]) + rng.uniform(0, 0.3, len(found)))]


def apart(at: np.ndarray, wide: float, zone: Zone) -> np.ndarray:
    """Whether something `wide` metres to each side of each place `at[place 2]` stays out of a zone."""
    return np.any((at + wide + GAP < zone.low) | (at - wide - GAP > zone.high), axis=1)


def in_sight(at: np.ndarray, wide: float, tall: float, zone: Zone, camera: Camera) -> np.ndarray:
    """Whether a bystander leaves a zone to be seen and, where the zone is a screen, is seen itself: its middle, over the other."""
    turn, steep = np.deg2rad(camera.azimuth), np.tan(np.deg2rad(camera.elevation))
    right, forward = np.array([np.cos(turn), -np.sin(turn)]), np.array([np.sin(turn), np.cos(turn)])
    corners = np.array([[x, y] for x in (zone.low[0], zone.high[0]) for y in (zone.low[1], zone.high[1])])
    across, depth = corners @ right - (at @ right)[:, None], corners @ forward - (at @ forward)[:, None]
    beside_it = (across.min(1) > wide) | (across.max(1) < -wide)
    seen = (not zone.screen) | (tall / 2 - (depth.max(1) + wide) * steep > zone.tall)
    leaves = zone.tall / 2 + (depth.min(1) - wide) * steep > tall
    return beside_it | np.where(depth.mean(1) < 0, seen, leaves)
