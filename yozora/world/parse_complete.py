"""What words leave open of an event that changes the world: shapes and sizes that can do it, and who takes part unnamed."""

from dataclasses import replace

import numpy as np

from yozora.world.parse_deeds import Deed
from yozora.world.parse_things import Thing
from yozora.world.scene import ABLE, SHAPES, Body

REFUSED = {  # what this world cannot show, and a remedy
    "tower": "only cubes stand one on another in this world: say 'a tower of three {0} cubes' instead of the {1}",
    "seesaw": "only a cube or a cylinder lies still on a seesaw in this world: say 'a {0} cube' instead of the {1}",
    "break": "only cubes and cylinders break in this world: say 'a {0} cube' instead of the {1}",
    "pour": "only grains are poured in this world: say '{0} grains' instead of the {1}",
}


def fitted(things: tuple[Thing, ...], deeds: tuple[Deed, ...], rng: np.random.Generator) -> list[Thing]:
    """The things with a shape and size that suit what they do, where the words tell none."""
    from yozora.world.sample import LOADS

    found = list(things)
    for deed in deeds:
        if deed.actor >= 0 and deed.kind in ("break", "pour", "tower"):
            found[deed.actor] = shaped(found[deed.actor], ABLE[deed.kind], rng)
        if deed.target >= 0 and deed.kind == "seesaw":
            found[deed.target] = shaped(found[deed.target], LOADS, rng)
        if deed.kind == "tower":
            cube = replace(found[deed.target], shape=found[deed.target].shape or "cube", size=found[deed.target].size or "small")
            found = [cube if thing == found[deed.target] else thing for thing in found]
            if deed.actor >= 0:
                found[deed.actor] = replace(found[deed.actor], size=found[deed.actor].size or "large")
    return found


def shaped(thing: Thing, shapes: tuple[str, ...], rng: np.random.Generator) -> Thing:
    """A thing with one of some shapes, unless it has one."""
    return replace(thing, shape=thing.shape or shapes[int(rng.integers(len(shapes)))])


def completed(deed: Deed, bodies: list[Body], rng: np.random.Generator) -> tuple[list[Body], Deed]:
    """The objects with those that an event cannot do without, and the event with their numbers.

    Raises `ValueError` where an object cannot take part.
    """
    from yozora.world.sample import LOADS, ram_and_cube, stranger

    bodies = list(bodies)
    if deed.kind == "seesaw" and deed.target < 0:
        bodies.append(stranger(rng, bodies, LOADS))
        deed = replace(deed, target=len(bodies) - 1)
    if deed.actor < 0:
        new = stranger(rng, bodies, ABLE.get(deed.kind, SHAPES))
        bodies.append(ram_and_cube(new, bodies[deed.target], rng)[0] if deed.kind == "tower" else new)
        deed = replace(deed, actor=len(bodies) - 1)
    judged, able = {
        "tower": (bodies[deed.target], ("cube",)),
        "seesaw": (bodies[deed.target], LOADS),
        "paint": (bodies[deed.actor], SHAPES),
    }.get(deed.kind, (bodies[deed.actor], ABLE.get(deed.kind, SHAPES)))
    if judged.shape not in able:
        raise ValueError(REFUSED[deed.kind].format(judged.colour, judged.shape))
    if deed.kind == "tower":
        cube = bodies[deed.target]
        bodies = [cube if (body.shape, body.colour) == (cube.shape, cube.colour) else body for body in bodies]
    return bodies, deed
