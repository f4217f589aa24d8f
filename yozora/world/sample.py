"""Draws scenes by seed: for training, or held out at one level and at no other."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate, count

import numpy as np

from yozora.world.arrange import arrange
from yozora.world.heldout import LEVELS, levels, reserved
from yozora.world.ranges import AMOUNT, CAMERA_SPEED, ELEVATION, SPEED, SUN, TONE
from yozora.world.scene import (
    ABLE,
    CAMERAS,
    CHANGES,
    COLOURS,
    FLOORS,
    MATERIALS,
    SHAPES,
    SIZES,
    STYLES,
    TIMES,
    UNPAINTED,
    Body,
    Camera,
    Event,
    Floor,
    Light,
    Scene,
)

SPLITS = ("train", *LEVELS, "paraphrase")  # the last: scenes as in training, for captions in reserved phrasings
FAMILIES = {  # shares
    "roll": 0.17,
    "drop": 0.15,
    "push": 0.14,
    "slide": 0.10,
    "swing": 0.08,
    "hide": 0.09,
    "return": 0.07,
    "topple": 0.07,
    "sequence": 0.08,
    "still": 0.05,
}
EVERY = FAMILIES | {"tower": 0.10, "paint": 0.09, "seesaw": 0.08, "break": 0.09, "pour": 0.08}
SEQUENCES = (
    ("drop", "roll"),
    ("drop", "push"),
    ("roll", "roll"),
    ("roll", "push"),
    ("push", "roll"),
    ("roll", "topple"),
    ("topple", "roll"),
    ("slide", "roll"),
    ("swing", "roll"),
)
ALONE = ((), ("drop",), ("roll",), ("push",), ("swing",))  # what leaves room for three bystanders
SIDES = {  # the share of toward and away among the directions of a kind
    "roll": (0.15, 0.15),
    "push": (0.12, 0.12),
    "slide": (0.12, 0.0),
    "swing": (0.1, 0.1),
    "drop": (0.1, 0.1),
}
LOADS = ("cube", "cylinder")  # what lies still on a seesaw
REDRAWS = 12  # attempts that share family, number and camera, so that large scenes are not rejected more often


def sample(seed: int, split: str = "train", families: Mapping[str, float] = FAMILIES) -> Scene:
    """The scene of a seed: trainable, or held out at exactly the level that `split` names; of some families, by their shares.

    `FAMILIES` are those that a seed has always been drawn from; `EVERY` are all that the world has.
    """
    scene = outline(seed, split, families)
    return arrange(scene, np.random.default_rng([seed, SPLITS.index(split)]))


def named(families: str) -> Mapping[str, float]:
    """Families with their shares: `usual` and `every` are all of a table, else names with commas between them."""
    if families in ("usual", "every"):
        return FAMILIES if families == "usual" else EVERY
    wanted = [name.strip() for name in families.split(",")]
    unknown = [name for name in wanted if name not in EVERY]
    if unknown:
        raise ValueError(f"no family {unknown[0]!r}: choose among {', '.join(EVERY)}, or usual, or every")
    return {name: EVERY[name] for name in wanted}


def outline(seed: int, split: str = "train", families: Mapping[str, float] = FAMILIES) -> Scene:
    """The scene of a seed before its objects have their places, all that decides whether it is held out."""
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}: choose one of {', '.join(SPLITS)}")
    wanted = frozenset((split,)) & frozenset(LEVELS)
    rng, key = np.random.default_rng, (seed, SPLITS.index(split))
    drawn = (draw(rng([*key, attempt // REDRAWS, 0]), rng([*key, attempt, 1]), families) for attempt in count())
    return next(scene for scene in drawn if levels(scene) == wanted)


def scan(num: int, seed: int = 0, families: Mapping[str, float] = FAMILIES) -> int:
    """How many of `num` scenes drawn for training are held out; anything but 0 is a fault."""
    return sum(bool(reserved(outline(seed + index, "train", families))) for index in range(num))


def draw(form: np.random.Generator, content: np.random.Generator, families: Mapping[str, float]) -> Scene:
    """A scene without places: `form` decides on family, number of objects and camera, `content` on the rest."""
    family = choice(form, tuple(families), tuple(families.values()))
    kinds = {"still": (), "sequence": SEQUENCES[int(form.integers(len(SEQUENCES)))]}.get(family, (family,))
    bystanders = int(choice(form, (0, 1, 2, 3), (0.38, 0.36, 0.19, 0.07)))
    camera_kind = camera_of(form, kinds)
    objects, events = perform(kinds, bystanders, content, same=bool(form.random() < 0.5))
    return Scene(
        objects=objects,
        events=events,
        camera=camera(camera_kind, objects, events, content),
        floor=Floor(kind=choice(content, FLOORS), tone=round(content.uniform(*TONE), 3), seed=int(content.integers(2**31))),
        light=light(content),
        style=choice(content, STYLES, (0.85, *[0.15 / (len(STYLES) - 1)] * (len(STYLES) - 1))),
    )


def choice(rng: np.random.Generator, options, shares=None):
    """One of some options, by their shares."""
    if shares is None:
        return options[int(rng.integers(len(options)))]
    limits = list(accumulate(shares))
    return options[min(bisect_right(limits, rng.random() * limits[-1]), len(options) - 1)]


def camera_of(rng: np.random.Generator, kinds: tuple[str, ...]) -> str:
    """The kind of camera: often static, but seldom where nothing else moves."""
    return choice(rng, tuple(CAMERAS), (0.45 if kinds else 0.1, 0.14, 0.11, 0.16, 0.14))


def perform(kinds: tuple[str, ...], bystanders: int, rng: np.random.Generator, *, same: bool) -> tuple[tuple[Body, ...], tuple[Event, ...]]:
    """The objects of a scene and what they do; `same` lets one ball act in both of two events where it can."""
    bodies: list[Body] = []
    events: list[Event] = []
    if kinds and kinds[0] in CHANGES:
        return change(kinds[0], bystanders, rng)
    for kind in kinds:
        actor, target = len(bodies), -1
        if same and kinds == ("drop", "roll") and events:
            actor = 0
        elif kind == "topple":
            slab = body(rng, bodies, shape="cube")
            bodies += [slab] * int(rng.integers(3, 7))
        else:
            ball = same and kinds == ("drop", "roll")
            bodies.append(body(rng, bodies, shape="ball" if ball else ""))
        if kind == "push":
            target = len(bodies)
            bodies.append(body(rng, bodies))
        events.append(event(kind, actor, target, bodies[actor].shape, rng))
    room = 1 if "topple" in kinds else (4 if kinds in ALONE else 3) - len(bodies)
    for _ in range(min(bystanders, room) if kinds else bystanders + 1):
        bodies.append(body(rng, bodies))
    return tuple(bodies), tuple(events)


def change(kind: str, bystanders: int, rng: np.random.Generator) -> tuple[tuple[Body, ...], tuple[Event, ...]]:
    """The objects of an event that changes the world, all of other colours, and the event."""
    bodies = [stranger(rng, [], ABLE.get(kind, SHAPES), UNPAINTED if kind == "paint" else ())]
    if kind == "tower":
        bodies[0], cube = ram_and_cube(bodies[0], stranger(rng, bodies, ("cube",)), rng)
        bodies += [cube] * int(rng.integers(3, 5))
    if kind == "seesaw":
        bodies[0] = larger(bodies[0], rng)
        bodies.append(replace(stranger(rng, bodies, LOADS), size=choice(rng, ("small", "medium"))))
    for _ in range(min(bystanders, 1 if kind in ("tower", "seesaw") else 2)):
        bodies.append(stranger(rng, bodies, SHAPES))
    target = 1 if kind in ("tower", "seesaw") else -1
    return tuple(bodies), (event(kind, 0, target, bodies[0].shape, rng),)


def ram_and_cube(ram: Body, cube: Body, rng: np.random.Generator) -> tuple[Body, Body]:
    """What runs into a tower and a cube of it, of sizes with which it comes down: the cube is smaller."""
    ram = larger(ram, rng)
    return ram, replace(cube, size="small" if ram.size == "medium" else choice(rng, ("small", "medium")))


def larger(thing: Body, rng: np.random.Generator) -> Body:
    """A thing that is not small, because it sets others in motion."""
    return replace(thing, size=thing.size if thing.size != "small" else choice(rng, ("medium", "large")))


def stranger(rng: np.random.Generator, others: list[Body], shapes: tuple[str, ...], barred: tuple[str, ...] = ()) -> Body:
    """An object of one of some shapes, and of a colour that no other has and that is not barred."""
    while True:
        new = body(rng, others)
        if new.shape in shapes and new.colour not in {*barred, *(other.colour for other in others)}:
            return new


def body(rng: np.random.Generator, others: list[Body], shape: str = "") -> Body:
    """An object that differs from the others in colour or shape, and from slabs in colour."""
    while True:
        new = Body(
            shape=shape or choice(rng, SHAPES, (0.28, 0.26, 0.17, 0.14, 0.15)),
            colour=choice(rng, tuple(COLOURS)),
            size=choice(rng, tuple(SIZES), (0.22, 0.45, 0.33)),
            material=choice(rng, MATERIALS, (0.45, 0.35, 0.2)),
            x=0.0,
            y=0.0,
        )
        if all((new.shape, new.colour) != (other.shape, other.colour) for other in others):
            return new


def event(kind: str, actor: int, target: int, shape: str, rng: np.random.Generator) -> Event:
    """An event of that kind with its direction, speed and amount."""
    toward, away = SIDES.get(kind, (0.0, 0.0))
    side = (1 - toward - away) / 2
    direction = choice(rng, ("left", "right", "toward", "away"), (side, side, toward, away))
    if kind == "drop" and (shape != "ball" or rng.random() < 0.6):
        direction = "down"
    if kind in ("seesaw", "break", "pour"):
        direction = "down"
    speed = round(rng.uniform(*SPEED[kind]), 3) if kind in SPEED and direction != "down" else 0.0
    amount = round(rng.uniform(*AMOUNT[kind]), 3) if kind in AMOUNT else 0.0
    return Event(kind=kind, actor=actor, target=target, direction=direction, speed=speed, amount=amount)


def camera(kind: str, objects: tuple[Body, ...], events: tuple[Event, ...], rng: np.random.Generator) -> Camera:
    """A camera that sees the directions of the events as they are named, and round things from the side."""
    along = any(event.direction in ("toward", "away") for event in events)
    crossing = [objects[event.actor].shape for event in events if event.kind in ("roll", "push", "hide", "return", "tower", "paint")]
    azimuth = rng.uniform(-24, 24)
    if along:
        azimuth = rng.uniform(-10, 10)
    elif any(shape in ("cylinder", "capsule", "egg") for shape in crossing):
        azimuth = rng.uniform(16, 30) * rng.choice([-1, 1])
    low, high = ELEVATION
    if any(event.kind == "hide" for event in events):
        high = 20.0
    if along or any(event.kind == "paint" for event in events):
        low = 23.0
    direction = choice(rng, CAMERAS[kind])
    sideways = [event.direction for event in events if event.direction in CAMERAS["pan"]]
    if kind == "pan" and sideways and rng.random() < 0.75:
        direction = sideways[0]
    if sideways and any(event.kind == "return" for event in events):  # the picture's edge must not follow
        opposite = {"left": "right", "right": "left"}[sideways[0]]
        direction = {"pan": opposite, "orbit": sideways[0]}.get(kind, direction)
    slow, fast = CAMERA_SPEED.get(kind, (0.0, 0.0))
    if any(event.kind in ("hide", "return") for event in events):
        fast = (slow + fast) / 2  # so that the wall goes on hiding, and the picture's edge stays where it is
    speed = round(rng.uniform(slow, fast), 3)
    return Camera(kind=kind, direction=direction, speed=speed, azimuth=round(float(azimuth), 2), elevation=round(rng.uniform(low, high), 2))


def light(rng: np.random.Generator) -> Light:
    """A time of day; the sun stands higher at noon."""
    time = choice(rng, TIMES)
    low, high = SUN
    middle = (low + high) / 2
    limits = {"noon": (middle, high), "overcast": (low, high)}.get(time, (low, middle))
    return Light(time=time, azimuth=round(rng.uniform(-110, 110), 2), elevation=round(rng.uniform(*limits), 2))
