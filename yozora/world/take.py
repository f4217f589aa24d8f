"""What happened when a scene was simulated: the ground truth that a clip carries."""

from dataclasses import dataclass

import numpy as np

from yozora.world.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Solid:
    """One rendered primitive: `half` extents in metres along its own axes.

    Round shapes: radius, radius, half length, the axis of revolution being z; a capsule's half length is that of its
    straight part, without the caps.
    """

    shape: str
    half: tuple[float, float, float]
    colour: tuple[float, float, float]
    material: str


@dataclass(frozen=True, kw_only=True)
class Poses:
    """Where each solid is in each frame, in metres and metres a second, world axes."""

    position: np.ndarray  # float32[time solid 3]
    rotation: np.ndarray  # float32[time solid 3 3], columns are the solid's axes
    velocity: np.ndarray  # float32[time solid 3]
    spin: np.ndarray  # float32[time solid 3], radians a second


@dataclass(frozen=True, kw_only=True)
class View:
    """A pinhole camera per frame: rows of `rotation` are its right, up and backward axes in world coordinates."""

    position: np.ndarray  # float32[time 3]
    rotation: np.ndarray  # float32[time 3 3]
    focal: float  # in units of half the picture's height


@dataclass(frozen=True, kw_only=True)
class Trail:
    """Paint that stays on the floor: what lies within `reach` metres of the way between two places where it was left.

    `path` is `float32[time 2]`, NaN where nothing is left; frame t shows what was left up to then.
    """

    colour: tuple[float, float, float]
    reach: float
    path: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Take:
    """A simulated scene. Solid i is object i of the scene; ramps, walls, strings, pieces and grains follow behind the objects.

    `contacts` is `int32[contact 3]`: frame, solid, solid (-1 for the floor), each pair once a frame.
    """

    scene: Scene
    solids: tuple[Solid, ...]
    poses: Poses
    contacts: np.ndarray
    view: View
    fps: float
    trails: tuple[Trail, ...] = ()
