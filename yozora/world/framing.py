"""Where the camera stands and how it moves, so that the action fills the picture and stays inside."""

from dataclasses import dataclass

import numpy as np

from yozora.world.scene import Camera
from yozora.world.take import Solid, View

REACH = {"pan": 0.46, "tilt": 0.46}  # tangent of half the shorter side's angle of view; a turning camera sees more
PLAIN_REACH = 0.36
MARGIN = 0.87  # of half the picture, that the action fills
LARGEST, LARGEST_EVER = 0.29, 0.5  # of the shorter side, that an object's diameter fills at most, at first and in the course of a clip
FARTHEST = 14.0  # metres
ROUNDS, CAUTION = 40, 0.8  # of centring and stepping back, and how far of the way each goes


@dataclass(frozen=True, kw_only=True)
class Action:
    """What must be seen: boxes `centre[time item 3]` with half extents `spread[time item 3 3]` (axes as columns, scaled).

    `seen[time item]` says where a box counts. `side` is -1 or 1 where the action must reach the picture's left or right edge,
    else 0.
    """

    centre: np.ndarray
    spread: np.ndarray
    seen: np.ndarray
    side: int


@dataclass(frozen=True, kw_only=True)
class Move:
    """How a camera moves, wherever it begins: `rotation[time 3 3]` as in a view, the direction from station to aim, and a drift."""

    rotation: np.ndarray
    look: np.ndarray  # [time 3], unit
    drift: np.ndarray  # [time 3], metres

    def position(self, aim: np.ndarray, distance: float) -> np.ndarray:
        """Where the camera is when it begins `distance` metres from `aim`."""
        return aim - self.look * distance + self.drift


def frame(action: Action, camera: Camera, times: np.ndarray, aspect: float) -> View:
    """The camera's path over `times` seconds from the nearest place at which the whole action is inside the picture."""
    focal = lens(camera, aspect)
    shape = np.array([aspect, 1.0])  # half the picture's width and height over half its height
    scale = focal / shape
    move = moving(camera, times)
    seen = np.einsum("tij,tkj->tki", move.rotation, action.centre)
    reach = np.sqrt(np.square(np.einsum("tij,tkjl->tkil", move.rotation, action.spread)).sum(-1))[..., :2]
    first = np.arange(len(times))[:, None] == 0
    largest = np.broadcast_to(np.where(first, LARGEST, LARGEST_EVER), action.seen.shape)[action.seen] * min(aspect, 1.0)
    wide = reach[action.seen]
    room = wide.max(-1) * focal / largest  # the depth at which each box is as large as it may be
    aim, distance = middle(action), 4.0
    for _ in range(ROUNDS):
        station = np.einsum("tij,tj->ti", move.rotation, move.position(aim, distance))
        place = (seen - station[:, None])[action.seen]
        depth = -place[:, 2]
        zoom = scale / np.maximum(depth, 0.3)[:, None]
        low, high = ((place[:, :2] - wide) * zoom).min(0), ((place[:, :2] + wide) * zoom).max(0)
        offset = (low + high) / 2
        if action.side:
            offset[0] = high[0] - MARGIN if action.side > 0 else low[0] + MARGIN
        offset = np.clip(offset, -1, 1)
        aim = aim + (offset / scale * np.clip(depth.min(), 0.3, distance)) @ move.rotation[0, :2]
        filled = float((high - low).max()) / 2 / MARGIN
        wanted = max(distance * filled**CAUTION, distance + float((room - depth).max()))
        done = np.abs(offset).max() < 0.01 and abs(wanted - distance) < 0.01 * distance
        distance = min(wanted, FARTHEST)
        if done:
            break
    return View(position=move.position(aim, distance).astype(np.float32), rotation=move.rotation.astype(np.float32), focal=focal)


def lens(camera: Camera, aspect: float) -> float:
    """Focal length in units of half the picture's height; long pictures see a little less of the shorter side."""
    reach = REACH.get(camera.kind, PLAIN_REACH) / max(aspect, 1 / aspect) ** 0.35
    return min(aspect, 1.0) / reach


def moving(camera: Camera, times: np.ndarray) -> Move:
    """The camera's motion over `times` seconds."""
    sign = {"left": -1.0, "right": 1.0, "up": 1.0, "down": -1.0, "in": 1.0, "out": -1.0, "none": 0.0}[camera.direction]
    swept = sign * camera.speed * times
    turn, zero = np.deg2rad(swept), np.zeros_like(times)
    azimuth = np.deg2rad(camera.azimuth) + {"pan": turn, "orbit": -turn}.get(camera.kind, zero)
    elevation = np.deg2rad(camera.elevation) - (turn if camera.kind == "tilt" else zero)
    look = np.stack([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), -np.sin(elevation)], -1)
    right = np.stack([np.cos(azimuth), -np.sin(azimuth), zero], -1)
    rotation = np.stack([right, np.cross(right, look), -look], axis=1)
    station = look if camera.kind == "orbit" else np.broadcast_to(look[0], look.shape)
    return Move(rotation=rotation, look=station, drift=look * swept[:, None] * (camera.kind == "dolly"))


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
