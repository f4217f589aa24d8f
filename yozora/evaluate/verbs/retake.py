"""Takes made of simulated ones, for clips that no simulation gives: other colours, a way back to where it began, one that melts."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from yozora.evaluate.truth import act, film, stills
from yozora.evaluate.verbs.edit import dissolved
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.play import build
from yozora.world.scene import COLOURS, Scene
from yozora.world.simulate import shoot
from yozora.world.take import Poses, Solid, Take, View

Triple = tuple[float, float, float]
CPU = torch.device("cpu")
STRAIGHT = 4  # frames on each side of a seam in which nothing turns


def recoloured(take: Take, colours: Mapping[str, str]) -> Take:
    """The same motion with some colours exchanged for others."""
    bodies = tuple(replace(body, colour=colours.get(body.colour, body.colour)) for body in take.scene.objects)
    painted = tuple(replace(solid, colour=COLOURS[body.colour]) for solid, body in zip(take.solids, bodies))
    return replace(take, scene=replace(take.scene, objects=bodies), solids=(*painted, *take.solids[len(bodies) :]))


def closed(scene: Scene, shot: Shot, half: int) -> Take:
    """A ring, for a camera at rest: from frame `half` on all goes on a little, turns, and comes back to where it began as it set out.

    Between straight ways of `STRAIGHT` frames cubic Hermite curves give the places; no force does, and no contacts are noted.
    """
    take, duration = act(scene, shot), shot.frames / shot.fps

    def back(values: np.ndarray) -> np.ndarray:
        ahead, begin = values[half - 1] - values[half - 2], values[1] - values[0]
        steps = len(values) - half + 1 - 2 * STRAIGHT
        near, straight = (np.arange(count).reshape(-1, *(1,) * (values.ndim - 1)) for count in (steps + 1, STRAIGHT))
        share, there, here = near / steps, values[half - 1] + STRAIGHT * ahead, values[0] - STRAIGHT * begin
        way = there * (2 * share**3 - 3 * share**2 + 1) + here * (3 * share**2 - 2 * share**3)
        way += steps * (ahead * (share**3 - 2 * share**2 + share) + begin * (share**3 - share**2))
        before, after = values[half - 1] + straight[1:] * ahead, here + straight[1:] * begin
        return np.concatenate([values[:half], before, way, after]).astype(values.dtype)

    poses = replace(take.poses, position=back(take.poses.position), rotation=_upright(back(take.poses.rotation)))
    times = np.arange(shot.frames) / shot.fps
    view = shoot(scene, build(scene, duration), poses, times, shot.width / shot.height)
    return replace(take, poses=poses, view=view, contacts=take.contacts[:0])


def melted(first: Take, second: Take, weight: Float[np.ndarray, " time"], shot: Shot) -> Video:
    """A clip of which each object goes by a weight to the same one of another take, and so do the floor and the light.

    Both takes must have as many objects, and nothing else.
    """
    ways = (_on_the_way(first, second, weight), _on_the_way(second, first, 1 - weight))
    here, there = (np.concatenate([still.frames for still in film(way, shot, CPU)]) for way in ways)
    return Video(dissolved(here, there, weight), shot.fps)


def _on_the_way(first: Take, second: Take, weight: Float[np.ndarray, " time"]) -> list[Take]:
    """Single frames of a take whose objects and camera have gone by a weight to where another has them."""

    def mixed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        share = weight.reshape(-1, *(1,) * (one.ndim - 1))
        return (one * (1 - share) + other * share).astype(one.dtype)

    def moved(one: Poses | View, other: Poses | View) -> dict[str, np.ndarray]:
        return {"position": mixed(one.position, other.position), "rotation": _upright(mixed(one.rotation, other.rotation))}

    poses, view = (replace(one, **moved(one, other)) for one, other in ((first.poses, second.poses), (first.view, second.view)))
    way, found = replace(first, poses=poses, view=view), []
    for frame, share in enumerate(weight.tolist()):
        still, focal = stills(way, np.array([frame])), first.view.focal * (1 - share) + second.view.focal * share
        solids = tuple(_between(*pair, share) for pair in zip(first.solids, second.solids, strict=True))
        found.append(replace(still, solids=solids, view=replace(still.view, focal=focal)))
    return found


def _between(first: Solid, second: Solid, share: float) -> Solid:
    """A solid by a share on its way to another; its shape and material change at half of it."""

    def mixed(one: Triple, other: Triple) -> Triple:
        x, y, z = (before * (1 - share) + after * share for before, after in zip(one, other, strict=True))
        return x, y, z

    near = first if share < 0.5 else second
    return replace(near, half=mixed(first.half, second.half), colour=mixed(first.colour, second.colour))


def _upright(matrices: np.ndarray) -> np.ndarray:
    """The rotations nearest to some matrices."""
    left, _, right = np.linalg.svd(matrices)
    left[..., -1] *= np.linalg.det(left @ right)[..., None]
    return (left @ right).astype(matrices.dtype)
