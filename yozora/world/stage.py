"""A scene on the stage: its bodies and props where they begin, and what sets them going, by kind of event."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from yozora.world.ranges import FALL
from yozora.world.scene import COLOURS, SIZES, Body, Event, Scene, row
from yozora.world.take import Solid

HEADING = {"left": (-1.0, 0.0, 0.0), "right": (1.0, 0.0, 0.0), "toward": (0.0, -1.0, 0.0), "away": (0.0, 1.0, 0.0), "down": (0.0, 0.0, 0.0)}
UP = np.array([0.0, 0.0, 1.0])
PROPORTIONS = {  # half extents over the body's size
    "ball": (1.0, 1.0, 1.0),
    "cube": (0.86, 0.86, 0.86),
    "cylinder": (0.76, 0.76, 0.95),
    "capsule": (0.62, 0.62, 0.72),
    "egg": (0.80, 0.80, 1.18),
}
SLAB = (0.22, 0.66, 1.25)  # a domino: half extents along the row, across it and upward, over the body's size
INERTIA = {"ball": 0.4, "cylinder": 0.5, "capsule": 0.47, "egg": 0.4}  # over mass and radius squared, about the rolling axis
BOUNCE = {"ball": 0.75, "cube": 0.5, "cylinder": 0.5, "capsule": 0.55, "egg": 0.6}  # restitution

ROLL_LOSS, SLIDE_LOSS, DROP_LOSS = 0.17, 2.5, 0.35  # deceleration on the floor, metres a second squared
PUSHER_MASS = 4.0  # over its target's
PUSHER_LOSS = 0.35  # of its speed each second
PUSHED_SHARE = 0.8  # of the pusher's speed, that its target takes over
SLOPE_FRICTION = 0.06
CORD = 0.95  # from pivot to bob, metres
STAND = 0.55  # from the pivot to the post that carries it, metres
LEAD = 0.34  # seconds before a hidden actor's rim meets the wall
HIDDEN = 0.45  # seconds, at full speed, during which the wall covers the whole actor
STAY, TURN_RATE = 0.45, 8.0  # seconds that a returning actor is well inside the picture; radians a second of its spring
PROP, DARK = (0.56, 0.55, 0.53), (0.15, 0.14, 0.13)


@dataclass(frozen=True, kw_only=True)
class Feel:
    """Sliding and rolling friction (the second in metres), density in kg/m3, restitution; of two that touch, the higher rank rules."""

    slide: float = 0.6
    roll: float = 0.0
    density: float = 400.0
    bounce: float = 0.0
    rank: int = 1


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A solid where it begins, columns of `rotation` being its axes; `hinge` is a pivot and an axis, `rider` shares its body."""

    solid: Solid
    position: np.ndarray
    rotation: np.ndarray
    feel: Feel = Feel()
    hinge: tuple[np.ndarray, np.ndarray] | None = None
    rider: Solid | None = None
    hollow: bool = False  # nothing touches it


@dataclass(frozen=True, kw_only=True)
class Kick:
    """At second `time` the mover `index` (objects, then loose pieces) gets this velocity and spin.

    Where it is `held`, it stays in place until then; where there is a `place`, it sets out from there.
    """

    index: int
    time: float
    velocity: np.ndarray
    spin: np.ndarray
    held: bool = False
    place: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Spring:
    """Drives the object `index` back where it is more than `reach` metres along `heading` from its start."""

    index: int
    heading: np.ndarray
    reach: float
    rate: float  # radians a second of the oscillation it would give a gliding body


@dataclass(frozen=True, kw_only=True)
class Weld:
    """Holds two movers together until a force of more than `limit` newtons works on it; then it is gone for good."""

    one: int
    other: int
    limit: float


@dataclass(frozen=True, kw_only=True)
class Brush:
    """The object `index` leaves paint within `reach` metres of where it touches the floor, from second `time` on."""

    index: int
    reach: float
    time: float


@dataclass(kw_only=True)
class Stage:
    """All that the simulator needs: the objects, the fixed props behind them, kicks in order of time, springs, points to frame.

    `loose` are pieces that move, too, but are no objects of the scene: planks, shards, grains.
    """

    objects: list[Piece]
    props: list[Piece] = field(default_factory=list)
    kicks: list[Kick] = field(default_factory=list)
    springs: list[Spring] = field(default_factory=list)
    corners: list[np.ndarray] = field(default_factory=list)
    loose: list[Piece] = field(default_factory=list)
    welds: list[Weld] = field(default_factory=list)
    brushes: list[Brush] = field(default_factory=list)

    @property
    def solids(self) -> tuple[Solid, ...]:
        """Objects, props, strings, loose pieces: the order of a take."""
        riders = tuple(p.rider for p in self.objects if p.rider)
        return tuple(piece.solid for piece in self.objects + self.props) + riders + tuple(piece.solid for piece in self.loose)


