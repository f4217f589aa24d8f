"""Weights to begin training from: an image network that is already a sane video network."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from yozora.vae.blocks import CausalConv, Downsample, ResidualBlock, Upsample
from yozora.vae.model import FIRST_LOG_VARIANCE, VideoVAE


def initialise(vae: VideoVAE, generator: Generator | None = None) -> VideoVAE:
    """Draw every weight anew, from torch's own generator by default.

    Residual branches start at zero, taps into the past at zero, time is halved by averaging and doubled by repeating: after
    training on single frames alone the network maps a still video to that still, and a moving one to its average per cell.
    """
    with torch.no_grad():
        for module in vae.modules():
            if isinstance(module, CausalConv):
                _draw_present(module, generator)
            elif isinstance(module, nn.Conv2d):
                _draw(module.weight, generator)
            if isinstance(module, nn.Conv2d | nn.Conv3d) and module.bias is not None:
                module.bias.zero_()
        for module in vae.modules():
            if isinstance(module, ResidualBlock):
                module.conv2.weight.zero_()
            elif isinstance(module, Downsample | Upsample):
                _start_resampling(module)
        channels = vae.config.channels
        _identity(vae.from_latents.weight)
        if vae.to_moments is not None:
            vae.to_moments.weight.zero_()
            _identity(vae.to_moments.weight[:channels])
            vae.to_moments.bias[channels:] = FIRST_LOG_VARIANCE  # pyright: ignore[reportOptionalSubscript]
        if vae.straight is not None:
            for linear in (vae.straight.to_latents, vae.straight.to_pixels):
                linear.weight.zero_()
                linear.bias.zero_()
    return vae


@torch.no_grad()
def start_from_components(
    vae: VideoVAE, video: Float[Tensor, "batch 3 time height width"], weights: Float[Tensor, "batch 1 time height width"]
) -> None:
    """Let the straight map begin as the principal components of clips, and the network as a correction of nothing.

    A component is a pattern of pixels times a cosine over the frames of a cell: those of most power are taken, the strongest
    first. `weights` says how much pixels count. Each channel is divided by the root of its deviation: what shows most stays
    strongest, so that a generator meets it first, but not by as much as in pixels.
    """
    straight, config = vae.straight, vae.config
    assert straight is not None
    time, channels = config.cell[0], config.channels
    cells = straight.patches(video[:, :, 1:], time).flatten(0, 3).unflatten(1, (3, time, -1))
    weight = straight.patches(weights[:, :, 1:].expand(-1, 3, -1, -1, -1), time).flatten(0, 3).mean(1)
    found = []  # (power, latent row, pixel column) of each component of each cosine wave over the frames of a cell
    for wave in cosines(time).to(video.device):
        values = torch.einsum("nckp,k->ncp", cells, wave).flatten(1)
        powers, vectors = torch.linalg.eigh(((values * weight[:, None]).T @ values / weight.sum()).double())
        for power, vector in list(zip(powers.clamp_min(1e-12).tolist(), vectors.T.float(), strict=True))[-channels:]:
            pattern = torch.einsum("cp,k->ckp", vector.unflatten(0, (3, -1)), wave).flatten()
            found.append((power, pattern / power**0.25, pattern * power**0.25))
    found.sort(key=lambda component: -component[0])
    straight.to_latents.weight.copy_(torch.stack([row for _, row, _ in found[:channels]]))
    straight.to_pixels.weight.copy_(torch.stack([column for _, _, column in found[:channels]], dim=1))
    for linear in (straight.to_latents, straight.to_pixels):
        linear.bias.zero_()
    if vae.to_moments is not None:
        vae.to_moments.weight.zero_()
    vae.decoder.leave.weight.zero_()


def cosines(count: int) -> Float[Tensor, "wave sample"]:
    """The orthonormal waves of the discrete cosine transform; the first is constant."""
    waves, samples = torch.arange(count)[:, None], torch.arange(count) + 0.5
    table = torch.cos(torch.pi / count * waves * samples)
    return table / table.norm(dim=1, keepdim=True)


def _draw_present(conv: CausalConv, generator: Generator | None) -> None:
    conv.weight.zero_()
    present = torch.empty_like(conv.weight[:, :, -1])
    _draw(present, generator)
    conv.weight[:, :, -1] = present


def _draw(weight: Tensor, generator: Generator | None) -> None:
    fan_in = weight[0].numel()
    values = torch.randn(weight.shape, generator=generator, device=generator.device if generator else weight.device)
    weight.copy_(values / fan_in**0.5)


def _start_resampling(module: Downsample | Upsample) -> None:
    if isinstance(module.time, CausalConv):  # doubling repeats each frame
        module.time.weight.zero_()
        for half in module.time.weight.chunk(2):
            _identity(half[:, :, -1:])
    elif module.time is not None:  # halving averages the two new frames of its three
        module.time.weight.zero_()
        for tap in (1, 2):
            _identity(module.time.weight[:, :, tap : tap + 1], scale=0.5)


def _identity(weight: Tensor, scale: float = 1.0) -> None:
    outputs, inputs = weight.shape[:2]
    weight[:] = scale * torch.eye(outputs, inputs, device=weight.device)[:, :, None, None, None]
