"""Where the objects of a scene begin: lanes for what moves, and bystanders clear of them and in plain sight."""

from dataclasses import dataclass, replace

import numpy as np

from yozora.world.ranges import FALL
from yozora.world.scene import SIZES, Body, Event, Scene
from yozora.world.stage import (
    CORD,
    HEADING,
    HIDDEN,
    LEAD,
    PUSHED_LOSS,
    ROLL_LOSS,
    SLAB,
    SLIDE_LOSS,
    SLOPE,
    SLOPE_FRICTION,
    SLOPE_WIDTH,
    STAND,
    half,
    row,
    turning,
)

CLIP = 4.0  # seconds, for which lanes are kept free
ROW_STEP = 0.5  # from slab to slab, over their height
IMPACT = 0.38  # seconds before a pushing object meets its target
GAP = 0.1  # metres between a bystander and a lane
TRIES = 400


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A rectangle of the floor that an event needs, in metres; `screen` where it would hide what stands behind it."""

    low: np.ndarray
    high: np.ndarray
    screen: bool = False

    def moved(self, by: np.ndarray) -> "Zone":
        """The zone somewhere else."""
        return replace(self, low=self.low + by, high=self.high + by)


def arrange(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with a place on the floor for each object; any places it had are forgotten."""
    places: dict[int, np.ndarray] = {}
    zones: list[Zone] = []
    for event in scene.events:
        if event.actor in places:
            zones += [zone.moved(places[event.actor]) for zone in lane(scene, event)]
            continue
        own = lane(scene, event)
        offset = beside(own, zones, rng)
        zones += [zone.moved(offset) for zone in own]
        for index, at in cast(scene, event).items():
            places[index] = at + offset
    for index, body in enumerate(scene.objects):
        if index not in places:
            places[index] = stand(body, zones, scene.camera.azimuth, rng)
            zones.append(Zone(low=places[index] - girth(body), high=places[index] + girth(body), screen=True))
    return replace(scene, objects=tuple(replace(body, x=round(float(places[i][0]), 3), y=round(float(places[i][1]), 3)) for i, body in enumerate(scene.objects)))


def girth(body: Body) -> float:
    """Half the room that an object takes on the floor, in metres, however it is turned."""
    x, _, z = half(body.shape, body.size)
    return {"ball": x, "cube": 1.25 * x, "cylinder": x, "capsule": x + z, "egg": z}[body.shape]


def cast(scene: Scene, event: Event) -> dict[int, np.ndarray]:
    """Where the objects of an event begin, the actor being at the origin."""
    heading = np.array(HEADING[event.direction])[:2]
    if event.kind == "topple":
        step = 2 * SLAB[2] * SIZES[scene.objects[event.actor].size] * ROW_STEP
        return {index: heading * step * place for place, index in enumerate(row(scene, event))}
    if event.kind == "push":
        return {event.actor: np.zeros(2), event.target: heading * target_distance(scene, event)}
    return {event.actor: np.zeros(2)}


def target_distance(scene: Scene, event: Event) -> float:
    """Metres between the centres of a pushing object and its target."""
    actor, target = scene.objects[event.actor], scene.objects[event.target]
    return front(actor) + event.speed * IMPACT + girth(target)


def front(body: Body) -> float:
    """How far a traveller reaches ahead of its centre, in metres."""
    return half(body.shape, body.size)[0]


def lane(scene: Scene, event: Event) -> list[Zone]:
    """The floor that an event needs, the actor beginning at the origin."""
    actor = scene.objects[event.actor]
    heading = np.array(HEADING[event.direction])[:2]
    wide = girth(actor)
    if event.kind == "drop" and event.speed == 0:
        return [Zone(low=np.full(2, -wide - 0.15), high=np.full(2, wide + 0.15), screen=True)]
    if event.kind == "swing":
        arm = CORD * np.sin(np.deg2rad(event.amount)) + wide
        post = np.array([0.0, 1.0]) if heading[0] else np.array([1.0, 0.0])
        return [strip(heading, -arm, arm, wide, screen=True), strip(post, 0.0, STAND + 0.05, 0.1, screen=True)]
    if event.kind == "topple":
        size, count = SIZES[actor.size], len(row(scene, event))
        tall = 2 * SLAB[2] * size
        return [strip(heading, -SLAB[0] * size, (count - 1) * ROW_STEP * tall + tall + 0.1, SLAB[1] * size, screen=True)]
    if event.kind == "slide":
        tilt = np.deg2rad(event.amount)
        pull = FALL * (np.sin(tilt) - SLOPE_FRICTION * np.cos(tilt))
        foot = (SLOPE - wide) * np.cos(tilt)
        run = (SLOPE - 2 * wide) * pull / SLIDE_LOSS
        return [strip(heading, -wide - 0.1, foot, SLOPE_WIDTH / 2, screen=True), strip(heading, foot, foot + run + wide, wide)]
    if event.kind == "hide":
        near = wide + event.speed * LEAD
        far = near + 2 * wide + event.speed * HIDDEN + 0.1
        wall = strip(heading, near - 0.1, far + 0.1, wide, screen=True)
        wall = replace(wall, low=wall.low - np.array([0, wide + 0.3]))
        return [strip(heading, -wide, far + 2 * wide + 0.7, wide), wall]
    reach = {"roll": coast(event.speed, ROLL_LOSS), "return": turning(event), "drop": 2.0 * event.speed}.get(event.kind, 0.0)
    if event.kind == "push":
        reach = target_distance(scene, event) + coast(event.speed * 0.85, PUSHED_LOSS) + girth(scene.objects[event.target])
    start = strip(heading, -wide, wide, wide, screen=True)
    return [strip(heading, -wide, reach + wide, wide), start]