def half(shape: str, size: str) -> tuple[float, float, float]:
    """Half extents of an object in metres; for a capsule, radius, radius, half of its straight part."""
    x, y, z = (SIZES[size] * share for share in PROPORTIONS[shape])
    return x, y, z


def length(solid: Solid) -> float:
    """Half extent along a solid's own z axis, caps included."""
    return solid.half[2] + (solid.half[0] if solid.shape == "capsule" else 0.0)


def bystander(body: Body, rng: np.random.Generator) -> Piece:
    """An object at rest: capsules and eggs lie, the others stand, all turned a little."""
    solid = Solid(shape=body.shape, half=half(body.shape, body.size), colour=COLOURS[body.colour], material=body.material)
    yaw = np.deg2rad(rng.uniform(-30, 30))
    lies = body.shape in ("capsule", "egg")
    rotation = axes(np.array([np.cos(yaw), np.sin(yaw), 0.0]) if lies else UP, yaw)
    feel = Feel(roll=0.0 if body.shape in ("cube", "cylinder") else 0.02)
    return Piece(solid=solid, position=np.array([body.x, body.y, solid.half[0] if lies else solid.half[2]]), rotation=rotation, feel=feel)


def axes(axis: np.ndarray, yaw: float = 0.0) -> np.ndarray:
    """A rotation that takes z to `axis`; `yaw` radians turn a solid that stands."""
    if axis[2] > 0.999:
        c, s = np.cos(yaw), np.sin(yaw)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    side = np.cross(UP, axis)
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(axis, side), axis], axis=1)


def traveller(stage: Stage, index: int, heading: np.ndarray, loss: float) -> Feel:
    """Turns an object so that it can cross the floor along `heading`, and gives it a surface that slows it by `loss` m/s2."""
    piece = stage.objects[index]
    shape, radius = piece.solid.shape, piece.solid.half[0]
    if shape == "cube":
        feel = replace(piece.feel, slide=loss / FALL, rank=2)
        stage.objects[index] = replace(piece, rotation=axes(UP, np.arctan2(heading[1], heading[0])), feel=feel)
        return feel
    feel = replace(piece.feel, slide=0.8, roll=loss * radius * (1 + INERTIA[shape]) / FALL, rank=2)
    rotation = np.eye(3) if shape == "ball" else axes(np.cross(UP, heading))
    position = piece.position * (1, 1, 0) + UP * radius if piece.feel.bounce == 0 else piece.position
    stage.objects[index] = replace(piece, position=position, rotation=rotation, feel=feel)
    return feel


def rolling(stage: Stage, index: int, velocity: np.ndarray, time: float) -> Kick:
    """The kick that lets an object cross the floor: a round one rolls without slipping from the start."""
    solid = stage.objects[index].solid
    spin = np.zeros(3) if solid.shape == "cube" else np.cross(UP, velocity) / solid.half[0]
    return Kick(index=index, time=time, velocity=velocity, spin=spin)


