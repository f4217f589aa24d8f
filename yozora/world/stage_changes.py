"""What leaves the world changed, on the stage: towers that come down, wet things, seesaws, what breaks, what is poured."""

from dataclasses import replace
from itertools import product

import numpy as np

from yozora.world.ranges import FALL
from yozora.world.scene import SIZES, Event, Scene, row
from yozora.world.stage import (
    HEADING,
    PROP,
    ROLL_LOSS,
    UP,
    Brush,
    Feel,
    Kick,
    Piece,
    Stage,
    Weld,
    axes,
    gallows,
    rolling,
    traveller,
    turned,
    volume,
)
from yozora.world.take import Solid

RAM_LOSS = 0.17  # of its speed each second
RAM_MASS = 50.0  # of what runs into a tower, over one of its cubes'
WET = 0.8  # of a wet thing's radius, that its trail reaches to either side
FULCRUM, PLANK, CLEAR = 0.12, 0.022, 0.005  # metres: radius of a seesaw's pivot, half the plank's thickness, the gap between
DROP_MASS = 3.0  # of what falls on a seesaw, over its load's
STRENGTH = 12.0  # times its own weight, that a welded seam bears
CUTS = {"cube": (2, 2, 2), "cylinder": (1, 1, 4)}  # pieces along each axis of what can break
SEAM = 0.0015  # metres between two pieces
GRAINS = {"small": 30, "medium": 25, "large": 20}
GRAIN = 0.27  # radius of a grain, over the body's size
POURED_REACH = 9.0  # times a grain's radius, within which a heap lies
TIN = (0.68, 0.67, 0.65)
POURED, MOUTH_SPEED = 2.4, 1.5  # seconds that it takes, metres a second at the mouth of the spout


