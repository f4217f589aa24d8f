"""Clips that are right by construction: renders of scenes, and the same through a model's compression network."""

from collections.abc import Sequence

import torch

from yozora.tasks.settings import Shot
from yozora.vae import VideoVAE
from yozora.video import Video
from yozora.world.render import render
from yozora.world.scene import Scene
from yozora.world.simulate import simulate
from yozora.world.take import Take


def act(scene: Scene, shot: Shot) -> Take:
    """A scene simulated for a shot."""
    return simulate(scene, frames=shot.frames, fps=shot.fps, aspect=shot.width / shot.height)


def film(takes: Sequence[Take], shot: Shot, device: torch.device) -> list[Video]:
    """Takes as clips of the shot's size."""
    frames = render(takes, (shot.width, shot.height), device).frames.cpu().numpy()
    return [Video(frames=clip, fps=shot.fps) for clip in frames]


@torch.inference_mode()
def squeeze(videos: Sequence[Video], vae: VideoVAE) -> list[Video]:
    """Clips encoded and decoded again."""
    weight = next(vae.parameters())
    again = []
    for video in videos:
        signal = torch.from_numpy(video.frames).to(weight.device).permute(3, 0, 1, 2)[None] / 127.5 - 1
        pixels = vae.decode(vae.encode(signal.to(weight.dtype)))[0].float()
        frames = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).cpu().numpy()
        again.append(Video(frames=frames, fps=video.fps))
    return again