def coast(speed: float, loss: float) -> float:
    """Metres that something crosses before it rests or the clip ends."""
    time = min(CLIP, speed / loss)
    return speed * time - loss * time**2 / 2


def strip(heading: np.ndarray, back: float, ahead: float, wide: float, *, screen: bool = False) -> Zone:
    """A zone from `back` to `ahead` along a heading, `wide` to both sides."""
    ends = np.stack([heading * back, heading * ahead])
    side = np.abs(heading[::-1]) * wide
    return Zone(low=ends.min(0) - side, high=ends.max(0) + side, screen=screen)


def hull(zones: list[Zone]) -> tuple[np.ndarray, np.ndarray]:
    """The rectangle around some zones."""
    return np.min([zone.low for zone in zones], axis=0), np.max([zone.high for zone in zones], axis=0)


def beside(own: list[Zone], others: list[Zone], rng: np.random.Generator) -> np.ndarray:
    """How far to move an event's zones: about the origin when first, else next to the others where the whole stays small."""
    low, high = hull(own)
    jitter = rng.uniform(-0.15, 0.15, 2)
    if not others:
        return jitter - (low + high) / 2
    base_low, base_high = hull(others)
    centred = (base_low + base_high) / 2 - (low + high) / 2
    options = []
    for axis in (0, 1):
        for sign in (-1, 1):
            offset = centred + jitter * np.array([axis, 1 - axis])
            offset[axis] = base_high[axis] + GAP - low[axis] if sign > 0 else base_low[axis] - GAP - high[axis]
            size = np.maximum(high + offset, base_high) - np.minimum(low + offset, base_low)
            options.append((max(size[0], 1.3 * size[1]) * rng.uniform(1.0, 1.15), offset))
    return min(options, key=lambda option: option[0])[1]


def stand(body: Body, zones: list[Zone], azimuth: float, rng: np.random.Generator) -> np.ndarray:
    """A place for a bystander outside all zones, neither before an event nor behind something that hides it."""
    if not zones:
        return rng.uniform(-0.3, 0.3, 2)
    low, high = hull(zones)
    wide, turn = girth(body), np.deg2rad(azimuth)
    right, forward = np.array([np.cos(turn), -np.sin(turn)]), np.array([np.sin(turn), np.cos(turn)])
    for trial in range(TRIES):
        slack = 0.3 + 1.2 * trial / TRIES
        at = rng.uniform(low - wide - slack * np.array([1, 0.4]), high + wide + slack)
        if all(apart(at, wide, zone) and in_sight(at, wide, zone, right, forward) for zone in zones):
            return at
    return np.array([high[0] + wide + 0.3, (low[1] + high[1]) / 2])


def apart(at: np.ndarray, wide: float, zone: Zone) -> bool:
    """Whether something `wide` metres to each side stays out of a zone."""
    return bool(np.any(at + wide + GAP < zone.low) or np.any(at - wide - GAP > zone.high))


def in_sight(at: np.ndarray, wide: float, zone: Zone, right: np.ndarray, forward: np.ndarray) -> bool:
    """Whether a bystander neither hides a zone from the camera nor, where the zone is a screen, is hidden by it."""
    corners = np.array([[x, y] for x in (zone.low[0], zone.high[0]) for y in (zone.low[1], zone.high[1])])
    across, depth = corners @ right, corners @ forward
    beside_it = at @ right + 0.75 * wide < across.min() or at @ right - 0.75 * wide > across.max()
    behind = at @ forward > depth.mean() and not zone.screen
    return bool(beside_it or behind)
