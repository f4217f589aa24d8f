"""Clips as a mirror shows them: latents that are linear in pixels can be mirrored as they are, and so can words."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.train.clips import ClipShape
from yozora.train.draws import numpy_generator
from yozora.train.generator import Clip, Source
from yozora.vae import VideoVAE
from yozora.world.words_mirror import mirrored


@dataclass(frozen=True)
class Mirror:
    """The latents of a mirrored cell are `shift + turn @ latents`."""

    turn: Float[Tensor, "channel channel"]
    shift: Float[Tensor, " channel"]

    def __call__(self, clip: Clip) -> Clip:
        """A clip without its known part, left and right exchanged in what it shows and in what is said of it."""
        turned = torch.einsum("dc, c t h w -> d t h w", self.turn, clip.latents.flip(-1).to(self.turn))
        latents = (turned + self.shift[:, None, None, None]).to(clip.latents)
        words = {name: mirrored(clip.words[name]) for name in ("short", "sentence", "full")}
        script = [cue | {"text": mirrored(cue["text"])} for cue in clip.words["script"]]
        things = None if clip.things is None else clip.things.flip(-1)
        return Clip(latents, None, words | {"script": script}, things)


@torch.no_grad()
def mirror_of(vae: VideoVAE) -> Mirror:
    """The mirror for a network that encodes by a linear map alone; raises ValueError for another.

    Exact for what the latents keep of a cell.
    """
    if vae.straight is None or vae.encoder is not None:
        raise ValueError("only latents that are linear in pixels can be mirrored; train without a mirror")
    config = vae.config
    weight = vae.straight.to_latents.weight
    mean, std = weight.new_tensor(config.mean or (0.0,)), weight.new_tensor(config.std or (1.0,))
    steps = torch.cat([torch.zeros(1, config.channels), torch.eye(config.channels)]).to(mean)
    pixels = vae.straight.pixels((steps * std + mean)[..., None, None, None], first=False)
    seen = vae.normalise(vae.straight.latents(pixels.flip(-1)))[..., 0, 0, 0]
    return Mirror((seen[1:] - seen[0]).T.contiguous(), seen[0])


@dataclass(frozen=True)
class HalfMirrored:
    """The clips of another source, one in two as a mirror shows it."""

    source: Source
    mirror: Mirror
    draws: str

    def __call__(self, step: int, group: int, shape: ClipShape, count: int) -> Sequence[Clip]:
        turned = numpy_generator(self.draws, step, group, "mirror").random(count) < 0.5
        return [self.mirror(clip) if turn else clip for clip, turn in zip(self.source(step, group, shape, count), turned, strict=True)]
