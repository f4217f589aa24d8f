"""Where the camera stands and how it moves, so that the action fills the picture and stays inside."""

from dataclasses import dataclass

import numpy as np

from yozora.world.scene import Camera
from yozora.world.take import Solid, View

REACH = {"pan": 0.46, "tilt": 0.46}  # tangent of half the shorter side's angle of view; a turning camera sees more
PLAIN_REACH = 0.36
MARGIN = 0.86  # of half the picture, that the action fills
LARGEST = 0.29  # of the shorter side, that an object's diameter fills at most
FARTHEST = 14.0  # metres


@dataclass(frozen=True, kw_only=True)
class Action:
    """What must be seen: boxes `centre[time item 3]` with half extents `spread[time item 3 3]` (axes as columns, scaled).

    `seen` says where a box counts. `side` is -1 or 1 where the action must reach the picture's left or right edge, else 0;
    `bulk` is the largest object's radius in metres.
    """

    centre: np.ndarray
    spread: np.ndarray
    seen: np.ndarray
    side: int
    bulk: float


def frame(action: Action, camera: Camera, times: np.ndarray, aspect: float) -> View:
    """The camera's path over `times` seconds from the nearest place at which the whole action is inside the picture."""
    focal = lens(camera, aspect)
    shape = np.array([aspect, 1.0])  # half the picture's width and height over half its height
    aim, distance = middle(action), 4.0
    nearest = action.bulk * focal / (LARGEST * min(aspect, 1.0))
    for _ in range(12):
        view = path(camera, times, aim, distance, focal)
        low, high = bounds(action, view, shape)
        size = float((high - low).max()) / 2 / MARGIN
        offset = (low + high) / 2
        if action.side:
            offset[0] = high[0] - MARGIN if action.side > 0 else low[0] + MARGIN
        right, up, _ = view.rotation[0]
        shift = offset * shape * distance / focal
        aim = aim + right * shift[0] + up * shift[1]
        distance = float(np.clip(distance * size, nearest, FARTHEST))
    return path(camera, times, aim, distance, focal)


def lens(camera: Camera, aspect: float) -> float:
    """Focal length in units of half the picture's height; long pictures see a little less of the shorter side."""
    reach = REACH.get(camera.kind, PLAIN_REACH) / max(aspect, 1 / aspect) ** 0.35
    return min(aspect, 1.0) / reach


def path(camera: Camera, times: np.ndarray, aim: np.ndarray, distance: float, focal: float) -> View:
    """The camera's path when it begins `distance` metres from `aim` and looks at it."""
    sign = {"left": -1.0, "right": 1.0, "up": 1.0, "down": -1.0, "in": 1.0, "out": -1.0, "none": 0.0}[camera.direction]
    swept = sign * camera.speed * times
    turn = np.deg2rad(swept)
    zero = np.zeros_like(times)
    start = np.full_like(times, np.deg2rad(camera.azimuth))
    azimuth = start + (turn if camera.kind == "pan" else zero) - (turn if camera.kind == "orbit" else zero)
    elevation = np.full_like(times, np.deg2rad(camera.elevation)) - (turn if camera.kind == "tilt" else zero)
    look = np.stack([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), -np.sin(elevation)], -1)
    right = np.stack([np.cos(azimuth), -np.sin(azimuth), zero], -1)
    rotation = np.stack([right, np.cross(right, look), -look], axis=1)
    station = look if camera.kind == "orbit" else look[:1]
    position = aim - station * distance + (look * swept[:, None] if camera.kind == "dolly" else 0.0)
    return View(position=np.broadcast_to(position, look.shape).astype(np.float32), rotation=rotation.astype(np.float32), focal=focal)


def bounds(action: Action, view: View, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest picture coordinates `(x, y)` that the action reaches, the picture being [-1, 1] in both."""
    seen = np.einsum("tij,tkj->tki", view.rotation, action.centre - view.position[:, None])
    depth = np.maximum(-seen[..., 2:], 0.3)
    reach = np.sqrt(np.square(np.einsum("tij,tkjl->tkil", view.rotation, action.spread)).sum(-1))[..., :2]
    high = ((seen[..., :2] + reach) / depth * view.focal / shape)[action.seen]
    low = ((seen[..., :2] - reach) / depth * view.focal / shape)[action.seen]
    return low.min(0), high.max(0)


def middle(action: Action) -> np.ndarray:
    """The middle of the action in the world, metres."""
    points = action.centre[action.seen]
    return (points.min(0) + points.max(0)) / 2


def spread(solid: Solid, rotation: np.ndarray) -> np.ndarray:
    """Axes scaled so that the root of their squared projections bounds a solid: exact for balls and eggs, close for others."""
    half = np.array(solid.half)
    if solid.shape == "capsule":
        half[2] += half[0]
    if solid.shape in ("cube", "cylinder"):
        half = half * 1.3
    return rotation * half