def roll(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A traveller crosses the floor and slows down a little."""
    heading = np.array(HEADING[event.direction])
    traveller(stage, event.actor, heading, ROLL_LOSS)
    stage.kicks.append(rolling(stage, event.actor, heading * event.speed, start))


def push(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A traveller meets the target and moves it well over its own length."""
    heading = np.array(HEADING[event.direction])
    traveller(stage, event.actor, heading, PUSHER_LOSS * event.speed)
    stage.kicks.append(rolling(stage, event.actor, heading * event.speed, start))
    target = stage.objects[event.target]
    shape, radius = target.solid.shape, target.solid.half[0]
    sideways = shape == "ball" or (shape in ("capsule", "egg") and abs(heading[1]) > 0.5)
    loss = pushed_loss(event.speed)
    density = stage.objects[event.actor].feel.density * volume(stage.objects[event.actor].solid) / volume(target.solid) / PUSHER_MASS
    feel = Feel(slide=loss / FALL, density=density, rank=3)
    if sideways:
        feel = replace(feel, slide=0.4, roll=loss * radius * (1 + INERTIA[shape]) / FALL)
    rotation = axes(np.array([1.0, 0.0, 0.0])) if shape in ("capsule", "egg") else np.eye(3)
    stage.objects[event.target] = replace(target, rotation=rotation, feel=feel)


def volume(solid: Solid) -> float:
    """Cubic metres."""
    x, y, z = solid.half
    ball, tube = 4 / 3 * np.pi * x * y, 2 * np.pi * x * y * z
    return {"cube": 8 * x * y * z, "cylinder": tube, "capsule": tube + ball * x}.get(solid.shape, ball * z)


def pushed_loss(speed: float) -> float:
    """The target's deceleration in metres a second squared: slow pushes, too, move it well over its own length."""
    return (PUSHED_SHARE * speed) ** 2 / (2 * (0.45 + 0.35 * speed))


def drop(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """An object falls from a height and bounces as its shape does."""
    piece = stage.objects[event.actor]
    shape, radius = piece.solid.shape, piece.solid.half[0]
    rng = np.random.default_rng([scene.floor.seed, event.actor])
    feel = Feel(slide=0.5, bounce=BOUNCE[shape], rank=2)
    if shape == "ball":
        feel = replace(feel, roll=DROP_LOSS * radius * 1.4 / FALL)
    lean = np.deg2rad(rng.uniform(1.5, 5.0)) * (shape != "ball")
    rotation = turned(rng.uniform(0, 2 * np.pi), lean) @ piece.rotation
    stage.objects[event.actor] = replace(piece, position=piece.position + UP * event.amount, rotation=rotation, feel=feel)
    velocity = np.array(HEADING[event.direction]) * event.speed
    stage.kicks.append(Kick(index=event.actor, time=start, velocity=velocity, spin=np.zeros(3), held=True))


def turned(towards: float, angle: float) -> np.ndarray:
    """The rotation that leans an upright thing by `angle` toward the compass angle `towards`, in radians."""
    x, y = -np.sin(towards), np.cos(towards)
    cross = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def slide(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """An object begins on a ramp, lets go, and runs out on the floor."""
    piece = stage.objects[event.actor]
    shape, radius = piece.solid.shape, piece.solid.half[0]
    heading, tilt = np.array(HEADING[event.direction]), np.deg2rad(event.amount)
    down = heading * np.cos(tilt) - UP * np.sin(tilt)
    side, normal = np.cross(UP, heading), heading * np.sin(tilt) + UP * np.cos(tilt)
    slope, broad, reach = ramp_size(piece.solid)
    top = piece.position * (1, 1, 0) - down * (reach + 0.03)
    top[2] = slope * np.sin(tilt)
    surface = np.stack([down, side, normal], axis=1)
    thick = top[2] / np.cos(tilt) * 1.05  # so that the end face goes down into the floor
    ramp = Solid(shape="cube", half=(slope / 2, broad / 2, thick / 2), colour=PROP, material="matte")
    rolls = shape == "ball"
    grip = Feel(slide=0.8, rank=4) if rolls else Feel(slide=SLOPE_FRICTION, rank=4)
    stage.props.append(Piece(solid=ramp, position=top + down * slope / 2 - normal * thick / 2, rotation=surface, feel=grip))
    back = top - normal * top[2] / np.cos(tilt)
    stage.corners += [corner + side * sign * broad / 2 for corner in (top, back) for sign in (-1, 1)] + [top + down * slope]
    loss = Feel(slide=0.8, roll=SLIDE_LOSS * radius * 1.4 / FALL, rank=2) if rolls else Feel(slide=SLIDE_LOSS / FALL, rank=2)
    rotation = surface if shape == "cube" else np.eye(3) if rolls else np.stack([side, normal, down], axis=1)
    at = top + down * (reach + 0.03) + normal * (piece.solid.half[2] if shape == "cube" else radius)
    stage.objects[event.actor] = replace(piece, position=at, rotation=rotation, feel=loss)
    stage.kicks.append(Kick(index=event.actor, time=start, velocity=np.zeros(3), spin=np.zeros(3), held=True))


def ramp_size(solid: Solid) -> tuple[float, float, float]:
    """A ramp's length down the slope and its breadth, and how far its load reaches up and down the slope, in metres."""
    reach = length(solid) if solid.shape in ("cylinder", "capsule", "egg") else solid.half[0]
    return 0.6 + 2 * reach, 2 * solid.half[0] + 0.2, reach


def topple(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A row of slabs; the first gets a push."""
    heading = np.array(HEADING[event.direction])
    for index in row(scene, event):
        piece, size = stage.objects[index], SIZES[scene.objects[index].size]
        solid = replace(piece.solid, half=(SLAB[0] * size, SLAB[1] * size, SLAB[2] * size))
        position = piece.position * (1, 1, 0) + UP * solid.half[2]
        rotation = axes(UP, np.arctan2(heading[1], heading[0]))
        stage.objects[index] = replace(piece, solid=solid, position=position, rotation=rotation, feel=Feel(slide=0.5))
    height = 2 * stage.objects[event.actor].solid.half[2]
    spin = np.cross(UP, heading) * event.speed / height
    stage.kicks.append(Kick(index=event.actor, time=start, velocity=heading * event.speed / 2, spin=spin))


def swing(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """An object hangs from a cord on a gallows, pulled to one side."""
    piece = stage.objects[event.actor]
    heading, angle = np.array(HEADING[event.direction]), np.deg2rad(event.amount)
    tall = length(piece.solid)
    pivot = piece.position * (1, 1, 0) + UP * (CORD + tall + 0.14)
    lean = turned(np.arctan2(heading[1], heading[0]), angle)  # the pendulum leans forward, so the bob begins behind
    cord = Solid(shape="capsule", half=(0.014, 0.014, (CORD - tall) / 2), colour=DARK, material="matte")
    hinge = (pivot, np.array([-heading[1], heading[0], 0.0]))
    at = pivot - lean @ UP * CORD
    stage.objects[event.actor] = replace(piece, position=at, rotation=lean, feel=Feel(), hinge=hinge, rider=cord)
    gallows(stage, pivot, np.array([0.0, 1.0, 0.0]) if heading[0] else np.array([1.0, 0.0, 0.0]))
    stage.kicks.append(Kick(index=event.actor, time=start, velocity=np.zeros(3), spin=np.zeros(3), held=True))


def gallows(stage: Stage, pivot: np.ndarray, behind: np.ndarray) -> None:
    """A post that stands `behind` a point of the air, and an arm that reaches there."""
    foot = pivot * (1, 1, 0) + behind * STAND
    post = Solid(shape="cylinder", half=(0.035, 0.035, pivot[2] / 2), colour=PROP, material="matte")
    arm = Solid(shape="capsule", half=(0.035, 0.035, STAND / 2), colour=PROP, material="matte")
    stage.props.append(Piece(solid=post, position=foot + UP * pivot[2] / 2, rotation=np.eye(3)))
    stage.props.append(Piece(solid=arm, position=pivot + behind * STAND / 2, rotation=axes(behind)))
    stage.corners += [pivot + UP * 0.05, foot, foot + UP * pivot[2]]


def hide(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A traveller passes behind a wall that stands between it and the camera."""
    piece, heading = stage.objects[event.actor], np.array(HEADING[event.direction])
    solid = piece.solid
    azimuth, elevation = np.deg2rad(scene.camera.azimuth), np.deg2rad(scene.camera.elevation)
    deep = solid.half[0] if solid.shape in ("ball", "cube") else length(solid)  # half extent across the path
    wide = solid.half[0] + abs(np.sin(azimuth)) * deep
    near = wide + event.speed * LEAD
    breadth = 2 * wide + event.speed * HIDDEN + 0.1
    gap = deep + 0.16
    tall = 2 * solid.half[0] + (gap + deep) * np.tan(elevation) + 0.08
    path = near + breadth + wide + 0.6
    centre = piece.position * (1, 1, 0) + heading * (near + breadth / 2) - np.array([np.tan(azimuth), 1.0, 0.0]) * gap + UP * tall / 2
    wall = Solid(shape="cube", half=(breadth / 2, 0.05, tall / 2), colour=PROP, material="matte")
    stage.props.append(Piece(solid=wall, position=centre, rotation=np.eye(3)))
    stage.corners += [centre + np.array([x * breadth / 2, -0.05, z * tall / 2]) for x in (-1, 1) for z in (-1, 1)]
    traveller(stage, event.actor, heading, 0.64 * event.speed**2 / (2 * path))  # six tenths of its speed are left in the end
    stage.kicks.append(rolling(stage, event.actor, heading * event.speed, start))


def come_back(stage: Stage, scene: Scene, event: Event, start: float) -> None:
    """A traveller leaves the picture and a spring out there brings it back."""
    heading, reach = np.array(HEADING[event.direction]), turning(event, stage.objects[event.actor].solid)
    traveller(stage, event.actor, heading, event.speed**2 / (4 * reach))  # there and back
    stage.kicks.append(rolling(stage, event.actor, heading * event.speed, start))
    stage.springs.append(Spring(index=event.actor, heading=heading, reach=reach, rate=TURN_RATE))


def turning(event: Event, solid: Solid) -> float:
    """How far from its start a returning actor meets the spring, in metres."""
    return event.speed * STAY + outside(solid)


def outside(solid: Solid) -> float:
    """How far before its turning point a returning actor is still well inside the picture, in metres."""
    return 2 * extent(solid) + 0.5


def extent(solid: Solid) -> float:
    """How far a solid reaches from its middle, in metres; of a cube, about the middle of an edge."""
    if solid.shape == "cylinder":
        return float(np.hypot(solid.half[0], solid.half[2]))
    return 1.4 * max(solid.half) if solid.shape == "cube" else max(solid.half[0], length(solid))


PERFORM: dict[str, Callable[[Stage, Scene, Event, float], None]] = {
    "drop": drop,
    "roll": roll,
    "push": push,
    "slide": slide,
    "topple": topple,
    "swing": swing,
    "hide": hide,
    "return": come_back,
}
