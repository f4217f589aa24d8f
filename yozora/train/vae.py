"""Training of the video compression network on crops of clips: pixels, structure, and late an adversary."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from yozora.train.clips import ClipShape
from yozora.train.draws import numpy_generator, torch_generator
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.train.pool import Block
from yozora.train.report import Gallery
from yozora.vae import VideoVAE, to_signal
from yozora.vae.discriminator import Discriminator, adversarial_weight, hinge_loss
from yozora.vae.losses import LossScales, foreground_weights, sample, vae_loss
from yozora.vae.model import Latents, Pixels


@dataclass(frozen=True, kw_only=True)
class Cropping:
    """Crops of a step: `batch` of them, `frames` long and `side` pixels wide, from pools of clips in turn.

    A share `images` of the steps takes single frames, as many as a clip's crop has frames. Latents are disturbed by noise of a
    deviation of up to `noise`, so that the decoder learns to mend what a generator leaves unclean.
    """

    shapes: tuple[ClipShape, ...]
    batch: int
    frames: int
    side: int
    seed: int
    images: float = 0.3
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Adversary:
    """When the discriminator joins, how much it counts, and how it learns."""

    begins: int
    weight: float
    optimization: Optimization


Crops = tuple[UInt8[Tensor, "batch time height width 3"], Bool[Tensor, "batch time height width"]]  # pixels, foreground


@dataclass(kw_only=True)
class VAETask:
    """The network is updated first; once the adversary has joined, it then learns from the same reconstruction.

    Latents are disturbed by noise of a deviation of up to `noise`; `rank` says which of several processes that share a step this is.
    """

    vae: VideoVAE
    crops: Callable[[int, int], Crops]  # step, rank
    how: Optimization
    adversary: Adversary
    scales: LossScales
    noise: float
    seed: int
    show: Callable[[], Gallery]
    rank: int = 0

    def __post_init__(self) -> None:
        self.device = next(self.vae.parameters()).device
        self.discriminator = Discriminator().to(self.device)
        self.networks: dict[str, nn.Module] = {"vae": self.vae, "discriminator": self.discriminator}
        self.optimization = {"vae": self.how, "discriminator": self.adversary.optimization}

    def losses(self, step: int) -> Iterator[Loss]:
        """Reconstruction, and from `adversary.begins` on the adversary's turn."""
        frames, objects = (part.to(self.device) for part in self.crops(step, self.rank))
        video, foreground = to_signal(frames), objects.float()[:, None]
        noise = torch_generator(video.device, self.seed, "latent noise", step, self.rank)
        with torch.autocast(video.device.type, torch.bfloat16):
            mean, log_variance = self.vae.moments(video)
            drawn = torch.randn(mean.shape, generator=noise, device=mean.device)
            latents = self.vae.normalise(sample((mean.float(), log_variance.float()), drawn))
            reconstruction = self.vae.decode(self.disturbed(latents, noise)).float()
        loss, parts = vae_loss(video, reconstruction, (mean, log_variance), foreground_weights(foreground), self.scales)
        parts |= {"loss": loss.detach(), "psnr": _psnr(video, reconstruction), "foreground psnr": _psnr(video, reconstruction, foreground)}
        if step < self.adversary.begins:
            yield Loss("vae", loss, parts)
            return
        with torch.autocast(video.device.type, torch.bfloat16):
            opinion = -self.discriminator(reconstruction).float().mean()
        scale = adversarial_weight(loss, opinion, reconstruction) * self.adversary.weight
        yield Loss("vae", loss + scale * opinion, parts | {"opinion": opinion.detach()})
        with torch.autocast(video.device.type, torch.bfloat16):
            judged = hinge_loss(self.discriminator(video).float(), self.discriminator(reconstruction.detach()).float())
        yield Loss("discriminator", judged, {"loss": judged.detach()})

    def disturbed(self, latents: Latents, generator: torch.Generator) -> Latents:
        """Latents with noise of a level drawn for each clip, seldom a high one."""
        level = self.noise * torch.rand(len(latents), 1, 1, 1, 1, generator=generator, device=latents.device).square()
        return latents + level * torch.randn(latents.shape, generator=generator, device=latents.device)


class PooledCrops:
    """Crops of clips that are kept in memory as pixels."""

    def __init__(self, pools: dict[str, Block], cropping: Cropping):
        self.pools, self.cropping = pools, cropping

    def __call__(self, step: int, rank: int) -> Crops:
        """The crops of a step for one process."""
        how = self.cropping
        rng = numpy_generator(how.seed, "crops", step, rank)
        shape = how.shapes[rng.choice(len(how.shapes), p=_shares(how.shapes))]
        still = shape.frames == 1 or rng.random() < how.images
        count, length = (how.batch * how.frames, 1) if still else (how.batch, how.frames)
        (tensors, rows) = self.pools[shape.name]
        side_h, side_w = min(how.side, shape.height // 16 * 16), min(how.side, shape.width // 16 * 16)
        frames, masks = [], []
        for number in rng.integers(len(rows), size=count):
            first = rng.integers(shape.frames - length + 1)
            top, left = rng.integers(shape.height - side_h + 1), rng.integers(shape.width - side_w + 1)
            window = (int(number), slice(first, first + length), slice(top, top + side_h), slice(left, left + side_w))
            frames.append(tensors["frames"][window])
            masks.append(tensors["masks"][window])
        return torch.stack(frames), torch.stack(masks) >= 0


def _shares(shapes: tuple[ClipShape, ...]) -> list[float]:
    total = sum(shape.weight for shape in shapes)
    return [shape.weight / total for shape in shapes]


def _psnr(video: Pixels, reconstruction: Pixels, weight: Float[Tensor, "batch 1 time height width"] | None = None) -> Float[Tensor, ""]:
    """Peak signal-to-noise ratio in dB, over the pixels of `weight` where given; nan where there are none."""
    error = (reconstruction.detach().clamp(-1, 1) - video).square().mean(1, keepdim=True)
    mean = error.mean() if weight is None else (error * weight).sum() / weight.sum()
    return 10 * torch.log10(4 / mean.clamp_min(1e-10))
