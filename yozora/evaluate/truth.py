"""Clips that are right by construction: renders of scenes, and the same through a model's compression network."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from yozora.canvas import Canvas, Grid
from yozora.evaluate.sight.blobs import components, measure
from yozora.evaluate.sight.detect import SIDE, SMALLEST
from yozora.evaluate.spec import Spec, spec_of
from yozora.model import Model
from yozora.tasks.request import Shot
from yozora.tasks.timeline import on_beat
from yozora.vae import VideoVAE, to_frames
from yozora.vae.place import crop, place
from yozora.video import Video
from yozora.world.render import Look, render
from yozora.world.scene import COLOURS, Scene
from yozora.world.simulate import simulate
from yozora.world.take import Take

FIRST_SEED = 80_000_000  # scenes of the training split that no detector was trained on
BEFORE = 3  # frames at the start, before a row falls


def usual_shot(model: Model) -> Shot:
    """A clip as a model makes it unless asked otherwise, of whole groups of its grid and one frame more."""
    habits, beat = model.habits, model.vae.config.cell[0]
    frames = 1 + on_beat(round(habits.seconds * habits.fps) - 1, beat)
    return Shot(width=habits.size[0], height=habits.size[1], frames=frames, fps=habits.fps, beat=beat)


def act(scene: Scene, shot: Shot) -> Take:
    """A scene simulated for a shot."""
    return simulate(scene, frames=shot.frames, fps=shot.fps, aspect=shot.width / shot.height)


def film(takes: Sequence[Take], shot: Shot, device: torch.device) -> list[Video]:
    """Takes as clips of the shot's size."""
    frames = render(takes, (shot.width, shot.height), device).frames.cpu().numpy()
    return [Video(frames=clip, fps=shot.fps) for clip in frames]


def filmed(take: Take, shot: Shot) -> Video:
    """One take, on a CPU."""
    return film([take], shot, torch.device("cpu"))[0]


def asked(scene: Scene, shot: Shot) -> Spec:
    """What a caption of the scene asks for; of a row of slabs, or a tower, no more must be told apart than a render of the scene shows."""
    spec = spec_of(scene)
    if not any(event.kind in ("topple", "tower") for event in scene.events):
        return spec
    plain, take = Look(shadows=False, textures=False), stills(act(scene, shot), np.arange(min(BEFORE, shot.frames)))
    masks = render([take], (shot.width, shot.height), look=plain).masks[0]
    labels = np.append([list(COLOURS).index(body.colour) + 1 for body in scene.objects], 0)
    seen = labels[np.minimum(masks.numpy(), len(scene.objects)) % (len(scene.objects) + 1)]
    seen = F.max_pool2d(torch.from_numpy(seen).float(), 3, 1, 1).long().numpy()  # gaps of a pixel or two tell nothing apart
    blobs = measure(seen, components(seen))
    large = blobs.area >= SMALLEST * shot.width * shot.height / SIDE**2
    return replace(spec, apart=int(np.bincount(blobs.frame[large], minlength=1).min()))


def stills(take: Take, frames: np.ndarray) -> Take:
    """Some frames of a take alone, without its speeds."""
    poses, view = take.poses, take.view
    return replace(
        take,
        poses=replace(poses, position=poses.position[frames], rotation=poses.rotation[frames]),
        view=replace(view, position=view.position[frames], rotation=view.rotation[frames]),
    )


@torch.inference_mode()
def squeeze(videos: Sequence[Video], vae: VideoVAE) -> list[Video]:
    """Clips encoded and decoded again."""
    weight = next(vae.parameters())
    again = []
    for video in videos:
        time, height, width = video.frames.shape[:3]
        grid = Grid(frames=time, height=height, width=width, cell=vae.config.cell)
        placed = place(vae, Canvas(given=video, start=np.zeros((1, 1, 1), np.float32), script=()), grid)
        frames = to_frames(vae.decode(placed.latents[None].to(weight.dtype))[0])
        again.append(Video(frames=crop(frames.cpu().numpy(), grid), fps=video.fps))
    return again
