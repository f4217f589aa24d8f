"""How close a compression network comes to clips that it never saw: `python -m yozora.evaluate.reconstruct MODEL`."""

from typing import Annotated

import numpy as np
import torch
import typer
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from yozora import command
from yozora.canvas import Canvas
from yozora.evaluate.truth import FIRST_SEED, act, squeeze
from yozora.model import load
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.request import Shot
from yozora.tasks.settings import read_size
from yozora.vae.place import measure_partly_given
from yozora.video import Video
from yozora.world.render import render
from yozora.world.sample import sample

Frames = UInt8[Tensor, "clip time height width 3"]


def psnr(true: Frames, again: Frames, mask: Bool[Tensor, "clip time height width"] | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all pixels of all clips, or over those of a mask."""
    error = (true.float() - again.float()).square().mean(-1)
    mean = error.mean() if mask is None else error[mask].mean()
    return float(10 * torch.log10(255**2 / mean))


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder")],
    clips: Annotated[int, typer.Option(min=1, help="clips of each kind")] = 32,
    frames: Annotated[int, typer.Option(min=1, help="frames of a clip")] = 33,
    fps: Annotated[float, typer.Option(min=1, help="frames a second")] = 8.0,
    size: Annotated[str, typer.Option(help="width x height")] = "128x128",
) -> None:
    """Print the ratio over all pixels and over moving objects, of stills and of clips, and where partly given tokens should begin."""
    width, height = read_size(size)
    device = choose_device()
    loaded = load(model, device, choose_dtype(device))
    vae = loaded.vae
    for name, length in (("stills", 1), ("clips", frames)):
        shot = Shot(width=width, height=height, frames=length, fps=fps)
        takes = [act(sample(FIRST_SEED + seed), shot) for seed in range(clips)]
        filmed = render(takes, (width, height))
        again = squeeze([Video(frames=clip.numpy(), fps=fps) for clip in filmed.frames], vae)
        restored = torch.stack([torch.from_numpy(video.frames) for video in again])
        scores = psnr(filmed.frames, restored), psnr(filmed.frames, restored, filmed.masks >= 0)
        print(f"{clips} {name} of {size}: {scores[0]:.1f} dB over all pixels, {scores[1]:.1f} dB on objects")
    given = [Video(frames=clip.numpy(), fps=fps) for clip in filmed.frames]
    for name, start in starts(shot).items():
        level = measure_partly_given(vae, [Canvas(given=clip, start=start, script=()) for clip in given], loaded.transformer.config.patch)
        print(f"{clips} clips, {name}: tokens given in part should begin at {level:.2f}")


def starts(shot: Shot) -> dict[str, Float32[np.ndarray, "time #height #width"]]:
    """Canvases of clips that are given in part, none of whose borders lies on a cell's."""
    frames = np.arange(shot.frames)[:, None, None]
    rows, columns = (np.abs(np.arange(size) - size / 2) < 0.3 * size for size in (shot.height, shot.width))
    box = np.broadcast_to(rows[:, None] & columns, (shot.frames, shot.height, shot.width))
    invented = {
        "a prefix given": frames >= shot.frames / 2 + 2,
        "frames missing": (frames - shot.frames / 2) ** 2 < 36,
        "a box missing": box,
    }
    return {name: where.astype(np.float32) for name, where in invented.items()}


if __name__ == "__main__":
    command.run(main)
