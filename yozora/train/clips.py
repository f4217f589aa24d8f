"""Training clips of the physics world, made from their numbers alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int8, UInt8
from torch import Tensor

from yozora.train.draws import key
from yozora.world.heldout import check_trainable
from yozora.world.render import render
from yozora.world.sample import sample
from yozora.world.simulate import simulate
from yozora.world.take import Take
from yozora.world.words import Captions, caption


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """One size of clip in a mixture; `weight` is its share of the tokens, `pool` its number of distinct clips (0: always fresh)."""

    frames: int
    width: int
    height: int
    weight: float
    pool: int = 0

    @property
    def name(self) -> str:
        """Such as `49x128x96` (frames, width, height)."""
        return f"{self.frames}x{self.width}x{self.height}"


@dataclass(frozen=True)
class Clips:
    """Rendered clips of one shape with the ground truth that training uses."""

    frames: UInt8[Tensor, "clip time height width 3"]
    masks: Int8[Tensor, "clip time height width"]
    captions: tuple[Captions, ...]


def shoot(seed: int, number: int, shape: ClipShape, fps: float) -> tuple[Take, Captions]:
    """Sample, check and simulate training clip `number`; raises ValueError for a scene that is held out."""
    scene = sample(key(seed, shape.name, number, "scene"), "train")
    check_trainable(scene, (shape.width, shape.height))
    take = simulate(scene, frames=shape.frames, fps=fps, aspect=shape.width / shape.height)
    return take, caption(scene, key(seed, shape.name, number, "caption"), "train")


def develop(shots: Iterable[tuple[Take, Captions]], shape: ClipShape, device: torch.device) -> Clips:
    """Render simulated scenes on `device`."""
    takes, captions = zip(*shots, strict=True)
    rendered = render(takes, (shape.width, shape.height), device)
    return Clips(rendered.frames, rendered.masks, tuple(captions))


def film(seed: int, numbers: Sequence[int], shape: ClipShape, fps: float, device: torch.device) -> Clips:
    """Training clips `numbers` of a shape: bit-equal whenever and in whatever company they are made."""
    return develop((shoot(seed, number, shape, fps) for number in numbers), shape, device)


def to_signal(frames: UInt8[Tensor, "clip time height width 3"]) -> Tensor:
    """Pixels as the VAE hears them: `float32[clip 3 time height width]` in [-1, 1]."""
    return frames.permute(0, 4, 1, 2, 3).to(torch.float32) / 127.5 - 1
