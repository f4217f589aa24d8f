"""M9: how much takes of one prompt differ, and whether clips repeat what a model was trained on."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional as F

from yozora.evaluate.many import workers
from yozora.evaluate.truth import act, filmed, stills
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.scene import Scene

MOMENTS, SIDE = 4, 16  # pictures of a clip, and pixels on a side to which they shrink

Features = Float[np.ndarray, "_ feature"]


def features(videos: Sequence[Video]) -> Features:
    """Clips as a few small pictures each, brightness from 0 to 1."""
    found = []
    for video in videos:
        pixels = torch.from_numpy(video.frames[moments(video.num_frames)]).movedim(-1, 1).float() / 255
        found.append(F.adaptive_avg_pool2d(pixels, SIDE).movedim(1, -1).double().numpy().ravel())
    return np.stack(found)


def features_of(scenes: Sequence[Scene], shot: Shot, processes: int = 1) -> Features:
    """The same of renders of scenes, of which no more is drawn than is looked at."""
    if processes < 2:
        return np.concatenate([render_features(scene, shot) for scene in scenes])
    with workers(processes) as pool:
        return np.concatenate(list(pool.map(partial(render_features, shot=shot), scenes, chunksize=64)))


def render_features(scene: Scene, shot: Shot) -> Features:
    """The features of one scene's render."""
    return features([filmed(stills(act(scene, shot), moments(shot.frames)), shot)])


def moments(frames: int) -> np.ndarray:
    """The frames of a clip that are looked at."""
    return np.linspace(0, frames - 1, MOMENTS).round().astype(int)


def distances(first: Features, second: Features) -> Float[np.ndarray, "_ _"]:
    """Root mean square differences of clips."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    return np.sqrt(np.maximum(squares, 0.0) / first.shape[1])


def vendi(clips: Features, scale: float) -> float:
    """How many different clips there are among some, from 1 to all (Friedman and Dieng 2023): what differs by more than `scale` counts."""
    kernel = np.exp(-((distances(clips, clips) / scale) ** 2) / 2)
    weights = np.linalg.eigvalsh(kernel / len(clips)).clip(1e-12)
    return float(np.exp(-(weights * np.log(weights)).sum()))


def closeness(made: Features, learned: Features, fresh: Features) -> Float[np.ndarray, " _"]:
    """The distance of each clip to the nearest that was learned from, over that to the nearest of as many that nobody has seen.

    Near 1 where nothing was learned by heart, and far below for a copy.
    """
    return distances(made, learned).min(1) / np.maximum(distances(made, fresh).min(1), 1e-6)
