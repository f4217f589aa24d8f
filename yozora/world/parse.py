"""From words back to a scene: what a text says of objects, events, camera and place, and which of its words mean nothing here."""

import difflib
from dataclasses import dataclass, replace

import numpy as np

from yozora.world.parse_complete import completed, fitted
from yozora.world.parse_deeds import Deed, find_deeds
from yozora.world.parse_lexicon import items_of, lexicon, words_of
from yozora.world.parse_shot import Place, Shot, find_place, find_shot
from yozora.world.parse_things import Thing, find_things
from yozora.world.ranges import AMOUNT, CAMERA_SPEED, SPEED, TONE
from yozora.world.scene import CAMERAS, CHANGES, FLOORS, Body, Camera, Event, Floor, Light, Scene
from yozora.world.words import vocabulary
from yozora.world.words_names import THIRDS, TONES


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was understood of a text. What the text leaves open is an empty string, and `unknown` lists its strange words."""

    things: tuple[Thing, ...]
    deeds: tuple[Deed, ...]
    shot: Shot
    place: Place
    unknown: tuple[str, ...]


def parse(text: str) -> Reading:
    """Read a text by the meaning of its words, in any wording."""
    items = items_of(words_of(text))
    known = vocabulary()
    unknown = tuple(dict.fromkeys(item.value for item in items if item.tag == "unknown" and item.value not in known))
    place, rest = find_place(items)
    census = find_things(rest)
    shot, rest = find_shot(census.items)
    deeds = find_deeds(rest)
    return Reading(things=tuple(census.things), deeds=tuple(deeds), shot=shot, place=place, unknown=unknown)


def compose(reading: Reading, seed: int) -> Scene:
    """A scene that shows what was understood; what the words leave open is drawn by seed as the sampler draws it.

    Unsaid camera and style are static and natural. Raises `ValueError` for what this world cannot show.
    """
    from yozora.world.arrange import arrange

    if len(reading.deeds) > 2:
        raise ValueError(f"a clip holds two events and the text tells {len(reading.deeds)}: split it into several clips")
    rng = np.random.default_rng([seed, 7])
    bodies = [cast_body(thing, rng) for thing in fitted(reading.things, reading.deeds, rng)] or [cast_body(Thing(), rng)]
    events: list[Event] = []
    for deed in reading.deeds:
        bodies, event = perform(deed, bodies, rng)
        events.append(event)
    scene = Scene(
        objects=tuple(bodies),
        events=tuple(events),
        camera=film(reading.shot, bodies, events, rng),
        floor=lay(reading.place, rng),
        light=shine(reading.place.time, rng),
        style=reading.place.style or "natural",
    )
    return arrange(scene, rng)


def cast_body(thing: Thing, rng: np.random.Generator) -> Body:
    """An object as described, the rest drawn."""
    from yozora.world.sample import body

    drawn = body(rng, [], shape=thing.shape)
    return replace(drawn, colour=thing.colour or drawn.colour, size=thing.size or drawn.size, material=thing.material or drawn.material)


def perform(deed: Deed, bodies: list[Body], rng: np.random.Generator) -> tuple[list[Body], Event]:
    """An event as described, and the objects with those that it cannot do without."""
    from yozora.world.sample import event

    if deed.kind in CHANGES:
        bodies, deed = completed(deed, bodies, rng)
    target, actor = deed.target, bodies[deed.actor]
    if deed.kind == "topple":
        bodies = rowed(bodies, actor, rng)
    if deed.kind == "push" and target < 0:
        bodies, target = [*bodies, cast_body(Thing(), rng)], len(bodies)
    drawn = event(deed.kind, deed.actor, target, actor.shape, rng)
    direction = deed.direction or drawn.direction
    if deed.kind == "drop" and not deed.direction:  # straight down, unless it is said to move along
        direction = "down" if not deed.pace else "left" if rng.random() < 0.5 else "right"
    moves = deed.kind in SPEED and direction != "down"
    speed = within(SPEED[deed.kind], deed.pace, THIRDS["speed"], rng) if moves else 0.0
    amount = within(AMOUNT[deed.kind], deed.amount, THIRDS[deed.kind], rng) if deed.kind in AMOUNT else 0.0
    return bodies, replace(drawn, direction=direction, speed=speed, amount=amount)


def rowed(bodies: list[Body], actor: Body, rng: np.random.Generator) -> list[Body]:
    """The objects with a whole row of slabs like the actor: three at least, all of one size and surface."""
    if actor.shape != "cube":
        raise ValueError(f"only rows of cubes topple in this world: say 'a row of four {actor.colour} cubes' instead of the {actor.shape}")
    slab = (actor.shape, actor.colour)
    row = [index for index, body in enumerate(bodies) if (body.shape, body.colour) == slab]
    alike = [actor if index in row else body for index, body in enumerate(bodies)]
    missing = int(rng.integers(3, 7)) - len(row) if len(row) < 3 else 0
    return alike + [actor] * max(0, missing)


def film(shot: Shot, bodies: list[Body], events: list[Event], rng: np.random.Generator) -> Camera:
    """A camera as described, static where nothing is said."""
    from yozora.world.sample import camera

    kind = shot.kind or "static"
    drawn = camera(kind, tuple(bodies), tuple(events), rng)
    direction = shot.direction if shot.direction in CAMERAS[kind] else drawn.direction
    speed = within(CAMERA_SPEED[kind], shot.pace, THIRDS["speed"], rng) if shot.pace and kind in CAMERA_SPEED else drawn.speed
    return replace(drawn, direction=direction, speed=speed)


def lay(place: Place, rng: np.random.Generator) -> Floor:
    """A floor as described."""
    kind = place.floor or FLOORS[int(rng.integers(len(FLOORS)))]
    return Floor(kind=kind, tone=within(TONE, place.tone, TONES, rng), seed=int(rng.integers(2**31)))


def shine(time: str, rng: np.random.Generator) -> Light:
    """The light of a time of day, of any where none is said."""
    from yozora.world.sample import light

    while True:
        drawn = light(rng)
        if time in ("", drawn.time):
            return drawn


def within(limits: tuple[float, float], word: str, words: tuple[str, ...], rng: np.random.Generator) -> float:
    """A value from the third of a range that a word names, from all of it where there is none."""
    low, high = limits
    step = (high - low) / 3
    if word in words:
        low, high = low + words.index(word) * step, low + (words.index(word) + 1) * step
    return round(float(rng.uniform(low, high)), 3)


def nearest(word: str) -> str:
    """The known word that is most like a strange one; empty where none is near."""
    known = sorted(words[0] for words, item in lexicon().items() if len(words) == 1 and item.tag != "stop")
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.72)), "")