def tower(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A traveller runs into cubes that stand one on another."""
    heading = np.array(HEADING[event.direction])
    rng = np.random.default_rng([scene.floor.seed, event.actor])
    cubes = row(scene, event)
    half = stage.objects[cubes[0]].solid.half[2]
    for level, index in enumerate(cubes):
        piece = stage.objects[index]
        at = piece.position * (1, 1, 0) + UP * half * (2 * level + 1) + np.append(rng.uniform(-0.04, 0.04, 2) * half, 0)
        stage.objects[index] = replace(piece, position=at, rotation=axes(UP, rng.uniform(-0.12, 0.12)), feel=Feel(slide=0.5))
    traveller(stage, event.actor, heading, RAM_LOSS * event.speed)
    ram = stage.objects[event.actor]
    density = RAM_MASS * Feel().density * volume(stage.objects[cubes[0]].solid) / volume(ram.solid)
    stage.objects[event.actor] = replace(ram, feel=replace(ram.feel, density=density))
    stage.kicks.append(rolling(stage, event.actor, heading * event.speed, start))


def paint(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A wet traveller crosses the floor."""
    heading = np.array(HEADING[event.direction])
    traveller(stage, event.actor, heading, ROLL_LOSS)
    stage.kicks.append(rolling(stage, event.actor, heading * event.speed, start))
    piece = stage.objects[event.actor]
    reach = WET * piece.solid.half[0]
    stage.brushes.append(Brush(index=event.actor, reach=reach, time=start))
    stage.corners += [piece.position * (1, 1, 0) + reach * np.array([x, y, 0.0]) for x in (-1, 1) for y in (-1, 1)]  # the trail's end


def seesaw(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """An object falls on the raised end of a plank, whose other end throws up the target."""
    actor, load = stage.objects[event.actor], stage.objects[event.target]
    way = (load.position - actor.position) * (1, 1, 0)
    arm, heading = float(np.linalg.norm(way)) / 2, way / np.linalg.norm(way)
    long, wide = plank_size(actor.solid, load.solid)
    tilt = np.arcsin((2 * FULCRUM + CLEAR) / np.hypot(long, FULCRUM)) - 0.01  # the lower end lies on the floor
    turn = axes(UP, np.arctan2(heading[1], heading[0]))
    surface = turn @ pitched(tilt)
    pivot = actor.position * (1, 1, 0) + heading * arm + UP * FULCRUM
    middle = pivot + surface[:, 2] * (FULCRUM + CLEAR + PLANK)
    plank = Solid(shape="cube", half=(long, wide, PLANK), colour=PROP, material="matte")
    across = np.array([0.0, 1.0, 0.0])
    feel = Feel(slide=0.9, density=150.0, rank=3)
    stage.loose.append(Piece(solid=plank, position=middle, rotation=surface, feel=feel, hinge=(pivot, across)))
    roller = Solid(shape="cylinder", half=(FULCRUM, FULCRUM, wide * 0.8), colour=PROP, material="matte")
    stage.props.append(Piece(solid=roller, position=pivot, rotation=axes(np.cross(UP, heading)), hollow=True))
    top = middle + surface[:, 2] * PLANK
    lying = surface if load.solid.shape == "cube" else surface @ axes(UP)
    stage.objects[event.target] = replace(load, position=top + surface[:, 0] * arm + surface[:, 2] * load.solid.half[2], rotation=lying)
    density = DROP_MASS * load.feel.density * volume(load.solid) / volume(actor.solid)
    feel = replace(actor.feel, density=density, roll=0.05)
    at = top - surface[:, 0] * arm + UP * (event.amount + actor.position[2] + 0.03)
    stage.objects[event.actor] = replace(actor, position=at, feel=feel)
    stage.kicks.append(Kick(index=event.actor, time=start, velocity=np.zeros(3), spin=np.zeros(3), held=True))
    for side in (-1, 1):  # as it lies now, and as it will
        ends = turn @ pitched(side * tilt)
        stage.corners += [pivot + ends[:, 0] * end * long + ends[:, 1] * edge * wide for end in (-1, 1) for edge in (-1, 1)]


def pitched(angle: float) -> np.ndarray:
    """The rotation that lowers the x axis by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def plank_size(actor: Solid, load: Solid) -> tuple[float, float]:
    """Half the length and half the breadth of the plank between two objects, in metres."""
    wide = max(actor.half[0], load.half[0])
    return 0.62 + wide, wide + 0.03


def fall_apart(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """An object of welded pieces falls on an edge and breaks."""
    piece = stage.objects[event.actor]
    rng = np.random.default_rng([scene.floor.seed, event.actor])
    lean = turned(rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(12, 28))) @ piece.rotation
    centre = piece.position + UP * (event.amount + 0.15 * piece.solid.half[2])
    parts = shards(piece.solid, rng)
    feel = Feel(slide=0.55, bounce=0.3, rank=2)
    weight = FALL * feel.density * volume(piece.solid)
    first = len(stage.objects) + len(stage.loose)
    numbers = [event.actor, *range(first, first + len(parts) - 1)]
    pieces = [replace(piece, solid=solid, position=centre + lean @ offset, rotation=lean, feel=feel) for solid, offset in parts]
    stage.objects[event.actor] = pieces[0]
    stage.loose += pieces[1:]
    for one, other in product(range(len(parts)), repeat=2):
        gap = np.abs(parts[one][1] - parts[other][1]) - parts[one][0].half - parts[other][0].half
        if one < other and (gap < 3 * SEAM).all() and (gap > -SEAM).sum() == 1:  # they share a face
            stage.welds.append(Weld(one=numbers[one], other=numbers[other], limit=STRENGTH * weight / len(parts)))
    spin = np.cross(UP, np.append(rng.normal(size=2), 0)) * 0.8
    stage.kicks += [
        Kick(index=number, time=start, velocity=np.cross(spin, part.position - centre), spin=spin, held=True)
        for number, part in zip(numbers, pieces, strict=True)
    ]


def shards(solid: Solid, rng: np.random.Generator) -> list[tuple[Solid, np.ndarray]]:
    """The pieces of what can break, with the middle of each in the whole's axes."""
    half = np.array(solid.half)
    edges = []
    for reach, count in zip(half, CUTS[solid.shape], strict=True):
        inner = np.linspace(-1, 1, count + 1)
        inner[1:-1] += rng.uniform(-0.45, 0.45, count - 1) / count
        edges.append(inner * reach)
    cells = product(*(zip(edge[:-1], edge[1:], strict=True) for edge in edges))
    found = []
    for cell in cells:
        low, high = np.array(cell).T
        x, y, z = ((high - low) / 2 - SEAM / 2).tolist()
        found.append((replace(solid, half=(x, y, z)), (low + high) / 2))
    return found


def pour(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """Grains wait in a box on a post and run out of a spout, one after another."""
    piece, size = stage.objects[event.actor], scene.objects[event.actor].size
    radius, count = GRAIN * SIZES[size], GRAINS[size]
    rng = np.random.default_rng([scene.floor.seed, event.actor])
    mouth = piece.position * (1, 1, 0) + UP * event.amount
    across, spout = 1.6 * radius, 0.08 + radius
    step = 2.1 * radius
    layers = -(-count // 9)
    box = np.array([1.55, 1.55, layers / 2 + 0.05]) * step
    bottom = mouth + UP * 2 * spout
    grain = replace(piece.solid, half=(radius,) * 3)
    feel = Feel(slide=0.9, roll=0.5 * radius, rank=2)
    first = len(stage.objects) + len(stage.loose)
    for number in range(count):
        index = event.actor if number == 0 else first + number - 1
        waits = bottom + step * np.array([number % 3 - 1, number // 3 % 3 - 1, number // 9 + 0.55])
        waiting = replace(piece, solid=grain, position=waits, rotation=np.eye(3), feel=feel)
        if number:
            stage.loose.append(waiting)
        else:
            stage.objects[index] = waiting
        aside = np.append(rng.uniform(-1, 1, 2), 0.0)
        time = start + POURED * number / count
        place, velocity = mouth + UP * (radius + 0.01) + aside * 0.4 * radius, aside * 0.1 - UP * MOUTH_SPEED
        stage.kicks.append(Kick(index=index, time=time, velocity=velocity, spin=np.zeros(3), held=True, place=place))
    hopper = Solid(shape="cube", half=(float(box[0]), float(box[1]), float(box[2])), colour=TIN, material="matte")
    pipe = Solid(shape="cylinder", half=(across, across, spout), colour=TIN, material="matte")
    stage.props.append(Piece(solid=hopper, position=bottom + UP * box[2], rotation=np.eye(3), hollow=True))
    stage.props.append(Piece(solid=pipe, position=mouth + UP * spout, rotation=np.eye(3), hollow=True))
    stage.corners += [bottom + UP * box[2] + box * corner for corner in product((-1, 1), repeat=3)]
    gallows(stage, bottom + UP * box[2], np.array([0.0, 1.0, 0.0]))
